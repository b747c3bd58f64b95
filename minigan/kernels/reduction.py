"""Sums over axes, and arrays reduced to one number, or two. On a GPU the number stays there."""

from __future__ import annotations

from minigan.backend import Array, get_array_module
from minigan.kernels.activation import sigmoid_forward
from minigan.kernels.dispatch import has_cuda_kernel

Axes = tuple[int, ...] | None  # None: all
ROWS = 128  # so many are added up one after the other


@has_cuda_kernel
def sum_over(x: Array, axis: Axes, keepdims: bool = False) -> Array:
    """Σ x over axes.

    NumPy adds the rows of a long array one by one: of a million float32 numbers 0.1 in a column, 1 % is lost. So sums
    of `ROWS` rows come first, and their sum, of float32 numbers, is made in float64.
    """
    longest = None
    for a in range(x.ndim) if axis is None else axis:
        if x.shape[a] > 4 * ROWS and x.strides[a] != x.itemsize and (longest is None or x.shape[a] > x.shape[longest]):
            longest = a % x.ndim
    if longest is None:
        return x.sum(axis=axis, keepdims=keepdims)
    before, (count, *after) = x.shape[:longest], x.shape[longest:]
    whole = (slice(None),) * longest + (slice(count // ROWS * ROWS),)
    rest = (slice(None),) * longest + (slice(count // ROWS * ROWS, None),)
    sums = x[whole].reshape(*before, -1, ROWS, *after).sum(axis=longest + 1)
    xp = get_array_module(x)
    sums = xp.concatenate([sums, x[rest].sum(axis=longest, keepdims=True)], axis=longest)
    wide = "float64" if x.dtype == "float32" else None
    return xp.asarray(sums.sum(axis=axis, keepdims=keepdims, dtype=wide)).astype(x.dtype, copy=False)


@has_cuda_kernel
def mean(x: Array, axis: Axes, keepdims: bool, share: float) -> Array:
    """share · Σ x over axes, share being 1 / n."""
    return sum_over(x, axis, keepdims) * share


@has_cuda_kernel
def mean_sigmoid(x: Array) -> Array:
    """The mean of σ(x)."""
    return sigmoid_forward(x).mean()


@has_cuda_kernel
def norm(x: Array) -> Array:
    """√Σ x²."""
    return (x * x).sum() ** 0.5


@has_cuda_kernel
def numbers_outside(x: Array, low: float, high: float) -> tuple[float, float] | None:
    """The least and the largest number, if one of them does not lie from low to high, or is NaN. Of complex numbers,
    which derivative checks compute with, the real parts. On a GPU always None, as `labels_outside`."""
    if not x.size:
        return None
    least, largest = float(x.real.min()), float(x.real.max())
    return None if low <= least and largest <= high else (least, largest)


@has_cuda_kernel
def labels_outside(labels: Array, count: int) -> tuple[int, int] | None:
    """The least and the largest label, if one is not in 0 … count − 1. On a GPU None: a look would wait for it."""
    if not labels.size:
        return None
    least, largest = int(labels.min()), int(labels.max())
    return None if 0 <= least and largest < count else (least, largest)

"""Arrays reduced to one number, or two. On a GPU the number stays there."""

from __future__ import annotations

from minigan.backend import Array
from minigan.kernels.activation import sigmoid_forward
from minigan.kernels.dispatch import has_cuda_kernel


@has_cuda_kernel
def mean(x: Array, axis: tuple[int, ...] | None, keepdims: bool, share: float) -> Array:
    """share · Σ x over axes (None: all), share being 1 / n."""
    return x.sum(axis=axis, keepdims=keepdims) * share


@has_cuda_kernel
def mean_sigmoid(x: Array) -> Array:
    """The mean of σ(x)."""
    return sigmoid_forward(x).mean()


@has_cuda_kernel
def norm(x: Array) -> Array:
    """√Σ x²."""
    return (x * x).sum() ** 0.5


@has_cuda_kernel
def labels_outside(labels: Array, count: int) -> tuple[int, int] | None:
    """The least and the largest label, if one is not in 0 … count − 1. On a GPU None: a look would wait for it."""
    if not labels.size:
        return None
    least, largest = int(labels.min()), int(labels.max())
    return None if 0 <= least and largest < count else (least, largest)

"""Arrays reduced to one number. On a GPU the number stays there."""

from __future__ import annotations

from minigan.backend import Array, get_array_module
from minigan.kernels import cuda
from minigan.kernels.activation import sigmoid_forward
from minigan.kernels.contiguous import as_run

SMALL = 4096  # what one block of threads sums up in the time that a second launch takes
MOST_BLOCKS = 256


def mean(x: Array, axis: tuple[int, ...] | None, keepdims: bool, share: float) -> Array:
    """share · Σ x over axes (None: all), share being 1 / n."""
    if axis is None and not keepdims and (run := _run(x)) is not None:
        return _mean_on_gpu("mean", run, share)
    return x.sum(axis=axis, keepdims=keepdims) * share


def mean_sigmoid(x: Array) -> Array:
    """The mean of σ(x)."""
    run = _run(x)
    return sigmoid_forward(x).mean() if run is None else _mean_on_gpu("mean_sigmoid", run, 1 / x.size)


def norm(x: Array) -> Array:
    """√Σ x²."""
    run = _run(x)
    if run is None:
        return (x * x).sum() ** 0.5
    parts, y = _parts(run), get_array_module(x).empty((), x.dtype)
    cuda.launch("reduction", "squares", parts.size * cuda.BLOCK, run, run.size, parts, dtype=x.dtype)
    cuda.launch("reduction", "root_of_sum", cuda.BLOCK, parts, parts.size, y, dtype=x.dtype)
    return y


def _run(x: Array) -> Array | None:
    """x's numbers as they lie in memory, if there are any and a kernel can add them up."""
    return as_run(x) if cuda.suits(x) and x.size else None


def _parts(run: Array) -> Array:
    """Room for the sum of each block."""
    return get_array_module(run).empty(min(-(-run.size // cuda.BLOCK), MOST_BLOCKS), "float64")


def _mean_on_gpu(kernel: str, run: Array, share: float) -> Array:
    """By one block; of more than it should do alone, by many and then one."""
    share, y = cuda.Double(share), get_array_module(run).empty((), run.dtype)
    if run.size <= SMALL:
        cuda.launch("reduction", kernel, cuda.BLOCK, run, run.size, None, share, y, dtype=run.dtype)
        return y
    parts = _parts(run)
    cuda.launch("reduction", kernel, parts.size * cuda.BLOCK, run, run.size, parts, share, y, dtype=run.dtype)
    cuda.launch("reduction", "share_of_sum", cuda.BLOCK, parts, parts.size, share, y, dtype=run.dtype)
    return y

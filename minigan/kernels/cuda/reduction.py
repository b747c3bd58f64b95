"""Arrays reduced to one number by CUDA kernels: one block of threads, or many and then one."""

from __future__ import annotations

from minigan.backend import Array, get_array_module
from minigan.kernels.cuda import BLOCK, Double, launch, suits
from minigan.kernels.layout import as_run

SMALL = 4096  # what one block of threads sums up in the time that a second launch takes
MOST_BLOCKS = 256


def sum_over(x: Array, axis: tuple[int, ...] | None, keepdims: bool = False) -> Array:
    """Σ x over axes, by threads side by side, and so of short sums."""
    return x.sum(axis=axis, keepdims=keepdims)


def mean(x: Array, axis: tuple[int, ...] | None, keepdims: bool, share: float) -> Array:
    """share · Σ x, of all numbers."""
    return _mean("mean", x, share) if axis is None and not keepdims else NotImplemented


def mean_sigmoid(x: Array) -> Array:
    """The mean of σ(x)."""
    return _mean("mean_sigmoid", x, 1 / max(1, x.size))


def norm(x: Array) -> Array:
    """√Σ x²."""
    if (run := _run(x)) is None:
        return NotImplemented
    parts, y = _parts(run), get_array_module(x).empty((), x.dtype)
    launch("reduction", "squares", parts.size * BLOCK, run, run.size, parts, dtype=x.dtype)
    launch("reduction", "root_of_sum", BLOCK, parts, parts.size, y, dtype=x.dtype)
    return y


def numbers_outside(x: Array, low: float, high: float) -> tuple[float, float] | None:
    """None: nobody waits for the device to look at them."""
    return None


def labels_outside(labels: Array, count: int) -> tuple[int, int] | None:
    """None: nobody waits for the device to look at them."""
    return None


def _mean(kernel: str, x: Array, share: float) -> Array:
    """By one block; of more than it should do alone, by many and then one."""
    if (run := _run(x)) is None:
        return NotImplemented
    factor, y = Double(share), get_array_module(run).empty((), run.dtype)
    if run.size <= SMALL:
        launch("reduction", kernel, BLOCK, run, run.size, None, factor, y, dtype=run.dtype)
        return y
    parts = _parts(run)
    launch("reduction", kernel, parts.size * BLOCK, run, run.size, parts, factor, y, dtype=run.dtype)
    launch("reduction", "share_of_sum", BLOCK, parts, parts.size, factor, y, dtype=run.dtype)
    return y


def _run(x: Array) -> Array | None:
    """x's numbers as they lie in memory, if there are any and a kernel can add them up."""
    return as_run(x) if suits(x) and x.size else None


def _parts(run: Array) -> Array:
    return get_array_module(run).empty(min(-(-run.size // BLOCK), MOST_BLOCKS), "float64")

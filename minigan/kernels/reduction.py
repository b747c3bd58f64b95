"""Arrays reduced to one number. On a GPU the number stays there."""

from __future__ import annotations

import numpy as np

from minigan.backend import Array, get_array_module
from minigan.kernels import cuda
from minigan.kernels.activation import sigmoid_forward
from minigan.kernels.runs import as_run

SMALL = 1 << 16  # what one block of threads sums up in no time
MOST_BLOCKS = 256


def mean(x: Array, axis: tuple[int, ...] | None, keepdims: bool, share: float) -> Array:
    """share · Σ x over axes (None: all), share being 1 / n."""
    if axis is None and not keepdims and _is_small(x):
        return _by_one_block("mean", x, share)
    return x.sum(axis=axis, keepdims=keepdims) * share


def mean_sigmoid(x: Array) -> Array:
    """The mean of σ(x)."""
    return _by_one_block("mean_sigmoid", x, 1 / x.size) if _is_small(x) else sigmoid_forward(x).mean()


def norm(x: Array) -> Array:
    """√Σ x²."""
    run = as_run(x) if cuda.suits(x) and x.size else None
    if run is None:
        return (x * x).sum() ** 0.5
    xp = get_array_module(x)
    blocks = min(-(-x.size // cuda.BLOCK), MOST_BLOCKS)
    parts, y = xp.empty(blocks, "float64"), xp.empty((), x.dtype)
    cuda.launch("reduction", "squares", blocks * cuda.BLOCK, run, x.size, parts, dtype=x.dtype)
    cuda.launch("reduction", "root_of_sum", cuda.BLOCK, parts, blocks, y, dtype=x.dtype)
    return y


def _is_small(x: Array) -> bool:
    """Whether x is for one block of a GPU."""
    return cuda.suits(x) and 0 < x.size <= SMALL and as_run(x) is not None


def _by_one_block(kernel: str, x: Array, share: float) -> Array:
    y = get_array_module(x).empty((), x.dtype)
    cuda.launch("reduction", kernel, cuda.BLOCK, as_run(x), x.size, np.float64(share), y, dtype=x.dtype)
    return y

"""Dropout's masks, drawn by NumPy's generators: the same to the bit on every device."""

from __future__ import annotations

import numpy as np

from minigan.backend import SINGLE_PROCESS, Array, ProcessGroup
from minigan.kernels.dispatch import has_cuda_kernel
from minigan.kernels.layout import PIXELS_FIRST, beside


def dropout_mask(x: Array, p: float, rng: np.random.Generator, process_group: ProcessGroup = SINGLE_PROCESS) -> Array:
    """A mask for x: 0 with probability p, else 1 / (1 − p), drawn in the order in which images lie in memory. Each
    process that x's batch is shared out to draws for all of them, and takes its own part."""
    if x.ndim == 0:
        return keep_mask(x, (), p, rng)
    if x.ndim != 4:
        drawn, own = process_group.samples_to_draw(len(x))
        return keep_mask(x, (drawn, *x.shape[1:]), p, rng)[own]
    n, c, h, w = x.shape
    drawn, own = process_group.samples_to_draw(n)
    return keep_mask(x, (h, w, drawn, c), p, rng)[:, :, own].transpose(PIXELS_FIRST)


@has_cuda_kernel
def keep_mask(like: Array, shape: tuple[int, ...], p: float, rng: np.random.Generator) -> Array:
    """0 with probability p, else 1 / (1 − p); where, and of the dtype, that `like` is. The i-th number is 0 where the
    i-th of `rng.random(shape, dtype="float32")` is below p."""
    return beside((rng.random(shape, dtype="float32") >= p) * like.dtype.type(1 / (1 - p)), like)

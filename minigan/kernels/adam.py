"""Adam's update of many arrays, in place."""

from __future__ import annotations

from collections.abc import Sequence

from minigan.backend import Array, get_array_module
from minigan.kernels.contiguous import as_runs
from minigan.kernels.dispatch import has_cuda_version

SLICE_ELEMENTS = 1 << 15  # five arrays of this many float32 fit a core's L2 cache together


@has_cuda_version
def adam_update(
    params: Sequence[Array], means: Sequence[Array], squares: Sequence[Array], grads: Sequence[Array],
    betas: tuple[float, float], rate: float, root_scale: float, eps: float,
) -> None:  # fmt: skip
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p − rate · m / (root_scale · √v + ε).

    For each p with its m, v and g, of its shape. Where p, m and v lie in memory in the same order
    without gaps, as they do if `zeros_like` made m and v, they are gone through as runs of memory, slice by slice.
    """
    for p, m, v, g in zip(params, means, squares, grads, strict=True):
        runs = as_runs((p, m, v), (g,))
        if runs is None:
            update_one(p, m, v, g, betas, rate, root_scale, eps)
            continue
        for start in range(0, p.size, SLICE_ELEMENTS):
            update_one(*(run[start : start + SLICE_ELEMENTS] for run in runs), betas, rate, root_scale, eps)


def update_one(
    p: Array, m: Array, v: Array, g: Array, betas: tuple[float, float], rate: float, root_scale: float, eps: float
) -> None:
    """The same for one array of each, in array functions."""
    xp = get_array_module(p)
    t = g * (1 - betas[0])
    m *= betas[0]
    m += t
    xp.multiply(g, g, out=t)
    t *= 1 - betas[1]
    v *= betas[1]
    v += t
    xp.sqrt(v, out=t)
    t *= root_scale
    t += eps
    xp.divide(m, t, out=t)
    t *= rate
    p -= t

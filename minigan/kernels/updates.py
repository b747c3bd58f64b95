"""Updates of many arrays in place: Adam's, and an exponential moving average."""

from __future__ import annotations

from collections.abc import Sequence

from minigan.backend import Array, get_array_module
from minigan.kernels.dispatch import has_cuda_kernel
from minigan.kernels.layout import as_runs

SLICE_ELEMENTS = 1 << 15  # five arrays of this many float32 fit a core's L2 cache together


@has_cuda_kernel
def adam_update(
    params: Sequence[Array], means: Sequence[Array], squares: Sequence[Array], grads: Sequence[Array],
    betas: tuple[float, float], rate: float, root_scale: float, eps: float,
) -> None:  # fmt: skip
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p − rate · m / (root_scale · √v + ε).

    For each p with its m, v and g. Where p, m and v lie in memory in the same order without gaps, as they do if
    `zeros_like` made m and v, they are gone through as runs of memory, slice by slice.
    """
    xp = get_array_module(*params)
    for arrays in zip(params, means, squares, grads, strict=True):
        runs = as_runs(arrays[:3], arrays[3:])
        slices = [arrays if runs is None else runs]
        if runs is not None and runs[0].size > SLICE_ELEMENTS:
            p, m, v, g = runs
            parts = [slice(i, i + SLICE_ELEMENTS) for i in range(0, p.size, SLICE_ELEMENTS)]
            slices = [(p[part], m[part], v[part], g[part]) for part in parts]
        for p, m, v, g in slices:
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


@has_cuda_kernel
def average_update(averages: Sequence[Array], arrays: Sequence[Array], keep: float) -> None:
    """a ← keep · a + (1 − keep) · x, for each a with its x."""
    for a, x in zip(averages, arrays, strict=True):
        a *= keep
        a += x * (1 - keep)

"""Updates of many arrays in place: Adam's, and an exponential moving average."""

from __future__ import annotations

from collections.abc import Sequence

from minigan.backend import Array, get_array_module
from minigan.kernels.dispatch import has_cuda_kernel
from minigan.kernels.layout import as_runs
from minigan.kernels.parallel import each

SLICE_ELEMENTS = 1 << 16  # five arrays of this many float32 about fit a core's cache together
WORTH_THREADS = 8  # so many slices


@has_cuda_kernel
def adam_update(
    params: Sequence[Array], means: Sequence[Array], squares: Sequence[Array], grads: Sequence[Array],
    betas: tuple[float, float], rate: float, root_scale: float, eps: float,
) -> None:  # fmt: skip
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p − rate · m / (root_scale · √v + ε).

    For each p with its m, v and g. Where p, m and v lie in memory in the same order without gaps, as they do if
    `zeros_like` made m and v, they are gone through as runs of memory, slice by slice.
    """
    for arrays in zip(params, means, squares, grads, strict=True):
        _update(_parts(*arrays), betas, rate, root_scale, eps)


def _update(
    parts: list[tuple[Array, ...]], betas: tuple[float, float], rate: float, root_scale: float, eps: float
) -> None:
    xp = get_array_module(*parts[0])

    def update(index: int) -> None:
        p, m, v, g = parts[index]
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

    if len(parts) >= WORTH_THREADS:
        each(xp, update, len(parts))
    else:
        for index in range(len(parts)):
            update(index)


def _parts(*arrays: Array) -> list[tuple[Array, ...]]:
    """p, m, v and g in parts that fit a core's cache; whole, if they do not lie alike."""
    runs = as_runs(arrays[:3], arrays[3:])
    if runs is None or runs[0].size <= SLICE_ELEMENTS:
        return [arrays if runs is None else runs]
    parts = [slice(i, i + SLICE_ELEMENTS) for i in range(0, runs[0].size, SLICE_ELEMENTS)]
    return [tuple(run[part] for run in runs) for part in parts]


@has_cuda_kernel
def average_update(averages: Sequence[Array], arrays: Sequence[Array], keep: float) -> None:
    """a ← keep · a + (1 − keep) · x, for each a with its x."""
    for a, x in zip(averages, arrays, strict=True):
        a *= keep
        a += x * (1 - keep)

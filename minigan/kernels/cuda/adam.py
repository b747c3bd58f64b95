"""Adam's update of many arrays in one launch."""

from __future__ import annotations

from collections.abc import Sequence

from minigan.backend import Array
from minigan.kernels.adam import update_one
from minigan.kernels.contiguous import as_runs
from minigan.kernels.cuda import suits
from minigan.kernels.cuda.table import launch_over


def adam_update(
    params: Sequence[Array], means: Sequence[Array], squares: Sequence[Array], grads: Sequence[Array],
    betas: tuple[float, float], rate: float, root_scale: float, eps: float,
) -> None:  # fmt: skip
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p − rate · m / (root_scale · √v + ε)."""
    rows = []
    for arrays in zip(params, means, squares, grads, strict=True):
        runs = as_runs(arrays[:3], arrays[3:]) if suits(*arrays) else None
        if runs is None:
            update_one(*arrays, betas, rate, root_scale, eps)
        else:
            rows.append(runs)
    numbers = betas[0], 1 - betas[0], betas[1], 1 - betas[1], rate, root_scale, eps
    launch_over("adam", rows, *map(float, numbers))

"""An exponential moving average of many arrays in one launch."""

from __future__ import annotations

from collections.abc import Sequence

from minigan.backend import Array
from minigan.kernels.contiguous import as_runs
from minigan.kernels.cuda import suits
from minigan.kernels.cuda.table import launch_over


def average_update(averages: Sequence[Array], arrays: Sequence[Array], keep: float) -> None:
    """a ← keep · a + (1 − keep) · x, for each a with its x."""
    rows = []
    for a, x in zip(averages, arrays, strict=True):
        runs = as_runs((a,), (x,)) if suits(a, x) else None
        if runs is None:
            a *= keep
            a += x * (1 - keep)
        else:
            rows.append(runs)
    launch_over("average", rows, keep, 1 - keep)

"""An exponential moving average of many arrays, in place."""

from __future__ import annotations

from collections.abc import Sequence

from minigan.backend import Array
from minigan.kernels import cuda
from minigan.kernels.contiguous import as_runs
from minigan.kernels.cuda.table import launch_over


def average_update(averages: Sequence[Array], arrays: Sequence[Array], keep: float) -> None:
    """a ← keep · a + (1 − keep) · x, for each a with its x. On a GPU all in one launch."""
    on_gpu = []
    for a, x in zip(averages, arrays, strict=True):
        runs = as_runs((a,), (x,)) if cuda.suits(a, x) else None
        if runs is None:
            a *= keep
            a += x * (1 - keep)
        else:
            on_gpu.append(runs)
    launch_over("average", on_gpu, keep, 1 - keep)

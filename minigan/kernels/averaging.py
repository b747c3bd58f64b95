"""An exponential moving average of many arrays, in place."""

from __future__ import annotations

from collections.abc import Sequence

from minigan.backend import Array
from minigan.kernels.dispatch import has_cuda_version


@has_cuda_version
def average_update(averages: Sequence[Array], arrays: Sequence[Array], keep: float) -> None:
    """a ← keep · a + (1 − keep) · x, for each a with its x."""
    for a, x in zip(averages, arrays, strict=True):
        a *= keep
        a += x * (1 - keep)

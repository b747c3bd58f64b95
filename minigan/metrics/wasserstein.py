"""The Wasserstein distance W₁ of two sets of numbers, exact."""

from __future__ import annotations

import numpy as np

from minigan.metrics.points import point_sets


def wasserstein_distance(x: np.ndarray, y: np.ndarray) -> float:
    """W₁ = ∫ |F_x(t) − F_y(t)| dt,  F the shares of x (N,) and of y (M,) up to t
    The mean distance that the numbers of x have to be moved, in their own unit, to become those of y; N and M may
    differ. 0 for equal sets; a shift by δ gives |δ|. Of few samples it is not 0 even for equal distributions, and falls
    as 1/√N. In more dimensions see `sliced_wasserstein`, which is a W₂."""
    x, y = point_sets("wasserstein_distance", x=x, y=y)
    if x.shape[1] > 1:
        raise ValueError(
            f"wasserstein_distance: single numbers are needed, not points of {x.shape[1]}; see sliced_wasserstein"
        )
    x, y = np.sort(x[:, 0]), np.sort(y[:, 0])
    t = np.sort(np.concatenate([x, y]))
    f_x, f_y = (np.searchsorted(a, t[:-1], side="right") / len(a) for a in (x, y))
    return float((abs(f_x - f_y) * np.diff(t)).sum())

"""Scores of samples: functions of samples and real data, arrays (N, …) on the host, that give one number.

A score is added by writing it in a file of its own and naming it here. `minigan train --evaluate-every 1` computes
all of them, or those named by --metrics, as the run goes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigan.metrics.sliced_wasserstein import sliced_wasserstein

Metric = Callable[[np.ndarray, np.ndarray], float]  # (samples, real samples) → a number

METRICS: dict[str, Metric] = {"sliced_wasserstein": sliced_wasserstein}

__all__ = ["METRICS", "Metric", "sliced_wasserstein"]

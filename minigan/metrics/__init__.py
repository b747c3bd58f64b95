"""Scores of samples: functions of samples and real data, arrays (N, …) on the host, that give one number.

A score is added by writing it in a file of its own and naming it here. `minigan train --evaluate-every 1` computes
all of them, or those named by --metrics, as the run goes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigan.metrics.classification_accuracy import ClassificationAccuracy, classification_accuracy
from minigan.metrics.digits import DigitClassifier, digit_features, digit_probabilities
from minigan.metrics.features import Features, find_features
from minigan.metrics.sliced_wasserstein import sliced_wasserstein

Metric = Callable[[np.ndarray, np.ndarray], float]  # (samples, real samples) → a number

METRICS: dict[str, Metric] = {"sliced_wasserstein": sliced_wasserstein}

__all__ = [
    "METRICS", "ClassificationAccuracy", "DigitClassifier", "Features", "Metric", "classification_accuracy",
    "digit_features", "digit_probabilities", "find_features", "sliced_wasserstein",
]  # fmt: skip

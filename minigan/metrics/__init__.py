"""Scores of samples: functions of samples and real data, arrays (N, …) on the host, that give one number.

A score is added by writing it in a file of its own and naming it here. `minigan train --evaluate-every 1` computes
all of METRICS, or those named by --metrics, as the run goes. The others here take features, labels or images and are
called by hand; each says what its best and worst figures are, and how it misleads.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigan.metrics.birthday import birthday_test, closest_pairs
from minigan.metrics.classification_accuracy import ClassificationAccuracy, classification_accuracy
from minigan.metrics.digits import DigitClassifier, digit_features, digit_probabilities
from minigan.metrics.features import Features, find_features
from minigan.metrics.frechet import frechet_distance, gaussian_frechet_distance
from minigan.metrics.histogram import class_histogram, conditional_accuracy, kl_divergence, rarest_share
from minigan.metrics.image_quality import psnr, sharpness, ssim
from minigan.metrics.kernel import gaussian_kernel, kernel_distance, linear_kernel, polynomial_kernel, squared_mmd
from minigan.metrics.kmeans import kmeans
from minigan.metrics.manifold import density_coverage, precision_recall
from minigan.metrics.modes import modes_covered
from minigan.metrics.ndb import ndb
from minigan.metrics.neighbors import copied_share, nearest_training
from minigan.metrics.sliced_wasserstein import sliced_wasserstein
from minigan.metrics.wasserstein import wasserstein_distance

Metric = Callable[[np.ndarray, np.ndarray], float]  # (samples, real samples) → a number

METRICS: dict[str, Metric] = {"sliced_wasserstein": sliced_wasserstein}

__all__ = [
    "METRICS", "ClassificationAccuracy", "DigitClassifier", "Features", "Metric", "classification_accuracy",
    "digit_features", "digit_probabilities", "find_features", "birthday_test", "class_histogram", "closest_pairs", "conditional_accuracy", "copied_share",
    "density_coverage", "frechet_distance", "gaussian_frechet_distance", "gaussian_kernel", "kernel_distance",
    "kl_divergence", "kmeans", "linear_kernel", "modes_covered", "ndb", "nearest_training", "polynomial_kernel",
    "precision_recall", "psnr", "rarest_share", "sharpness", "sliced_wasserstein", "squared_mmd", "ssim",
    "wasserstein_distance",
]  # fmt: skip

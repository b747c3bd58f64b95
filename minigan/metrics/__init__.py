"""Scores: how good samples are, beside real ones.

Each score is a function of plain arrays, in a file of its own; `METRICS` names those that `minigan evaluate` and
`minigan train` compute, with what samples each fits. To add one, write its file and its row in `registry.py`.
"""

from __future__ import annotations

from minigan.metrics.birthday import birthday_test, closest_pairs
from minigan.metrics.classification_accuracy import ClassificationAccuracy, classification_accuracy
from minigan.metrics.digits import DigitClassifier, digit_features, digit_probabilities
from minigan.metrics.evaluation import Estimate, Row, Source, evaluate
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
from minigan.metrics.registry import METRICS, Metric, applicable_metrics, score
from minigan.metrics.sample_set import Reference, SampleSet, TrainingSamples, reference
from minigan.metrics.sliced_wasserstein import sliced_wasserstein
from minigan.metrics.wasserstein import wasserstein_distance

__all__ = [
    "METRICS", "ClassificationAccuracy", "DigitClassifier", "Estimate", "Features", "Metric", "Reference", "Row",
    "SampleSet", "Source", "TrainingSamples", "applicable_metrics", "birthday_test", "class_histogram",
    "classification_accuracy", "closest_pairs", "conditional_accuracy", "copied_share", "density_coverage",
    "digit_features", "digit_probabilities", "evaluate", "find_features", "frechet_distance",
    "gaussian_frechet_distance", "gaussian_kernel", "kernel_distance", "kl_divergence", "kmeans", "linear_kernel",
    "modes_covered", "ndb", "nearest_training", "polynomial_kernel", "precision_recall", "psnr", "rarest_share",
    "reference", "score", "sharpness", "sliced_wasserstein", "squared_mmd", "ssim", "wasserstein_distance",
]  # fmt: skip

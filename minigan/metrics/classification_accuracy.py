"""The classification accuracy score: how good a training set are the samples?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minigan.data.batch import Batch
from minigan.data.errors import DataError
from minigan.metrics.digit_training import confusion, train_digit_network
from minigan.metrics.digits import CLASSES, DigitNetwork, as_digits

STEPS = 400  # of 128 digits, however few samples there are


@dataclass(frozen=True)
class ClassificationAccuracy:
    """samples: the accuracy on real test digits of a classifier trained on samples; real: of one trained on as many
    real digits. n: on how many."""

    samples: float
    real: float
    n: int


def classification_accuracy(
    samples: np.ndarray, labels: np.ndarray, train: Batch, test: Batch, steps: int = STEPS, seed: int = 0
) -> ClassificationAccuracy:
    """Train on samples, test on real digits: the share of test digits that a classifier calls by their right names if
    it learned from samples (N, 1, H, W) in [−1, 1] and the labels (N) that they were made for; and the same of one that
    learned, in the same steps, from N real digits of `train`. train, test: real digits x and their labels y.
    Raises DataError for samples without such labels. Ravuri and Vinyals, 2019.
    """
    n = len(samples)
    if n > len(train):
        raise DataError(
            f"classification accuracy: {n} samples found, at most as many as real digits, {len(train)}, needed"
        )
    chosen = np.random.default_rng([seed, 1]).choice(len(train), n, replace=False)

    def accuracy(images: np.ndarray, labels: np.ndarray) -> float:
        network = train_digit_network(as_digits(images), checked_labels(labels, n), steps, seed)
        return accuracy_of(network, test)

    return ClassificationAccuracy(accuracy(samples, labels), accuracy(train.x[chosen], train.y[chosen]), n)


def accuracy_of(network: DigitNetwork, digits: Batch) -> float:
    """The share of digits x that a network calls by their names y."""
    return float(confusion(network, digits.x, digits.y).trace() / len(digits))


def checked_labels(labels: np.ndarray, n: int) -> np.ndarray:
    """The labels, if they are one digit of 0 … 9 for each of n samples. Raises DataError."""
    labels = np.asarray(labels)
    needed = f"whole numbers from 0 to {CLASSES - 1} with shape ({n},) needed, one a sample"
    if labels.dtype.kind not in "iu" or labels.shape != (n,):
        raise DataError(f"classification accuracy: labels of {labels.dtype} with shape {labels.shape} found, {needed}")
    if n and not (labels.min() >= 0 and labels.max() < CLASSES):
        raise DataError(f"classification accuracy: labels from {labels.min()} to {labels.max()} found, {needed}")
    return labels

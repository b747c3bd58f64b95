"""What a classifier says of samples: how often each class, how far from the data's shares, and whether as asked."""

from __future__ import annotations

import numpy as np


def class_histogram(labels: np.ndarray, classes: int) -> np.ndarray:
    """(classes,): the share of each class among labels (N,), whole numbers from 0 to classes − 1; the sum is 1."""
    labels = _labels("class_histogram", labels)
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"class_histogram: labels {labels.min()} to {labels.max()}, but classes are 0 to {classes - 1}"
        )
    return np.bincount(labels, minlength=classes) / len(labels)


def kl_divergence(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p‖q) = Σ p log(p/q), in nats, of shares p, q (classes,) that sum to 1 each
    0 for equal ones; infinite if p has a class that q has not. p: the samples' shares, q: the data's, so that a
    missing class costs little and it may not be swapped. From N samples it is about (classes − 1)/2N for equal
    distributions, not 0. q uniform over n gives log n minus the entropy of p."""
    p, q = np.asarray(p, "float64"), np.asarray(q, "float64")
    if p.ndim != 1 or p.shape != q.shape or not p.size:
        raise ValueError(f"kl_divergence: two lists of shares of one length are needed, not {p.shape} and {q.shape}")
    for name, shares in (("p", p), ("q", q)):
        if not (shares >= 0).all() or abs(shares.sum() - 1) > 1e-6:
            raise ValueError(f"kl_divergence: {name} must be shares, none below 0, that sum to 1; divide counts by N")
    there = p > 0
    if (q[there] == 0).any():
        return float("inf")
    return float((p[there] * np.log(p[there] / q[there])).sum())


def rarest_share(labels: np.ndarray, classes: int) -> float:
    """The share of the rarest class, min over classes: 0 if one is missing, at most 1/classes, if all are alike
    A classifier finds every class in noise if samples are many: look at its confidence too."""
    return float(class_histogram(labels, classes).min())


def conditional_accuracy(predicted: np.ndarray, asked: np.ndarray) -> float:
    """Share of samples whose predicted label is the one that was asked for, (N,) each
    1: every one; 1/classes: the condition is ignored. It cannot exceed the classifier's own accuracy by much, and the
    classifier must not have been trained on the samples."""
    predicted, asked = _labels("conditional_accuracy", predicted), _labels("conditional_accuracy", asked)
    if predicted.shape != asked.shape:
        raise ValueError(f"conditional_accuracy: {len(predicted)} labels were predicted, {len(asked)} asked for")
    return float((predicted == asked).mean())


def _labels(score: str, labels: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu":
        raise ValueError(f"{score}: a list of one or more whole numbers is needed, not {labels.dtype} {labels.shape}")
    return labels

"""Train on samples, test on real digits: good samples teach as real digits do, wrong labels teach nothing."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.data import Batch, DataError, load_mnist
from minigan.metrics import digit_training
from minigan.metrics.classification_accuracy import classification_accuracy


@pytest.fixture(scope="module")
def digits():
    """Zeros and ones, whose difference a few steps teach."""
    part = load_mnist("test")[:1200]
    chosen = part.y < 2
    return Batch(x=part.x[chosen], y=part.y[chosen])


def parts(digits: Batch) -> tuple[Batch, Batch]:
    return Batch(x=digits.x[:160], y=digits.y[:160]), Batch(x=digits.x[160:], y=digits.y[160:])


def test_real_digits_teach_and_exchanged_labels_teach_the_opposite(digits, monkeypatch):
    monkeypatch.setattr(digit_training, "BATCH", 16)
    train, test = parts(digits)
    good = classification_accuracy(train.x[:90], train.y[:90], train, test, steps=10)
    wrong = classification_accuracy(train.x[:90], 1 - train.y[:90], train, test, steps=10)
    assert good.samples > 0.9 and good.real > 0.9 and good.n == 90
    assert wrong.samples < 0.1 and wrong.real == good.real


@pytest.mark.slow
def test_shuffled_labels_leave_one_in_ten():
    train, test = (load_mnist(split)[:10_000] for split in ("train", "test"))
    shuffled = np.random.default_rng(0).permutation(train.y)
    found = classification_accuracy(train.x, shuffled, load_mnist()[:], test)
    assert found.samples == pytest.approx(0.1, abs=0.06) and found.real > 0.97


@pytest.mark.parametrize(
    ("n", "labels", "said"),
    [
        (3, np.zeros(2, int), r"labels of int64 with shape \(2,\) found, whole numbers from 0 to 9 with shape \(3,\)"),
        (3, np.zeros(3), "labels of float64"),
        (2, np.array([0, 10]), "labels from 0 to 10 found"),
        (2, np.array([-1, 0]), "labels from -1 to 0 found"),
        (161, np.zeros(161, int), "161 samples found, at most as many as real digits, 160, needed"),
    ],
)
def test_samples_without_fitting_labels_are_refused(digits, n, labels, said):
    train, test = parts(digits)
    with pytest.raises(DataError, match=f"^classification accuracy: {said}"):
        classification_accuracy(digits.x[:n], labels, train, test, steps=1)

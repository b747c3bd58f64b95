"""Two scores that mislead: right by their formulas, and misleading as their docstrings say."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.data import load_mnist
from minigan.metrics import distances
from minigan.metrics.broken import inception_score, parzen_log_likelihood, parzen_sigma

rng = np.random.default_rng(0)


def test_parzen_is_the_log_of_the_mean_density(monkeypatch):
    samples, test, sigma = rng.standard_normal((9, 3)), rng.standard_normal((7, 3)), 0.7
    d2 = ((test[:, None] - samples) ** 2).sum(2)
    expected = np.log(np.exp(-d2 / (2 * sigma**2)).mean(1) / (2 * np.pi * sigma**2) ** 1.5).mean()
    assert parzen_log_likelihood(samples, test, sigma) == pytest.approx(expected)
    monkeypatch.setattr(distances, "BLOCK_NUMBERS", 20)
    assert parzen_log_likelihood(samples, test, sigma) == pytest.approx(expected)


def test_parzen_far_from_all_samples_is_finite():
    assert parzen_log_likelihood([[0.0]], [[1e4]], 1) == pytest.approx(-1e8 / 2 - np.log(2 * np.pi) / 2)


def test_parzen_sigma_is_the_best_of_those_tried():
    samples, validation = rng.standard_normal((2, 200, 1))
    tried = [0.001, 0.3, 30.0]
    assert parzen_sigma(samples, validation, tried) == 0.3
    assert parzen_sigma(samples, validation * 1e-3) in np.logspace(-1, 0, 10)


def test_inception_score_of_the_extremes():
    assert inception_score(np.full((6, 4), 0.25)) == pytest.approx(1)
    assert inception_score(np.eye(4)) == pytest.approx(4)
    assert inception_score(np.eye(4)[[1, 1, 1]]) == pytest.approx(1)
    p = rng.dirichlet(np.ones(4), 20)
    assert inception_score(p) == pytest.approx(np.exp((p * np.log(p / p.mean(0))).sum(1).mean()))


def test_inception_score_prefers_one_image_a_class_to_the_data():
    """Of the data a classifier is not always sure; of its favourite image of each class, ten in all, it is."""
    data = np.clip(np.eye(10)[np.arange(500) % 10] * rng.uniform(0.5, 1, (500, 1)) + 0.01, 0, None)
    data /= data.sum(1, keepdims=True)
    favourites = np.eye(10)[np.arange(500) % 10]
    assert inception_score(data) < 9 < inception_score(favourites) == pytest.approx(10)


@pytest.mark.slow
def test_parzen_of_real_digits_is_the_published_one_and_means_of_five_beat_them():
    """Real digits have 243 ± 2 (Theis et al., 2016). 3,000 means of a digit and its four neighbours have more."""
    pixels, test = load_mnist().images.reshape(60_000, -1) / 255, load_mnist("test").images[::2] / 255
    real, validation, pool = pixels[:10_000], pixels[50_000:51_000], pixels[10_000:50_000]
    five = [np.argpartition(d2, 5, axis=1)[:, :5] for _, d2 in distances.squared_distances(pool[:3000], pool)]
    means = pool[np.concatenate(five)].mean(1)
    scores = {}
    for name, samples in {"real": real, "means of five": means}.items():
        sigma = parzen_sigma(samples, validation, np.logspace(-1, 0, 10)[1:5])
        scores[name] = parzen_log_likelihood(samples, test, sigma)
    print(scores)
    assert scores["real"] == pytest.approx(243, abs=4)
    assert scores["means of five"] > scores["real"] + 20

"""Precision, recall, density and coverage: by hand, by their expectations, and beside prdc."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import density_coverage, distances, precision_recall

rng = np.random.default_rng(0)


def test_by_hand():
    """Radii 1 1 2 4 of the real points. −2 lies in no ball, 5 on the border of 3's, and .5 on that of 3's real one."""
    real, samples = [0.0, 1.0, 3.0, 7.0], [0.5, 5.0, -2.0]
    assert precision_recall(samples, real, k=1) == (2 / 3, 1)
    assert density_coverage(samples, real, k=1) == (1, 3 / 4)
    assert precision_recall([-9.0, 9.0, 3.5], [0.0, 3.0], k=1) == (1 / 3, 1)


@pytest.mark.parametrize("d", [1, 3])
def test_expectations_of_equal_distributions(d):
    """E density = 1 and E coverage = 1 − Π (N−i)/(M+N−i), exact for any N, M, k and any dimension."""
    n, m, k, draws = 20, 14, 3, 600
    i = np.arange(1, k + 1)
    found = np.array(
        [density_coverage(rng.standard_normal((m, d)), rng.standard_normal((n, d)), k) for _ in range(draws)]
    )
    error = found.std(0) / np.sqrt(draws)
    expected = [1, 1 - np.prod((n - i) / (m + n - i))]
    assert (abs(found.mean(0) - expected) < 3 * error).all() and (error < 0.02).all()


def test_a_set_and_itself():
    x = rng.standard_normal((30, 4))
    assert precision_recall(x, x) == (1, 1)
    assert density_coverage(x, x).coverage == 1


def test_a_ball_up_to_a_double_is_empty():
    """A point's double is a neighbour, at distance 0, and no sample is nearer than that."""
    real = np.repeat(rng.standard_normal((10, 64)), 2, axis=0)
    assert precision_recall(real, real, k=1) == (0, 0) and density_coverage(real, real, k=1) == (0, 0)
    assert precision_recall(real, real, k=2) == (1, 1)


def test_disjoint_clouds_have_0():
    x, y = rng.standard_normal((2, 30, 3))
    assert precision_recall(x + 100, y) == (0, 0) and density_coverage(x + 100, y) == (0, 0)


def test_a_missing_mode_lowers_recall_and_coverage_and_noise_precision_and_density():
    real = rng.standard_normal((100, 2)) + np.repeat([[0, 0], [50, 0]], 50, axis=0)
    half = rng.standard_normal((100, 2))
    assert precision_recall(half, real).precision > 0.8 and precision_recall(half, real).recall < 0.6
    assert density_coverage(half, real).coverage < 0.6 and density_coverage(half, real).density > 0.8
    noisy = np.concatenate([real[:50], real[50:] + 1000]) + 1e-6
    assert precision_recall(noisy, real).precision == 0.5


def test_swapping_the_sets_swaps_precision_and_recall():
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((20, 2)) * 2
    assert precision_recall(x, y) == precision_recall(y, x)[::-1] != precision_recall(y, x)


def test_blocks_change_nothing(monkeypatch):
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((20, 2)) * 2
    expected = precision_recall(x, y), density_coverage(x, y)
    monkeypatch.setattr(distances, "BLOCK_NUMBERS", 70)
    assert (precision_recall(x, y), density_coverage(x, y)) == expected


def test_they_are_those_of_prdc():
    prdc = pytest.importorskip("prdc")
    x, y = rng.standard_normal((90, 6)), rng.standard_normal((70, 6)) * 1.2
    for k in (1, 3, 5):
        theirs = prdc.compute_prdc(real_features=y, fake_features=x, nearest_k=k)
        assert precision_recall(x, y, k) == pytest.approx((theirs["precision"], theirs["recall"]))
        assert density_coverage(x, y, k) == pytest.approx((theirs["density"], theirs["coverage"]))

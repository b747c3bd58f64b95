"""Modes that are covered: exact counts of planted samples, and a perfect sampler."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import modes_covered

rng = np.random.default_rng(0)
ANGLES = np.arange(8) * np.pi / 4
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


def test_exact_counts_of_planted_samples():
    """10 at one mode, 5 at another, 1 at a third, 4 between modes: 3 modes, or 2 where five are needed."""
    points = np.concatenate([RING[[0] * 10 + [1] * 5 + [2]], np.zeros((4, 2))])
    shares = np.array([10, 5, 1]) / 16
    found = modes_covered(points, RING, sigma=0.01)
    assert found[:2] == (3, 0.8) and found.kl == pytest.approx((shares * np.log(8 * shares)).sum())
    assert modes_covered(points, RING, sigma=0.01, least=5).modes == 2


def test_good_is_up_to_the_radius_and_no_farther():
    points = np.array([3.0, 3.1, -2.9, 102.9])
    assert modes_covered(points, [0.0, 100.0], sigma=1)[:2] == (2, 0.75)
    assert modes_covered(points, [0.0, 100.0], sigma=1, radius=2.95)[:2] == (2, 0.5)


def test_the_extremes():
    assert modes_covered(RING, RING, sigma=0.01) == (8, 1, 0)
    assert modes_covered(RING[[3] * 9], RING, sigma=0.01) == (1, 1, pytest.approx(np.log(8)))
    assert modes_covered(RING + 9, RING, sigma=0.01) == (0, 0, np.inf)


def test_a_perfect_sampler_has_not_quite_all_within_three_sigma():
    points = RING[rng.integers(0, 8, 40_000)] + 0.02 * rng.standard_normal((40_000, 2))
    found = modes_covered(points, RING, sigma=0.02)
    assert found.modes == 8 and found.kl < 0.001
    assert found.good == pytest.approx(1 - np.exp(-4.5), abs=0.002)


def test_a_ring_that_names_one_mode_twice_is_refused():
    angles = np.linspace(0, 2 * np.pi, 8)
    with pytest.raises(ValueError, match="two of the centers are the same"):
        modes_covered(RING, np.stack([np.cos(angles), np.sin(angles)], 1), sigma=0.01)

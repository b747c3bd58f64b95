"""W₁ in one dimension: closed forms, and beside SciPy's."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import wasserstein_distance

rng = np.random.default_rng(0)


def test_by_hand():
    assert wasserstein_distance([0.0, 1.0], [0.0, 0.0, 3.0]) == pytest.approx(1 / 6 + 2 / 3)
    assert wasserstein_distance([0.0], [1.0, 3.0]) == 2  # from one point: the mean distance
    assert wasserstein_distance([5.0, 5.0], [5.0]) == 0


def test_of_as_many_it_is_the_mean_difference_of_the_sorted_ones():
    x, y = rng.standard_normal(50), rng.standard_normal(50) * 2
    assert wasserstein_distance(x, y) == pytest.approx(abs(np.sort(x) - np.sort(y)).mean())
    assert wasserstein_distance(x, rng.permutation(x)) == 0
    assert wasserstein_distance(x, x - 3) == pytest.approx(3)


def test_points_may_stand_for_several():
    x, y = rng.standard_normal(12), rng.standard_normal((5, 1))
    assert wasserstein_distance(x, y) == pytest.approx(wasserstein_distance(y.repeat(3), x))


def test_it_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    x, y = rng.standard_normal(31), rng.integers(-2, 3, 17).astype(float)
    assert wasserstein_distance(x, y) == pytest.approx(stats.wasserstein_distance(x, y))

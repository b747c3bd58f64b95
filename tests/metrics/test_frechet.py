"""The Fréchet distance, against closed forms and a matrix root."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import frechet_distance, gaussian_frechet_distance

rng = np.random.default_rng(0)
x = rng.standard_normal((40, 5)) @ rng.standard_normal((5, 5)) + 3
orthogonal = np.linalg.qr(rng.standard_normal((5, 5)))[0]


def covariance(d, rank=None):
    root = rng.standard_normal((d, rank or d))
    return root @ root.T


def test_of_a_set_to_itself_it_is_0():
    assert frechet_distance(x, x[::-1]) == pytest.approx(0, abs=1e-12)


def test_a_shift_by_delta_is_its_length_squared():
    delta = rng.standard_normal(5)
    assert frechet_distance(x, x + delta) == pytest.approx((delta**2).sum())


@pytest.mark.parametrize("scale", [0.5, 3, 0])
def test_a_scale_s_about_the_mean_is_s_minus_1_squared_times_the_variance(scale):
    scaled = x.mean(0) + scale * (x - x.mean(0))
    assert frechet_distance(x, scaled) == pytest.approx((scale - 1) ** 2 * x.var(0, ddof=1).sum())


def test_turning_both_changes_nothing_and_so_does_swapping_them():
    y = rng.standard_normal((30, 5))
    assert frechet_distance(x @ orthogonal, y @ orthogonal) == pytest.approx(frechet_distance(x, y))
    assert frechet_distance(y, x) == pytest.approx(frechet_distance(x, y))


def test_of_gaussians_with_independent_features():
    a, b, m = rng.uniform(1, 9, 4), rng.uniform(1, 9, 4), rng.standard_normal(4)
    expected = (m**2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert gaussian_frechet_distance(np.zeros(4), np.diag(a), m, np.diag(b)) == pytest.approx(expected)


def test_singular_covariances_lose_no_digits():
    s, t = covariance(6, rank=2), covariance(6, rank=3)
    zero = np.zeros(6)
    assert gaussian_frechet_distance(zero, s, zero, s) == pytest.approx(0, abs=1e-12)
    basis = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    s, t = (basis[:, part] @ basis[:, part].T for part in (slice(0, 3), slice(3, 6)))  # no direction is in both
    assert gaussian_frechet_distance(zero, s, zero, t) == pytest.approx(6, abs=1e-12)


def test_the_trace_of_the_root_is_that_of_a_matrix_root():
    linalg = pytest.importorskip("scipy.linalg")
    s, t, zero = covariance(6), covariance(6), np.zeros(6)
    expected = np.trace(s + t - 2 * linalg.sqrtm(s @ t).real)
    assert gaussian_frechet_distance(zero, s, zero, t) == pytest.approx(expected, rel=1e-9)


def test_it_falls_with_the_number_of_samples():
    """So figures of other numbers of samples cannot be compared."""
    y = rng.standard_normal((4000, 5))
    of_n = [np.mean([frechet_distance(rng.standard_normal((n, 5)), y) for _ in range(8)]) for n in (20, 80)]
    assert 3 < of_n[0] / of_n[1] < 6

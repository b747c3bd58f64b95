"""MMD and the kernel distance, against double loops, closed forms and scikit-learn's kernels."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import (
    gaussian_kernel,
    kernel,
    kernel_distance,
    linear_kernel,
    polynomial_kernel,
    squared_mmd,
)  # fmt: skip

rng = np.random.default_rng(0)
x, y = rng.standard_normal((9, 3)), rng.standard_normal((7, 3)) + 0.5
KERNELS = [linear_kernel, polynomial_kernel, gaussian_kernel]


@pytest.mark.parametrize("numbers", [1, 20, 10_000])
@pytest.mark.parametrize("k", KERNELS, ids=lambda k: k.__name__)
@pytest.mark.parametrize("unbiased", [True, False])
def test_it_is_the_mean_over_pairs(k, unbiased, numbers, monkeypatch):
    monkeypatch.setattr(kernel, "BLOCK_NUMBERS", numbers)

    def mean(a, b, same):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(b)) if not (same and unbiased and i == j)]
        return np.mean([k(a[[i]], b[[j]])[0, 0] for i, j in pairs])

    expected = mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)
    assert squared_mmd(x, y, k, unbiased) == pytest.approx(expected, rel=1e-10)


def test_the_linear_kernel_sees_the_means():
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum()
    noise = x.var(0, ddof=1).sum() / len(x) + y.var(0, ddof=1).sum() / len(y)
    assert squared_mmd(x, y, linear_kernel, unbiased=False) == pytest.approx(shift)
    assert squared_mmd(x, y, linear_kernel) == pytest.approx(shift - noise)


def test_the_gaussian_kernel_of_two_points():
    assert squared_mmd([[0.0]], [[3.0]], lambda a, b: gaussian_kernel(a, b, 2.0), unbiased=False) == pytest.approx(
        2 - 2 * np.exp(-9 / 8)
    )


def test_the_kernels_by_hand():
    a, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
    assert (linear_kernel(a, b), polynomial_kernel(a, b), gaussian_kernel(a, b)) == (11, 6.5**3, np.exp(-4))


def test_the_kernels_are_scikit_learns():
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    np.testing.assert_allclose(polynomial_kernel(x, y), pairwise.polynomial_kernel(x, y, 3, gamma=1 / 3, coef0=1))
    np.testing.assert_allclose(gaussian_kernel(x, y, 2.0), pairwise.rbf_kernel(x, y, gamma=1 / 8))


def test_the_kernel_distance_of_whole_sets_is_their_mmd():
    assert kernel_distance(x[:7], y, subsets=3, size=7) == pytest.approx(squared_mmd(x[:7], y))


def test_the_kernel_distance_is_the_mean_over_subsets_without_doubles():
    """Of subsets of 2 of 3 points, the mean over all is that over all pairs."""
    a, b = x[:3], y[:3]
    assert kernel_distance(a, b, subsets=300, size=2) == pytest.approx(squared_mmd(a, b), abs=0.2)
    assert kernel_distance(a, b, subsets=2, size=2, seed=1) != kernel_distance(a, b, subsets=2, size=2, seed=2)
    assert kernel_distance(a, b, subsets=2, size=2, seed=1) == kernel_distance(a, b, subsets=2, size=2, seed=1)


def test_it_is_0_on_average_for_equal_distributions_and_not_for_others():
    same = [squared_mmd(*rng.standard_normal((2, 10, 2))) for _ in range(300)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(300)
    assert np.mean(same) + 5 * np.std(same) / np.sqrt(300) < squared_mmd(
        *rng.standard_normal((2, 300, 2)) * [[[1]], [[2]]]
    )

"""K-means, by its invariants and beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import kmeans
from minigan.metrics.distances import nearest

rng = np.random.default_rng(0)
POINTS = rng.standard_normal((60, 2))


def test_separate_clusters_are_found():
    true = np.array([[0, 0], [100, 0], [0, 100], [100, 100]])
    points = np.repeat(true, 20, axis=0) + rng.standard_normal((80, 2))
    centers = kmeans(points, 4)
    index, distance = nearest(true, centers)
    assert sorted(index) == [0, 1, 2, 3] and distance.max() < 1
    np.testing.assert_allclose(centers[index], points.reshape(4, 20, 2).mean(1))


def test_each_center_is_the_mean_of_its_points_and_steps_make_the_sum_fall():
    centers = kmeans(POINTS, 5)
    labels = nearest(POINTS, centers)[0]
    np.testing.assert_allclose(centers, [POINTS[labels == i].mean(0) for i in range(5)])
    sums = [(nearest(POINTS, kmeans(POINTS, 5, max_iter=steps))[1] ** 2).sum() for steps in range(4)]
    assert sums == sorted(sums, reverse=True) and sums[0] > sums[1]


def test_the_seed_decides():
    np.testing.assert_array_equal(kmeans(POINTS, 5, seed=3), kmeans(POINTS, 5, seed=3))
    assert (kmeans(POINTS, 5, seed=3) != kmeans(POINTS, 5, seed=4)).any()


def test_first_centers_are_drawn_by_their_squared_distance():
    """From 0 or 1 the far point is drawn next with probability 10000/10001: from it, 0 and 1 about alike."""
    firsts = [set(kmeans(np.array([0.0, 1.0, 100.0]), 2, seed, max_iter=0)[:, 0]) for seed in range(60)]
    assert all(100 in first for first in firsts) and {0, 100} in firsts and {1, 100} in firsts


def test_a_center_without_points_stays(monkeypatch):
    from minigan.metrics.kmeans import _means

    moved = _means(np.array([[0.0], [2.0]]), np.array([0, 0]), np.array([[5.0], [9.0]]))
    np.testing.assert_array_equal(moved, [[1], [9]])


def test_lloyds_steps_are_those_of_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    start = kmeans(POINTS, 5, max_iter=0)
    theirs = cluster.KMeans(5, init=start, n_init=1, tol=0).fit(POINTS)
    np.testing.assert_allclose(kmeans(POINTS, 5), theirs.cluster_centers_)

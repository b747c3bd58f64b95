"""Distances by matrix products, against differences; neighbours in blocks."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import distances
from minigan.metrics.distances import nearest, squared_distances, squared_radii

rng = np.random.default_rng(0)


def matrix(x, y):
    return np.concatenate([d2 for _, d2 in squared_distances(x, y)])


@pytest.fixture(params=[1, 35, 10_000], ids="{} numbers a block".format)
def block(request, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_NUMBERS", request.param)


def test_they_are_those_of_differences(block):
    x, y = rng.standard_normal((11, 5)), rng.standard_normal((7, 5))
    np.testing.assert_allclose(matrix(x, y), ((x[:, None] - y) ** 2).sum(2), rtol=1e-12)


def test_equal_points_are_at_distance_0_and_different_ones_are_not(block):
    x = rng.standard_normal((20, 784))
    assert (np.diag(matrix(x, x)) == 0).all()
    near = x + 1e-5 * rng.standard_normal(x.shape)
    np.testing.assert_allclose(np.diag(matrix(x, near)), ((x - near) ** 2).sum(1), rtol=1e-4)


def test_an_offset_that_both_have_costs_no_digits():
    x, y = rng.standard_normal((9, 3)), rng.standard_normal((8, 3))
    np.testing.assert_allclose(matrix(x + 1e6, y + 1e6), matrix(x, y), rtol=1e-8)


def test_the_nearest_and_the_first_of_equally_near(block):
    x, y = rng.standard_normal((11, 2)), rng.standard_normal((7, 2))
    index, distance = nearest(x, y)
    true = np.sqrt(((x[:, None] - y) ** 2).sum(2))
    np.testing.assert_array_equal(index, true.argmin(1))
    np.testing.assert_allclose(distance, true.min(1))
    assert nearest(np.array([[0.0]]), np.array([[-1.0], [1.0], [-1.0]]))[0] == 0
    x = rng.standard_normal((20, 784)) + 10
    assert (nearest(x, x)[1] == 0).all()


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_point_itself_is_no_neighbour_but_its_double_is(k, block):
    x = np.array([[0.0], [1.0], [1.0], [4.0]])
    expected = {1: [1, 0, 0, 9], 2: [1, 1, 1, 9], 3: [16, 9, 9, 16]}
    np.testing.assert_array_equal(squared_radii(x, k), expected[k])

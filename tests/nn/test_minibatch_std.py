"""MinibatchStd against its definition, and what must hold of it whatever the batch."""

from __future__ import annotations

import numpy as np
import pytest
from devices import assert_array_equal

import minigan as mg
from minigan import nn
from minigan.testing import gradcheck


def batch(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def appended(x: np.ndarray, group_size: int = 4) -> np.ndarray:
    """The numbers of the map that is added, one a sample."""
    y = nn.MinibatchStd(group_size)(mg.Tensor(x)).numpy()
    assert y.shape == (x.shape[0], x.shape[1] + 1, *x.shape[2:])
    np.testing.assert_array_equal(y[:, :-1], x)
    s = y[:, -1].reshape(len(x), -1)
    np.testing.assert_array_equal(s, np.broadcast_to(s[:, :1], s.shape))  # one map: the same at every place
    return s[:, 0]


@pytest.mark.parametrize("shape", [(8, 3, 2, 5), (8, 3)], ids=["images", "features"])
def test_a_group_is_of_samples_far_apart(shape):
    x = batch(*shape)
    own = [np.sqrt(x[i::2].var(axis=0) + 1e-8).mean() for i in (0, 1)]  # 0, 2, 4, 6 and 1, 3, 5, 7
    np.testing.assert_allclose(appended(x), own * 4, rtol=1e-12)


def test_equal_samples_have_a_deviation_of_a_ten_thousandth():
    np.testing.assert_allclose(appended(np.full((4, 2, 3, 3), 7.0)), 1e-4, rtol=1e-12)


def test_within_a_group_the_order_is_nothing_and_between_groups_it_is():
    x = batch(8, 2, 3, 3)
    s = appended(x)
    assert s[0] != s[1]
    np.testing.assert_allclose(appended(x[[6, 1, 0, 3, 2, 5, 4, 7]]), s, rtol=1e-12)
    assert abs(appended(x[[1, 0, 2, 3, 4, 5, 6, 7]]) - s).max() > 1e-3  # two have changed groups


@pytest.mark.parametrize(("n", "size"), [(6, 3), (2, 2), (5, 1), (9, 3)])
def test_a_batch_that_cannot_be_shared_evenly_has_smaller_groups(n, size):
    x = batch(n, 2)
    own = np.sqrt(x.reshape(size, n // size, 2).var(axis=0) + 1e-8).mean(axis=1)
    np.testing.assert_allclose(appended(x), np.tile(own, size), rtol=1e-12)


def test_its_derivatives_of_both_orders():
    gradcheck(nn.MinibatchStd(2), [batch(4, 2, 2, 1)], order=2)


def test_float32_stays():
    x = mg.Tensor(batch(4, 2).astype("float32"))
    y = nn.MinibatchStd()(x)
    assert y.dtype == "float32"
    assert_array_equal(y.data[:, :2], x.data)

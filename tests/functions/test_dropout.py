"""Dropout."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck
from minigan.testing.strategies import array_shapes, arrays


def _draws(shape, seed):
    """One uniform number for each of x's, drawn for images in the kernels' order (H, W, N, C)."""
    rng = np.random.default_rng(seed)
    if len(shape) != 4:
        return rng.random(shape, dtype="float32")
    n, c, h, w = shape
    return rng.random((h, w, n, c), dtype="float32").transpose(2, 3, 0, 1)


@given(arrays(array_shapes(min_dims=1)), st.floats(0, 0.9), st.integers(0, 99))
def test_values_and_gradients(x, p, seed):
    kept = _draws(x.shape, seed) >= p
    result = F.dropout(x, p, rng=np.random.default_rng(seed)).numpy()
    np.testing.assert_allclose(result, x * kept / (1 - p), rtol=1e-12)
    gradcheck(lambda t: F.dropout(t, p, rng=np.random.default_rng(seed)), x)


def test_the_gradient_is_dropped_where_the_value_was():
    x = mg.Tensor(np.ones((50, 50)), requires_grad=True)
    y = F.dropout(x, 0.3)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())
    assert 0.6 < (y.data != 0).mean() < 0.8
    np.testing.assert_allclose(y.numpy()[y.numpy() != 0], 1 / 0.7)


def test_outside_of_training_and_for_p_0_it_is_x_itself():
    x = mg.Tensor([1.0, 2.0])
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0.0) is x


def test_the_default_generator_is_the_one_manual_seed_restarts():
    x = np.ones(100)
    mg.manual_seed(3)
    first = F.dropout(x).numpy()
    assert not np.array_equal(F.dropout(x).numpy(), first)
    mg.manual_seed(3)
    np.testing.assert_array_equal(F.dropout(x).numpy(), first)

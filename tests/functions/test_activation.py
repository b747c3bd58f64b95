"""Activations: values, derivatives, and what happens far out and at the kink."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck

from .strategies import distinct, full_shapes, normal, seeds, shapes

SMOOTH = {
    "tanh": (F.tanh, np.tanh),
    "sigmoid": (F.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "softplus": (F.softplus, lambda x: np.log(1 + np.exp(x))),
}


@pytest.mark.parametrize("name", SMOOTH)
@given(shapes, seeds)
def test_smooth_ones(name, shape, seed):
    function, formula = SMOOTH[name]
    (x,) = normal(seed, shape)
    np.testing.assert_allclose(function(x).numpy(), formula(x), rtol=1e-12)
    gradcheck(function, x)


@pytest.mark.parametrize("slope", [-0.5, 0, 0.01, 0.2, 1, 2.5])
@given(shapes, seeds)
def test_leaky_relu(slope, shape, seed):
    (x,) = distinct(seed, shape)
    np.testing.assert_array_equal(F.leaky_relu(x, slope).numpy(), np.where(x > 0, x, slope * x))
    gradcheck(lambda t: F.leaky_relu(t, slope), x)


@given(shapes, seeds)
def test_relu(shape, seed):
    (x,) = distinct(seed, shape)
    np.testing.assert_array_equal(F.relu(x).numpy(), np.where(x > 0, x, 0))
    gradcheck(F.relu, x)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 0.3, 1.5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_slope_at_zero_is_the_negative_one(slope, dtype):
    x = mg.Tensor(np.array([-1.0, -0.0, 0.0, 1.0], dtype), requires_grad=True)
    F.leaky_relu(x, slope).sum().backward()
    np.testing.assert_allclose(x.grad.data, [slope, slope, slope, 1], rtol=1e-7)


@given(full_shapes, seeds, st.data())
def test_softmax_and_log_softmax(shape, seed, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    (x,) = normal(seed, shape)
    expected = np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    np.testing.assert_allclose(F.softmax(x, axis).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(F.log_softmax(x, axis).numpy(), np.log(expected), rtol=1e-11, atol=1e-13)
    gradcheck(lambda t: F.softmax(t, axis), x)
    gradcheck(lambda t: F.log_softmax(t, axis), x)


@pytest.mark.parametrize("function", [F.tanh, F.sigmoid, F.softplus, F.softmax, F.log_softmax])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_far_out_nothing_overflows(function, dtype):
    x = mg.Tensor(np.array([-1e4, -200.0, 0.0, 200.0, 1e4], dtype), requires_grad=True)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = function(x)
        y.backward(np.ones(5, dtype))
    assert np.isfinite(y.data).all() and np.isfinite(x.grad.data).all()


def test_far_out_values():
    x = mg.Tensor([-1e4, 1e4])
    assert F.sigmoid(x).numpy().tolist() == [0, 1]
    assert F.softplus(x).numpy().tolist() == [0, 1e4]
    assert F.softmax(x).numpy().tolist() == [0, 1]
    assert F.log_softmax(x).numpy().tolist() == [-2e4, 0]


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_errors(function):
    with pytest.raises(ValueError, match=rf"{function.__name__}: axis 2 is out of range for shape \(2, 3\)"):
        function(np.ones((2, 3)), axis=2)

"""Activations: values, derivatives, and what happens far out and at the kink."""

import numpy as np
import pytest
from hypothesis import given

import minigan as mg
from minigan import functions as F
from minigan.kernels import activation
from minigan.testing import gradcheck
from minigan.testing.strategies import array_shapes, arrays, calls

shapes = array_shapes(min_side=0)
SMOOTH = {
    "tanh": (F.tanh, np.tanh),
    "sigmoid": (F.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "softplus": (F.softplus, lambda x: np.log(1 + np.exp(x))),
}


@pytest.mark.parametrize("name", SMOOTH)
@given(arrays(shapes))
def test_smooth_ones(name, x):
    function, formula = SMOOTH[name]
    np.testing.assert_allclose(function(x).numpy(), formula(x), rtol=1e-12)
    gradcheck(function, x)


@pytest.mark.parametrize("slope", [-0.5, 0, 0.01, 0.2, 1, 2.5])
@given(arrays(shapes, "distinct"))
def test_leaky_relu(slope, x):
    np.testing.assert_array_equal(F.leaky_relu(x, slope).numpy(), np.where(x > 0, x, slope * x))
    gradcheck(lambda t: F.leaky_relu(t, slope), x)


@given(arrays(shapes, "distinct"))
def test_relu(x):
    np.testing.assert_array_equal(F.relu(x).numpy(), np.where(x > 0, x, 0))
    gradcheck(F.relu, x)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 0.3, 1.5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_slope_at_zero_is_the_negative_one(slope, dtype):
    x = mg.Tensor(np.array([-1.0, -0.0, 0.0, 1.0], dtype), requires_grad=True)
    F.leaky_relu(x, slope).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [slope, slope, slope, 1], rtol=1e-7)


@given(calls("softmax"))
def test_softmax_and_log_softmax(call):
    (x,), axis = call.inputs, call.options["axis"]
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


def test_each_row_of_a_softmax_is_held_back_by_its_own_largest_number():
    x = np.array([[0.0, 1.0], [1000.0, 1001.0], [-2000.0, 0.0]])
    p = 1 / (1 + np.e)
    np.testing.assert_allclose(F.softmax(x).numpy(), [[p, 1 - p], [p, 1 - p], [0, 1]], rtol=1e-12)
    logs = [[np.log(p), np.log(1 - p)]] * 2 + [[-2000, 0]]
    np.testing.assert_allclose(F.log_softmax(x).numpy(), logs, rtol=1e-12)
    np.testing.assert_array_equal(F.softmax(x.T, axis=0).numpy(), F.softmax(x).numpy().T)
    np.testing.assert_array_equal(F.log_softmax(x.T, axis=0).numpy(), F.log_softmax(x).numpy().T)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_rows_of_a_softmax_side_by_side_are_those_of_one_after_the_other(axis, n, monkeypatch):
    x = np.random.default_rng(n).standard_normal((n, 3, 5)) * 10
    whole = F.softmax(x, axis).numpy()
    np.testing.assert_allclose(whole.sum(axis), 1, rtol=1e-12)
    monkeypatch.setattr(activation, "PART", 8)  # each row is a part
    monkeypatch.setattr(activation, "cores", lambda xp: 2)
    np.testing.assert_array_equal(F.softmax(x, axis).numpy(), whole)


def test_a_softmax_in_fortran_order_is_not_rounded_by_the_number_of_parts(monkeypatch):
    x = np.asfortranarray(np.random.default_rng(0).standard_normal((7, 300)).astype("float32"))
    whole = F.softmax(x).numpy()
    monkeypatch.setattr(activation, "PART", 8)
    monkeypatch.setattr(activation, "cores", lambda xp: 2)
    np.testing.assert_array_equal(F.softmax(x).numpy(), whole)

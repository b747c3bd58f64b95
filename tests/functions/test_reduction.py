"""Sums, means, extrema over any axes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck
from minigan.testing.strategies import array_shapes, arrays, axes_of

from .fixed import normal

REDUCTIONS = {
    "sum": (F.sum, np.sum, "normal"),
    "mean": (F.mean, np.mean, "normal"),
    "norm": (F.norm, lambda x, axis, keepdims=False: np.sqrt((x * x).sum(axis=axis, keepdims=keepdims)), "distinct"),
    "max": (F.max, np.max, "distinct"),
    "min": (F.min, np.min, "distinct"),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@given(st.booleans(), st.data())
def test_over_any_axes(name, keepdims, data):
    function, numpy_function, kind = REDUCTIONS[name]
    x = data.draw(arrays(kind=kind))
    axis = data.draw(axes_of(x.shape))
    expected = numpy_function(x, axis=axis, keepdims=keepdims)
    result = function(x, axis, keepdims).numpy()
    assert isinstance(result, np.ndarray) and result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-14, atol=1e-15)
    gradcheck(lambda t: function(t, axis, keepdims), x)


@pytest.mark.parametrize("correction", [0, 1, 0.5])
@given(st.booleans(), st.data())
def test_var_over_any_axes(correction, keepdims, data):
    x = data.draw(arrays(array_shapes(min_dims=1, min_side=2)))
    axis = data.draw(axes_of(x.shape)) or None
    expected = np.var(x, axis=axis, keepdims=keepdims, ddof=correction)
    result = mg.Tensor(x).var(axis, keepdims, correction).numpy()
    assert isinstance(result, np.ndarray) and result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14)
    gradcheck(lambda t: F.var(t, axis, keepdims, correction), x)


def test_var_is_unbiased_and_keeps_its_digits_beside_an_offset():
    x = np.array([1.0, 2.0, 3.0, 6.0], "float32")
    assert F.var(x).item() == pytest.approx(x.var(ddof=1)) and F.var(x + 1e4).item() == pytest.approx(x.var(ddof=1))


def test_the_gradient_of_a_norm_of_zero_is_zero_to_second_order():
    x = mg.Tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    y = x.norm(1)
    (dx,) = mg.grad(y, x, np.ones(2, "float32"), create_graph=True)
    assert y.numpy().tolist() == [5, 0]
    np.testing.assert_allclose(dx.numpy(), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    (ddx,) = mg.grad(dx, x, np.array([[1.0, 0.0], [1.0, 1.0]], "float32"))
    np.testing.assert_allclose(ddx.numpy(), [[0.128, -0.096], [0, 0]], rtol=1e-5)
    with np.errstate(divide="ignore"):
        (dx,) = mg.grad(F.sqrt(x.norm(1)), x, np.ones(2, "float32"))
    assert dx.numpy()[1].tolist() == [0, 0], "an infinite gradient is stopped, too"


@pytest.mark.parametrize("function", [F.max, F.min])
def test_equal_extrema_share_the_gradient(function):
    x = mg.Tensor([[2.0, 2.0, 2.0, 2.0], [1.0, 5.0, 5.0, 1.0]], requires_grad=True)
    function(x, axis=1).backward(np.array([1.0, 6.0], "float32"))
    shared = [0, 3, 3, 0] if function is F.max else [3, 0, 0, 3]
    np.testing.assert_array_equal(x.grad.numpy(), [[0.25] * 4, shared])


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [[0, 1], (np.int64(1), 0), np.int64(1), np.array([0, 2])], ids=repr)
def test_axes_may_be_lists_and_numpys_numbers(name, axis):
    function, numpy_function, _ = REDUCTIONS[name]
    (x,) = normal((2, 3, 4))
    plain = tuple(int(a) for a in np.atleast_1d(axis))
    np.testing.assert_allclose(getattr(mg.Tensor(x), name)(axis).numpy(), numpy_function(x, axis=plain), rtol=1e-14)
    gradcheck(lambda t: function(t, axis), x)


def test_of_empty_rows():
    for function in (F.mean, F.max, F.min):
        assert function(np.ones((0, 3)), 1).shape == (0,)


def test_the_sum_of_nothing_is_zero():
    x = mg.Tensor(np.zeros((0, 3)), requires_grad=True)
    y = F.sum(x, 0)
    y.backward(np.ones(3))
    assert y.numpy().tolist() == [0, 0, 0] and x.grad.shape == (0, 3)


# Of so many rows that NumPy's own sum, one float32 number after the other, loses digits.
LONG = {
    "a column": ((300_000, 3), 0),
    "a column of an odd length": ((299_977, 2), 0),
    "a middle axis": ((2, 100_003, 3), 1),
    "channels of images": ((70_001, 2, 1, 3), (0, 2, 3)),
    "all": ((100_000, 3), None),
    "the last axis, of a transposed array": ((3, 300_000), 1),
}


@pytest.mark.host_only("a device adds up in short sums of its own")
@pytest.mark.parametrize("case", LONG)
def test_of_very_many_rows_no_digit_is_lost(case):
    shape, axis = LONG[case]
    x = np.random.default_rng(0).uniform(0.1, 0.3, shape).astype("float32")
    x = np.asfortranarray(x) if "transposed" in case else x
    for function, numpy_function in ((F.sum, np.sum), (F.mean, np.mean), (F.norm, None), (F.var, np.var)):
        y = function(mg.Tensor(x), axis).numpy()
        wide = x.astype("float64")
        options = {"ddof": 1} if function is F.var else {}
        right = (wide**2).sum(axis) ** 0.5 if function is F.norm else numpy_function(wide, axis=axis, **options)
        assert y.dtype == np.float32 and y.shape == right.shape
        np.testing.assert_allclose(y, right, rtol=5e-7)


@pytest.mark.host_only("a device adds up in short sums of its own")
def test_the_gradient_of_a_bias_of_very_many_rows():
    bias = mg.Tensor(np.zeros(2, "float32"), requires_grad=True)
    dy = np.full((300_000, 2), 0.1, "float32")
    (mg.Tensor(dy) + bias).backward(dy)
    np.testing.assert_allclose(bias.grad.numpy(), 300_000 * np.float64(np.float32(0.1)), rtol=2e-6)

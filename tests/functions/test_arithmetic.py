"""Elementwise arithmetic: broadcasting, numbers on either side, ties, and the derivatives of all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck

from .strategies import distinct, normal, positive, seeds, shape_pairs, shapes

BINARY = {
    "add": (F.add, np.add, normal),
    "sub": (F.sub, np.subtract, normal),
    "mul": (F.mul, np.multiply, normal),
    "div": (F.div, np.divide, positive),
    "maximum": (F.maximum, np.maximum, distinct),
    "minimum": (F.minimum, np.minimum, distinct),
}
UNARY = {
    "neg": (F.neg, np.negative, normal),
    "exp": (F.exp, np.exp, normal),
    "log": (F.log, np.log, positive),
    "sqrt": (F.sqrt, np.sqrt, positive),
    "abs": (F.abs, np.abs, distinct),
}


@pytest.mark.parametrize("name", BINARY)
@given(shape_pairs, seeds)
def test_of_two_arrays(name, pair, seed):
    function, numpy_function, draw = BINARY[name]
    a, b = draw(seed, *pair)
    np.testing.assert_array_equal(function(a, b).numpy(), numpy_function(a, b))
    gradcheck(function, [a, b])


@pytest.mark.parametrize("name", UNARY)
@given(shapes, seeds)
def test_of_one_array(name, shape, seed):
    function, numpy_function, draw = UNARY[name]
    (x,) = draw(seed, shape)
    np.testing.assert_array_equal(function(x).numpy(), numpy_function(x))
    gradcheck(function, x)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
@given(shapes, st.sampled_from([-2, 0.3, 1, 4.0]), seeds)
def test_of_an_array_and_a_number(name, shape, number, seed):
    function, numpy_function, draw = BINARY[name]
    (x,) = positive(seed, shape)
    np.testing.assert_allclose(function(x, number).numpy(), numpy_function(x, number), rtol=1e-15)
    np.testing.assert_allclose(function(number, x).numpy(), numpy_function(number, x), rtol=1e-15)
    gradcheck(lambda t: function(t, number), x)
    gradcheck(lambda t: function(number, t), x)


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 2.7])
@given(shapes, seeds)
def test_power(exponent, shape, seed):
    (x,) = positive(seed, shape)
    np.testing.assert_allclose(F.power(x, exponent).numpy(), x**exponent, rtol=1e-15)
    gradcheck(lambda t: F.power(t, exponent), x)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_whole_powers_have_finite_derivatives_at_zero(exponent):
    x = mg.Tensor([0.0, -1.0], requires_grad=True)
    (dx,) = mg.grad(F.power(x, exponent).sum(), x, create_graph=True)
    (ddx,) = mg.grad(dx.sum(), x, allow_unused=True)
    np.testing.assert_allclose(dx.data, [[0, 0], [1, 1], [0, -2], [0, 3]][exponent], atol=0)
    if ddx is not None:
        np.testing.assert_allclose(ddx.data, [[0, 0], [0, 0], [2, 2], [0, -6]][exponent], atol=0)


def test_the_exponent_must_be_a_number():
    with pytest.raises(TypeError, match="power takes a number as exponent, not Tensor"):
        F.power(mg.Tensor([1.0]), mg.Tensor([2.0]))


@pytest.mark.parametrize("function", [F.maximum, F.minimum])
def test_equal_arrays_share_the_gradient_in_halves(function):
    a, b = mg.Tensor([1.0, 5.0, 2.0], requires_grad=True), mg.Tensor([1.0, 3.0, 4.0], requires_grad=True)
    function(a, b).sum().backward()
    taken_from_a = [0.5, 1, 0] if function is F.maximum else [0.5, 0, 1]
    np.testing.assert_array_equal(a.grad.data, taken_from_a)
    np.testing.assert_array_equal(b.grad.data, 1 - np.array(taken_from_a))


@pytest.mark.parametrize("function", [F.maximum, F.minimum])
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_equal_infinities_share_the_gradient_too(function, infinity):
    a, b = (mg.Tensor([infinity, infinity], requires_grad=True) for _ in "ab")
    function(a, b).backward(np.ones(2, "float32"))
    assert a.grad.numpy().tolist() == b.grad.numpy().tolist() == [0.5, 0.5]


def test_the_gradient_of_abs_at_zero_is_zero():
    x = mg.Tensor([0.0, -0.0, -3.0], requires_grad=True)
    F.abs(x).sum().backward()
    np.testing.assert_array_equal(x.grad.data, [0, 0, -1])


def test_an_input_used_twice_gets_both_gradients():
    x = mg.Tensor([3.0], requires_grad=True)
    (x * x).backward()
    assert x.grad.item() == 6
    gradcheck(lambda t: F.div(F.mul(t, t), F.add(t, t)), positive(0, (2, 3)))


def test_integers_and_lists_take_the_other_sides_dtype():
    x = mg.Tensor(np.array([1.5, 2.5]), requires_grad=True)
    for other in ([1, 2], np.array([1, 2]), mg.Tensor([1, 2]), np.array([1, 2], "float32")):
        assert (x * other).dtype == (other * x).dtype == np.float64
    assert F.add(x, [0.1, 0.2]).numpy().tolist() == [1.5 + 0.1, 2.5 + 0.2]  # 0.1 was not rounded to float32


def test_floating_lists_and_numbers_are_not_cut_off_to_an_integer_tensors_dtype():
    x = mg.Tensor([1, 2])
    assert F.add(x, [0.5, 0.5]).numpy().tolist() == F.add([0.5, 0.5], x).numpy().tolist() == [1.5, 2.5]
    assert F.maximum(x, 1.5).numpy().tolist() == [1.5, 2]


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("number", [2, True, np.int64(2), np.uint8(2)], ids=lambda n: type(n).__name__)
def test_integers_and_a_whole_number_stay_integers(dtype, number):
    x, n = mg.Tensor(np.array([3, 5], dtype)), int(number)
    for y, expected in ((x + number, 3 + n), (number + x, 3 + n), (x * number, 3 * n), (x**number, 3**n)):
        assert y.dtype == dtype and y.numpy()[0] == expected
    if dtype != "uint8":
        for y, expected in ((x - number, 3 - n), (number - x, n - 3), (-x, -3)):
            assert y.dtype == dtype and y.numpy()[0] == expected


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("add", lambda x: x + 0.5), ("sub", lambda x: x - 0.5), ("sub", lambda x: 0.5 - x), ("mul", lambda x: 0.5 * x),
        ("div", lambda x: x / 2), ("div", lambda x: 2 / x), ("div", lambda x: x / x), ("power", lambda x: x**0.5),
        ("power", lambda x: x**-1),
    ],
)  # fmt: skip
def test_integers_and_what_makes_them_fractions(name, call):
    with pytest.raises(TypeError, match=rf"{name}: x is int64, but must be floating"):
        call(mg.Tensor([1, 2]))


def test_an_unsigned_number_is_subtracted_as_it_is():
    assert (mg.Tensor([1.0]) - np.uint8(3)).item() == -2


def test_numpy_arrays_on_the_left_leave_the_operation_to_the_tensor():
    x = mg.Tensor(np.array([1.0, 2.0]), requires_grad=True)
    for y in (np.ones(2) + x, np.ones(2) * x, np.ones(2) - x, np.ones(2) / x, np.ones((2, 2)) @ x):
        assert isinstance(y, mg.Tensor) and y.requires_grad


@pytest.mark.parametrize("name", BINARY)
def test_shapes_that_do_not_broadcast(name):
    with pytest.raises(ValueError, match=rf"(?i){name}: shapes \(2, 3\) and \(2,\) do not broadcast"):
        BINARY[name][0](np.ones((2, 3)), np.ones(2))

"""Elementwise arithmetic: broadcasting, numbers on either side, ties, and the derivatives of all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck
from minigan.testing.strategies import array_shapes, arrays, mutually_broadcastable_shapes, several_arrays

shapes = array_shapes(min_side=0)
BINARY = {
    "add": (F.add, np.add, "normal"),
    "sub": (F.sub, np.subtract, "normal"),
    "mul": (F.mul, np.multiply, "normal"),
    "div": (F.div, np.divide, "positive"),
    "maximum": (F.maximum, np.maximum, "distinct"),
    "minimum": (F.minimum, np.minimum, "distinct"),
}
UNARY = {
    "neg": (F.neg, np.negative, "normal"),
    "exp": (F.exp, np.exp, "normal"),
    "log": (F.log, np.log, "positive"),
    "sqrt": (F.sqrt, np.sqrt, "positive"),
    "abs": (F.abs, np.abs, "distinct"),
}


@pytest.mark.parametrize("name", BINARY)
@given(st.data())
def test_of_two_arrays(name, data):
    function, numpy_function, kind = BINARY[name]
    a, b = data.draw(several_arrays(mutually_broadcastable_shapes(), kind))
    np.testing.assert_array_equal(function(a, b).numpy(), numpy_function(a, b))
    gradcheck(function, [a, b])


@pytest.mark.parametrize("name", UNARY)
@given(st.data())
def test_of_one_array(name, data):
    function, numpy_function, kind = UNARY[name]
    x = data.draw(arrays(shapes, kind))
    np.testing.assert_allclose(function(x).numpy(), numpy_function(x), rtol=1e-15)  # a device rounds for itself
    gradcheck(function, x)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
@given(arrays(shapes, "positive"), st.sampled_from([-2, 0.3, 1, 4.0]))
def test_of_an_array_and_a_number(name, x, number):
    function, numpy_function, _ = BINARY[name]
    np.testing.assert_allclose(function(x, number).numpy(), numpy_function(x, number), rtol=1e-15)
    np.testing.assert_allclose(function(number, x).numpy(), numpy_function(number, x), rtol=1e-15)
    gradcheck(lambda t: function(t, number), x)
    gradcheck(lambda t: function(number, t), x)


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 2.7])
@given(arrays(shapes, "positive"))
def test_power(exponent, x):
    np.testing.assert_allclose(F.power(x, exponent).numpy(), x**exponent, rtol=1e-15)
    gradcheck(lambda t: F.power(t, exponent), x)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3])
def test_whole_powers_have_finite_derivatives_at_zero(exponent):
    x = mg.Tensor([0.0, -1.0], requires_grad=True)
    (dx,) = mg.grad(F.power(x, exponent).sum(), x, create_graph=True)
    (ddx,) = mg.grad(dx.sum(), x, allow_unused=True)
    np.testing.assert_allclose(dx.numpy(), [[0, 0], [1, 1], [0, -2], [0, 3]][exponent], atol=0)
    if ddx is not None:
        np.testing.assert_allclose(ddx.numpy(), [[0, 0], [0, 0], [2, 2], [0, -6]][exponent], atol=0)


@given(several_arrays(mutually_broadcastable_shapes(), "positive"))
def test_power_of_two_arrays(ab):
    a, b = ab
    np.testing.assert_allclose((mg.Tensor(a) ** mg.Tensor(b)).numpy(), a**b, rtol=1e-15)
    gradcheck(lambda a, b: a**b, [a, b])


@pytest.mark.parametrize("base", [2, 0.5, 1.0, np.float32(2)])
def test_power_of_a_number(base):
    x = np.array([0.0, 3.0, -1.0])
    np.testing.assert_allclose((base ** mg.Tensor(x)).numpy(), np.float64(base) ** x, rtol=1e-15)
    gradcheck(lambda t: base**t, x)


def test_power_of_an_array_on_the_left():
    x = mg.Tensor(np.array([2.0, 3.0]), requires_grad=True)
    (np.array([2.0, 2.0]) ** x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.log(2) * np.array([4.0, 8.0]))


def test_a_number_to_whole_powers_is_numpys():
    for dtype in ("uint8", "int64", "bool"):
        n = np.array([0, 1, 1], dtype)
        expected, result = 2**n, (2 ** mg.Tensor(n)).numpy()
        assert result.dtype == expected.dtype and result.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("a", "b", "da", "db"),
    [
        (0.0, 2.0, 0, 0), (0.0, 1.0, 1, 0), (0.0, 0.0, 0, 0), (3.0, 0.0, 0, np.log(3)), (0.0, 0.5, np.inf, 0),
        (-2.0, 3.0, 12, np.nan),
    ],
)  # fmt: skip
def test_powers_at_zero_and_below(a, b, da, db):
    """PyTorch's gradients, of which none is NaN for the want of 0 · ∞."""
    a, b = mg.Tensor([a], requires_grad=True), mg.Tensor([b], requires_grad=True)
    with np.errstate(all="ignore"):
        F.power(a, b).backward()
    np.testing.assert_allclose([a.grad.item(), b.grad.item()], [da, db], rtol=1e-6)


def test_the_second_derivatives_of_a_power_are_finite_at_zero():
    """Of a³ and a⁰, by a and by the exponent."""
    a, b = mg.Tensor([0.0, 0.0], requires_grad=True), mg.Tensor([3.0, 0.0], requires_grad=True)
    da, db = mg.grad(F.power(a, b).sum(), (a, b), create_graph=True)
    for second in mg.grad((da, db), (a, b), [np.ones(2, "float32")] * 2):
        assert second.numpy()[0] == 0 and np.isfinite(second.numpy()).all()


def test_where_takes_the_one_and_passes_its_gradient_alone():
    x, y = mg.Tensor([1.0, -2.0, 3.0], requires_grad=True), mg.Tensor(5.0, requires_grad=True)
    chosen = F.where((x > 0) & (x < 2) & ~(x != 1) | (x > 9), x, y)
    chosen.backward(np.array([10.0, 20.0, 30.0], "float32"))
    assert chosen.numpy().tolist() == [1, 5, 5]
    assert x.grad.numpy().tolist() == [10, 0, 0] and y.grad.item() == 50


def test_what_where_does_not_take_stops_even_an_infinite_gradient():
    x = mg.Tensor([0.0, 4.0], requires_grad=True)
    for y in (F.where([False, True], x, 0.0), F.where([True, False], 0.0, x)):
        with np.errstate(invalid="raise"):  # nor is anything said of 0 · ∞
            (dx,) = mg.grad(y, x, np.array([np.inf, 2.0], "float32"))
        assert dx.numpy().tolist() == [0, 2]


def test_the_condition_of_where_may_be_filled_anew():
    condition, x = np.array([True, False]), mg.Tensor([1.0, 2.0], requires_grad=True)
    y = F.where(condition, x, 0.0).sum()
    condition[:] = False
    y.backward()
    assert x.grad.numpy().tolist() == [1, 0]


def test_clip_passes_the_gradient_inside_and_at_the_bounds():
    x = mg.Tensor([-2.0, -1.0, 0.0, 1.0, 2.0, np.nan], requires_grad=True)
    for y, values, passed in (
        (x.clip(-1, 1), [-1, -1, 0, 1, 1, np.nan], [0, 1, 1, 1, 0, 0]),
        (x.clip(max=1.0), [-2, -1, 0, 1, 1, np.nan], [1, 1, 1, 1, 0, 0]),
        (x.clip(min=0), [0, 0, 0, 1, 2, np.nan], [0, 0, 1, 1, 1, 0]),
    ):
        np.testing.assert_array_equal(y.numpy(), values)
        (dx,) = mg.grad(y, x, np.array([1, 1, 1, 1, np.inf, np.inf] if y.numpy()[4] < 2 else [1] * 6, "float32"))
        np.testing.assert_array_equal(dx.numpy(), passed)


@pytest.mark.parametrize("function", [F.maximum, F.minimum])
def test_equal_arrays_share_the_gradient_in_halves(function):
    a, b = mg.Tensor([1.0, 5.0, 2.0], requires_grad=True), mg.Tensor([1.0, 3.0, 4.0], requires_grad=True)
    function(a, b).sum().backward()
    taken_from_a = [0.5, 1, 0] if function is F.maximum else [0.5, 0, 1]
    np.testing.assert_array_equal(a.grad.numpy(), taken_from_a)
    np.testing.assert_array_equal(b.grad.numpy(), 1 - np.array(taken_from_a))


@pytest.mark.parametrize("function", [F.maximum, F.minimum])
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_equal_infinities_share_the_gradient_too(function, infinity):
    a, b = (mg.Tensor([infinity, infinity], requires_grad=True) for _ in "ab")
    function(a, b).backward(np.ones(2, "float32"))
    assert a.grad.numpy().tolist() == b.grad.numpy().tolist() == [0.5, 0.5]


def test_the_gradient_of_abs_at_zero_is_zero():
    x = mg.Tensor([0.0, -0.0, -3.0], requires_grad=True)
    F.abs(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, 0, -1])


def test_an_input_used_twice_gets_both_gradients():
    x = mg.Tensor([3.0], requires_grad=True)
    (x * x).backward()
    assert x.grad.item() == 6
    gradcheck(lambda t: F.div(F.mul(t, t), F.add(t, t)), np.array([0.5, 1.3, 2.0]))


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


def test_an_unsigned_number_is_subtracted_as_it_is():
    assert (mg.Tensor([1.0]) - np.uint8(3)).item() == -2


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (np.exp, "exp"),
        (lambda x: np.greater(x, 1), "greater"),
        (lambda x: np.multiply(x, 2), "multiply"),
        (np.add.reduce, "add"),
    ],
)
def test_functions_of_numpy_are_refused_as_they_know_no_gradient(call, name):
    with pytest.raises(TypeError, match=f"np.{name} of a Tensor would lose its gradient: use the function of minigan"):
        call(mg.Tensor([1.0, 2.0], requires_grad=True))


def test_numpy_arrays_on_the_left_leave_the_operation_to_the_tensor():
    x = mg.Tensor(np.array([1.0, 2.0]), requires_grad=True)
    for y in (np.ones(2) + x, np.ones(2) * x, np.ones(2) - x, np.ones(2) / x, np.ones((2, 2)) @ x):
        assert isinstance(y, mg.Tensor) and y.requires_grad

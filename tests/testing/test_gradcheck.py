"""The gradient checker passes right gradients and fails wrong ones, however small the mistake."""

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan.testing import GradientError, gradcheck

X = np.random.default_rng(0).standard_normal((3, 4))


def function(forward, backward):
    """A Function of any inputs that saves them; backward(dy, *inputs)."""

    class Made(mg.Function):
        def forward(self, *xs):
            self.save_for_backward(*xs)
            return forward(*xs)

        def backward(self, dy):
            return backward(dy, *self.saved_tensors)

    return Made


def test_right_gradients_pass():
    gradcheck(F.tanh, X)
    gradcheck(lambda x, y: (x * y, F.exp(x).sum()), [X, mg.Tensor(X + 1)])
    gradcheck(F.mul, [X * 1e-6, X * 1e6])
    gradcheck(lambda x: x * 0.0, X)
    gradcheck(F.exp, [np.zeros(3)])
    gradcheck(F.exp, [np.zeros((0, 3))])
    gradcheck(F.exp, np.float64(0.3))
    gradcheck(function(np.exp, lambda dy, x: dy * F.exp(x)), X, order=3)  # a class, as it is


WRONG = {
    "a sign": lambda dy, x: -dy * F.exp(x),
    "a factor": lambda dy, x: dy * F.exp(x) * 1.00001,
    "a factor that differences cannot see": lambda dy, x: dy * F.exp(x) * (1 + 1e-9),
    "a term": lambda dy, x: dy * F.exp(x) + 1e-6,
    "one entry": lambda dy, x: dy * F.exp(x) * np.where(np.arange(12).reshape(3, 4) == 5, 0.0, 1.0),
    "zero": lambda dy, x: dy * 0.0,
    "not a number": lambda dy, x: dy * np.nan,
    "without the cotangent": lambda dy, x: F.exp(x),
    "the wrong shape": lambda dy, x: dy.sum(),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_gradients_fail(mistake):
    with pytest.raises(GradientError, match="first-order gradient (with respect to input 0|cannot be had)"):
        gradcheck(function(np.exp, WRONG[mistake]), X, order=1)


def _zero(x):
    return x * 0.0 + 1.0


def _zero_of_real_numbers(x):
    assert x.dtype == np.float64
    return x * 0.0 + 1.0


@pytest.mark.parametrize(("forward", "most"), [(_zero, 1e-12), (_zero_of_real_numbers, 1e-9)])
def test_where_the_derivative_is_zero_a_billionth_is_wrong(forward, most):
    """A thousandth of it, where the complex step gives the derivative."""
    gradcheck(function(forward, lambda dy, x: dy * (most / 100)), X, order=1)
    with pytest.raises(GradientError):
        gradcheck(function(forward, lambda dy, x: dy * (most * 10)), X, order=1)


@pytest.mark.parametrize("fn", [F.relu, F.abs])
def test_a_kink_of_a_single_number(fn):
    assert gradcheck(fn, np.zeros(())).redrawn >= 1


WRONG_IN_SECOND_ORDER = {
    "a constant": lambda dy, x: dy * mg.Tensor(np.exp(x.data)),
    "a detached factor": lambda dy, x: dy * x.detach().exp(),
    "an approximation": lambda dy, x: dy * (F.exp(x) + (x - x.detach()) * 1e-4),
    "a detached cotangent": lambda dy, x: dy.detach() * F.exp(x),
}


@pytest.mark.parametrize("mistake", WRONG_IN_SECOND_ORDER)
def test_mistakes_in_second_order_only(mistake):
    wrong = function(np.exp, WRONG_IN_SECOND_ORDER[mistake])
    gradcheck(wrong, X, order=1)
    with pytest.raises(GradientError, match="second-order gradient with respect to (input 0|the cotangent)"):
        gradcheck(wrong, X)


def test_a_mistake_in_third_order_only():
    halfway = function(np.exp, lambda dy, x: dy * mg.Tensor(np.exp(x.data)))
    wrong = function(np.exp, lambda dy, x: dy * halfway.apply(x))
    gradcheck(wrong, X, order=2)
    with pytest.raises(GradientError, match="third-order gradient") as caught:
        gradcheck(wrong, X, order=3)
    assert caught.value.order == 3


def test_what_a_cotangent_of_ones_does_not_see():
    """Standardised numbers add up to 0 whatever the input, so their sum has the gradient 0."""

    def standardise(x):
        return (x - x.mean()) / x.std()

    with pytest.raises(GradientError):
        gradcheck(function(standardise, lambda dy, x: dy * 0.0), X)


def test_a_detached_input_is_found():
    with pytest.raises(GradientError, match=r"input 1 \(y\)"):
        gradcheck(lambda x, y: x * y.detach(), [X, X])


# --- how exactly it looks ------------------------------------------------------------------------


def test_the_complex_step_gives_every_digit_where_a_function_is_analytic():
    agreement = gradcheck(F.tanh, X)
    assert agreement.exact and 0 < agreement.error < 1e-13


def test_differences_take_over_where_it_is_not():
    through_abs = function(lambda x: np.exp(-np.abs(x)), lambda dy, x: -dy * F.exp(-F.abs(x)) * np.sign(x.data))
    agreement = gradcheck(through_abs, X)  # of complex numbers abs is the modulus, which is not analytic
    assert not agreement.exact and 1e-16 < agreement.error < 1e-9


def test_a_forward_pass_that_takes_no_complex_numbers():
    def real_only(x):
        assert x.dtype == np.float64
        return x * x

    assert not gradcheck(function(real_only, lambda dy, x: dy * x * 2.0), X).exact


# --- kinks, ties, jumps --------------------------------------------------------------------------

AT_KINKS = {
    "relu at 0": (F.relu, [np.zeros((3, 4))]),
    "abs at 0": (F.abs, [np.zeros(3)]),
    "one kink among many": (F.leaky_relu, [np.where(np.arange(40) == 7, 0.0, np.linspace(1, 2, 40))]),
    "a tie of two": (F.maximum, [np.ones(3), np.ones(3)]),
    "a tie within one": (F.max, [np.ones(3)]),
    "a pooling tie": (lambda x: F.max_pool2d(x, 2), [np.ones((1, 1, 2, 2))]),
    "a jump": (function(np.floor, lambda dy, x: dy * 0.0).apply, [np.array([1.0, 2.5, 3.0])]),
    "a tie at the edge of the domain": (
        lambda p: F.maximum(F.sqrt(1.0 - p), F.sqrt(1.0 - p[::-1])), [np.array([0.5, 1 - 1e-3, 0.5])],
    ),
}  # fmt: skip


@pytest.mark.parametrize("where", AT_KINKS)
def test_a_point_where_there_is_no_derivative_is_left_for_another(where):
    agreement = gradcheck(*AT_KINKS[where])
    assert agreement.redrawn >= 1


WITHOUT_LEAVING = {
    "very near a kink": (F.relu, [np.array([1e-5, 1.0, -1.0])], 1e-8),
    "many kinks near by": (F.relu, [np.random.default_rng(0).standard_normal((150, 150))], 1e-8),
    "a small number among large ones": (F.log, [np.array([1e4, 1.0, 1e-4])], 1e-8),
    "small inputs": (F.tanh, [1e-8 * X], 1e-8),
    "tiny inputs": (F.sigmoid, [1e-12 * X], 1e-8),
    "large inputs": (lambda x: F.sum(x * x), [1e8 * X], 1e-8),
    "a large offset": (lambda x: F.sum(F.tanh(x)) + 1e8, [X], 1e-8),
    "steep": (lambda x: F.sigmoid((x - 1.0) * 3e3), [1 + 1e-4 * X], 1e-8),
    "a step that sees it flat on both sides": (lambda x: F.softmax(x, 0), [np.array([1e8, 1e8 + 1, 1e8 - 1])], 1e-6),
    "narrow": (lambda x: F.exp(x * x * -1e6), [1e-3 * X], 1e-8),
}  # fmt: skip


@pytest.mark.parametrize("what", WITHOUT_LEAVING)
def test_right_gradients_pass_where_the_usual_step_does_not_serve(what):
    fn, inputs, most = WITHOUT_LEAVING[what]
    agreement = gradcheck(fn, inputs)
    assert agreement.error < most and agreement.redrawn == 0


def test_a_jump_of_the_second_derivative_is_a_kink_in_second_order_only():
    x = np.array([0.0, 1.0])
    assert gradcheck(lambda x: x * F.abs(x), x, order=1).redrawn == 0
    assert gradcheck(lambda x: x * F.abs(x), x, order=2).redrawn == 1


TOO_FAR = {
    "wrong near the edge of the domain": (
        function(np.log, lambda dy, x: dy / x * np.where(x.data < 1e-2, 6.0, 1.0)), np.array([1e4, 1.0, 1e-4]),
    ),
    "tiny outputs": (function(lambda x: 1e-13 * x * x, lambda dy, x: dy * x * -2e-13), X),
    "small inputs": (function(np.tanh, lambda dy, x: dy * 2.0), 1e-8 * X),
    "a large offset": (function(lambda x: np.tanh(x) + 1e8, lambda dy, x: dy * 1.01 * (1.0 - F.tanh(x) ** 2)), X),
}  # fmt: skip


@pytest.mark.parametrize("what", TOO_FAR)
def test_wrong_gradients_fail_there_too(what):
    with pytest.raises(GradientError, match="first-order gradient with respect to input 0, .* is wrong"):
        gradcheck(*TOO_FAR[what], order=1)


def test_of_many_entries_the_wrong_one_is_found():
    wrong = np.where(np.arange(10000) == 123, 1.5, 1.0)
    fn = function(np.tanh, lambda dy, x: dy * (1.0 - F.tanh(x) ** 2) * wrong)
    with pytest.raises(
        GradientError, match=r"first-order .* input 0, .* is wrong(.|\n)*worst entry, \(123,\):"
    ) as caught:
        gradcheck(fn, np.random.default_rng(0).standard_normal(10000) * 0.3, order=1)
    assert caught.value.found == pytest.approx(1.5 * caught.value.expected, rel=1e-6)


@pytest.mark.parametrize("slope", [0.5, 0.0, 1.0])
def test_a_wrong_gradient_does_not_pass_by_luck_at_a_kink(slope):
    """At 0 the difference quotient of relu is ½, and any slope between 0 and 1 a subgradient."""
    wrong = function(lambda x: np.maximum(x, 0), lambda dy, x: dy * slope)
    with pytest.raises(GradientError, match="first-order gradient with respect to input 0"):
        gradcheck(wrong, np.zeros((3, 4)))


def test_a_function_with_kinks_everywhere_is_refused():
    noise = function(lambda x: np.sign(np.sin(1e9 * x)), lambda dy, x: dy * 0.0)
    with pytest.raises(GradientError, match="no derivative to compare with: at 10 points .* as input 0 was moved"):
        gradcheck(noise, X)


def test_many_kinks_near_by_are_told_from_a_wrong_gradient():
    x = np.random.default_rng(0).standard_normal((64, 64))
    gradcheck(F.relu, x)
    with pytest.raises(GradientError, match="is wrong"):
        gradcheck(function(lambda x: np.maximum(x, 0), lambda dy, x: dy * (x.data > 0) * 1.01), x)


# --- the report ----------------------------------------------------------------------------------


def test_the_report_names_input_entry_expected_and_found():
    def attenuated(x, weight):
        class Attenuated(mg.Function):
            def forward(self, x, weight):
                self.save_for_backward(x, weight)
                return x * weight

            def backward(self, dy):
                x, weight = self.saved_tensors
                return dy * weight, dy * x * np.where(np.arange(12).reshape(3, 4) == 5, 0.0, 1.0)

        return Attenuated()(x, weight)

    with pytest.raises(GradientError) as caught:
        gradcheck(attenuated, [X, X + 1])
    error = caught.value
    assert isinstance(error, AssertionError)
    assert (error.order, error.input, error.index, error.found) == (1, "input 1 (weight)", (1, 1), 0.0)
    assert error.expected != 0
    assert f"worst entry, (1, 1):  found 0, expected {error.expected:.10g}" in str(error)
    assert "with respect to input 1 (weight), of shape (3, 4)" in str(error)
    assert "1 of 12 entries is wrong" in str(error)


def test_the_inputs_are_left_alone():
    x = X.copy()
    t = mg.Tensor(x, requires_grad=True)
    gradcheck(F.tanh, t)
    np.testing.assert_array_equal(x, X)
    assert t.grad is None


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gradcheck(F.exp, X.astype("float32")), TypeError, "input 0 is float32, but must be float64"),
        (lambda: gradcheck(F.mul, [X, 2.0]), TypeError, "input 1 is float, but must be float64"),
        (
            lambda: gradcheck(lambda x: x.numpy(), X),
            TypeError,
            "must return a Tensor or a tuple of them, but returned ndarray",
        ),
        (lambda: gradcheck(F.exp, X, order=4), ValueError, "order is 1, 2 or 3, not 4"),
        (lambda: gradcheck(F.log, -np.abs(X)), ValueError, "fn is not finite at these inputs"),
        (
            lambda: gradcheck(F.dropout, X),
            ValueError,
            "two values for the same inputs: start its random generator inside",
        ),
    ],
)
def test_errors(call, error, message):
    with np.errstate(all="ignore"), pytest.raises(error, match=message):
        call()

"""The gradient checker passes right gradients and fails wrong ones, however small the mistake."""

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan.testing import GradientError, gradcheck

X = np.random.default_rng(0).standard_normal((3, 4))


def function(forward, backward):
    """A Function of one input that saves it; backward(dy, x)."""

    class Made(mg.Function):
        def forward(self, x):
            self.save_for_backward(x)
            return forward(x)

        def backward(self, dy):
            return backward(dy, *self.saved_tensors)

    return lambda *xs: Made()(*xs)


def test_right_gradients_pass():
    gradcheck(F.tanh, X)
    gradcheck(lambda x, y: (x * y, F.exp(x).sum()), [X, mg.Tensor(X + 1)])
    gradcheck(F.mul, [X * 1e-6, X * 1e6])
    gradcheck(lambda x: x * 0.0, X)
    gradcheck(F.exp, [np.zeros(3)])
    gradcheck(F.exp, [np.zeros((0, 3))])


WRONG = {
    "a sign": lambda dy, x: -dy * F.exp(x),
    "a factor": lambda dy, x: dy * F.exp(x) * 1.00001,
    "a term": lambda dy, x: dy * F.exp(x) + 1e-6,
    "one entry": lambda dy, x: dy * F.exp(x) * np.where(np.arange(12).reshape(3, 4) == 5, 0.0, 1.0),
    "zero": lambda dy, x: dy * 0.0,
    "not a number": lambda dy, x: dy * np.nan,
    "without the cotangent": lambda dy, x: F.exp(x),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_gradients_fail(mistake):
    with pytest.raises(GradientError, match="first-order gradient with respect to input 0"):
        gradcheck(function(np.exp, WRONG[mistake]), X, order=1)


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


def test_what_a_cotangent_of_ones_does_not_see():
    """Standardised numbers add up to 0 whatever the input, so their sum has the gradient 0."""

    def standardise(x):
        return (x - x.mean()) / x.std()

    with pytest.raises(GradientError):
        gradcheck(function(standardise, lambda dy, x: dy * 0.0), X)


def test_a_detached_input_is_found():
    with pytest.raises(GradientError, match="input 1"):
        gradcheck(lambda x, y: x * y.detach(), [X, X])


def test_the_report_names_the_worst_entry():
    wrong = function(np.exp, WRONG["one entry"])
    with pytest.raises(GradientError) as caught:
        gradcheck(wrong, X)
    assert "Of 12 entries looked at one by one, (1, 1) differs most: backward 0, forward" in str(caught.value)
    assert isinstance(caught.value, AssertionError)


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
            "output 0 of fn must be a Tensor of float64, but is ndarray",
        ),
        (lambda: gradcheck(F.exp, X, order=3), ValueError, "order is 1 or 2, not 3"),
        (
            lambda: gradcheck(F.dropout, X),
            ValueError,
            "two values for the same inputs; start its random generator inside",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()

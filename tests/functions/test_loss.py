"""Losses: formulas, reductions, and the ends of their ranges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck
from minigan.testing.strategies import calls

REDUCE = {"mean": np.mean, "sum": np.sum, "none": lambda values: values}


def cross_entropy_of(p, t):
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


LOSSES = {
    "binary_cross_entropy": (F.binary_cross_entropy, cross_entropy_of),
    "binary_cross_entropy_with_logits": (
        F.binary_cross_entropy_with_logits,
        lambda logits, t: cross_entropy_of(1 / (1 + np.exp(-logits)), t),
    ),
    "mse_loss": (F.mse_loss, lambda x, t: (x - t) ** 2),
    "l1_loss": (F.l1_loss, lambda x, t: np.abs(x - t)),
}


@pytest.mark.parametrize("name", LOSSES)
@given(st.data())
def test_of_an_input_and_a_target(name, data):
    (function, formula), call = LOSSES[name], data.draw(calls(name))
    expected = REDUCE[call.options["reduction"]](formula(*call.inputs))
    np.testing.assert_allclose(function(*call.inputs, **call.options).numpy(), expected, rtol=1e-10)
    gradcheck(call, call.inputs)  # the target's gradient too


@pytest.mark.parametrize("name", LOSSES)
def test_a_number_stands_for_an_array_full_of_it(name):
    function, x = LOSSES[name][0], np.array([[0.1, 0.5], [0.2, 0.8], [0.3, 0.4]])
    np.testing.assert_array_equal(function(x, 0.9).numpy(), function(x, np.full((3, 2), 0.9)).numpy())


@given(calls("hinge_loss"))
def test_hinge_loss(call):
    (logits,), target, reduction = call.inputs, *call.options.values()
    expected = REDUCE[reduction](np.maximum(0, 1 - target * logits))
    np.testing.assert_allclose(F.hinge_loss(logits, target, reduction).numpy(), expected, rtol=1e-12, atol=1e-14)
    gradcheck(call, logits)


@given(calls("cross_entropy"))
def test_cross_entropy(call):
    (logits,), labels, reduction = call.inputs, *call.options.values()
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = REDUCE[reduction](-np.log(p[np.arange(len(logits)), labels]))
    np.testing.assert_allclose(F.cross_entropy(logits, labels, reduction).numpy(), expected, rtol=1e-10, atol=1e-12)
    gradcheck(lambda t: F.cross_entropy(t, mg.Tensor(labels), reduction), logits)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logarithms_of_probabilities_are_held_at_minus_100(dtype):
    p = np.array([0.0, 0.0, 1.0, 1.0], dtype)
    t = np.array([1.0, 0.0, 1.0, 0.0], dtype)
    with np.errstate(all="raise", under="ignore"):
        loss = F.binary_cross_entropy(p, t, "none")
    np.testing.assert_array_equal(loss.numpy(), [100, 0, 0, 100])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_at_probabilities_0_and_1_is_large_and_finite(dtype):
    p = mg.Tensor(np.array([0.0, 0.0, 1.0, 1.0], dtype), requires_grad=True)
    t = mg.Tensor(np.array([1.0, 0.0, 1.0, 0.0], dtype), requires_grad=True)
    F.binary_cross_entropy(p, t, "sum").backward()
    np.testing.assert_allclose(p.grad.numpy(), [-1e12, 0, 0, 1e12], rtol=1e-6)
    np.testing.assert_allclose(t.grad.numpy(), [100, 100, -100, -100], rtol=1e-6)


def test_the_gradient_on_logits_never_dies():
    logits = mg.Tensor([-300.0, 300.0, -8.0], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(logits, mg.Tensor([1.0, 0.0, 1.0]), "none")
    loss.backward(np.ones(3, "float32"))
    np.testing.assert_allclose(loss.numpy(), [300, 300, 8.000335], rtol=1e-6)
    np.testing.assert_allclose(logits.grad.numpy(), [-1, 1, -0.99966466], rtol=1e-6)


def test_a_right_verdicts_small_loss_is_not_lost_between_large_numbers():
    logits = np.array([15.0, -15.0], "float32")
    losses = F.binary_cross_entropy_with_logits(logits, np.array([1.0, 0.0]), "none").numpy()
    np.testing.assert_allclose(losses, np.exp(-15.0), rtol=1e-6)


def test_targets_of_other_kinds_take_the_inputs_dtype():
    logits = mg.Tensor(np.zeros(2), requires_grad=True)
    for target in ([0.1, 0.9], np.array([0.1, 0.9]), np.array([True, False]), mg.Tensor([1, 0])):
        assert F.binary_cross_entropy_with_logits(logits, target).dtype == np.float64
    assert F.mse_loss(logits, [0.1, 0.9], "none").numpy()[0] == 0.1**2

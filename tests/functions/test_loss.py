"""Losses: formulas, reductions, and the ends of their ranges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigan as mg
from minigan import functions as F
from minigan.testing import gradcheck

from .strategies import distinct, full_shapes, normal, seeds

REDUCE = {"mean": np.mean, "sum": np.sum, "none": lambda values: values}
reductions = st.sampled_from(list(REDUCE))


def probabilities(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.05, 0.95, shape) for shape in shapes]


def logits_and_probabilities(seed, logits, target):
    return [*normal(seed, logits), *probabilities(seed, target)]


def cross_entropy_of(p, t):
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


LOSSES = {
    "binary_cross_entropy": (F.binary_cross_entropy, cross_entropy_of, probabilities),
    "binary_cross_entropy_with_logits": (
        F.binary_cross_entropy_with_logits,
        lambda logits, t: cross_entropy_of(1 / (1 + np.exp(-logits)), t),
        logits_and_probabilities,
    ),
    "mse_loss": (F.mse_loss, lambda x, t: (x - t) ** 2, normal),
    "l1_loss": (F.l1_loss, lambda x, t: np.abs(x - t), distinct),
}


@pytest.mark.parametrize("name", LOSSES)
@given(full_shapes, reductions, seeds)
def test_of_an_input_and_a_target(name, shape, reduction, seed):
    function, formula, draw = LOSSES[name]
    x, target = draw(seed, shape, shape)
    expected = REDUCE[reduction](formula(x, target))
    np.testing.assert_allclose(function(x, target, reduction).numpy(), expected, rtol=1e-10)
    gradcheck(lambda a, t: function(a, t, reduction), [x, target])  # the target's gradient too


@pytest.mark.parametrize("name", LOSSES)
def test_a_number_stands_for_an_array_full_of_it(name):
    function, _, draw = LOSSES[name]
    x, _ = draw(0, (3, 2), (3, 2))
    np.testing.assert_array_equal(function(x, 0.9).numpy(), function(x, np.full((3, 2), 0.9)).numpy())


@given(full_shapes, st.sampled_from([1.0, -1.0]), reductions, seeds)
def test_hinge_loss(shape, target, reduction, seed):
    logits = distinct(seed, shape)[0] + target  # the kink lies at target
    expected = REDUCE[reduction](np.maximum(0, 1 - target * logits))
    np.testing.assert_allclose(F.hinge_loss(logits, target, reduction).numpy(), expected, rtol=1e-12, atol=1e-14)
    gradcheck(lambda t: F.hinge_loss(t, target, reduction), logits)


@given(st.integers(1, 5), st.integers(1, 4), reductions, seeds)
def test_cross_entropy(n, k, reduction, seed):
    (logits,) = normal(seed, (n, k))
    labels = np.random.default_rng(seed).integers(0, k, n)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = REDUCE[reduction](-np.log(p[np.arange(n), labels]))
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
    np.testing.assert_allclose(p.grad.data, [-1e12, 0, 0, 1e12], rtol=1e-6)
    np.testing.assert_allclose(t.grad.data, [100, 100, -100, -100], rtol=1e-6)


def test_the_gradient_on_logits_never_dies():
    logits = mg.Tensor([-300.0, 300.0, -8.0], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(logits, mg.Tensor([1.0, 0.0, 1.0]), "none")
    loss.backward(np.ones(3, "float32"))
    np.testing.assert_allclose(loss.numpy(), [300, 300, 8.000335], rtol=1e-6)
    np.testing.assert_allclose(logits.grad.data, [-1, 1, -0.99966466], rtol=1e-6)


def test_targets_of_other_kinds_take_the_inputs_dtype():
    logits = mg.Tensor(np.zeros(2), requires_grad=True)
    for target in ([0.1, 0.9], np.array([0.1, 0.9]), np.array([True, False]), mg.Tensor([1, 0])):
        assert F.binary_cross_entropy_with_logits(logits, target).dtype == np.float64
    assert F.mse_loss(logits, [0.1, 0.9], "none").numpy()[0] == 0.1**2


@pytest.mark.parametrize("function", [*(loss[0] for loss in LOSSES.values()), F.hinge_loss])
def test_shapes_that_do_not_fit(function):
    with pytest.raises(ValueError, match=rf"{function.__name__}: target has shape \(2,\), but the input has \(2, 1\)"):
        function(np.ones((2, 1)), np.ones(2))
    with pytest.raises(ValueError, match="reduction is 'mean', 'sum' or 'none', not 'average'"):
        function(np.ones(2), np.ones(2), reduction="average")


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (
            np.ones((2, 3)),
            [0, 1, 2],
            r"logits must be \(N, K\) and labels N integers, but they are \(2, 3\) and \(3,\)",
        ),
        (np.ones(3), [0, 1, 2], r"logits must be \(N, K\)"),
        (np.ones((2, 3)), [0.0, 1.0], "labels N integers, .* of float64"),
        (np.ones((2, 3)), [0, 3], r"labels must lie in 0 … 2 .* run from 0 to 3"),
        (np.ones((2, 3)), [-1, 0], r"labels must lie in 0 … 2 .* run from -1 to 0"),
    ],
)
def test_cross_entropy_errors(logits, labels, message):
    with pytest.raises(ValueError, match=f"cross_entropy: .*{message}"):
        F.cross_entropy(logits, labels)

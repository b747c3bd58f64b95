"""What each player minimises: values and gradients, written out with logarithms and sigmoids."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan.objectives import OBJECTIVES, LeastSquares, Minimax, NonSaturating

L_REAL = np.array([[2.0], [-0.5], [0.3]])
L_FAKE = np.array([[-1.0], [0.7], [-3.0]])


def sigma(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def leaf(x: np.ndarray) -> mg.Tensor:
    return mg.Tensor(x, requires_grad=True)


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating()])
def test_the_discriminators_loss(objective):
    real, fake = leaf(L_REAL), leaf(L_FAKE)
    loss = objective.discriminator_loss(real, fake)
    assert loss.item() == pytest.approx(-np.log(sigma(L_REAL)).mean() - np.log(1 - sigma(L_FAKE)).mean())
    loss.backward()
    np.testing.assert_allclose(real.grad.numpy(), (sigma(L_REAL) - 1) / 3)
    np.testing.assert_allclose(fake.grad.numpy(), sigma(L_FAKE) / 3)


def test_the_discriminators_least_squares():
    real, fake = leaf(L_REAL), leaf(L_FAKE)
    loss = LeastSquares().discriminator_loss(real, fake)
    assert loss.item() == pytest.approx(((L_REAL - 1) ** 2).mean() / 2 + (L_FAKE**2).mean() / 2)
    loss.backward()
    np.testing.assert_allclose(real.grad.numpy(), (L_REAL - 1) / 3)
    np.testing.assert_allclose(fake.grad.numpy(), L_FAKE / 3)


@pytest.mark.parametrize(
    ("objective", "value", "gradient"),
    [
        (Minimax(), np.log(1 - sigma(L_FAKE)).mean(), -sigma(L_FAKE) / 3),
        (NonSaturating(), -np.log(sigma(L_FAKE)).mean(), (sigma(L_FAKE) - 1) / 3),
        (LeastSquares(), ((L_FAKE - 1) ** 2).mean() / 2, (L_FAKE - 1) / 3),
    ],
)
def test_the_generators_loss(objective, value, gradient):
    fake = leaf(L_FAKE)
    loss = objective.generator_loss(fake)
    assert loss.item() == pytest.approx(value)
    loss.backward()
    np.testing.assert_allclose(fake.grad.numpy(), gradient)


def test_minimax_is_a_zero_sum_game():
    """On the fakes, what G pays is what D gets."""
    real, fake = mg.Tensor(L_REAL), mg.Tensor(L_FAKE)
    of_reals = -np.log(sigma(L_REAL)).mean()
    total = Minimax().discriminator_loss(real, fake).item() + Minimax().generator_loss(fake).item()
    assert total == pytest.approx(of_reals)


def test_where_d_is_sure_minimax_vanishes_and_non_saturating_does_not():
    def gradient(objective: Minimax) -> float:
        fake = leaf(np.array([[-20.0]]))
        objective.generator_loss(fake).backward()
        return fake.grad.item()

    assert abs(gradient(Minimax())) < 1e-8
    assert gradient(NonSaturating()) == pytest.approx(-1, abs=1e-8)
    assert gradient(Minimax()) < 0, "both pull the logit up"


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("extreme", [-1e4, 1e4])
def test_extreme_logits_stay_finite(name, extreme):
    objective = OBJECTIVES[name]()
    real, fake = leaf(np.full((2, 1), -extreme, np.float32)), leaf(np.full((2, 1), extreme, np.float32))
    loss_D, loss_G = objective.discriminator_loss(real, fake), objective.generator_loss(fake)
    assert loss_D.dtype == loss_G.dtype == np.float32
    wrong = (1e8 + 1e8 + 2e4) / 2 if name == "least-squares" else 2e4  # D is wrong about all of them
    right = (1e8 + 1e8 - 2e4) / 2 if name == "least-squares" else 0  # or so right that it costs again
    assert loss_D.item() == pytest.approx(wrong if extreme > 0 else right)
    loss_D.backward(retain_graph=True)
    loss_G.backward()
    for t in (loss_D, loss_G, real.grad, fake.grad):
        assert np.all(np.isfinite(t.numpy()))


def test_names():
    assert OBJECTIVES["minimax"] is Minimax and OBJECTIVES["non-saturating"] is NonSaturating
    assert OBJECTIVES["least-squares"] is LeastSquares

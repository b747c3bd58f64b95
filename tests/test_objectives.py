"""What each player minimises: values and gradients, written out with logarithms and sigmoids."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan.objectives import (
    OBJECTIVES,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    PearsonLeastSquares,
    RelativisticAverage,
    Wasserstein,
)

L_REAL = np.array([[2.0], [-0.5], [0.3]])
L_FAKE = np.array([[-1.0], [0.7], [-3.0]])


def sigma(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def of_G(objective, real: mg.Tensor, fake: mg.Tensor) -> mg.Tensor:
    """G's loss, of whatever logits the objective takes."""
    return objective.generator_loss(fake, *[real] * objective.relativistic)


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
    loss_D, loss_G = objective.discriminator_loss(real, fake), of_G(objective, real, fake)
    assert loss_D.dtype == loss_G.dtype == np.float32
    wrong, right = {  # D is wrong about all of them, or right
        "least-squares": ((1e8 + 1e8 + 2e4) / 2, (1e8 + 1e8 - 2e4) / 2),  # so right that it costs again
        "wasserstein": (2e4, -2e4),
        "hinge": (2e4 + 2, 0),
        "pearson": (1e8 + 2e4 + 1, 1e8 - 2e4 + 1),
        "relativistic-average": (4e4, 0),
    }.get(name, (2e4, 0))
    assert loss_D.item() == pytest.approx(wrong if extreme > 0 else right)
    loss_D.backward(retain_graph=True)
    loss_G.backward()
    for t in (loss_D, loss_G, real.grad, fake.grad):
        assert np.all(np.isfinite(t.numpy()))


# --- critics ------------------------------------------------------------------------------------------


def test_the_critics_losses():
    real, fake = leaf(L_REAL), leaf(L_FAKE)
    loss = Wasserstein().discriminator_loss(real, fake)
    assert loss.item() == pytest.approx(L_FAKE.mean() - L_REAL.mean())
    loss.backward()
    np.testing.assert_allclose(real.grad.numpy(), np.full((3, 1), -1 / 3))
    np.testing.assert_allclose(fake.grad.numpy(), np.full((3, 1), 1 / 3))


@pytest.mark.parametrize("objective", [Wasserstein(), Hinge()])
def test_the_critics_generator_raises_every_score_alike(objective):
    """Hinge too: G's loss has no margin."""
    fake = leaf(np.array([[-5.0], [0.7], [5.0]]))
    loss = objective.generator_loss(fake)
    assert loss.item() == pytest.approx(-0.7 / 3)
    loss.backward()
    np.testing.assert_allclose(fake.grad.numpy(), np.full((3, 1), -1 / 3))


def test_hinge_learns_nothing_from_what_is_beyond_its_margin():
    """Exactly: D's gradient is 0 for reals above 1 and fakes below −1, and ∓1/N within."""
    logits = np.array([[-2.0], [-1.001], [-0.999], [0.0], [0.999], [1.001], [2.0]])
    real, fake = leaf(logits), leaf(logits)
    loss = Hinge().discriminator_loss(real, fake)
    assert loss.item() == pytest.approx(np.maximum(0, 1 - logits).mean() + np.maximum(0, 1 + logits).mean())
    loss.backward()
    np.testing.assert_array_equal(real.grad.numpy(), np.where(logits < 1, -1 / 7, 0))
    np.testing.assert_array_equal(fake.grad.numpy(), np.where(logits > -1, 1 / 7, 0))


@pytest.mark.parametrize("objective", [Wasserstein(), Hinge(), PearsonLeastSquares(), RelativisticAverage()])
def test_a_critic_is_shown_by_its_gap(objective):
    figures = objective.figures(mg.Tensor(L_REAL), mg.Tensor(L_FAKE))
    assert {name: figure.item() for name, figure in figures.items()} == {
        "score_gap": pytest.approx(L_REAL.mean() - L_FAKE.mean())
    }


@pytest.mark.parametrize("objective", [Minimax(), NonSaturating(), LeastSquares()])
def test_a_probability_is_shown_by_its_means(objective):
    figures = objective.figures(mg.Tensor(L_REAL), mg.Tensor(L_FAKE))
    assert {name: figure.item() for name, figure in figures.items()} == {
        "D_x": pytest.approx(sigma(L_REAL).mean()), "D_G_z": pytest.approx(sigma(L_FAKE).mean())
    }  # fmt: skip


# --- D at its best, where there are three points and a logit for each ----------------------------------

P, Q = np.array([0.5, 0.375, 0.125]), np.array([0.25, 0.125, 0.625])  # shares of reals and fakes, in eighths


BEST = (P - Q) / (P + Q)


def losses(objective, logits: np.ndarray) -> tuple[mg.Tensor, mg.Tensor, mg.Tensor]:
    """(the logits, L_D, L_G), with 8 reals spread as P and 8 fakes as Q over the three points."""
    l = leaf(logits)  # noqa: E741
    real, fake = (l[np.repeat(np.arange(3), (8 * share).astype(int))] for share in (P, Q))
    return l, objective.discriminator_loss(real, fake), objective.generator_loss(fake)


def total_variation() -> float:
    return np.abs(P - Q).sum() / 2


def jensen_shannon() -> float:
    M = (P + Q) / 2
    return (P * np.log(P / M)).sum() / 2 + (Q * np.log(Q / M)).sum() / 2


@pytest.mark.parametrize(
    ("objective", "best", "loss_D", "loss_G"),
    [
        # σ(l) = p / (p + q), and what is left is the Jensen-Shannon divergence.
        (Minimax(), np.log(P / Q), np.log(4) - 2 * jensen_shannon(), (Q * np.log(Q / (P + Q))).sum()),
        (NonSaturating(), np.log(P / Q), np.log(4) - 2 * jensen_shannon(), -(Q * np.log(P / (P + Q))).sum()),
        # The verdict itself is p / (p + q).
        (LeastSquares(), P / (P + Q), (P * Q / (P + Q)).sum() / 2, (Q * (Q / (P + Q)) ** 2).sum() / 2),
        # The difference of p and q, as a share of their sum.
        (PearsonLeastSquares(), BEST, 2 * (P * Q / (P + Q)).sum(), (Q * BEST**2).sum() / 2),
        # The sign of p − q, and what is left is the total variation.
        (Hinge(), np.sign(P - Q), 2 - 2 * total_variation(), -(Q * np.sign(P - Q)).sum()),
    ],
    ids=["minimax", "non-saturating", "least-squares", "pearson", "hinge"],
)  # fmt: skip
def test_the_best_discriminator_of_three_points(objective, best, loss_D, loss_G):
    logits, at_best, of_G = losses(objective, best)
    assert at_best.item() == pytest.approx(loss_D) and of_G.item() == pytest.approx(loss_G)
    if not isinstance(objective, Hinge):  # whose best is at a kink
        at_best.backward()
        np.testing.assert_allclose(logits.grad.numpy(), 0, atol=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert losses(objective, best + 0.3 * rng.standard_normal(3))[1].item() > loss_D - 1e-12


def test_what_g_pays_for_the_pearson_labels_is_half_of_chi_squared():
    """With what the real samples' logits would cost, which is a constant for G: ½ Σ (p − q)² / (p + q)."""
    logits = leaf((P - Q) / (P + Q))
    real, fake = (logits[np.repeat(np.arange(3), (8 * share).astype(int))] for share in (P, Q))
    objective = PearsonLeastSquares()
    paid = objective.generator_loss(fake).item() + objective.generator_loss(real).item()
    assert paid == pytest.approx(((P + Q - 2 * Q) ** 2 / (P + Q)).sum() / 2)


def test_the_relativistic_losses_written_out():
    real, fake = leaf(L_REAL), leaf(L_FAKE)
    objective, x, z = RelativisticAverage(), L_REAL - L_FAKE.mean(), L_FAKE - L_REAL.mean()
    loss = objective.generator_loss(fake, real)
    assert loss.item() == pytest.approx(-np.log(sigma(z)).mean() - np.log(1 - sigma(x)).mean())
    loss.backward()
    by_average = sigma(x).mean() / 3  # of the fakes' mean, which the real ones are compared with
    np.testing.assert_allclose(fake.grad.numpy(), (sigma(z) - 1) / 3 - by_average)
    np.testing.assert_allclose(fake.grad.numpy().sum(), -real.grad.numpy().sum())
    of_D = objective.discriminator_loss(leaf(L_REAL), leaf(L_FAKE)).item()
    assert of_D == pytest.approx(-np.log(sigma(x)).mean() - np.log(1 - sigma(z)).mean())


def test_relativistic_logits_count_by_their_differences_alone():
    objective = RelativisticAverage()
    for loss in (objective.discriminator_loss, objective.generator_loss):
        at = loss(leaf(L_REAL), leaf(L_FAKE)).item()
        assert loss(leaf(L_REAL + 7), leaf(L_FAKE + 7)).item() == pytest.approx(at)
        assert loss(leaf(0 * L_REAL), leaf(0 * L_FAKE)).item() == pytest.approx(np.log(4))


def test_the_best_critics_gap_is_the_wasserstein_distance_on_the_line():
    """In one dimension W₁ is the mean distance of sorted samples; of all critics of slope 1, x has that gap."""
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal(50) + 4, rng.standard_normal(50)
    distance = np.abs(np.sort(real) - np.sort(fake)).mean()

    def gap(critic) -> float:
        return -Wasserstein().discriminator_loss(leaf(critic(real)), leaf(critic(fake))).item()

    for critic in (np.sin, np.abs, np.tanh, lambda x: -x, lambda x: np.maximum(x, 2)):
        assert gap(critic) < distance
    assert gap(lambda x: x) == pytest.approx(distance) and gap(lambda x: x + 100) == pytest.approx(distance)
    assert gap(lambda x: 3 * x) == pytest.approx(3 * distance), "a slope of K: K times the distance"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_several_logits_a_sample_count_alike(name):
    """A logit for each patch of an image: the mean is taken of the losses, not of the logits."""
    rng = np.random.default_rng(0)
    real, fake = 2 * rng.standard_normal((2, 4, 1, 3, 3))
    objective = OBJECTIVES[name]()
    found = objective.discriminator_loss(leaf(real), leaf(fake)).item(), of_G(objective, leaf(real), leaf(fake)).item()
    one_each = leaf(real.reshape(36, 1)), leaf(fake.reshape(36, 1))
    assert found == pytest.approx((objective.discriminator_loss(*one_each).item(), of_G(objective, *one_each).item()))


def test_names():
    assert {name: objective.__name__ for name, objective in OBJECTIVES.items()} == {
        "minimax": "Minimax", "non-saturating": "NonSaturating", "least-squares": "LeastSquares",
        "wasserstein": "Wasserstein", "hinge": "Hinge", "pearson": "PearsonLeastSquares",
        "relativistic-average": "RelativisticAverage",
    }  # fmt: skip

"""The Dirac-GAN of Mescheder, Geiger and Nowozin, 2018: every objective, penalty and order of turns in closed form.

The data are one point, 0; G's only sample is θ; D(x) = ψx. A step of the real GAN class, with plain gradient descent,
is then a line of arithmetic for θ and ψ.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from math import exp

import numpy as np
import pytest

import minigan as mg
from minigan import backend, nn
from minigan import functions as F
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.data import Batch

pytestmark = pytest.mark.host_only("which device computes is no matter here")

N = 3
Point = tuple[float, float]  # θ, ψ


class One(nn.Module):
    """One weight. As G its sample is θ, whatever the noise; as D, D(x) = ψx."""

    z_dim = 1

    def __init__(self, value: float, role: str) -> None:
        super().__init__()
        self.weight, self.role = nn.Parameter(np.array([[value]])), role

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return F.broadcast_to(self.weight, x.shape) if self.role == "G" else x * self.weight


def walk(algorithm: type[GAN], start: Point, steps: int, h: float = 0.1, **options) -> list[Point]:
    """(θ, ψ) after each step of the real thing."""
    gan = algorithm(optimizer="sgd", lr_G=h, lr_D=h, **options).use(One(start[0], "G"), One(start[1], "D"))
    gan.dtype, gan.device = "float64", backend.get_default_device()
    batches = repeat(Batch(x=mg.Tensor(np.zeros((N, 1)))))
    path = []
    for _ in range(steps):
        gan(batches)
        path.append((gan.networks["G"].weight.item(), gan.networks["D"].weight.item()))
    return path


def sigma(logit: float) -> float:
    return 1 / (1 + exp(-logit))


# By objective: the derivatives of D's loss and of G's by the fakes' logit. (The reals' logit is 0, and moves nothing.)
SLOPES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "minimax": (sigma, lambda logit: -sigma(logit)),
    "non-saturating": (sigma, lambda logit: sigma(logit) - 1),
    "least-squares": (lambda logit: logit, lambda logit: logit - 1),
    "wasserstein": (lambda logit: 1.0, lambda logit: -1.0),
    "hinge": (lambda logit: float(logit > -1), lambda logit: -1.0),
    "pearson": (lambda logit: logit + 1, lambda logit: logit),
    # Once as the fake's own logit, and once as the mean that the real one is compared with.
    "relativistic-average": (lambda logit: 2 * sigma(logit), lambda logit: 2 * sigma(logit) - 2),
}
PENALTY_SLOPES = {  # by ψ, which is D's slope everywhere; see `minigan.penalties` for their weights
    "r1:2": lambda psi: 2 * psi,
    "gradient:3": lambda psi: 6 * (abs(psi) - 1) * np.sign(psi),
    "divergence:1.5": lambda psi: 1.5 * 6 * psi**5,
    "divergence-between:1.5": lambda psi: 1.5 * 6 * psi**5,
    "drift:5": lambda psi: 0.0,
}


def iterates(
    alternating: bool, objective: str, start: Point, steps: int, h: float = 0.1,
    penalty: Callable[[float], float] = lambda psi: 0.0, clip: float = np.inf, n_critic: int = 1,
) -> list[Point]:  # fmt: skip
    """(θ, ψ) after each step, by hand."""
    of_D, of_G = SLOPES[objective]
    theta, psi = start
    path = []
    for _ in range(steps):
        before = psi
        for _ in range(n_critic):
            psi = min(max(psi - h * (of_D(psi * theta) * theta + penalty(psi)), -clip), clip)
        seen = psi if alternating else before
        theta = theta - h * of_G(seen * theta) * seen
        path.append((theta, psi))
    return path


@pytest.mark.parametrize("start", [(1.0, 0.5), (-0.8, -1.5)])
@pytest.mark.parametrize("objective", SLOPES)
@pytest.mark.parametrize("algorithm", [GAN, SimultaneousGAN])
def test_objectives(algorithm, objective, start):
    path = walk(algorithm, start, 60, objective=objective)
    np.testing.assert_allclose(path, iterates(algorithm is GAN, objective, start, 60), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("penalty", PENALTY_SLOPES)
@pytest.mark.parametrize("objective", ["non-saturating", "wasserstein"])
@pytest.mark.parametrize("algorithm", [GAN, SimultaneousGAN])
def test_penalties(algorithm, objective, penalty):
    start, h = (1.0, 0.5), 0.05
    path = walk(algorithm, start, 60, h, objective=objective, penalties=(penalty,))
    by_hand = iterates(algorithm is GAN, objective, start, 60, h, PENALTY_SLOPES[penalty])
    np.testing.assert_allclose(path, by_hand, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("n_critic", [2, 5])
def test_several_steps_of_d(n_critic):
    start = (1.0, 0.5)
    path = walk(GAN, start, 40, objective="non-saturating", n_critic=n_critic, penalties=("r1:2",))
    by_hand = iterates(True, "non-saturating", start, 40, penalty=PENALTY_SLOPES["r1:2"], n_critic=n_critic)
    np.testing.assert_allclose(path, by_hand, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("algorithm", [GAN, SimultaneousGAN])
def test_clipping_holds_psi_and_theta_goes_round_without_end(algorithm):
    c = 0.3
    path = np.array(walk(algorithm, (1.0, 0.5), 400, objective="wasserstein", weight_clip=c))
    by_hand = iterates(algorithm is GAN, "wasserstein", (1.0, 0.5), 400, clip=c)
    np.testing.assert_allclose(path, by_hand, rtol=1e-10, atol=1e-12)
    assert np.abs(path[:, 1]).max() == c and np.abs(path[:, 0]).max() < 1.2
    late = path[200:, 0]
    assert late.min() < -0.2 and late.max() > 0.2, "no convergence"


# --- what the paper says of these --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("objective", "slope"),
    [("wasserstein", 1.0), ("non-saturating", 0.5), ("minimax", 0.5), ("relativistic-average", 1.0)],
)
def test_simultaneous_steps_spiral_outward(objective, slope):
    """θ² + ψ² grows by 1 + h² f′(0)² a step near 0: everywhere, if the loss is linear."""
    h, tiny = 0.1, 1e-5
    start = (3 * tiny, 4 * tiny)
    squares = (np.array([start, *walk(SimultaneousGAN, start, 50, h, objective=objective)]) ** 2).sum(1)
    np.testing.assert_allclose(
        squares[1:] / squares[:-1], 1 + h**2 * slope**2, rtol=1e-8 if objective == "wasserstein" else 1e-4
    )


def test_alternating_steps_stay_on_an_ellipse():
    """θ² + ψ² − hθψ is the same after each step, if the loss is linear: neither convergence nor divergence."""
    h, start = 0.3, (1.0, 0.5)
    theta, psi = np.array([start, *walk(GAN, start, 300, h, objective="wasserstein")]).T
    np.testing.assert_allclose(theta**2 + psi**2 - h * theta * psi, 1.25 - h * 0.5, rtol=1e-10)
    assert theta.min() < -0.9


def multiplied_by(objective: str, gamma: float, h: float) -> np.ndarray:
    """The eigenvalues of a simultaneous step with R1 near (0, 0)."""
    tiny = 1e-6
    columns = [
        walk(SimultaneousGAN, start, 1, h, objective=objective, penalties=(f"r1:{gamma}",))[0]
        for start in ((tiny, 0.0), (0.0, tiny))
    ]
    return np.linalg.eigvals(np.array(columns).T / tiny)


def by_size(values: np.ndarray) -> list[complex]:
    """By their real parts, and conjugates by the imaginary ones."""
    return sorted(values, key=lambda value: (round(value.real, 6), round(value.imag, 6)))


@pytest.mark.parametrize(("objective", "slope"), [("wasserstein", 1.0), ("non-saturating", 0.5), ("minimax", 0.5)])
@pytest.mark.parametrize("share", [0.2, 0.5, 1.5, 4.0])
def test_r1_eigenvalues(objective, slope, share):
    """1 + h (−γ/2 ± √(γ²/4 − f′(0)²)): inside the unit circle, so it converges."""
    gamma, h = share * slope, 0.05
    root = np.sqrt(complex(gamma**2 / 4 - slope**2))
    expected = 1 + h * (-gamma / 2 + np.array([root, -root]))
    found = multiplied_by(objective, gamma, h)
    np.testing.assert_allclose(by_size(found), by_size(expected), atol=1e-5)
    assert np.abs(found).max() < 1


@pytest.mark.parametrize(("objective", "slope"), [("wasserstein", 1.0), ("non-saturating", 0.5)])
def test_r1_is_best_where_its_eigenvalues_meet(objective, slope):
    """At γ = 2 |f′(0)|."""
    h = 0.01
    worst = [np.abs(multiplied_by(objective, share * 2 * slope, h)).max() for share in (0.5, 0.8, 1.0, 1.25, 2.0)]
    assert min(worst) == worst[2]
    assert worst[2] == pytest.approx(1 - h * slope, abs=3e-5)


def test_r1_converges_where_a_gradient_penalty_does_not():
    """A slope of 1 is asked for even where the fakes are right, and θ goes to and fro."""
    start, h = (1.0, 0.5), 0.05
    r1 = np.array(walk(GAN, start, 350, h, objective="wasserstein", penalties=("r1:2",)))
    assert np.abs(r1[-1]).max() < 1e-5
    late = np.array(walk(GAN, start, 350, h, objective="wasserstein", penalties=("gradient:0.3",)))[150:]
    assert late[:, 0].min() < -1.2 and late[:, 0].max() > 1.2

"""Penalties on D, in float64: closed forms of linear and quadratic critics, and PyTorch's double backward."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import backend, nn
from minigan import functions as F
from minigan.algorithms import GAN
from minigan.data import Batch
from minigan.options import ConfigError
from minigan.penalties import (
    PENALTIES,
    R1,
    Divergence,
    DivergenceBetween,
    Drift,
    GradientPenalty,
    between,
    clip_weights,
    is_penalty,
    parsed_penalties,
)  # fmt: skip
from minigan.testing import gradcheck

N, SHAPE = 5, (2, 3, 2)  # samples of 12 numbers
RNG = np.random.default_rng(0)
REAL, FAKE = RNG.standard_normal((2, N, *SHAPE))
EPSILON = RNG.random((N, 1, 1, 1))
W = RNG.standard_normal(12)
SLOPES = {name: penalty for name, penalty in PENALTIES.items() if name != "drift"}  # those of D's slope


def tensor(array) -> mg.Tensor:
    return mg.Tensor(np.asarray(array, "float64"))


def leaf(array) -> mg.Tensor:
    return mg.Tensor(np.asarray(array, "float64"), requires_grad=True)


def flat(x: mg.Tensor) -> mg.Tensor:
    return F.reshape(x, (x.shape[0], -1))


def linear(w: mg.Tensor, b=0.0):
    """wᵀx + b, as logits (N, 1)."""
    return lambda x: F.matmul(flat(x), F.reshape(w, (-1, 1))) + b


def quadratic(A: mg.Tensor):
    """½ xᵀAx, as logits (N, 1); its slope is Ax for a symmetric A."""
    return lambda x: F.sum(flat(x) * F.matmul(flat(x), A), axis=1, keepdims=True) * 0.5


def value_of(penalty, D, real=REAL, fake=FAKE, epsilon=EPSILON) -> mg.Tensor:
    real = tensor(real)
    return penalty(D, real, tensor(fake), D(real), lambda *shape: tensor(epsilon))


def symmetric() -> np.ndarray:
    A = np.random.default_rng(1).standard_normal((12, 12))
    return A + A.T


def norms(x: np.ndarray, A: np.ndarray) -> np.ndarray:
    """‖Ax‖ of every sample."""
    return np.linalg.norm(x.reshape(len(x), -1) @ A, axis=1)


X_HAT = EPSILON * REAL + (1 - EPSILON) * FAKE


# --- linear critics: the slope is w everywhere ---------------------------------------------------


@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic(scale):
    """λ(‖w‖ − 1)², whatever the samples, the fakes and ε; its gradient is 2λ(‖w‖ − 1) w/‖w‖, and b has none."""
    w, b = leaf(scale * W), leaf([0.7])
    norm = np.linalg.norm(scale * W)
    for epsilon in (EPSILON, np.zeros((N, 1, 1, 1)), np.ones((N, 1, 1, 1))):
        w.grad = None
        penalty = value_of(GradientPenalty(7.0), linear(w, b), 5 * REAL, FAKE - 1, epsilon)
        assert penalty.item() == pytest.approx(7 * (norm - 1) ** 2, rel=1e-10)
        penalty.backward()
        np.testing.assert_allclose(w.grad.numpy(), 14 * (norm - 1) * scale * W / norm, rtol=1e-9)
        assert b.grad is None or b.grad.numpy() == 0


@pytest.mark.parametrize(
    ("penalty", "power", "factor"), [(R1(3.0), 2, 1.5), (Divergence(3.0), 6, 3.0), (DivergenceBetween(3.0), 6, 3.0)]
)
def test_powers_of_a_linear_critics_slope(penalty, power, factor):
    """R1: γ/2 ‖w‖². The divergence: k ‖w‖⁶ (k/2 at the reals and k/2 at the fakes), and so between them."""
    w = leaf(0.3 * W)
    norm = np.linalg.norm(0.3 * W)
    found = value_of(penalty, linear(w))
    assert found.item() == pytest.approx(factor * norm**power, rel=1e-12)
    found.backward()
    np.testing.assert_allclose(w.grad.numpy(), factor * power * norm ** (power - 2) * 0.3 * W, rtol=1e-12)


# --- quadratic critics: the slope depends on where it is taken -----------------------------------


def test_the_slopes_of_a_quadratic_critic_by_hand():
    A = 0.2 * symmetric()
    at_real, at_fake, at_between = norms(REAL, A), norms(FAKE, A), norms(X_HAT, A)
    D = quadratic(leaf(A))
    assert value_of(GradientPenalty(10), D).item() == pytest.approx(10 * ((at_between - 1) ** 2).mean(), rel=1e-10)
    assert value_of(R1(10), D).item() == pytest.approx(5 * (at_real**2).mean(), rel=1e-12)
    assert value_of(Divergence(2), D).item() == pytest.approx((at_real**6).mean() + (at_fake**6).mean(), rel=1e-12)
    assert value_of(DivergenceBetween(10), D).item() == pytest.approx(10 * (at_between**6).mean(), rel=1e-12)


@pytest.mark.parametrize(("epsilon", "there"), [(0.0, FAKE), (1.0, REAL)])
def test_epsilon_0_is_at_the_fakes_and_1_at_the_reals(epsilon, there):
    A = 0.2 * symmetric()
    epsilon = np.full((N, 1, 1, 1), epsilon)
    x = between(tensor(REAL), tensor(FAKE), lambda *shape: tensor(epsilon))
    np.testing.assert_array_equal(x.numpy(), there)
    found = value_of(GradientPenalty(1.0), quadratic(leaf(A)), epsilon=epsilon).item()
    assert found == pytest.approx(((norms(there, A) - 1) ** 2).mean(), rel=1e-10)


@pytest.mark.parametrize(("shape", "asked"), [((4, 3, 8, 8), (1, 1, 1)), ((4, 2), (1,)), ((4, 5, 7), (1, 1))])
def test_one_epsilon_for_each_sample(shape, asked):
    """Not one for each number of it: x̂ lies on the line from a fake to a real sample."""
    seen = []

    def uniform(*wanted: int) -> mg.Tensor:
        seen.append(wanted)
        return tensor(np.linspace(0, 0.9, shape[0]).reshape(shape[0], *wanted))

    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, *shape))
    x = between(tensor(real), tensor(fake), uniform)
    assert seen == [asked] and x.shape == shape and not x.requires_grad
    ratio = (x.numpy() - fake) / (real - fake)
    epsilon = np.linspace(0, 0.9, shape[0]).reshape(-1, *asked)
    np.testing.assert_allclose(ratio, np.broadcast_to(epsilon, shape), atol=1e-9)


# --- what holds for any critic --------------------------------------------------------------------


def perceptron(seed: int = 3):
    """A critic with LayerNorm, and its weights."""
    rng = np.random.default_rng(seed)
    weights = [leaf(0.5 * rng.standard_normal(s)) for s in ((8, 12), (8,), (8,), (1, 8))]
    first, gamma, beta, last = weights
    return lambda x: F.dense(F.tanh(F.layer_norm(F.dense(flat(x), first), gamma, beta)), last), weights


@pytest.mark.parametrize("name", SLOPES)
def test_a_constant_added_to_the_critic_changes_nothing(name):
    D, _ = perceptron()
    penalty = PENALTIES[name]()
    there = value_of(penalty, D).item()
    assert value_of(penalty, lambda x: D(x) + 5.0).item() == there > 0


@pytest.mark.parametrize("name", PENALTIES)
def test_a_batch_has_the_mean_of_its_samples_penalties(name):
    D, weights = perceptron()
    penalty = PENALTIES[name]()
    whole = value_of(penalty, D)
    of_whole = mg.grad(whole, weights, allow_unused=True)
    parts = [value_of(penalty, D, REAL[i : i + 1], FAKE[i : i + 1], EPSILON[i : i + 1]) for i in range(N)]
    of_parts = [mg.grad(part, weights, allow_unused=True) for part in parts]
    assert whole.item() == pytest.approx(np.mean([part.item() for part in parts]), rel=1e-12)
    for i, gradient in enumerate(of_whole):
        assert (gradient is None) == (of_parts[0][i] is None)
        if gradient is not None:
            mean = np.mean([part[i].numpy() for part in of_parts], axis=0)
            np.testing.assert_allclose(gradient.numpy(), mean, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "power"), [("r1", 2), ("divergence", 6), ("divergence-between", 6), ("drift", 2)])
@pytest.mark.parametrize("scale", [-2.0, 0.5])
def test_a_critic_times_a_number(name, power, scale):
    """pen(α D) = |α|ᵖ pen(D)."""
    D, _ = perceptron()
    penalty = PENALTIES[name]()
    expected = abs(scale) ** power * value_of(penalty, D).item()
    assert value_of(penalty, lambda x: D(x) * scale).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_flat_critic_has_a_finite_penalty_and_gradient(name, dtype):
    """√ has an infinite slope at 0, and 0 · ∞ is NaN."""
    w = mg.Tensor(np.zeros(12, dtype), requires_grad=True)
    real = mg.Tensor(REAL.astype(dtype))
    D = linear(w)
    penalty = PENALTIES[name](1.0)(D, real, real, D(real), lambda *shape: mg.Tensor(EPSILON.astype(dtype)))
    assert penalty.dtype == dtype and penalty.shape == ()
    assert penalty.item() == pytest.approx(1.0 if name == "gradient" else 0.0, abs=1e-5)
    penalty.backward()
    np.testing.assert_array_equal(w.grad.numpy(), np.zeros(12))


@pytest.mark.parametrize("name", PENALTIES)
def test_no_gradient_goes_to_the_samples(name):
    """x̂ has no graph: in D's turn G learns nothing, though it made the fakes."""
    D, weights = perceptron()
    real, fake = leaf(REAL), leaf(FAKE)
    PENALTIES[name]()(D, real, fake, D(real.detach()), lambda *shape: tensor(EPSILON)).backward()
    assert real.grad is None and fake.grad is None
    assert weights[0].grad is not None and np.abs(weights[0].grad.numpy()).max() > 0


@pytest.mark.parametrize("name", SLOPES)
def test_gradients_are_the_derivatives(name):
    """Of the penalty by D's weights: a gradient of a gradient."""
    rng = np.random.default_rng(5)
    penalty = PENALTIES[name]()

    def of(first: mg.Tensor, last: mg.Tensor) -> mg.Tensor:
        return value_of(penalty, lambda x: F.dense(F.tanh(F.dense(flat(x), first)), last))

    gradcheck(of, [rng.standard_normal((4, 12)) / 3, rng.standard_normal((1, 4))], order=1)


# --- drift ----------------------------------------------------------------------------------------


def test_drift_is_of_the_real_logits_alone():
    logits = leaf([[2.0], [-1.0], [0.5]])

    def never(x: mg.Tensor) -> mg.Tensor:
        raise AssertionError("D's logits are known already")

    penalty = Drift(0.3)(never, tensor(REAL), tensor(FAKE), logits, never)
    assert penalty.item() == pytest.approx(0.3 * (4 + 1 + 0.25) / 3)
    penalty.backward()
    np.testing.assert_allclose(logits.grad.numpy(), 0.3 * 2 / 3 * logits.numpy())


# --- against PyTorch ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SLOPES)
def test_equals_a_double_backward_in_pytorch(name):
    """With strided convolutions and a slope that is another in each region."""
    torch = pytest.importorskip("torch")
    TF = torch.nn.functional
    rng = np.random.default_rng(7)
    real, fake = rng.standard_normal((2, 4, 2, 8, 8))
    epsilon = rng.random((4, 1, 1, 1))
    start = [0.3 * rng.standard_normal(s) for s in ((3, 2, 4, 4), (3,), (2, 48), (2,), (1, 2))]

    def ours() -> tuple[float, list[np.ndarray]]:
        w, b, v, c, last = weights = [leaf(a) for a in start]

        def D(x: mg.Tensor) -> mg.Tensor:
            h = F.leaky_relu(F.conv2d(x, w, b, 2, 1), 0.2)
            return F.dense(F.softplus(F.dense(flat(h), v, c)), last)

        x = tensor(real)
        penalty = PENALTIES[name]()(D, x, tensor(fake), D(x), lambda *shape: tensor(epsilon))
        penalty.backward()
        return penalty.item(), [np.zeros(p.shape) if p.grad is None else p.grad.numpy() for p in weights]

    def theirs() -> tuple[float, list[np.ndarray]]:
        w, b, v, c, last = weights = [torch.tensor(a, requires_grad=True) for a in start]

        def D(x):
            h = TF.leaky_relu(TF.conv2d(x, w, b, 2, 1), 0.2)
            return TF.linear(TF.softplus(TF.linear(h.flatten(1), v, c)), last)

        def squared(x):
            x = torch.tensor(x, requires_grad=True)
            (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
            return slope.flatten(1).norm(dim=1) ** 2

        x_hat = epsilon * real + (1 - epsilon) * fake
        penalty = {
            "gradient": lambda: 10 * ((squared(x_hat).sqrt() - 1) ** 2).mean(),
            "r1": lambda: 5 * squared(real).mean(),
            "divergence": lambda: (squared(real) ** 3).mean() + (squared(fake) ** 3).mean(),
            "divergence-between": lambda: 10 * (squared(x_hat) ** 3).mean(),
        }[name]()
        found = torch.autograd.grad(penalty, weights, allow_unused=True)
        found = [torch.zeros_like(p) if g is None else g for p, g in zip(weights, found, strict=True)]
        return penalty.item(), [g.numpy() for g in found]

    (value, gradients), (expected, of_pytorch) = ours(), theirs()
    assert value == pytest.approx(expected, rel=1e-9)
    for found, wanted in zip(gradients, of_pytorch, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-8 * max(1.0, np.abs(wanted).max()))


# --- clipped weights ------------------------------------------------------------------------------


def test_clipping_bounds_every_weight_and_no_statistic():
    D = nn.Sequential(nn.Dense(12, 8), nn.BatchNorm(8), nn.LeakyReLU(0.2), nn.Dense(8, 1))
    D(mg.Tensor(10 + 5 * REAL.reshape(N, 12).astype("float32")))
    before = {name: t.numpy().copy() for name, t in (*D.named_parameters(), *D.named_buffers())}
    c = np.float32(0.01)
    assert np.abs(before["1.running_mean"]).max() > c
    clip_weights(D, 0.01)
    for name, parameter in D.named_parameters():
        assert parameter.dtype == np.float32
        np.testing.assert_array_equal(parameter.numpy(), np.clip(before[name], -c, c), err_msg=name)
    assert max(np.abs(p.numpy()).max() for p in D.parameters()) == c
    for name, buffer in D.named_buffers():
        np.testing.assert_array_equal(buffer.numpy(), before[name], err_msg=name)


def test_a_graph_from_before_the_clipping_is_stale():
    D = nn.Sequential(nn.Dense(12, 8), nn.LeakyReLU(0.2), nn.Dense(8, 1))
    x = mg.Tensor(REAL.reshape(N, 12).astype("float32"), requires_grad=True)
    logits = F.sum(D(x))
    clip_weights(D, 0.01)
    with pytest.raises(mg.StaleTensorError):
        logits.backward()


# --- by name --------------------------------------------------------------------------------------


def test_the_papers_weights():
    weights = {name: penalty.weight for name, penalty in parsed_penalties(PENALTIES).items()}
    assert weights == {"gradient": 10, "r1": 10, "divergence": 2, "divergence-between": 10, "drift": 0.001}


def test_a_weight_of_ones_own():
    found = parsed_penalties(["r1:5", "drift", "gradient:0.1"])
    assert {name: (type(p), p.weight) for name, p in found.items()} == {
        "r1": (R1, 5.0), "drift": (Drift, 0.001), "gradient": (GradientPenalty, 0.1)
    }  # fmt: skip


@pytest.mark.parametrize("text", ["lipschitz", "r1:", "r1:0", "r1:-1", "r1:inf", "r1:nan", "r1:ten", "R1", "", None, 3])
def test_what_is_no_penalty(text):
    assert not is_penalty(text)
    with pytest.raises(ConfigError, match=r"^penalties is .*, but must be names from gradient, r1, .*gradient:10$"):
        GAN(penalties=(text,))


def test_a_penalty_named_twice_is_refused():
    with pytest.raises(ConfigError, match="^penalties: r1 is named twice$"):
        parsed_penalties(["r1", "drift", "r1:5"])


# --- in a GAN -------------------------------------------------------------------------------------


class WithBatchNorm(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Dense(12, 4), nn.BatchNorm(4), nn.ReLU(), nn.Dense(4, 1))


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_of_each_samples_slope_refuse_batch_norm(name):
    gan, G, D = GAN(penalties=(f"{name}:3",)), nn.Dense(2, 12), WithBatchNorm()
    if name == "drift":
        gan.use(G, D)
        return
    with pytest.raises(ConfigError) as caught:
        gan.use(G, D)
    assert str(caught.value) == (
        f"penalties {name}:3: D has BatchNorm, which mixes the samples of a batch, but the penalty is on each sample's "
        "own slope: choose a model whose D has none, or LayerNorm"
    )
    gan.use(WithBatchNorm(), nn.Sequential(nn.Dense(12, 4), nn.LayerNorm(4), nn.Dense(4, 1)))  # in G it may be


def test_penalties_add_up_in_ds_loss():
    """λ(‖w‖ − 1)² + γ/2 ‖w‖² + −w·(mean gap): each of the terms is reported, and the gradient is of their sum."""
    gan = GAN(objective="wasserstein", penalties=("gradient:3", "r1:4"), optimizer="sgd", lr_D=0.1)
    D = nn.Dense(12, 1).to(dtype="float64")
    D.weight.copy_(W)
    gan.use(nn.Dense(2, 12), D)
    gan.dtype, gan.device = "float64", backend.get_default_device()
    real, fake = REAL.reshape(N, 12), FAKE.reshape(N, 12)
    figures = gan.discriminator_turn(Batch(x=tensor(real)), tensor(fake))
    norm, gap = np.linalg.norm(W), (fake - real).mean(0)
    assert figures["penalty_gradient"].item() == pytest.approx(3 * (norm - 1) ** 2)
    assert figures["penalty_r1"].item() == pytest.approx(2 * norm**2)
    assert figures["loss_D"].item() == pytest.approx(W @ gap + 3 * (norm - 1) ** 2 + 2 * norm**2)
    slope = gap + 6 * (norm - 1) * W / norm + 4 * W
    np.testing.assert_allclose(D.weight.numpy()[0], W - 0.1 * slope, rtol=1e-9)


def test_wgan_div_makes_a_linear_critic_as_steep_as_its_closed_form():
    """−m‖w‖ + k‖w‖⁶ is least at ‖w‖ = (m/6k)^(1/5), m being the distance of the means."""
    gan = GAN(objective="wasserstein", penalties=("divergence:0.5",), optimizer="sgd", lr_D=0.1)
    gan.dtype, gan.device = "float64", backend.get_default_device()
    D = nn.Dense(12, 1).to(dtype="float64")
    gan.use(nn.Dense(2, 12), D)
    real, fake = REAL.reshape(N, 12), FAKE.reshape(N, 12)
    for _ in range(100):
        gan.discriminator_turn(Batch(x=tensor(real)), tensor(fake))
    gap = (real - fake).mean(0)
    distance = np.linalg.norm(gap)
    steepness = (distance / (6 * 0.5)) ** 0.2
    np.testing.assert_allclose(D.weight.numpy()[0], steepness * gap / distance, rtol=1e-6, atol=1e-9)

"""What is added to D's loss so that its slope stays bounded, and what bounds its weights: one small class each.

A penalty is a function of D, of the real samples and of the fakes. It has D's gradient in it, so the engine
differentiates a second time to find the penalty's own gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from minigan import functions as F
from minigan.autograd import Tensor, grad
from minigan.nn import Module
from minigan.options import ConfigError

Discriminator = Callable[[Tensor], Tensor]  # D, with whatever else it is given (labels) in place: samples → logits
Uniform = Callable[..., Tensor]  # uniform(*shape): numbers in [0, 1) for every sample, (N, *shape)
TINY = 1e-12  # under a root, whose slope at 0 is infinite


@dataclass
class Penalty:
    """A term that is added to D's loss. per_sample: it is of each sample's own slope, so D must have no BatchNorm."""

    weight: float = 1.0
    per_sample: ClassVar[bool] = True

    def __call__(self, D: Discriminator, real: Tensor, fake: Tensor, real_logits: Tensor, uniform: Uniform) -> Tensor:
        """The term, with its graph. real, fake: samples (N, …); real_logits: D's of the real ones, computed before.
        uniform: what draws numbers, one or more for each sample."""
        raise TypeError(f"{type(self).__name__} has no __call__ method")


@dataclass
class GradientPenalty(Penalty):
    """weight · E (‖∇D(x̂)‖₂ − 1)²,  x̂ = ε x + (1 − ε) G(z),  ε uniform in [0, 1), one for each sample

    D is asked to have slope 1 between reals and fakes. The norm is over all numbers of a sample. D must treat each
    sample by itself: no BatchNorm. Gulrajani et al., 2017 (WGAN-GP), algorithm 1: weight 10.
    """

    weight: float = 10.0

    def __call__(self, D: Discriminator, real: Tensor, fake: Tensor, real_logits: Tensor, uniform: Uniform) -> Tensor:
        slopes = F.sqrt(squared_slopes(D, between(real, fake, uniform)) + TINY)
        return F.mean((slopes - 1.0) ** 2) * self.weight


@dataclass
class R1(Penalty):
    """weight / 2 · E ‖∇D(x)‖₂², on real samples only. Mescheder et al., 2018, equation 9: weight (γ) 10."""

    weight: float = 10.0

    def __call__(self, D: Discriminator, real: Tensor, fake: Tensor, real_logits: Tensor, uniform: Uniform) -> Tensor:
        return F.mean(squared_slopes(D, real)) * (self.weight / 2)


@dataclass
class Divergence(Penalty):
    """weight / 2 · (E ‖∇D(x)‖₂⁶ + E ‖∇D(G(z))‖₂⁶)

    Of WGAN-div, whose D need not be 1-Lipschitz: no slope is asked for, steep ones are penalised. Wu et al., 2018:
    k = 2, p = 6. The paper allows any distribution to take it over; this is both samples', as most public
    implementations have it, the authors' own is `DivergenceBetween`.
    """

    weight: float = 2.0

    def __call__(self, D: Discriminator, real: Tensor, fake: Tensor, real_logits: Tensor, uniform: Uniform) -> Tensor:
        return (_mean_sixth_power(D, real) + _mean_sixth_power(D, fake)) * (self.weight / 2)


@dataclass
class DivergenceBetween(Penalty):
    """weight · E ‖∇D(x̂)‖₂⁶, x̂ as in `GradientPenalty`: WGAN-div as its authors' code has it, with weight 10."""

    weight: float = 10.0

    def __call__(self, D: Discriminator, real: Tensor, fake: Tensor, real_logits: Tensor, uniform: Uniform) -> Tensor:
        return _mean_sixth_power(D, between(real, fake, uniform)) * self.weight


@dataclass
class Drift(Penalty):
    """weight · E D(x)²: keeps a critic's outputs near 0. Karras et al., 2018 (PGGAN), appendix A.1: weight 0.001."""

    weight: float = 0.001
    per_sample = False

    def __call__(self, D: Discriminator, real: Tensor, fake: Tensor, real_logits: Tensor, uniform: Uniform) -> Tensor:
        return F.mean(real_logits**2) * self.weight


PENALTIES: dict[str, type[Penalty]] = {
    "gradient": GradientPenalty, "r1": R1, "divergence": Divergence, "divergence-between": DivergenceBetween,
    "drift": Drift,
}  # fmt: skip


def between(real: Tensor, fake: Tensor, uniform: Uniform) -> Tensor:
    """x̂ = ε x + (1 − ε) G(z): a sample on the line between each real and a fake, outside of any graph."""
    epsilon = uniform(*[1] * (real.ndim - 1))  # one for all numbers of a sample
    x_hat = (real.detach() * epsilon + fake.detach() * (1.0 - epsilon)).detach()
    x_hat.name = "x_hat"
    return x_hat


def squared_slopes(D: Discriminator, x: Tensor) -> Tensor:
    """‖∇D(x)‖₂² for every sample (N), with a graph: its gradient with respect to D's weights is of second order."""
    x = x.detach()
    x.requires_grad = True
    (slope,) = grad(F.sum(D(x)), [x], create_graph=True)
    return F.sum(slope**2, axis=tuple(range(1, slope.ndim)))


def _mean_sixth_power(D: Discriminator, x: Tensor) -> Tensor:
    return F.mean(squared_slopes(D, x) ** 3)


def clip_weights(D: Module, bound: float) -> None:
    """w ← min(max(w, −c), c) for every weight of D; its running statistics stay as they are. Arjovsky et al., 2017."""
    for p in D.parameters():
        p.data = p.data.clip(-bound, bound)


def parsed_penalties(texts: Iterable[str]) -> dict[str, Penalty]:
    """Penalties by name, of texts such as "gradient", "r1:5" (another weight than the paper's) and "none"."""
    found: dict[str, Penalty] = {}
    for text in texts:
        name, _, weight = text.partition(":")
        if name == "none":
            continue
        if name in found:
            raise ConfigError(f"penalties: {name} is named twice")
        found[name] = PENALTIES[name](float(weight)) if weight else PENALTIES[name]()
    return found


def is_penalty(text: object) -> bool:
    """Whether `parsed_penalties` takes it."""
    if not isinstance(text, str):
        return False
    name, colon, weight = text.partition(":")
    try:
        return text == "none" or name in PENALTIES and (not colon or 0 < float(weight) < float("inf"))
    except ValueError:
        return False

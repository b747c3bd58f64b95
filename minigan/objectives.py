"""What each network minimises: one small class a GAN loss.

Both losses take D's logits l, one or more a sample (a patch each): means are over all of them. `figures` has
what the logits mean for this loss, as numbers that a run shows. G's loss is of the fakes' logits; that of a
`relativistic` objective is given those of real samples too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from minigan import functions as F
from minigan.autograd import Tensor
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.functions.distributed import all_reduce_mean
from minigan.kernels.reduction import mean_sigmoid


class Objective(Protocol):
    """What each network minimises, and what is shown of D's logits. generator_formula: G's loss, for people.
    relativistic: generator_loss(fake_logits, real_logits) takes both; else generator_loss(fake_logits) does.
    process_group: whose whole batch a mean within a loss is over; that of the loss itself is averaged elsewhere."""

    generator_formula: str
    relativistic: ClassVar[bool] = False
    process_group: ProcessGroup

    @property
    def generator_loss(self) -> Callable[..., Tensor]: ...

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor: ...

    def figures(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]: ...


class _Probability:
    """σ(l) is D's probability that a sample is real."""

    relativistic: ClassVar[bool] = False
    process_group: ProcessGroup = SINGLE_PROCESS

    def figures(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """The means of σ(l(x)) and σ(l(G(z))): how real D finds real samples, and fakes."""
        logits = {"D_x": real_logits, "D_G_z": fake_logits}
        return {name: Tensor(mean_sigmoid(value.data), device=value.device) for name, value in logits.items()}


class _Critic:
    """l is a score without a unit: only its differences mean something."""

    relativistic: ClassVar[bool] = False
    process_group: ProcessGroup = SINGLE_PROCESS

    def figures(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """E l(x) − E l(G(z)): by how much real samples are scored higher. (A Wasserstein critic's estimate.)"""
        return {"score_gap": Tensor(real_logits.data.mean() - fake_logits.data.mean(), device=real_logits.device)}


class Minimax(_Probability):
    """D: −E ln σ(l(x)) − E ln(1 − σ(l(G(z))))        G: E ln(1 − σ(l(G(z))))

    The original game. G's gradient at a logit is −σ(l): where D is sure that a sample is fake, it
    vanishes, and that is where G starts. Goodfellow et al., 2014, equation 1.
    """

    generator_formula = "E ln(1 − σ(D(G(z))))"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        real = F.binary_cross_entropy_with_logits(real_logits, 1.0)
        return real + F.binary_cross_entropy_with_logits(fake_logits, 0.0)

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        return -F.binary_cross_entropy_with_logits(fake_logits, 0.0)


class NonSaturating(Minimax):
    """D: as in `Minimax`        G: −E ln σ(l(G(z)))

    G's gradient at a logit is σ(l) − 1: largest where D is sure. Goodfellow et al., 2014, section 3.
    """

    generator_formula = "−E ln σ(D(G(z)))"

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(fake_logits, 1.0)


class LeastSquares(_Probability):
    """D: ½ E(l(x) − 1)² + ½ E l(G(z))²        G: ½ E(l(G(z)) − 1)²

    G's gradient at a logit is l − 1: the further the logit from 1 ("real"), the larger. There is no
    sigmoid here. Mao et al., 2017 (LSGAN), equation 9.
    """

    generator_formula = "½ E(D(G(z)) − 1)²"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return (F.mse_loss(real_logits, 1.0) + F.mse_loss(fake_logits, 0.0)) * 0.5

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        return F.mse_loss(fake_logits, 1.0) * 0.5


class PearsonLeastSquares(_Critic):
    """D: ½ E(l(x) − 1)² + ½ E(l(G(z)) + 1)²        G: ½ E l(G(z))²

    LSGAN's other labels, a = −1, b = 1, c = 0: for D at its best, l = (p − q) / (p + q), the loss of G is, but for a
    constant, half of Pearson's χ² of p + q and 2q. Mao et al., 2017, equation 8.
    """

    generator_formula = "½ E D(G(z))²"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return (F.mse_loss(real_logits, 1.0) + F.mse_loss(fake_logits, -1.0)) * 0.5

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        return F.mse_loss(fake_logits, 0.0) * 0.5


class RelativisticAverage(_Critic):
    """D: −E ln σ(l(x) − E l(G(z))) − E ln(1 − σ(l(G(z)) − E l(x)))        G: the same, x and G(z) changed over

    σ is the probability that a sample is more real than the other kind is on average. G also lowers the logits of real
    samples. Jolicoeur-Martineau, 2018, The relativistic discriminator (RaSGAN), algorithm 2.
    """

    generator_formula = "−E ln σ(D(G(z)) − E D(x)) − E ln(1 − σ(D(x) − E D(G(z))))"
    relativistic = True

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        real_mean, fake_mean = (all_reduce_mean(F.mean(x), self.process_group) for x in (real_logits, fake_logits))
        real = F.binary_cross_entropy_with_logits(real_logits - fake_mean, 1.0)
        return real + F.binary_cross_entropy_with_logits(fake_logits - real_mean, 0.0)

    def generator_loss(self, fake_logits: Tensor, real_logits: Tensor) -> Tensor:
        return self.discriminator_loss(fake_logits, real_logits)


class Wasserstein(_Critic):
    """D: −E l(x) + E l(G(z))        G: −E l(G(z))

    D is a critic: if its slope is bounded by K (by clipped weights or a penalty), its gap E l(x) − E l(G(z)) is at
    most K times the Wasserstein distance of the two distributions. Arjovsky et al., 2017, algorithm 1.
    """

    generator_formula = "−E D(G(z))"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return F.mean(fake_logits) - F.mean(real_logits)

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        return -F.mean(fake_logits)


class Hinge(_Critic):
    """D: E max(0, 1 − l(x)) + E max(0, 1 + l(G(z)))        G: −E l(G(z))

    D's gradient is 0 for reals above 1 and fakes below −1. Lim and Ye, 2017; SNGAN, SAGAN.
    """

    generator_formula = "−E D(G(z))"

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        return F.hinge_loss(real_logits, 1.0) + F.hinge_loss(fake_logits, -1.0)

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        return -F.mean(fake_logits)


OBJECTIVES: dict[str, type[Objective]] = {
    "minimax": Minimax, "non-saturating": NonSaturating, "least-squares": LeastSquares, "wasserstein": Wasserstein,
    "hinge": Hinge, "pearson": PearsonLeastSquares, "relativistic-average": RelativisticAverage,
}  # fmt: skip

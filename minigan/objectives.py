"""What each player minimises: one small class a GAN loss.

Both take D's logits l, one a sample; σ(l) is D's probability that the sample is real. The loss of
G is a function of D's logits on the fakes alone, so all G learns is what comes back through D.
"""

from __future__ import annotations

from minigan import functions as F
from minigan.autograd import Tensor


class Minimax:
    """D: −E ln σ(l(x)) − E ln(1 − σ(l(G(z))))        G: E ln(1 − σ(l(G(z))))

    The original game. G's gradient at a logit is −σ(l): where D is sure that a sample is fake, it
    vanishes, and that is where G starts. Goodfellow et al., 2014, equation 1.
    """

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """Real samples should be called real, fakes fake."""
        real = F.binary_cross_entropy_with_logits(real_logits, 1.0)
        return real + F.binary_cross_entropy_with_logits(fake_logits, 0.0)

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """Minus what D pays for the fakes."""
        return -F.binary_cross_entropy_with_logits(fake_logits, 0.0)


class NonSaturating(Minimax):
    """D: as in `Minimax`        G: −E ln σ(l(G(z)))

    G's gradient at a logit is σ(l) − 1: largest where D is sure. Goodfellow et al., 2014, section 3.
    """

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """What D would pay for the fakes, were they real."""
        return F.binary_cross_entropy_with_logits(fake_logits, 1.0)


class LeastSquares:
    """D: ½ E(l(x) − 1)² + ½ E l(G(z))²        G: ½ E(l(G(z)) − 1)²

    G's gradient at a logit is l − 1: the further the verdict from "real", the larger. The logit is the
    verdict itself here, no sigmoid. Mao et al., 2017 (LSGAN), equation 9.
    """

    def discriminator_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """Real samples should be given 1, fakes 0."""
        return (F.mse_loss(real_logits, 1.0) + F.mse_loss(fake_logits, 0.0)) * 0.5

    def generator_loss(self, fake_logits: Tensor) -> Tensor:
        """Fakes should be given 1."""
        return F.mse_loss(fake_logits, 1.0) * 0.5


OBJECTIVES = {"minimax": Minimax, "non-saturating": NonSaturating, "least-squares": LeastSquares}

"""The variational autoencoder: an encoder and a decoder with one loss. There is no discriminator, and no border.

The encoder gives a Gaussian for each image, by mean μ and ln σ² of each code; the decoder makes a logit for each pixel
of a code drawn from it. Both minimise the negative of the evidence lower bound on ln p(x),

    L = −Σ (x ln p + (1 − x) ln(1 − p)) + KL(N(μ, σ²) ‖ N(0, 1)),      x and p = σ(logit) in [0, 1],

summed over an image's pixels and codes, and averaged over images. The draw is μ + σε with ε from N(0, 1), so that the
gradient reaches μ and σ. Kingma and Welling, 2014; the networks are those of PyTorch's example.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from minigan import functions as F
from minigan import nn
from minigan.algorithms.algorithm import Algorithm, SampleGenerator
from minigan.algorithms.figures import Figures
from minigan.autograd import Tensor
from minigan.data import Batch, DataInfo
from minigan.optim import Adam
from minigan.options import COUNT, POSITIVE, option


@dataclass(eq=False)
class VAE(Algorithm):
    """An encoder and a decoder, trained together to give images back from 20 numbers."""

    averaged = ("decoder",)
    image_size = 28

    hidden: int = option(400, "features of the hidden layers", COUNT)
    z_dim: int = option(20, "numbers that an image is encoded in", COUNT)
    lr: float = option(1e-3, "Adam's learning rate", POSITIVE)

    def setup(self, data: DataInfo) -> None:
        shape = data.image_shape
        pixels = prod(shape)
        encoder = nn.Sequential(
            nn.Flatten(), nn.Dense(pixels, self.hidden), nn.ReLU(), nn.Dense(self.hidden, 2 * self.z_dim)
        )
        decoder = nn.Sequential(
            nn.Dense(self.z_dim, self.hidden), nn.ReLU(), nn.Dense(self.hidden, pixels), nn.Reshape(*shape)
        )
        self.networks = {"encoder": encoder, "decoder": decoder}
        self.optimizers = {"both": Adam([*encoder.parameters(), *decoder.parameters()], self.lr)}

    def step(self, batches: Iterator[Batch]) -> Figures:
        batch = next(batches)
        reconstruction, kl = self.terms(batch.x, self.normal(batch, self.z_dim))
        loss = self.name_loss("loss", reconstruction + kl)
        self.optimizers["both"].zero_grad()
        loss.backward()
        self.optimizers["both"].step()
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl}

    def terms(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The two terms of the loss, of images (N, C, H, W) in [−1, 1] and noise (N, z_dim), as means over images."""
        x = images * 0.5 + 0.5
        mean, log_variance = self.encode(x)
        z = mean + F.exp(log_variance * 0.5) * noise
        x.name, z.name = "x", "z"  # in a trace
        logits = self.networks["decoder"](z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(images)
        return reconstruction, kl_divergence(mean, log_variance)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """μ and ln σ² of the codes of images (N, C, H, W) in [0, 1], (N, z_dim) each."""
        both = self.networks["encoder"](x)
        return both[:, : self.z_dim], both[:, self.z_dim :]

    def sample(self, n: int, rng: SampleGenerator) -> Tensor:
        """What the decoder makes of codes from N(0, 1): each pixel's probability p, as 2p − 1 in [−1, 1]."""
        z = self.tensor(rng.standard_normal((n, self.z_dim), "float32"))
        return F.sigmoid(self.networks["decoder"](z)) * 2.0 - 1.0


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = −½ Σ (1 + ln σ² − μ² − σ²), summed over codes (N, z_dim), averaged over N."""
    return F.sum(1.0 + log_variance - mean**2 - F.exp(log_variance)) * (-0.5 / len(mean))

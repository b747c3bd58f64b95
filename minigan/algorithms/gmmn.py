"""The generative moment matching network: G alone, whose loss is how far its samples are from the real ones.

    L = √ Σ_σ MMD²_σ,    MMD²_σ = E k(x, x′) + E k(y, y′) − 2 E k(x, y),    k(x, y) = exp(−‖x − y‖² / 2σ²)

x are real images, y = G(z), both in [0, 1], and E is the mean over all pairs of a batch. The loss is one of the whole
batch, so batches are large. There is no discriminator: the kernel stands in its place, and does not learn. Li, Swersky
and Zemel, 2015; the bandwidths σ are theirs. They have gradient descent with momentum, here it is Adam.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import pi, prod, sqrt

from minigan import functions as F
from minigan import nn
from minigan.algorithms.algorithm import Algorithm, SampleGenerator
from minigan.algorithms.figures import Figures
from minigan.autograd import Tensor
from minigan.data import Batch, DataInfo
from minigan.optim import Adam
from minigan.options import POSITIVE, option

SIGMAS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
WIDTHS = (64, 256, 256, 1024)
TINY = 1e-12  # under the root, whose slope at 0 is infinite


@dataclass(eq=False)
class GMMN(Algorithm):
    """G learns to make batches that no kernel of six bandwidths tells from real ones."""

    image_size = 28
    z_dim = 10

    lr: float = option(1e-3, "Adam's learning rate", POSITIVE)

    def setup(self, data: DataInfo) -> None:
        shape = data.image_shape
        hidden = [layer for n, m in pairwise((self.z_dim, *WIDTHS)) for layer in (nn.Dense(n, m), nn.ReLU())]
        last = nn.Dense(WIDTHS[-1], prod(shape))
        G = nn.Sequential(NearlyUniform(), *hidden, last, BoundedSigmoid(), nn.Reshape(*shape))
        self.networks = {"G": G}
        self.optimizers = {"G": Adam(G.parameters(), self.lr)}

    def step(self, batches: Iterator[Batch]) -> Figures:
        G, batch = self.networks["G"], next(batches)
        fake = G(self.normal(batch, self.z_dim))
        real = batch.x * 0.5 + 0.5
        squared = squared_mmd(self.whole_batch(real), self.whole_batch(fake), SIGMAS)
        loss = self.name_loss("loss", F.sqrt(F.relu(squared) + TINY))  # rounding may leave it below 0
        G.zero_grad()
        loss.backward()
        self.optimizers["G"].step()
        return {"loss": loss}

    def sample(self, n: int, rng: SampleGenerator) -> Tensor:
        """G's images for n draws of noise, from [0, 1] brought to [−1, 1]."""
        return self.networks["G"](self.tensor(rng.standard_normal((n, self.z_dim), "float32"))) * 2.0 - 1.0


class NearlyUniform(nn.Module):
    """tanh(√(2/π) z): normal noise becomes nearly uniform in (−1, 1), as the paper's is. Its distribution function is
    nowhere further than 0.02 from the uniform one's."""

    def forward(self, z: Tensor) -> Tensor:
        return F.tanh(z * sqrt(2 / pi))


class BoundedSigmoid(nn.Module):
    """σ(max(−30, min(x, 30))): beyond, the slope is 0. Pixels that are black in all images learn ever lower x, whose
    slopes float32 holds only as subnormal numbers, which make products seven times as slow."""

    def forward(self, x: Tensor) -> Tensor:
        return F.sigmoid(F.clip(x, -30.0, 30.0))


def squared_mmd(x: Tensor, y: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Σ_σ MMD²_σ of samples x (N, …) and y (M, …), over all pairs, each with itself too: it is biased, and never
    below 0 but for rounding. Gretton et al., 2012, equation 5."""
    x, y = (F.reshape(a, (len(a), prod(a.shape[1:]))) for a in (x, y))
    return _mean_kernel(x, x, sigmas) + _mean_kernel(y, y, sigmas) - 2.0 * _mean_kernel(x, y, sigmas)


def _mean_kernel(x: Tensor, y: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Σ_σ of the mean of exp(−‖x − y‖² / 2σ²) over all pairs."""
    norms = F.sum(x**2, axis=1, keepdims=True) + F.reshape(F.sum(y**2, axis=1), (1, len(y)))
    distances = norms - 2.0 * F.matmul(x, F.transpose(y))
    first, *others = [F.mean(F.exp(distances * (-0.5 / sigma**2))) for sigma in sigmas]
    return sum(others, first)

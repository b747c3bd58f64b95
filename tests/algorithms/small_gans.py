"""GANs of a few weights in float64, and batches for them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np

import minigan as mg
from minigan import backend, nn
from minigan import functions as F
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.data import Batch

N, Z, CLASSES = 4, 6, 3
STEPS = {"alternating": GAN, "simultaneous": SimultaneousGAN}


class Generator(nn.Module):
    """z (N, 6) → images (N, 1, 6, 6). With BatchNorm, as most."""

    z_dim, image_size = Z, 6

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Dense(Z, 18), nn.Reshape(2, 3, 3), nn.BatchNorm(2), nn.ReLU(),
            nn.ConvTranspose2d(2, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    """Images → logits, with BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.LeakyReLU(0.2), nn.Conv2d(3, 2, 2), nn.BatchNorm(2), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Dense(18, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.main(x)


class Critic(nn.Sequential):
    """Images → scores, without BatchNorm, and with dropout if asked for."""

    def __init__(self, dropout: float = 0.0) -> None:
        layers = [nn.Conv2d(1, 3, 3), nn.LeakyReLU(0.2), nn.Dropout(dropout), nn.Flatten(), nn.Dense(48, 1)]
        super().__init__(*layers)


class SpectralCritic(Critic):
    """Its convolution and its dense layer are divided by their spectral norms: a call in training moves u."""

    def __init__(self) -> None:
        super().__init__()
        nn.with_spectral_norm(self)


class LabelledGenerator(nn.Module):
    """z and labels → images."""

    z_dim, image_size, conditional, classes = Z, 6, True, CLASSES

    def __init__(self) -> None:
        super().__init__()
        self.label, self.main = nn.Embedding(CLASSES, Z), Generator().main

    def forward(self, z, y):
        return self.main(z + self.label(y))


class LabelledCritic(nn.Module):
    """Images and labels → scores."""

    def __init__(self) -> None:
        super().__init__()
        self.label, self.main = nn.Embedding(CLASSES, 36), Critic()

    def forward(self, x, y):
        return self.main(x + F.reshape(self.label(y), x.shape))


def make(algorithm: type[GAN] = GAN, networks: Any = (Generator, Discriminator), seed: int = 0, **options: Any) -> GAN:
    """A GAN of these networks in float64."""
    mg.manual_seed(seed)
    G, D = (network().to(dtype="float64") for network in networks)
    gan = algorithm(**({"lr_G": 0.02, "lr_D": 0.03, "betas": (0.9, 0.999)} | options)).use(G.named("G"), D.named("D"))
    gan.seed, gan.dtype, gan.device = seed, "float64", backend.get_default_device()
    return gan


def batch(step: int = 0, n: int = N) -> Batch:
    """Images x and labels y."""
    rng = np.random.default_rng(step)
    return Batch(
        x=mg.Tensor(np.tanh(rng.standard_normal((n, 1, 6, 6)))), y=mg.Tensor(rng.integers(0, CLASSES, n), dtype="int64")
    )


def batches(first: int = 0) -> Iterator[Batch]:
    """One after another, without end."""
    return map(batch, count(first))


def noise(step: int = 0) -> mg.Tensor:
    return mg.Tensor(np.random.default_rng([step, 1]).standard_normal((N, Z)))


def weights(module: nn.Module) -> list[bytes]:
    return [p.numpy().tobytes() for p in module.parameters()]


def state_of(gan: GAN) -> dict[str, bytes]:
    """All that changes, to the bit."""
    state = gan.state_dict()
    return {name: np.asarray(backend.to_numpy(value) if hasattr(value, "dtype") else value).tobytes()
            if not isinstance(value, str) else value.encode() for name, value in state.items()}  # fmt: skip

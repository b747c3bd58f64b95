"""A small GAN with all that a step can have: BatchNorm, dropout, convolutions."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import backend, nn
from minigan.algorithms import GAN
from minigan.data import Batch
from minigan.trace import Trace, trace_step

N, Z = 5, 6


class Generator(nn.Module):
    """z (N, 6) → images (N, 1, 6, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Dense(Z, 18), nn.Reshape(2, 3, 3), nn.BatchNorm(2), nn.ReLU(),
            nn.ConvTranspose2d(2, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    """Images (N, 1, 6, 6) → logits (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.BatchNorm(3), nn.Flatten(), nn.Dense(48, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.main(x)


@pytest.fixture
def gan():
    """gan(cls, seed): the same one each time."""

    def make(cls=GAN, seed: int = 0, **options) -> GAN:
        mg.manual_seed(seed)
        made = cls(lr_G=0.02, lr_D=0.03, betas=(0.9, 0.999), **options).use(Generator(), Discriminator())
        made.device = backend.get_default_device()
        return made

    return make


@pytest.fixture
def batch():
    """batch(step): images and noise."""

    def make(step: int = 0) -> tuple[mg.Tensor, mg.Tensor]:
        rng = np.random.default_rng(step)
        x = np.tanh(rng.standard_normal((N, 1, 6, 6), "float32"))
        return mg.Tensor(x, name="x"), mg.Tensor(rng.standard_normal((N, Z), "float32"), name="z")

    return make


@pytest.fixture
def take_step():
    """take_step(algorithm, x, z): a step on these images, with this noise."""

    def take(algorithm, x: mg.Tensor, z: mg.Tensor):
        algorithm.noise = lambda batch: z
        return algorithm(iter([Batch(x=x)]))

    return take


@pytest.fixture
def traced():
    """traced(algorithm, x, z): the trace of such a step."""

    def take(algorithm, x: mg.Tensor, z: mg.Tensor, **about) -> Trace:
        algorithm.noise = lambda batch: z
        return trace_step(algorithm, iter([Batch(x=x)]), **about)

    return take

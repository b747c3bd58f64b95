"""A small pair of players with all that a step can have: BatchNorm, dropout, convolutions."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import nn, optim
from minigan.objectives import NonSaturating
from minigan.training.steps import Players

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
def players():
    """players(seed): the same ones each time."""

    def make(seed: int = 0, objective=None) -> Players:
        mg.manual_seed(seed)
        G, D = Generator(), Discriminator()
        return Players(
            G, D, optim.Adam(G.parameters(), 0.02), optim.Adam(D.parameters(), 0.03), objective or NonSaturating()
        )

    return make


@pytest.fixture
def batch():
    """batch(step): images and noise."""

    def make(step: int = 0) -> tuple[mg.Tensor, mg.Tensor]:
        rng = np.random.default_rng(step)
        x = np.tanh(rng.standard_normal((N, 1, 6, 6), "float32"))
        return mg.Tensor(x), mg.Tensor(rng.standard_normal((N, Z), "float32"))

    return make

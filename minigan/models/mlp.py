"""The MLP GAN: the smallest GAN that draws digits.

The sigmoid that such tutorials put at D's end is part of the loss here (`objectives`).
"""

from __future__ import annotations

from math import prod

from minigan import functions as F
from minigan import nn
from minigan.autograd import Tensor

DEFAULTS = {"epochs": 200, "batch_size": 100, "betas": (0.9, 0.999)}


class Generator(nn.Sequential):
    """z (N, 64) → images (N, channels, 28, 28) in [−1, 1]."""

    z_dim = 64
    image_size = 28

    def __init__(self, channels: int = 1, hidden: int = 256) -> None:
        super().__init__(
            nn.Dense(self.z_dim, hidden), nn.ReLU(),
            nn.Dense(hidden, hidden), nn.ReLU(),
            nn.Dense(hidden, channels * self.image_size**2), nn.Tanh(),
        )  # fmt: skip
        self.channels = channels

    def forward(self, z: Tensor) -> Tensor:
        return F.reshape(super().forward(z), (z.shape[0], self.channels, self.image_size, self.image_size))


class Discriminator(nn.Sequential):
    """Images (N, channels, 28, 28) → logits (N, 1)."""

    image_size = 28

    def __init__(self, channels: int = 1, hidden: int = 256) -> None:
        super().__init__(
            nn.Dense(channels * self.image_size**2, hidden), nn.LeakyReLU(0.2),
            nn.Dense(hidden, hidden), nn.LeakyReLU(0.2),
            nn.Dense(hidden, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.reshape(x, (x.shape[0], prod(x.shape[1:]))))

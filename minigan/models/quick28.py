"""A small GAN for 28×28 images that learns digits on a CPU within minutes.

Two strided convolutions each way are what a CPU can afford; the dense layers behind them cost next to nothing and see
the digit as a whole, which is what small convolutional GANs lack (strokes right, digits wrong). D has BatchNorm, G's
weights are averaged, and G learns five times as fast as D: all found by measurement (see README.md).
"""

from __future__ import annotations

from minigan import nn
from minigan.models.base import Network, normal_init

DEFAULTS = {"epochs": 3, "batch_size": 64, "lr_G": 1e-3, "lr_D": 2e-4, "ema_decay": 0.999}  # found by measurement


class Generator(Network):
    """z (N, 64) → images (N, channels, 28, 28) in [−1, 1]."""

    z_dim = 64
    image_size = 28

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            normal_init,
            nn.Dense(self.z_dim, 256, bias=False), nn.BatchNorm(256), nn.ReLU(),
            nn.Dense(256, 48 * 7 * 7, bias=False), nn.BatchNorm(48 * 7 * 7), nn.ReLU(),
            nn.Reshape(48, 7, 7),
            nn.ConvTranspose2d(48, 24, 4, 2, 1, bias=False), nn.BatchNorm(24), nn.ReLU(),  # 14×14
            nn.ConvTranspose2d(24, channels, 4, 2, 1), nn.Tanh(),  # 28×28
        )  # fmt: skip


class Discriminator(Network):
    """Images (N, channels, 28, 28) → logits (N, 1)."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            normal_init,
            nn.Conv2d(channels, 24, 4, 2, 1), nn.LeakyReLU(0.2),  # 14×14
            nn.Conv2d(24, 48, 4, 2, 1, bias=False), nn.BatchNorm(48), nn.LeakyReLU(0.2),  # 7×7
            nn.Flatten(), nn.Dense(48 * 7 * 7, 256), nn.LeakyReLU(0.2), nn.Dense(256, 1),
        )  # fmt: skip

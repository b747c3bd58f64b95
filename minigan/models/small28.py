"""The smallest GAN here that draws digits; trained, it comes with the package.

As `quick28`, with a few channels in each layer, so that all of its weights take little room. `minigan trace` shows a
step of it where nothing else has been trained yet.
"""

from __future__ import annotations

from minigan import nn
from minigan.models.base import Network, normal_init

DEFAULTS = {"epochs": 5, "batch_size": 64, "lr_G": 1e-3, "lr_D": 2e-4, "ema_decay": 0.999}  # as quick28's


class Generator(Network):
    """z (N, 32) → images (N, channels, 28, 28) in [−1, 1]."""

    z_dim = 32
    image_size = 28

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            normal_init,
            nn.Dense(self.z_dim, 96, bias=False), nn.BatchNorm(96), nn.ReLU(),
            nn.Dense(96, 24 * 7 * 7, bias=False), nn.BatchNorm(24 * 7 * 7), nn.ReLU(),
            nn.Reshape(24, 7, 7),
            nn.ConvTranspose2d(24, 16, 4, 2, 1, bias=False), nn.BatchNorm(16), nn.ReLU(),  # 14×14
            nn.ConvTranspose2d(16, channels, 4, 2, 1), nn.Tanh(),  # 28×28
        )  # fmt: skip


class Discriminator(Network):
    """Images (N, channels, 28, 28) → logits (N, 1)."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            normal_init,
            nn.Conv2d(channels, 16, 4, 2, 1), nn.LeakyReLU(0.2),  # 14×14
            nn.Conv2d(16, 32, 4, 2, 1, bias=False), nn.BatchNorm(32), nn.LeakyReLU(0.2),  # 7×7
            nn.Flatten(), nn.Dense(32 * 7 * 7, 16), nn.LeakyReLU(0.2), nn.Dense(16, 1),
        )  # fmt: skip

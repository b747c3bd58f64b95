"""DCGAN for 64×64 images, layer for layer the PyTorch DCGAN tutorial's; names of weights too.

All convolutions 4×4 without bias; weights start from N(0, 0.02²), BatchNorm's γ from N(1, 0.02²).
The sigmoid that the tutorial puts at D's end is part of the loss here (`objectives`).
"""

from __future__ import annotations

from minigan import functions as F
from minigan import nn
from minigan.autograd import Tensor
from minigan.models.base import Network

DEFAULTS = {"epochs": 5, "batch_size": 128}

WIDTH = 64  # ngf and ndf of the tutorial


def _init_as_dcgan(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class Generator(Network):
    """z (N, 100) → images (N, channels, 64, 64) in [−1, 1]."""

    z_dim = 100
    image_size = 64

    def __init__(self, channels: int = 3) -> None:
        w = WIDTH
        super().__init__(
            _init_as_dcgan,
            nn.ConvTranspose2d(self.z_dim, 8 * w, 4, 1, 0, bias=False), nn.BatchNorm(8 * w), nn.ReLU(),  # 4×4
            nn.ConvTranspose2d(8 * w, 4 * w, 4, 2, 1, bias=False), nn.BatchNorm(4 * w), nn.ReLU(),  # 8×8
            nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm(2 * w), nn.ReLU(),  # 16×16
            nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), nn.BatchNorm(w), nn.ReLU(),  # 32×32
            nn.ConvTranspose2d(w, channels, 4, 2, 1, bias=False), nn.Tanh(),  # 64×64
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        return super().forward(F.reshape(z, (z.shape[0], self.z_dim, 1, 1)))


class Discriminator(Network):
    """Images (N, channels, 64, 64) → logits (N, 1)."""

    def __init__(self, channels: int = 3) -> None:
        w = WIDTH
        super().__init__(
            _init_as_dcgan,
            nn.Conv2d(channels, w, 4, 2, 1, bias=False), nn.LeakyReLU(0.2),  # 32×32
            nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm(2 * w), nn.LeakyReLU(0.2),  # 16×16
            nn.Conv2d(2 * w, 4 * w, 4, 2, 1, bias=False), nn.BatchNorm(4 * w), nn.LeakyReLU(0.2),  # 8×8
            nn.Conv2d(4 * w, 8 * w, 4, 2, 1, bias=False), nn.BatchNorm(8 * w), nn.LeakyReLU(0.2),  # 4×4
            nn.Conv2d(8 * w, 1, 4, 1, 0, bias=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return F.reshape(super().forward(x), (x.shape[0], 1))

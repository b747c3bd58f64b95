"""DCGAN for 64×64 images, layer for layer the PyTorch DCGAN tutorial's; names of weights too.

For 128×128 images each network has a block more next to the 4×4 maps, with twice the channels; for 32×32 one less.
All convolutions 4×4 without bias; weights start from N(0, 0.02²), BatchNorm's γ from N(1, 0.02²).
The sigmoid that the tutorial puts at D's end is part of the loss here (`objectives`).
"""

from __future__ import annotations

from itertools import pairwise

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


def _widths(size: int) -> list[int]:
    """Channels of the blocks, the finest maps first: 64, 128, 256, 512 for 64×64 images."""
    return [WIDTH * 2**i for i in range((size // 4).bit_length() - 1)]


class Generator(Network):
    """z (N, 100) → images (N, channels, 64, 64) in [−1, 1]; or of another of its `sizes`."""

    z_dim = 100
    image_size = 64
    sizes = (32, 64, 128)

    def __init__(self, channels: int = 3, size: int = 64) -> None:
        widths = _widths(size)[::-1]
        first = nn.ConvTranspose2d(self.z_dim, widths[0], 4, 1, 0, bias=False)
        layers: list[nn.Module] = [first, nn.BatchNorm(widths[0]), nn.ReLU()]  # 4×4
        for before, after in pairwise(widths):  # 8×8, 16×16, 32×32
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm(after), nn.ReLU()]
        layers += [nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1, bias=False), nn.Tanh()]  # 64×64
        super().__init__(_init_as_dcgan, *layers)
        self.image_size = size

    def forward(self, z: Tensor) -> Tensor:
        return super().forward(F.reshape(z, (z.shape[0], self.z_dim, 1, 1)))


class Discriminator(Network):
    """Images (N, channels, 64, 64) → logits (N, 1)."""

    def __init__(self, channels: int = 3, size: int = 64) -> None:
        widths = _widths(size)
        layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]  # 32×32
        for before, after in pairwise(widths):  # 16×16, 8×8, 4×4
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm(after), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False)]
        super().__init__(_init_as_dcgan, *layers)

    def forward(self, x: Tensor) -> Tensor:
        return F.reshape(super().forward(x), (x.shape[0], 1))

"""DCGAN for 64×64 faces with a discriminator of double convolutions.

Each of D's four blocks has a convolution and one of stride 2, which halves the image. For 128×128 images each network
has a block more next to the 4×4 maps, with twice the channels; for 32×32 one less.
"""

from __future__ import annotations

from itertools import pairwise

from minigan import nn
from minigan.models.base import Network, normal_init

# With 2e-4 for both, D is ahead of G from the first steps on, and G never leaves its first pattern.
DEFAULTS = {"epochs": 10, "batch_size": 64, "lr_G": 1e-3, "lr_D": 5e-5}

WIDTH = 32  # channels of D's first block


def _widths(size: int) -> list[int]:
    """Channels of D's blocks: 32, 64, 128, 256 for 64×64 images. G has them the other way round."""
    return [WIDTH * 2**i for i in range((size // 4).bit_length() - 1)]


class Generator(Network):
    """z (N, 100) → images (N, channels, 64, 64) in [−1, 1]; or of another of its `sizes`."""

    z_dim = 100
    image_size = 64
    sizes = (32, 64, 128)

    def __init__(self, channels: int = 3, size: int = 64) -> None:
        first, *others = _widths(size)[::-1]
        layers: list[nn.Module] = [nn.Dense(self.z_dim, first * 16), nn.Reshape(first, 4, 4)]
        for before, after in pairwise([first, *others, WIDTH]):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm(after), nn.ReLU()]
        layers += [nn.Conv2d(WIDTH, channels, 3, padding="same"), nn.Tanh()]
        super().__init__(normal_init, *layers)
        self.image_size = size


class Discriminator(Network):
    """Images (N, channels, 64, 64) → logits (N, 1)."""

    def __init__(self, channels: int = 3, size: int = 64) -> None:
        widths = _widths(size)
        layers: list[nn.Module] = []
        for before, after in pairwise([channels, *widths]):
            layers += [nn.Conv2d(before, after, 3, 1, 1, bias=False), nn.BatchNorm(after), nn.LeakyReLU(0.2)]
            layers += [nn.Conv2d(after, after, 3, 2, 1, bias=False), nn.BatchNorm(after), nn.LeakyReLU(0.2)]
        layers += [nn.AvgPool2d("global"), nn.Dense(widths[-1], 1)]
        super().__init__(normal_init, *layers)

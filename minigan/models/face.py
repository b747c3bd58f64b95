"""DCGAN for 64×64 faces with a discriminator of double convolutions.

Each of D's four blocks has a convolution and one of stride 2, which halves the image.
"""

from __future__ import annotations

from minigan import nn
from minigan.models.base import Network, normal_init

DEFAULTS = {"epochs": 10, "batch_size": 64}

WIDTHS = (32, 64, 128, 256)  # channels of D's four blocks; G has them the other way round


class Generator(Network):
    """z (N, 100) → images (N, channels, 64, 64) in [−1, 1]."""

    z_dim = 100
    image_size = 64

    def __init__(self, channels: int = 3) -> None:
        first = WIDTHS[-1]
        layers: list[nn.Module] = [nn.Dense(self.z_dim, first * 16), nn.Reshape(first, 4, 4)]
        for before, after in zip(WIDTHS[::-1], (*WIDTHS[-2::-1], WIDTHS[0]), strict=True):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm(after), nn.ReLU()]
        layers += [nn.Conv2d(WIDTHS[0], channels, 3, padding="same"), nn.Tanh()]
        super().__init__(normal_init, *layers)


class Discriminator(Network):
    """Images (N, channels, 64, 64) → logits (N, 1)."""

    def __init__(self, channels: int = 3) -> None:
        layers: list[nn.Module] = []
        for before, after in zip((channels, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(before, after, 3, 1, 1, bias=False), nn.BatchNorm(after), nn.LeakyReLU(0.2)]
            layers += [nn.Conv2d(after, after, 3, 2, 1, bias=False), nn.BatchNorm(after), nn.LeakyReLU(0.2)]
        layers += [nn.AvgPool2d("global"), nn.Dense(WIDTHS[-1], 1)]
        super().__init__(normal_init, *layers)

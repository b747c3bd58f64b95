"""PGGAN's pair: both networks grow from 4×4 to 32×32 images, a level at a time.

Level k has images of 4·2ᵏ pixels. While a level is new, what it makes is blended with what the level below makes,
enlarged: α of the one and 1 − α of the other. Layers are those of Karras et al., 2018 (appendix A), with fewer maps:
64 at 4×4, half as many at each level above, but 16 at least. Two things differ from their code: the first dense layer
has a bias for each number, not for each channel, and D takes images of its level's size, not the same ones enlarged.
"""

from __future__ import annotations

import math

from minigan import functions as F
from minigan import nn
from minigan.autograd import Tensor

# Rates, betas, penalties and the average are the paper's. It has 800,000 images a level; these are for a CPU: 48,000
# images until 32×32 images have faded in, and then 32×32 images until the epochs of MNIST are over.
DEFAULTS = {
    "algorithm": "pggan", "images_per_level": 8_000, "epochs": 3, "batch_size": 16, "objective": "wasserstein",
    "penalties": ("gradient", "drift"), "lr_G": 1e-3, "lr_D": 1e-3, "betas": (0.0, 0.99), "ema_decay": 0.999,
    "grid_every": 250,
}  # fmt: skip


def maps(level: int) -> int:
    """Channels of a level's maps: 64, 32, 16, 16 for images of 4, 8, 16 and 32 pixels."""
    return max(64 // 2**level, 16)


def blend(lower: Tensor, upper: Tensor, alpha: float) -> Tensor:
    """(1 − α) · lower + α · upper, exactly one of them at α = 0 and 1."""
    return lower * (1.0 - alpha) + upper * alpha


def _levels(size: int) -> int:
    """How many levels lead to images of a size: 4 to 32×32."""
    return int(math.log2(size)) - 1


def _conv(before: int, after: int) -> list[nn.Module]:
    return [nn.EqualizedLR(nn.Conv2d(before, after, 3, padding=1)), nn.LeakyReLU(0.2)]


class Generator(nn.Module):
    """z (N, 64) → images (N, channels, 4·2ˡᵉᵛᵉˡ, 4·2ˡᵉᵛᵉˡ), of the highest level if none is given.

    No tanh bounds them, as in the paper's code; in evaluation they are clipped to [−1, 1], where images lie.
    """

    z_dim = 64
    image_size = 32
    sizes = (8, 16, 32, 64)

    def __init__(self, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        self.image_size, levels = size, _levels(size)
        first = nn.Sequential(
            nn.PixelNorm(), nn.EqualizedLR(nn.Dense(self.z_dim, maps(0) * 16), math.sqrt(2) / 4),
            nn.Reshape(maps(0), 4, 4), nn.LeakyReLU(0.2), nn.PixelNorm(), *_conv(maps(0), maps(0)), nn.PixelNorm(),
        )  # fmt: skip
        others = [
            nn.Sequential(
                nn.Upsample(scale_factor=2), *_conv(maps(k - 1), maps(k)), nn.PixelNorm(),
                *_conv(maps(k), maps(k)), nn.PixelNorm(),
            )
            for k in range(1, levels)
        ]  # fmt: skip
        self.blocks = nn.ModuleList([first, *others])
        self.to_rgb = nn.ModuleList([nn.EqualizedLR(nn.Conv2d(maps(k), channels, 1), 1.0) for k in range(levels)])

    def forward(self, z: Tensor, level: int | None = None, alpha: float = 1.0) -> Tensor:
        level = len(self.blocks) - 1 if level is None else level
        x = z
        for k in range(level + 1):
            below, x = x, self.blocks[k](x)
        images = self.to_rgb[level](x)
        if alpha < 1.0:
            images = blend(F.upsample_nearest2d(self.to_rgb[level - 1](below)), images, alpha)
        return images if self.training else F.clip(images, -1.0, 1.0)


class Discriminator(nn.Module):
    """Images (N, channels, 4·2ˡᵉᵛᵉˡ, 4·2ˡᵉᵛᵉˡ) → scores (N, 1). The level is the highest if none is given."""

    def __init__(self, channels: int = 1, size: int = 32) -> None:
        super().__init__()
        levels = _levels(size)
        last = nn.Sequential(
            nn.MinibatchStd(), *_conv(maps(0) + 1, maps(0)), nn.Flatten(),
            nn.EqualizedLR(nn.Dense(maps(0) * 16, maps(0))), nn.LeakyReLU(0.2),
            nn.EqualizedLR(nn.Dense(maps(0), 1), 1.0),
        )  # fmt: skip
        others = [
            nn.Sequential(*_conv(maps(k), maps(k)), *_conv(maps(k), maps(k - 1)), nn.AvgPool2d(2))
            for k in range(1, levels)
        ]
        self.blocks = nn.ModuleList([last, *others])
        self.from_rgb = nn.ModuleList(
            [
                nn.Sequential(nn.EqualizedLR(nn.Conv2d(channels, maps(k), 1)), nn.LeakyReLU(0.2))
                for k in range(levels)
            ]
        )  # fmt: skip

    def forward(self, x: Tensor, level: int | None = None, alpha: float = 1.0) -> Tensor:
        level = len(self.blocks) - 1 if level is None else level
        y = self.from_rgb[level](x)
        for k in range(level, -1, -1):
            y = self.blocks[k](y)
            if k == level and alpha < 1.0:
                y = blend(self.from_rgb[level - 1](F.avg_pool2d(x, 2)), y, alpha)
        return y

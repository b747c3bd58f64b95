"""A WGAN-GP critic's step in PyTorch: three 5×5 stride-2 convolutions (64-128-256) on 28×28 images, batch 64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from . import image_batches

IMAGE = (1, 28, 28)
WEIGHT = 10.0


def build() -> nn.Sequential:
    """Images (N, 1, 28, 28) -> scores (N, 1)."""
    layers: list[nn.Module] = []
    for channels, out_channels in ((1, 64), (64, 128), (128, 256)):
        layers += [nn.Conv2d(channels, out_channels, 5, 2, 2), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256 * 4 * 4, 1))


def train_step(critic: nn.Module, adam: torch.optim.Optimizer, real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """Algorithm 1 of Gulrajani et al., 2017, lines 4 to 9; share: ε, one for each sample."""
    between = (share * real + (1 - share) * fake).requires_grad_()
    loss = critic(fake).mean() - critic(real).mean()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    loss = loss + WEIGHT * ((slope.flatten(1).square().sum(1) + 1e-12).sqrt() - 1).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    return loss.detach()


class Step:
    """One step of the critic a call, on prepared images and fakes."""

    def __init__(
        self, batch: int, images: np.ndarray | None = None, channels_last: bool = False, seed: int = 0
    ) -> None:
        torch.manual_seed(seed)
        self.order = torch.channels_last if channels_last else torch.contiguous_format
        self.critic = build().to(memory_format=self.order)
        self.adam = torch.optim.Adam(self.critic.parameters(), lr=1e-4, betas=(0.5, 0.9))
        self.images, self.fakes = image_batches(images, batch, IMAGE, seed), image_batches(None, batch, IMAGE, seed + 1)

    def __call__(self) -> Tensor:
        real, fake = (torch.from_numpy(next(a)).to(memory_format=self.order) for a in (self.images, self.fakes))
        return train_step(self.critic, self.adam, real, fake, torch.rand(len(real), 1, 1, 1))


def make_step(
    batch: int = 64, images: np.ndarray | None = None, channels_last: bool = False, seed: int = 0
) -> Callable[[], Tensor]:
    """A `Step`."""
    return Step(batch, images, channels_last, seed)

"""The PyTorch DCGAN tutorial: 64x64 images, BCE on probabilities, Adam 2e-4 (0.5, 0.999), batch 128.

The alternating step: D on real, D on detached fakes, D's step; then the new D on the same fakes for G.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import image_batches

LATENT = 100
WIDTH = 64


class Generator(nn.Module):
    """z (N, 100, 1, 1) -> images (N, channels, 64, 64) in [-1, 1]."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        w = WIDTH
        self.convt1 = nn.ConvTranspose2d(LATENT, 8 * w, 4, 1, 0, bias=False)
        self.bn1 = nn.BatchNorm2d(8 * w)
        self.convt2 = nn.ConvTranspose2d(8 * w, 4 * w, 4, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * w)
        self.convt3 = nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(2 * w)
        self.convt4 = nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False)
        self.bn4 = nn.BatchNorm2d(w)
        self.convt5 = nn.ConvTranspose2d(w, channels, 4, 2, 1, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.convt1(z)), inplace=True)
        x = F.relu(self.bn2(self.convt2(x)), inplace=True)
        x = F.relu(self.bn3(self.convt3(x)), inplace=True)
        x = F.relu(self.bn4(self.convt4(x)), inplace=True)
        return torch.tanh(self.convt5(x))


class Discriminator(nn.Module):
    """Images (N, channels, 64, 64) -> probability of being real (N,)."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        w = WIDTH
        self.conv1 = nn.Conv2d(channels, w, 4, 2, 1, bias=False)
        self.conv2 = nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * w)
        self.conv3 = nn.Conv2d(2 * w, 4 * w, 4, 2, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * w)
        self.conv4 = nn.Conv2d(4 * w, 8 * w, 4, 2, 1, bias=False)
        self.bn4 = nn.BatchNorm2d(8 * w)
        self.conv5 = nn.Conv2d(8 * w, 1, 4, 1, 0, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.conv1(x), 0.2, inplace=True)
        x = F.leaky_relu(self.bn2(self.conv2(x)), 0.2, inplace=True)
        x = F.leaky_relu(self.bn3(self.conv3(x)), 0.2, inplace=True)
        x = F.leaky_relu(self.bn4(self.conv4(x)), 0.2, inplace=True)
        return torch.sigmoid(self.conv5(x)).flatten()


def build(
    g_weights: Mapping[str, np.ndarray] | None = None,
    d_weights: Mapping[str, np.ndarray] | None = None,
    channels: int = 3,
    dtype: torch.dtype = torch.float32,
    channels_last: bool = False,
    device: str = "cpu",
) -> tuple[Generator, Discriminator]:
    """Both networks; kernels N(0, 0.02), gamma N(1, 0.02), beta 0, or the given arrays.

    Names are those of `named_parameters`: "convt1.weight", "bn1.weight" (gamma), "bn1.bias" (beta).
    """
    networks = Generator(channels), Discriminator(channels)
    for network, weights in zip(networks, (g_weights, d_weights), strict=True):
        with torch.no_grad():
            for name, p in network.named_parameters():
                if weights is not None:
                    p.copy_(torch.from_numpy(np.ascontiguousarray(weights[name])))
                elif name.endswith("bias"):
                    nn.init.zeros_(p)
                else:
                    nn.init.normal_(p, 1.0 if p.ndim == 1 else 0.0, 0.02)
        network.to(device=device, dtype=dtype)
        if channels_last:
            network.to(memory_format=torch.channels_last)
    return networks


def make_adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))


def train_step(
    generator: nn.Module,
    discriminator: nn.Module,
    g_adam: torch.optim.Optimizer,
    d_adam: torch.optim.Optimizer,
    images: Tensor,
    z: Tensor,
) -> tuple[Tensor, Tensor]:
    """One alternating step; the fakes are made once, and judged twice: by the old D and by the new.

    D's weight gradients are not computed in G's half: the same numbers in less time.
    """
    d_adam.zero_grad()
    p_real = discriminator(images)
    one = torch.ones_like(p_real)
    loss_real = F.binary_cross_entropy(p_real, one)
    loss_real.backward()
    fake = generator(z)
    p_fake = discriminator(fake.detach())
    loss_fake = F.binary_cross_entropy(p_fake, torch.zeros_like(p_fake))
    loss_fake.backward()
    d_adam.step()

    discriminator.requires_grad_(False)
    g_adam.zero_grad()
    loss_g = F.binary_cross_entropy(discriminator(fake), one)
    loss_g.backward()
    g_adam.step()
    discriminator.requires_grad_(True)
    return (loss_real + loss_fake).detach(), loss_g.detach()


class Step:
    """One training step a call, on prepared images."""

    def __init__(
        self,
        batch: int,
        images: np.ndarray | None = None,
        channels: int = 3,
        channels_last: bool = False,
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.batch, self.device, self.channels_last = batch, device, channels_last
        self.generator, self.discriminator = build(channels=channels, channels_last=channels_last, device=device)
        self.adam = make_adam(self.generator), make_adam(self.discriminator)
        self.images = image_batches(images, batch, (channels, 64, 64), seed)

    def __call__(self) -> tuple[Tensor, Tensor]:
        images = torch.from_numpy(next(self.images)).to(self.device)
        if self.channels_last:
            images = images.to(memory_format=torch.channels_last)
        z = torch.randn(self.batch, LATENT, 1, 1, device=self.device)
        return train_step(self.generator, self.discriminator, *self.adam, images, z)


def make_step(
    batch: int = 128,
    images: np.ndarray | None = None,
    channels: int = 3,
    channels_last: bool = False,
    device: str = "cpu",
    seed: int = 0,
) -> Callable[[], tuple[Tensor, Tensor]]:
    """A `Step`."""
    return Step(batch, images, channels, channels_last, device, seed)

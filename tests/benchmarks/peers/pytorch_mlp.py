"""The PyTorch MLP GAN: 64-256-256-784 against 784-256-256-1, BCE on probabilities, Adam 2e-4, batch 100.

The alternating step is the correct one: D steps on real and detached fakes, then G's loss is taken
from the *new* D. (The text it comes from reuses D's old output there.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import image_batches

LATENT = 64
HIDDEN = 256
PIXELS = 784
IMAGE = (1, 28, 28)


class Generator(nn.Module):
    """z (N, 64) -> images (N, 784) in [-1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.dense1 = nn.Linear(LATENT, HIDDEN)
        self.dense2 = nn.Linear(HIDDEN, HIDDEN)
        self.dense3 = nn.Linear(HIDDEN, PIXELS)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.dense3(F.relu(self.dense2(F.relu(self.dense1(z))))))


class Discriminator(nn.Module):
    """Images (N, 784) -> probability of being real (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.dense1 = nn.Linear(PIXELS, HIDDEN)
        self.dense2 = nn.Linear(HIDDEN, HIDDEN)
        self.dense3 = nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.dense1(x), 0.2)
        x = F.leaky_relu(self.dense2(x), 0.2)
        return torch.sigmoid(self.dense3(x))


def build(
    g_weights: Mapping[str, np.ndarray] | None = None,
    d_weights: Mapping[str, np.ndarray] | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> tuple[Generator, Discriminator]:
    """Both networks, with PyTorch's initial weights or the given ones (names as in `named_parameters`)."""
    networks = Generator(), Discriminator()
    for network, weights in zip(networks, (g_weights, d_weights), strict=True):
        if weights is not None:
            with torch.no_grad():
                for name, p in network.named_parameters():
                    p.copy_(torch.from_numpy(np.ascontiguousarray(weights[name])))
        network.to(device=device, dtype=dtype)
    return networks


def make_adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=2e-4)


def train_step(
    generator: nn.Module,
    discriminator: nn.Module,
    g_adam: torch.optim.Optimizer,
    d_adam: torch.optim.Optimizer,
    images: Tensor,
    z_d: Tensor,
    z_g: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """D on `images` (N, 784) and G(z_d), D's step; then G on the new D(G(z_g)), G's step.

    Without z_g the same fakes serve both turns, as in minigan's step.

    D's weight gradients are not computed in G's half: the same numbers in less time.
    """
    with torch.set_grad_enabled(z_g is None):
        fake = generator(z_d)
    p_real, p_fake = discriminator(images), discriminator(fake.detach())
    one, zero = torch.ones_like(p_real), torch.zeros_like(p_fake)
    loss_d = F.binary_cross_entropy(p_real, one) + F.binary_cross_entropy(p_fake, zero)
    d_adam.zero_grad()
    loss_d.backward()
    d_adam.step()

    discriminator.requires_grad_(False)
    loss_g = F.binary_cross_entropy(discriminator(fake if z_g is None else generator(z_g)), one)
    g_adam.zero_grad()
    loss_g.backward()
    g_adam.step()
    discriminator.requires_grad_(True)
    return loss_d.detach(), loss_g.detach()


class Step:
    """One training step a call, on prepared images."""

    def __init__(self, batch: int, images: np.ndarray | None = None, device: str = "cpu", seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.batch, self.device = batch, device
        self.generator, self.discriminator = build(device=device)
        self.adam = make_adam(self.generator), make_adam(self.discriminator)
        self.images = image_batches(images, batch, IMAGE, seed)

    def __call__(self) -> tuple[Tensor, Tensor]:
        images = torch.from_numpy(next(self.images)).to(self.device).flatten(1)
        z = torch.randn(self.batch, LATENT, device=self.device)
        return train_step(self.generator, self.discriminator, *self.adam, images, z)


def make_step(
    batch: int = 100, images: np.ndarray | None = None, device: str = "cpu", seed: int = 0
) -> Callable[[], tuple[Tensor, Tensor]]:
    """A `Step`."""
    return Step(batch, images, device, seed)

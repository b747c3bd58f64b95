"""A small pair for 28×28 images whose D is a critic: `quick28` without normalisation in D.

A gradient penalty is on the slope of D at each sample, and BatchNorm would make it depend on the others of the batch.
Clipped weights, too, do without: there is no γ that would be clipped with them. G is quick28's.
"""

from __future__ import annotations

from minigan import nn
from minigan.models.base import Network, normal_init
from minigan.models.quick28 import Generator

__all__ = ["DEFAULTS", "Discriminator", "Generator"]

# WGAN-GP: λ and n_critic are of Gulrajani et al., 2017, the betas of their code (the paper's are 0 and 0.9). Their
# rates are 1e-4 for both; with these, found by measurement, G draws digits after 400 steps.
DEFAULTS = {
    "epochs": 10, "batch_size": 64, "objective": "wasserstein", "penalties": ("gradient",), "n_critic": 5,
    "lr_G": 1e-3, "lr_D": 5e-4, "betas": (0.5, 0.9), "ema_decay": 0.999,
}  # fmt: skip


class Discriminator(Network):
    """Images (N, channels, 28, 28) → scores (N, 1)."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            normal_init,
            nn.Conv2d(channels, 24, 4, 2, 1), nn.LeakyReLU(0.2),  # 14×14
            nn.Conv2d(24, 48, 4, 2, 1), nn.LeakyReLU(0.2),  # 7×7
            nn.Flatten(), nn.Dense(48 * 7 * 7, 256), nn.LeakyReLU(0.2), nn.Dense(256, 1),
        )  # fmt: skip

"""The pair for points of the plane whose D sees how much alike the points of a batch are.

`plane` with `nn.MinibatchStd` before D's last layer, where PGGAN (Karras et al., 2018) has it.
"""

from __future__ import annotations

from minigan import nn
from minigan.models.base import Network
from minigan.models.plane import DEFAULTS, HIDDEN, Generator, orthogonal_init

__all__ = ["DEFAULTS", "Discriminator", "Generator"]


class Discriminator(Network):
    """Points (N, C) → logits (N, 1)."""

    def __init__(self, channels: int = 2) -> None:
        super().__init__(
            orthogonal_init,
            nn.Dense(channels, HIDDEN), nn.Tanh(), nn.Dense(HIDDEN, HIDDEN), nn.Tanh(),
            nn.MinibatchStd(), nn.Dense(HIDDEN + 1, 1),
        )  # fmt: skip

"""A small pair for points of the plane: two hidden layers of 128 in each network.

The protocol of Srivastava et al., 2017 (VEEGAN), as the code of Elfeki et al., 2019 (GDPP) has it: tanh, orthogonal
weights of gain 1.4, batches of 512, 25,000 steps. Their D learns at a rate of 1e-4, a tenth of G's, and never gets
ahead of G: its probabilities stay at 0.5, and fewer points get near a mode. Here both learn at 1e-3.
"""

from __future__ import annotations

from minigan import nn
from minigan.models.base import Network

DEFAULTS = {
    "data": "ring", "steps": 25_000, "batch_size": 512, "lr_G": 1e-3, "lr_D": 1e-3, "grid": 2500,
    "checkpoint_every": 50,
}  # fmt: skip

HIDDEN = 128


def orthogonal_init(module: nn.Module) -> None:
    """Weights orthogonal, of gain 1.4; biases 0."""
    if isinstance(module, nn.Dense):
        nn.init.orthogonal_(module.weight, 1.4)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _layers(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Dense(inputs, HIDDEN), nn.Tanh(), nn.Dense(HIDDEN, HIDDEN), nn.Tanh(), nn.Dense(HIDDEN, outputs),
    ]  # fmt: skip


class Generator(Network):
    """z (N, 256) → points (N, C), C being 2 in the plane."""

    z_dim = 256
    image_size = None

    def __init__(self, channels: int = 2) -> None:
        super().__init__(orthogonal_init, *_layers(self.z_dim, channels))


class Discriminator(Network):
    """Points (N, C) → logits (N, 1)."""

    def __init__(self, channels: int = 2) -> None:
        super().__init__(orthogonal_init, *_layers(channels, 1))

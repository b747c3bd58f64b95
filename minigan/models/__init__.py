"""Generator and discriminator pairs, one architecture a file.

Each file has a `Generator` (z (N, z_dim) → images (N, channels, H, W) in [−1, 1]) and a
`Discriminator` (images → logits (N, 1)), both taking the number of channels.
"""

from __future__ import annotations

from types import ModuleType

from minigan.models import dcgan28, dcgan64, face, mlp, quick28
from minigan.nn import Module

MODELS: dict[str, ModuleType] = {"quick28": quick28, "mlp": mlp, "dcgan28": dcgan28, "dcgan64": dcgan64, "face": face}


def build(name: str, channels: int = 1) -> tuple[Module, Module]:
    """(G, D) of an architecture, with initial weights drawn from minigan's generator: G first, then D."""
    if name not in MODELS:
        raise ValueError(f"model {name!r} is not known: choose from {', '.join(MODELS)}")
    if channels not in (1, 3):
        raise ValueError(f"images have 1 channel (grey) or 3 (colour), not {channels}")
    architecture = MODELS[name]
    return architecture.Generator(channels).named("G"), architecture.Discriminator(channels).named("D")

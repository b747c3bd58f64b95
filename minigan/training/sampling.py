"""Drawing samples: from a run in memory, or from a checkpoint on disk."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from minigan import backend, models
from minigan.autograd import Tensor, no_grad
from minigan.nn import Module
from minigan.training.checkpoint import load_checkpoint
from minigan.training.errors import CheckpointError

BATCH = 100  # images made at a time


def draw_noise(n: int, z_dim: int, seed: int) -> Any:
    """n points (n, z_dim) of a standard normal distribution; the first of many are those of few."""
    return backend.new_rng(seed, "samples").standard_normal((n, z_dim), "float32")


@no_grad()
def generate(G: Module, z: Any) -> Any:
    """G's images (N, C, H, W) for noise z (N, z_dim), on the host, in evaluation mode.

    In training mode BatchNorm would mix the samples of a batch, and one z give different images.
    """
    was_training = G.training
    device = G.parameters()[0].device
    G.eval()
    try:
        parts = [backend.to_numpy(G(Tensor(z[i : i + BATCH], device=device))._data) for i in range(0, len(z), BATCH)]
    finally:
        G.train(was_training)
    return backend.get_array_module(parts[0]).concatenate(parts)


def load_generator(path: str | Path, device: str | None = None) -> tuple[Module, Any]:
    """The generator in a checkpoint (the averaged one, if it holds one), and the run's configuration."""
    checkpoint = load_checkpoint(Path(path))
    config = checkpoint.config
    G = models.build(config.model, config.channels)[0]
    try:
        G.load_state_dict(checkpoint.part("G_avg" if config.averaging else "G"))
    except ValueError as error:
        raise CheckpointError(f"{path} does not fit the model {config.model}: {error}") from None
    return G.to(backend.choose_device(device)[0]).eval(), config


def slerp(a: Any, b: Any, t: float) -> Any:
    """A point on the way from a to b (z_dim) on the sphere: sin((1−t)Ω)/sin Ω · a + sin(tΩ)/sin Ω · b.

    Normal noise in many dimensions lies near a sphere; a straight line would pass through its empty
    middle. White, 2016.
    """
    cosine = float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    if angle < 1e-6:
        return (1 - t) * a + t * b
    return (math.sin((1 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)


def walk(z: Any, steps: int) -> Any:
    """A closed walk over the points z (N, z_dim), with `steps` points from each to the next: (N·steps, z_dim)."""
    points = [slerp(z[i], z[(i + 1) % len(z)], k / steps) for i in range(len(z)) for k in range(steps)]
    return backend.get_array_module(z).stack(points).astype(z.dtype)

"""Drawing samples from a checkpoint on disk, and walks between noises."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from minigan import backend
from minigan.algorithms import Algorithm
from minigan.algorithms.state import under
from minigan.training.checkpoint import load_checkpoint
from minigan.training.config import Config
from minigan.training.errors import CheckpointError


def draw_noise(n: int, z_dim: int, seed: int) -> backend.Array:
    """n points (n, z_dim) of a standard normal distribution; the first of many are those of few."""
    return backend.new_rng(seed, "samples").standard_normal((n, z_dim), "float32")


def load_algorithm(
    path: str | Path, device: str | None = None, file: str | None = None, tell: Callable[[str], None] | None = None
) -> tuple[Algorithm, Config]:
    """The algorithm in a checkpoint, to draw samples with (its generators averaged, if they are), and the run's
    configuration: `algorithm.generate(64)`. file: where a user's own lies now, as `file.py:Class`. tell: is told what
    was loaded."""
    checkpoint = load_checkpoint(Path(path), file)
    config, info = checkpoint.config, checkpoint.info
    algorithm = config.make_algorithm().build(info, config.seed, backend.choose_device(device)[0])
    try:
        algorithm.load_state_dict(checkpoint.state)
        for name in algorithm.averaged if config.ema_decay else ():
            algorithm.networks[name].load_state_dict(under(f"{name}_ema", checkpoint.arrays))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} does not fit {config.name}: {error}") from None
    for network in algorithm.networks.values():
        network.eval()
    if tell is not None:
        tell(f"{config.name} from {path}, {checkpoint.place}")
    return algorithm, config


def slerp(a: backend.Array, b: backend.Array, t: float) -> backend.Array:
    """A point on the way from a to b (z_dim) on the sphere: sin((1−t)Ω)/sin Ω · a + sin(tΩ)/sin Ω · b.
    Normal noise in many dimensions lies near a sphere, whose middle a straight line would pass. White, 2016."""
    cosine = float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    if angle < 1e-6:
        return (1 - t) * a + t * b
    return (math.sin((1 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)


def interpolate(z: backend.Array, steps: int) -> backend.Array:
    """A closed way over the points z (N, z_dim), with `steps` points from each to the next: (N·steps, z_dim)."""
    points = [slerp(z[i], z[(i + 1) % len(z)], k / steps) for i in range(len(z)) for k in range(steps)]
    return backend.get_array_module(z).stack(points).astype(z.dtype)

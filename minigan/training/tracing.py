"""A step on record, on demand: the next one of a checkpoint, or the first one of a fresh model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minigan.autograd import Tensor
from minigan.backend import products_in_tf32
from minigan.trace import Trace, remembered
from minigan.training.checkpoint import load_checkpoint
from minigan.training.config import Config
from minigan.training.run import Run, load_data
from minigan.training.sampling import draw_noise
from minigan.training.steps import STEPS

FRESH_BATCH = 64  # images in a fresh model's step: what its own batch may be, a few seconds are enough


def trace_checkpoint(path: str | Path, seed: int = 0, **changes: str) -> Trace:
    """A step from what a checkpoint holds, on a batch drawn from its data. The file stays as it is.

    changes: another `device`, or another place of the `data`, which may be other data.
    """
    checkpoint = load_checkpoint(Path(path))
    config = checkpoint.config.with_choices(**changes)
    run = Run(config, load_data(config))
    run.restore_parts(checkpoint, Path(path))
    return _traced(run, seed, config.batch_size)


def trace_fresh(config: Config, seed: int = 0) -> Trace:
    """The first step of a model that has learnt nothing yet."""
    data = load_data(config)
    run = Run(config.with_choices(channels=data.channels), data)
    return _traced(run, seed, min(config.batch_size, FRESH_BATCH))


def _traced(run: Run, seed: int, batch_size: int) -> Trace:
    players = run.players
    n = min(batch_size, len(run.data))
    chosen = np.sort(np.random.default_rng(seed).choice(len(run.data), n, replace=False))
    x = Tensor(run.data.batch(chosen), device=run.device)
    z = Tensor(draw_noise(n, players.G.z_dim, seed), device=run.device)
    tf32 = products_in_tf32(run.device, run.config.tf32)
    with tf32, remembered(players.G, players.D) as meeting, run.recorder(x, z) as recorder:
        STEPS[run.config.step](players, x, z, recorder.name, watched=True)
    return recorder.trace.with_comparisons(meeting.compare(z))

"""A step on record, on demand: the next one of a checkpoint, the first one of a fresh model, or one of the example."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minigan import backend
from minigan.data import Batch
from minigan.trace import Trace, trace_step
from minigan.training import example
from minigan.training.callbacks.traces import about
from minigan.training.checkpoint import find_checkpoint, load_checkpoint
from minigan.training.config import Config
from minigan.training.initial_weights import take_weights
from minigan.training.session import load_data, restore, with_channels_of
from minigan.training.trainer import Trainer

FRESH_BATCH = 64  # images in a fresh model's step: what its own batch may be, a few seconds are enough


def trace_checkpoint(path: str | Path, seed: int = 0, file: str | None = None, **changes: Any) -> Trace:
    """A step from what a checkpoint holds, on batches drawn from its data. The file stays as it is.
    file: where a user's own algorithm lies now, as `file.py:Class`. changes: another `device`, or other `data` and
    how it is read."""
    checkpoint = load_checkpoint(Path(path), file)
    config = checkpoint.config.with_choices(**changes)
    trainer = Trainer(config, load_data(config))
    restore(trainer.algorithm.load_state_dict, checkpoint, Path(path))
    trainer.step = checkpoint.progress["step"]
    return _traced(trainer, seed, config.batch_size)


def trace_fresh(config: Config, seed: int = 0) -> Trace:
    """The first step of a model that has learnt nothing yet."""
    data = load_data(config)
    trainer = Trainer(with_channels_of(data, config), data)
    if config.init_from:
        take_weights(trainer, find_checkpoint(config.init_from, Path("runs")))
    return _traced(trainer, seed, min(config.batch_size, FRESH_BATCH))


def trace_example(seed: int = 0, **changes: Any) -> Trace:
    """A step of the trained GAN that comes with minigan, to train on; its optimisers begin anew. changes: another
    `device`."""
    path = example.example_weights()
    config = Config.for_model(example.MODEL, **changes)
    trainer = Trainer(config, load_data(config))
    take_weights(trainer, path)
    trainer.step = example.STEPS
    return _traced(trainer, seed, config.batch_size)


def _traced(trainer: Trainer, seed: int, batch_size: int) -> Trace:
    algorithm, data, rng = trainer.algorithm, trainer.data, np.random.default_rng(seed)
    algorithm.streams["noise"] = backend.new_rng(seed, "samples")  # of this seed, whatever the run drew before

    def batches() -> Iterator[Batch]:  # as many as the step takes
        while True:
            rows = rng.choice(len(data), min(batch_size, len(data)), replace=False)
            yield data[np.sort(rows)].only(algorithm.reads)

    with backend.products_in_tf32(trainer.device, trainer.config.tf32):
        return trace_step(algorithm, batches(), **about(trainer), at=trainer.step + 1)

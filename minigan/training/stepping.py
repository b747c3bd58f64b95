"""Steps of a run taken by themselves: without its folder, or once more."""

from __future__ import annotations

from collections.abc import Iterator

from minigan.algorithms import Figures
from minigan.algorithms.state import restore_random_state
from minigan.data import Batch
from minigan.training.trainer import Trainer


def take_steps(trainer: Trainer, n: int) -> list[Figures]:
    """The next n steps, with what callbacks do after each, and nothing else; the figures of each."""
    found = []
    for _ in range(n):
        found.append(trainer.take_step())
        for callback in trainer.callbacks:
            callback.on_step(trainer, found[-1])
    return found


def retake_step(trainer: Trainer) -> Figures:
    """The step that was begun last once more: on the same batches, with the same noise and masks."""

    def taken() -> Iterator[Batch]:
        for batch in trainer.step_batches:
            trainer.process_group.begin_batch(batch.global_size)
            yield batch

    restore_random_state(trainer.algorithm, trainer.random_state)
    return trainer.algorithm(taken())

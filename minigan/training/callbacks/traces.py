"""Traces of a run's own steps, into its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from minigan.trace import StepRecorder
from minigan.training.trainer import Callback, Trainer


class Traces(Callback):
    """trace/s000300.json …: a record of every so-many-th step. The run is the same to the bit."""

    def __init__(self, every: int) -> None:
        self.every = every

    def around_step(self, trainer: Trainer) -> AbstractContextManager[None] | None:
        return self._recorded(trainer) if (trainer.step + 1) % self.every == 0 else None

    @contextmanager
    def _recorded(self, trainer: Trainer) -> Iterator[None]:
        step = trainer.step + 1
        with StepRecorder(trainer.algorithm, **about(trainer), at=step) as recorder:
            yield
        if trainer.process_group.is_main and recorder.trace is not None:
            trainer.run_dir.save_trace(step, recorder.trace)


def about(trainer: Trainer) -> dict[str, str]:
    """What a trace says of the run that it is of."""
    return {"model": trainer.config.name, "data": trainer.data.name}

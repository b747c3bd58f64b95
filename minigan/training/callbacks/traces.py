"""Traces of a run's own steps, into its folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from minigan.trace import StepRecorder
from minigan.training.callbacks.stats import LOG_EVERY
from minigan.training.trace_request import take_request
from minigan.training.trainer import Callback, Trainer

SECONDS = 1.0  # between two looks for a request


class Traces(Callback):
    """trace/s000300.json …: a record of every so-many-th step, and of each next one that was asked for, by a file in
    the run's folder (see `trace_request`). The run is the same to the bit. every: 0 for those asked for alone."""

    def __init__(self, every: int = 0) -> None:
        self.every = every
        self.looked = -SECONDS

    def around_step(self, trainer: Trainer) -> AbstractContextManager[None] | None:
        due = self.every > 0 and (trainer.step + 1) % self.every == 0
        return self._recorded(trainer) if self._requested(trainer) or due else None

    def _requested(self, trainer: Trainer) -> bool:
        """Whether somebody asked for this step. All of several processes record it or none, so they tell each other;
        that is a message, which they send as seldom as they bring figures to the host."""
        group, path = trainer.process_group, trainer.run_dir.path
        if group.size > 1:
            return trainer.step % LOG_EVERY == 0 and group.any(group.is_main and take_request(path))
        now = time.monotonic()
        if now - self.looked < SECONDS:
            return False
        self.looked = now
        return take_request(path)

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

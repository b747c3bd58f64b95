"""log.txt and status.json: what a run is, when it was resumed, and what ended it."""

from __future__ import annotations

from contextlib import suppress

from minigan.autograd import AnomalyError
from minigan.training.describe import describe, total_steps
from minigan.training.errors import Interrupted, TrainingError
from minigan.training.status import update_status
from minigan.training.trainer import Callback, Trainer


class RunLog(Callback):
    """Comes first: it makes the run's folder ready."""

    def on_start(self, trainer: Trainer) -> None:
        """config.json as it is now, and nothing in the folder from after this step."""
        trainer.run_dir.open(trainer.config, trainer.step)
        trainer.run_dir.tell = lambda text: trainer.say(text)
        if trainer.step:
            trainer.run_dir.log(f"resumed at {trainer.place(trainer.step)}")
        for line in describe(trainer):
            trainer.run_dir.log(line)
        labels = dict(trainer.algorithm.figure_labels)
        update_status(
            trainer.run_dir, state="running", message="", total_steps=total_steps(trainer), figure_labels=labels
        )

    def on_stop(self, trainer: Trainer) -> None:
        """It is done. (Of one that was stopped, the error says why.)"""
        if trainer.finished:
            update_status(trainer.run_dir, state="done")

    def on_error(self, trainer: Trainer, error: BaseException) -> None:
        """The last line says why it ended."""
        said = isinstance(error, (TrainingError, AnomalyError, Interrupted))
        message = str(error) if said else f"ended by {type(error).__name__}: {error}".rstrip(": ")
        stopped = isinstance(error, (Interrupted, KeyboardInterrupt, BrokenPipeError))
        with suppress(OSError):  # the disk may be what it ended on
            trainer.run_dir.log(message)
        update_status(trainer.run_dir, state="stopped" if stopped else "failed", message=message)

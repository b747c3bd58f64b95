"""log.txt: what a run is, when it was resumed, and what ended it."""

from __future__ import annotations

from contextlib import suppress

from minigan.autograd import AnomalyError
from minigan.training.describe import describe
from minigan.training.errors import Interrupted, TrainingError
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

    def on_error(self, trainer: Trainer, error: BaseException) -> None:
        """The last line says why it ended."""
        said = isinstance(error, (TrainingError, AnomalyError, Interrupted))
        with suppress(OSError):  # the disk may be what it ended on
            trainer.run_dir.log(str(error) if said else f"ended by {type(error).__name__}: {error}".rstrip(": "))

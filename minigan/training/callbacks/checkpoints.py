"""Checkpoints: the last one, from which a run is resumed, the best one, and one that stays every few epochs."""

from __future__ import annotations

from pathlib import Path

from minigan import backend
from minigan.training.callbacks.evaluation import Evaluation
from minigan.training.callbacks.nonfinite import check_state
from minigan.training.checkpoint import Checkpoint, save_checkpoint
from minigan.training.trainer import Callback, Trainer


class Checkpoints(Callback):
    """Comes after all callbacks that write what belongs to an epoch: whoever is killed before does it all again."""

    def __init__(self, every: int, evaluation: Evaluation | None = None) -> None:
        self.every, self.evaluation = every, evaluation
        self.saved: int | None = None  # the step at which the last checkpoint was saved

    def on_start(self, trainer: Trainer) -> None:
        if trainer.step == 0:  # a new run begins with a checkpoint of its first weights
            self._save(trainer, trainer.run_dir.last_checkpoint)

    def on_epoch(self, trainer: Trainer) -> None:
        """The last one, one that stays if it is due, and the best so far if that is what this is."""
        epoch, paths = trainer.closed_epochs, [trainer.run_dir.last_checkpoint]
        if epoch % self.every == 0 or trainer.finished:
            paths.insert(0, trainer.run_dir.checkpoint(epoch))
        self._save(trainer, *paths)

    def on_stop(self, trainer: Trainer) -> None:
        if self.saved != trainer.step:
            self._save(trainer, trainer.run_dir.last_checkpoint)

    def _save(self, trainer: Trainer, *paths: Path) -> None:
        if self.evaluation is not None and self.evaluation.improved_at == trainer.step:
            paths = (trainer.run_dir.best_checkpoint, *paths)
        checkpoint = checkpoint_of(trainer)
        check_state(trainer, checkpoint.arrays)
        for path in paths if trainer.process_group.is_main else ():
            save_checkpoint(path, checkpoint)
        self.saved = trainer.step


def checkpoint_of(trainer: Trainer) -> Checkpoint:
    """The run's state on the host."""
    state = trainer.state_dict()
    arrays = {name: backend.to_numpy(value) for name, value in state.items() if backend.is_array(value)}
    numbers = {name: value for name, value in state.items() if name not in arrays}
    return Checkpoint(arrays, numbers, trainer.config, trainer.data.info)

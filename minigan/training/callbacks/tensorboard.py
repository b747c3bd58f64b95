"""TensorBoard's event files of a run's figures and scores, beside stats.jsonl."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from minigan.extras import install_command
from minigan.metrics.registry import better
from minigan.training.errors import TrainingError
from minigan.training.trainer import Callback, Trainer

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

FOLDER = "tensorboard"


class TensorBoard(Callback):
    """tensorboard/events.out.tfevents.…: each line of stats.jsonl, by tensorboardX's writer. Those that the folder
    lacks are written as it begins; of a run that goes on from an earlier step, those after it are struck out."""

    def __init__(self) -> None:
        require_writer()
        self.writer: SummaryWriter | None = None

    def on_start(self, trainer: Trainer) -> None:
        from tensorboardX import SummaryWriter

        run_dir = trainer.run_dir
        folder = run_dir.path / FOLDER
        if folder.is_symlink():
            raise TrainingError(f"{folder} is a link: nothing is written out of a run's own folder")
        is_new = not folder.is_dir()
        purge, suffix = None if is_new else trainer.step + 1, f".from{trainer.step}"
        # The suffix: within one second two files would else have one name, and the first be lost.
        self.writer = SummaryWriter(str(folder), purge_step=purge, filename_suffix=suffix)
        for line in run_dir.lines() if is_new else ():
            self.write(line)
        run_dir.line_hooks.append(self.write)

    def write(self, line: Mapping[str, float | None]) -> None:
        """The figures of a line of stats.jsonl. Null, which stands for what is no number there, is NaN here."""
        assert self.writer is not None, "on_start comes first"
        for name, value in line.items():
            if name not in ("step", "epoch", "seconds"):
                self.writer.add_scalar(tag(name), math.nan if value is None else value, line["step"])

    def on_stop(self, trainer: Trainer) -> None:
        """See that all of it is written."""
        if self.writer is not None:
            self.writer.close()

    def on_error(self, trainer: Trainer, error: BaseException) -> None:
        self.on_stop(trainer)


def require_writer() -> None:
    """Raise TrainingError, with the command that installs it, where tensorboardX is missing."""
    if find_spec("tensorboardX") is None:
        raise TrainingError(f"--tensorboard writes by tensorboardX, which is not here: {install_command(FOLDER)}")


def tag(name: str) -> str:
    """What TensorBoard calls a figure; it puts those with the same word before the stroke together."""
    return f"{'scores' if better(name) else 'losses' if name.startswith('loss') else 'figures'}/{name}"

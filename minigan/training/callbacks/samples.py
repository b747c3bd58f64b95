"""Pictures: a grid of samples after every epoch; at the end an animation of them, and the curves of all figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minigan.algorithms.drawing import preview
from minigan.training.callbacks.callback import Callback


class SampleGrid(Callback):
    """samples/reals.png, samples/e000.png …: the same noise each time.

    latest: the file of the last grid.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.latest: Path | None = None

    def on_start(self, trainer: Any) -> None:
        """What the first samples of the data look like, and what is drawn before anything is learned."""
        if trainer.step == 0:
            first = trainer.data[slice(0, self.count)]
            if "x" in first:
                trainer.run_dir.save_grid("reals", first["x"])
            self._save(trainer, f"e{0:03d}")

    def on_epoch(self, trainer: Any) -> None:
        """A grid."""
        self._save(trainer, f"e{trainer.loader.epoch:03d}")

    def on_stop(self, trainer: Any) -> None:
        """A grid of the end, if the end is no epoch's."""
        if trainer.finished and not trainer.at_epoch_end:
            self._save(trainer, f"s{trainer.step:06d}")

    def _save(self, trainer: Any, name: str) -> None:
        batch = trainer.data[np.arange(self.count) % len(trainer.data)]
        with trainer.sampling_weights():
            samples = preview(trainer.algorithm, batch, trainer.config.seed)
        self.latest = trainer.run_dir.save_grid(name, samples)


class Pictures(Callback):
    """samples.gif and losses.png, at the end. It comes after the checkpoints: they matter more."""

    def on_stop(self, trainer: Any) -> None:
        """Make them of what lies in the run's folder."""
        trainer.run_dir.finish_pictures(trainer.closed_epochs, trainer.algorithm.figure_labels)

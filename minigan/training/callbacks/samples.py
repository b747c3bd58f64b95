"""Pictures: a grid of samples after every epoch; at the end an animation of them, and the curves of all figures."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from minigan.algorithms import Figures, NoSamplesError
from minigan.algorithms.samples import preview, preview_columns
from minigan.training import images
from minigan.training.trainer import Callback, Trainer

STOPPED = "stopped"  # the grid of a run that was stopped within an epoch


class SampleGrid(Callback):
    """samples/reals.png, samples/e000.png …: the same noise each time, and, if there are labels, a column for each of
    them, with the same noise along a row; of few labels several, of as many noises. latest: the file of the last grid.
    every: steps between grids, s000100.png …; 0: there is one after every epoch."""

    may_fail, what = True, "a grid of samples could not be made"

    def __init__(self, count: int, every: int = 0) -> None:
        self.count, self.every = count, every
        self.latest: Path | None = None
        self.off = False  # whether the algorithm has nothing to show

    def on_start(self, trainer: Trainer) -> None:
        """What the first samples of the data look like, and what is drawn before anything is learned."""
        if trainer.step == 0:
            first = trainer.data[slice(0, self.count)]
            if "x" in first:
                trainer.run_dir.save_grid("reals", first["x"])
            self.save(trainer, "e000")

    def on_step(self, trainer: Trainer, figures: Figures) -> None:
        if self.every and trainer.step % self.every == 0:
            self.save(trainer, f"s{trainer.step:06d}")

    def on_epoch(self, trainer: Trainer) -> None:
        if not self.every:
            self.save(trainer, f"e{trainer.closed_epochs:03d}")

    def on_stop(self, trainer: Trainer) -> None:
        """A grid of the end, if there is none yet."""
        if trainer.finished and (trainer.step % self.every if self.every else not trainer.at_epoch_end):
            self.save(trainer, f"s{trainer.step:06d}")

    def save(self, trainer: Trainer, name: str) -> None:
        """Draw the grid of this name."""
        if self.off:
            return
        batch = trainer.data[np.arange(self.count) % len(trainer.data)]
        try:
            with trainer.ema.applied():
                samples = preview(trainer.algorithm, batch, trainer.config.seed)
        except NoSamplesError as error:
            self.off = True
            trainer.say(f"no grids: {error}")
            return
        columns = preview_columns(trainer.algorithm, self.count)
        self.latest = trainer.run_dir.save_grid(name, samples, columns, batch["x"] if "x" in batch else None)


class Pictures(Callback):
    """samples.gif and losses.png, at the end; where the user stopped the run, also what is drawn so far:
    samples/stopped.png, until the run goes on. It comes after the checkpoints: they matter more."""

    may_fail, what = True, "the pictures of the end could not be made"

    def __init__(self, grids: SampleGrid | None = None) -> None:
        self.grids = grids

    def on_start(self, trainer: Trainer) -> None:
        """A run that goes on leaves what an uninterrupted one leaves."""
        for suffix in (".png", ".npy"):
            (trainer.run_dir.path / "samples" / f"{STOPPED}{suffix}").unlink(missing_ok=True)

    def on_stop(self, trainer: Trainer) -> None:
        """Make them of what lies in the run's folder. (Grids of later epochs are from before a resume.)"""
        if self.grids is not None and not trainer.finished and trainer.step:
            if self.grids.every or not trainer.at_epoch_end:
                self.grids.save(trainer, STOPPED)
            if self.grids.latest is not None:
                with suppress(OSError, ValueError):  # the terminal may be gone, and that be why it stopped
                    trainer.say(f"what it draws so far: {self.grids.latest}")
        folder, stats = trainer.run_dir.path, list(trainer.run_dir.lines())
        if stats:
            images.save_curves(folder / "losses.png", stats, trainer.algorithm.figure_labels)
        names, every = [f"e{epoch:03d}" for epoch in range(trainer.closed_epochs + 1)], trainer.config.grid_every
        if every:
            names = ["e000", *(f"s{step:06d}" for step in (*range(every, trainer.step, every), trainer.step))]
        paths = [folder / "samples" / f"{name}.png" for name in names]
        grids = [images.load_png(path) for path in paths if path.is_file()]
        if len(grids) > 1:
            seconds = max(0.1, min(0.6, 12 / len(grids)))
            images.save_gif(folder / "samples.gif", grids, seconds, last=1.5)

"""Scores of samples as a run goes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from minigan.algorithms import Algorithm
from minigan.metrics import METRICS
from minigan.options import ConfigError
from minigan.training.trainer import Callback, Trainer

SAMPLES = 2000  # drawn for a score, and as many real ones beside them


class Evaluation(Callback):
    """Every few epochs, `metrics` of fresh samples against the data, into scores.jsonl, the log and the terminal.
    The samples' noise and the choice of real samples come from a stream of their own, the same each time."""

    def __init__(self, every: int, names: Sequence[str] = (), samples: int = SAMPLES) -> None:
        self.every, self.samples = every, samples
        self.metrics = {name: METRICS[name] for name in names or METRICS}

    def on_start(self, trainer: Trainer) -> None:
        if type(trainer.algorithm).sample is Algorithm.sample or "x" not in trainer.data.info.shapes:
            raise ConfigError(f"--evaluate-every: {type(trainer.algorithm).__name__} draws no samples to be scored")

    def on_epoch(self, trainer: Trainer) -> None:
        if trainer.closed_epochs % self.every == 0 or trainer.finished:
            self.score(trainer)

    def on_stop(self, trainer: Trainer) -> None:
        if trainer.finished and not trainer.at_epoch_end:  # the end is no epoch's
            self.score(trainer)

    def score(self, trainer: Trainer) -> dict[str, float]:
        """The scores now, said and written."""
        n = min(self.samples, len(trainer.data))
        chosen = np.random.default_rng([trainer.config.seed, 0, 3]).choice(len(trainer.data), n, replace=False)
        real = trainer.data[np.sort(chosen)]["x"]
        drawn = trainer.sample(n, trainer.config.seed + 1)
        scores = {name: metric(drawn, real) for name, metric in self.metrics.items()}
        line = {"step": trainer.step, "epoch": trainer.closed_epochs, "n": n, **scores}
        trainer.run_dir.add_line("scores.jsonl", line)
        text = f"scores at step {trainer.step}  " + "  ".join(f"{name} {value:.4g}" for name, value in scores.items())
        trainer.run_dir.log(text)
        with suppress(BrokenPipeError):  # of whoever read it: the epoch's checkpoint is not written yet
            trainer.say(f"{text}  ({n} samples)")
        return scores

"""A row of a table that is a training: its choices, and the scores of what the trained algorithm draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from minigan.algorithms import Algorithm
from minigan.algorithms.samples import generate_labelled
from minigan.data import DataError
from minigan.experiments.experiment import Outcome, Scores
from minigan.metrics.registry import applicable_metrics, score
from minigan.metrics.sample_set import SampleSet, reference
from minigan.options import Choices
from minigan.training import Config, resume, start
from minigan.training.checkpoint import load_checkpoint
from minigan.training.run_options import reading_options
from minigan.training.sampling import load_algorithm

# A grid and a checkpoint that stays now and then are enough: nobody watches.
QUIET = {"evaluate_every": 0, "checkpoint_every": 10_000, "grid_every": 5000}


def scores_of_samples(n: int = 2500, metrics: Sequence[str] = ()) -> Callable[[Algorithm, Config, int], Scores]:
    """What gives the scores of n samples, drawn by a seed, against the data's: those of these names; without any,
    those that fit and cost little."""

    def scores(algorithm: Algorithm, config: Config, seed: int) -> Scores:
        def read(**split: str):
            return algorithm.load_data(config.data, config.channels, **split, **reading_options(config))

        data = read()
        try:
            held_out = read(split="test")
        except DataError:  # it has none
            held_out = None
        real = reference(data, n, seed, held_out=held_out)
        samples = SampleSet(*generate_labelled(algorithm, n, seed), real.extractor)
        return score(samples, real, metrics or applicable_metrics(samples, real, training=True))

    return scores


@dataclass(frozen=True)
class Training:
    """Train by these choices, then score. scores: of a trained algorithm, its configuration and the seed."""

    choices: Choices
    scores: Callable[[Algorithm, Config, int], Scores]

    def __call__(self, seed: int, folder: Path) -> Outcome:
        last = self._trained(seed, folder)
        checkpoint = load_checkpoint(last)
        algorithm, config = load_algorithm(last, "cpu")
        scores = self.scores(algorithm, config, seed)
        return Outcome(scores, checkpoint.progress["step"], checkpoint.progress["seconds"])

    def _trained(self, seed: int, folder: Path) -> Path:
        """The last checkpoint of the run in this folder, once it is trained: a new run, or one that goes on."""
        for last in folder.glob("*/ckpt/last.safetensors"):
            checkpoint = load_checkpoint(last)
            config, progress = checkpoint.config, checkpoint.progress
            if config.steps is None and progress["closed_epochs"] < config.epochs:
                resume(last).train()
            elif config.steps is not None and progress["step"] < config.steps:
                resume(last).train()
            return last
        trainer = start(Config.choose(QUIET, self.choices, seed=seed, device="cpu"), folder)
        trainer.train()
        return trainer.run_dir.last_checkpoint

"""A row of a table that is a training: its choices, and the scores of what the trained algorithm draws."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np

from minigan.algorithms import Algorithm
from minigan.algorithms.samples import generate_labelled
from minigan.experiments.experiment import Outcome, Scores
from minigan.files import read_file
from minigan.metrics.registry import applicable_metrics, score
from minigan.metrics.sample_set import SampleSet, reference, with_held_out
from minigan.options import Choices, ConfigError
from minigan.training import Config, resume, start
from minigan.training.atomic import write_atomically
from minigan.training.checkpoint import load_checkpoint
from minigan.training.run_dir import RunDir
from minigan.training.run_options import reading_options
from minigan.training.sampling import load_algorithm

# A grid and a checkpoint that stays now and then are enough: nobody watches.
QUIET = {"evaluate_every": 0, "checkpoint_every": 10_000, "grid_every": 5000}
PARTS = 20  # of a run, of which each has a pace of its own


def scores_of_samples(n: int = 2500, metrics: Sequence[str] = ()) -> Callable[[Algorithm, Config, int], Scores]:
    """What gives the scores of n samples, drawn by a seed, against the data's: those of these names; without any,
    those that fit and cost little."""

    def scores(algorithm: Algorithm, config: Config, seed: int) -> Scores:
        read = partial(algorithm.load_data, config.data, config.channels, **reading_options(config))
        data, held_out = with_held_out(read)
        real = reference(data, n, seed, held_out=held_out)
        samples = SampleSet(*generate_labelled(algorithm, n, seed), real.extractor)
        return score(samples, real, metrics or applicable_metrics(samples, real, training=True))

    return scores


def undisturbed_seconds(lines: Iterable[Mapping[str, float]], on_the_clock: float) -> float:
    """How long a training takes where nothing disturbs it, from its lines of figures: each of twenty parts, one after
    the other, at the median pace of its lines. Hours in which the computer slept or was busy with other work are in the
    time on the clock, but hardly in this. Parts, since steps of a network that grows take ever longer."""
    at = [(line["step"], line["seconds"]) for line in lines if "seconds" in line]
    steps, seconds = np.diff([(0, 0.0), *at], axis=0).T
    taken = steps > 0
    paces, counts = np.array_split(seconds[taken] / steps[taken], PARTS), np.array_split(steps[taken], PARTS)
    parts = [np.median(pace) * count.sum() for pace, count in zip(paces, counts, strict=True) if len(pace)]
    return float(min(sum(parts), on_the_clock)) if parts else on_the_clock


@dataclass(frozen=True)
class Training:
    """Train by these choices, then score. scores: of a trained algorithm, its configuration and the seed.
    stops: {steps: images}: after so many steps it is scored, with the number of images seen by then in the scores'
    names, as in modes@128000; without any, it is once, at the end."""

    choices: Choices
    scores: Callable[[Algorithm, Config, int], Scores]
    stops: Mapping[int, int] = field(default_factory=dict)

    def __call__(self, seed: int, folder: Path) -> Outcome:
        kept = folder / "stops.json"
        found: dict[str, float] = json.loads(read_file(kept)) if kept.is_file() else {}
        for steps, images in self.stops.items():
            if not any(name.endswith(f"@{images}") for name in found):
                scores = self._scored(self._trained(seed, folder, {"steps": steps}), seed)
                found |= {f"{name}@{images}": value for name, value in scores.items()}
                write_atomically(kept, json.dumps(found).encode())
        last = self._trained(seed, folder)
        progress = load_checkpoint(last).progress
        seconds = undisturbed_seconds(RunDir.around(last).lines(), progress["seconds"])
        return Outcome(found or self._scored(last, seed), progress["step"], seconds)

    def _scored(self, last: Path, seed: int) -> Scores:
        return self.scores(*load_algorithm(last, "cpu"), seed)

    def _trained(self, seed: int, folder: Path, more: Choices = MappingProxyType({})) -> Path:
        """The last checkpoint of the run in this folder, once it is trained: a new run, or one that goes on."""
        for last in folder.glob("*/ckpt/last.safetensors"):
            checkpoint = load_checkpoint(last)
            config, progress = checkpoint.config.with_choices(**more), checkpoint.progress
            done, asked = progress["closed_epochs"], config.epochs
            if config.steps is not None:
                done, asked = progress["step"], config.steps
            if more and done > asked:
                raise ConfigError(f"{folder}: the run is at step {done}, beyond {asked}, where it is scored: remove it")
            if done < asked:
                resume(last, **more).train()
            return last
        trainer = start(Config.choose(QUIET, self.choices, more, seed=seed, device="cpu"), folder)
        trainer.train()
        return trainer.run_dir.last_checkpoint

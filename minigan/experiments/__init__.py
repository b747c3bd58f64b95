"""Tables of scores that one command computes again: `minigan recipes run ring`.

An `Experiment` is a table, here by name; each of its rows is computed from a seed, most of them by a training. What was
computed lies in `results`, and `lessons/results.md` is made of it by `python -m minigan.experiments.page lessons`.
"""

from __future__ import annotations

from minigan.experiments.attention import ATTENTION
from minigan.experiments.clipping import CLIPPING
from minigan.experiments.digits import OBJECTIVES, STACKED, VAE_AND_GAN
from minigan.experiments.experiment import Experiment, Outcome, Result, read_results, run
from minigan.experiments.own import OWN
from minigan.experiments.plane import GRID, RING
from minigan.experiments.splits import SPLITS
from minigan.experiments.training_row import Training

_ALL = (RING, GRID, OBJECTIVES, VAE_AND_GAN, SPLITS, STACKED, CLIPPING, ATTENTION, OWN)
EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in _ALL}

__all__ = ["EXPERIMENTS", "Experiment", "Outcome", "Result", "Training", "read_results", "run"]

"""What `minigan evaluate` scores: the samples of a run, of a checkpoint, or in files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minigan.algorithms import Algorithm
from minigan.algorithms.samples import generate_labelled
from minigan.data import Dataset, load
from minigan.files import expanded
from minigan.metrics import evaluation
from minigan.metrics.features import Features
from minigan.metrics.sample_set import SampleSet, with_held_out
from minigan.options import ConfigError
from minigan.training.checkpoint import find_checkpoint
from minigan.training.config import Config
from minigan.training.run_options import reading_options
from minigan.training.sampling import load_algorithm


@dataclass(frozen=True)
class Opened:
    """Samples of a trained algorithm, or the rows of a data set."""

    name: str
    algorithm: Algorithm | None = None
    config: Config | None = None
    data: Dataset | None = None

    @property
    def count(self) -> int | None:
        """How many samples there are; None: without end."""
        return None if self.data is None else len(self.data)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample."""
        if self.data is not None:
            return self.data.info.shapes["x"]
        assert self.algorithm is not None
        return self.algorithm.generate(1).shape[1:]

    def drawing(self, name: str, extractor: Features, seed: int) -> evaluation.Source:
        """What gives the samples of each draw, other ones for each, under a name."""

        def draw(n: int, k: int) -> SampleSet:
            if self.algorithm is not None:
                return SampleSet(*generate_labelled(self.algorithm, n, evaluation.seed_of_draw(seed, k)), extractor)
            assert self.data is not None
            order = np.random.default_rng([seed, 0, 4]).permutation(len(self.data))
            batch = self.data[np.sort(order[k * n : (k + 1) * n])]
            return SampleSet(batch.x, batch.y if "y" in batch else None, extractor)

        return evaluation.Source(name, draw)


def opened(where: str, runs: Path, device: str, file: str | None, reading: Mapping[str, Any] = {}) -> Opened:
    """The source at a place: "last", a run's folder or a checkpoint, else samples as `minigan.data.load` reads them,
    with these options."""
    path = expanded(where)
    is_run = where == "last" or path.suffix == ".safetensors" or (path / "ckpt").is_dir()
    if not is_run:
        return Opened(where, data=load(where, **reading))
    checkpoint = find_checkpoint(where, runs)
    algorithm, config = load_algorithm(checkpoint, device, file)
    if type(algorithm).sample is Algorithm.sample:
        raise ConfigError(f"{where}: {type(algorithm).__name__} draws no samples to be scored")
    return Opened(checkpoint.parent.parent.name if path.is_dir() or where == "last" else where, algorithm, config)


def data_of(spec: str | None, sources: Sequence[Opened]) -> tuple[Dataset, Dataset | None]:
    """The real samples, and those that were held out: of a data set that is named, else what the runs learned from.
    Raises ConfigError for sources whose samples are of another shape."""
    learned = {source.config.data: source for source in sources if source.config is not None}
    if spec is None and len(learned) > 1:
        raise ConfigError(f"the runs learned from {', '.join(learned)}: --data NAME says what they are compared with")
    spec = spec or next(iter(learned), "mnist")
    data, held_out = with_held_out(_reader(spec, sources))
    for source in sources:
        if source.shape != data.info.shapes["x"]:
            raise ConfigError(
                f"{source.name}: samples of shape {source.shape} found, but those of {spec} have shape "
                f"{data.info.shapes['x']}: compare with others (--data), or by themselves"
            )
    return data, held_out


def _reader(spec: str, sources: Sequence[Opened]) -> Callable[..., Dataset]:
    """What reads the data set of this name as the first run does, or in the shape that the first file has."""
    for source in sources:
        if source.algorithm is not None and source.config is not None:
            config = source.config
            return partial(source.algorithm.load_data, spec, config.channels, **reading_options(config))
    shape = next(source.data.info.shapes["x"] for source in sources if source.data is not None)
    return partial(load, spec, shape[1:], shape[0]) if len(shape) == 3 else partial(load, spec)

"""Samples as scores see them: with their features, predicted labels and modes, each computed once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from minigan.data import DataError, Dataset
from minigan.metrics.features import Features, find_features
from minigan.metrics.kmeans import kmeans


@dataclass(eq=False)
class SampleSet:
    """Samples x (N, …), images in [−1, 1] or points. labels: what each was to show, or a real one does, if known.
    extractor: what its features are; for points, pixels."""

    x: np.ndarray
    labels: np.ndarray | None
    extractor: Features

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def features(self) -> np.ndarray:
        """(N, d), float64."""
        return self.extractor(self.x)

    @cached_property
    def predicted(self) -> np.ndarray:
        """The label (N) that the extractor's classifier gives each sample."""
        if self.extractor.probabilities is None:
            raise TypeError(f"features {self.extractor.name} predict no labels")
        return self.extractor.probabilities(self.features).argmax(axis=1)


AFFORDABLE = 8e10  # a few seconds on a CPU: distances, each of which costs its numbers and 64 more


@dataclass(eq=False)
class TrainingSamples:
    """The samples that were learned from, to find copies of them: all of a data set, or, where the distances of n
    samples to them would cost too much, some, but not fewer than n."""

    data: Dataset
    extractor: Features
    n: int

    @cached_property
    def features(self) -> np.ndarray:
        """(M, d), float64."""
        count = len(self.data)
        width = self.extractor(self.data[slice(0, 1)].x).shape[1]
        kept = min(count, max(self.n, int(AFFORDABLE / (self.n * (width + 64)))))
        rows = np.sort(np.random.default_rng([0, 0, 5]).permutation(count)[:kept])
        parts = (self.data[rows[i : i + 10_000]].x for i in range(0, kept, 10_000))  # as floats one after another
        return np.concatenate([self.extractor(part) for part in parts])


@dataclass(eq=False)
class Reference(SampleSet):
    """Real samples, which others are compared with. other_real: as many real ones again, to be scored beside what is
    generated. held_out: whether no network has learned from these. training: the samples that one may have learned
    from, if there are more than these. centers, sigma: of the data's modes, if known."""

    other_real: SampleSet
    held_out: bool = False
    training: TrainingSamples | None = None
    centers: np.ndarray | None = None
    sigma: float | None = None

    @cached_property
    def bins(self) -> np.ndarray:
        """The centers (100, d) of bins of these samples: one K-means for all that are compared with them."""
        return kmeans(self.x.reshape(len(self), -1), 100)

    @cached_property
    def reads_labels(self) -> bool:
        """Whether the extractor's classifier is one of these samples' classes: it must name 9 of 10 as they are
        labelled. (That of digits gives clothes a digit, too.)"""
        if self.labels is None or self.extractor.probabilities is None:
            return False
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iu":  # of other things than classes
            return False
        return bool((self.predicted == self.labels).mean() > 0.9)


def with_held_out(read: Callable[..., Dataset]) -> tuple[Dataset, Dataset | None]:
    """What `read()` gives, and what `read(split="test")` does: None if the data have no such split."""
    data = read()
    try:
        inspect.signature(read).bind(split="test")
    except TypeError:  # an algorithm of a user's own, which knows no splits
        return data, None
    try:
        held_out = read(split="test")
    except DataError:  # it has none
        return data, None
    return data, None if held_out.fingerprint == data.fingerprint else held_out


def reference(
    data: Dataset, n: int, seed: int = 0, extractor: Features | None = None, held_out: Dataset | None = None,
    training: TrainingSamples | None = None,
) -> Reference:  # fmt: skip
    """n real samples of a data set, and n others: of the one that is held out, or without it of the same, chosen by a
    seed without repeats. Of a data set with fewer, all, or half of them. training: see `Reference`."""
    extractor = extractor or find_features(None, data.info)
    order = np.random.default_rng([seed, 0, 3]).permutation(len(data))
    if held_out is None:
        n = min(n, len(data) // 2)
        others = _samples(data, order[n : 2 * n], extractor)
    else:
        n = min(n, len(data), len(held_out))
        others = _samples(held_out, np.random.default_rng([seed, 1, 3]).permutation(len(held_out))[:n], extractor)
    chosen = _samples(data, order[:n], extractor)
    modes = {name: getattr(data, name, None) for name in ("centers", "sigma")}
    return Reference(chosen.x, chosen.labels, extractor, others, held_out is not None, training, **modes)


def _samples(data: Dataset, rows: np.ndarray, extractor: Features) -> SampleSet:
    batch = data[np.sort(rows)]
    return SampleSet(batch.x, batch.y if "y" in batch else None, extractor)

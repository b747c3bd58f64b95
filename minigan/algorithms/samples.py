"""Samples of given noise, and what a grid shows; `Algorithm.generate` draws all others."""

from __future__ import annotations

from typing import Any

from minigan import backend
from minigan.algorithms.algorithm import AT_ONCE, Algorithm, GivenNoise
from minigan.autograd import Tensor
from minigan.data import Batch


def decode(algorithm: Algorithm, z: backend.Array, **condition: Any) -> backend.Array:
    """The samples of given noise (N, z_dim)."""
    return algorithm.in_parts(len(z), lambda i, k: algorithm.sample(k, GivenNoise(z[i : i + k]), **condition))


def by_label(algorithm: Algorithm, noises: int, seed: int = 0) -> backend.Array:
    """Samples of every label from the same noise, (noises · classes, …): all labels of the first noise, then all of the
    next."""
    of_each = [algorithm.generate(noises, seed, label=label) for label in range(algorithm.classes)]
    return backend.get_array_module(of_each[0]).stack(of_each, axis=1).reshape(-1, *of_each[0].shape[1:])


def preview(algorithm: Algorithm, batch: Batch, seed: int = 0) -> backend.Array:
    """What a grid shows, given the first samples of the data: as many samples, or, if there are labels, as many whole
    rows of all labels."""
    if columns := preview_columns(algorithm, len(batch)):
        return by_label(algorithm, len(batch) // columns * columns // algorithm.classes, seed)
    rng = backend.new_rng(seed, "samples")

    def draw(i: int, k: int) -> Tensor:
        return algorithm.preview(batch.map(lambda array: algorithm.tensor(array[i : i + k])), rng)

    return algorithm.in_parts(len(batch), draw)


def generate_labelled(algorithm: Algorithm, n: int, seed: int = 0) -> tuple[backend.Array, backend.Array | None]:
    """n samples on the host, and the label that each was asked to show: equally many of each. None for an algorithm
    whose samples cannot be asked for by label."""
    if not algorithm.classes:
        return algorithm.generate(n, seed), None
    counts = [len(range(label, n, algorithm.classes)) for label in range(algorithm.classes)]
    seeds = range(seed * len(counts), (seed + 1) * len(counts))  # other noise for each label
    drawn = [algorithm.generate(k, s, label=i) for i, (k, s) in enumerate(zip(counts, seeds, strict=True)) if k]
    xp = backend.get_array_module(drawn[0])
    return xp.concatenate(drawn), xp.arange(len(counts)).repeat(counts)


def labels_in_turn(algorithm: Algorithm, n: int) -> list[int]:
    """The labels of `algorithm.generate(n)`, which is told none: in each of its parts all in turn."""
    return [i % AT_ONCE % algorithm.classes for i in range(n)]


def preview_columns(algorithm: Algorithm, n: int) -> int | None:
    """How many columns a grid of about n samples has: one for each label, and where there are few labels, all of them
    several times, so that it is about square. None: there is no choice of labels, or there are too many."""
    shows_samples, classes = type(algorithm).preview is Algorithm.preview, algorithm.classes
    return classes * max(1, round(n**0.5 / classes)) if shows_samples and 1 < classes <= n else None

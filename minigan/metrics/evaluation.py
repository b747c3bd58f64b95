"""Scores over several draws: their means, and how far they can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minigan.metrics.registry import METRICS, applicable_metrics, score
from minigan.metrics.sample_set import Reference, SampleSet

# Student's t, 97.5 %, by degrees of freedom from 1 on.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)


@dataclass(frozen=True)
class Estimate:
    """A score of several draws."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of the draws."""
        return math.fsum(self.values) / len(self.values)

    @property
    def half_width(self) -> float | None:
        """Of the interval around the mean that holds the true one with 95 %: t·s/√draws. None of a single draw."""
        n = len(self.values)
        if n < 2 or not all(map(math.isfinite, self.values)):
            return None
        s = math.sqrt(math.fsum((v - self.mean) ** 2 for v in self.values) / (n - 1))
        return (_T[n - 2] if n - 2 < len(_T) else 1.96 + 2.4 / (n - 1)) * s / math.sqrt(n)

    def __str__(self) -> str:
        """ "2.14 ± 0.18": as many digits as the first two of the interval."""
        half = self.half_width
        if half is None:
            return f"{self.mean:.4g}"
        if half == 0:
            return f"{self.mean:.4g} ± 0"
        if half >= 1e5:
            return f"{self.mean:.2e} ± {half:.1e}"
        digits = min(6, max(0, 1 - math.floor(math.log10(half))))
        return f"{self.mean:.{digits}f} ± {half:.{digits}f}"


@dataclass(frozen=True)
class Source:
    """What is scored. draw: gives n samples of the k-th draw."""

    name: str
    draw: Callable[[int, int], SampleSet]


@dataclass(frozen=True)
class Row:
    """A source's scores by name. samples, real: of its first draw, to be looked at."""

    name: str
    scores: dict[str, Estimate]
    samples: SampleSet
    real: Reference


def seed_of_draw(seed: int, k: int) -> int:
    """The seed of the k-th draw: of the first the given one, so that its samples are those of `minigan sample --seed`;
    of the others numbers of 64 bits, so that draws of different seeds have nothing in common."""
    return seed if k == 0 else int(np.random.SeedSequence([seed, k]).generate_state(1, "uint64")[0])


REAL = "real samples"  # the row that others are read beside


def evaluate(sources: Sequence[Source], reals: Sequence[Reference], names: Sequence[str] = ()) -> Iterator[Row]:
    """The scores of each source, and last of other real samples: as many samples as there are real ones in each draw,
    against these. names: of scores; without any, all that fit."""
    for source in (*sources, Source(REAL, lambda n, k: reals[k].other_real)):
        found: list[dict[str, float]] = []
        for k, real in enumerate(reals):
            samples = source.draw(len(real), k)
            if not found:
                first = samples
                chosen = [
                    name for name in names or applicable_metrics(samples, real) if _fits(name, source, samples, real)
                ]
            found.append(score(samples, real, chosen))
        estimates = {name: Estimate(tuple(each[name] for each in found)) for name in found[0]}
        yield Row(source.name, estimates, first, reals[0])


def _fits(name: str, source: Source, samples: SampleSet, real: Reference) -> bool:
    """Whether a score is computed. One that was named and does not fit what is generated is an error, by `score`."""
    return source.name != REAL or METRICS[name].fits(samples, real)

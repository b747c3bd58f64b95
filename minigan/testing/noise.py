"""How many of a computed number's digits are rounding: what is left when its smooth change is taken away.

Sampled at equally spaced points very near to each other, a smooth function has k-th differences that vanish as k
grows. Those of its rounding errors, independent of each other and of standard deviation σ, have the variance
(2k)!/(k!)² σ² for every k. (Moré and Wild, Estimating computational noise, 2011.) So σ tells how large the terms were
that a result is computed from, also where they cancel: of 1 − y² at y = 1 − 1e-12, or of the gradient of a sum of
softmax, which is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import factorial
from typing import TypeVar

import numpy as np

from minigan.backend import Array, to_numpy

T = TypeVar("T")
ORDER = 6  # of the differences
POINTS = 2 * ORDER + 2
NARROWEST, WIDEST = 64 * 2.0**-52, 1e-3  # spacings, as a share of a number
MAX_NOISE = 1e-5  # more, as a share of numbers of order one, is a jump, or a change that the spacing does not resolve
CONSISTENT = 4  # by what factor σ may differ from one order of differences to the next


def noise_of(sample: Callable[[float], Sequence[Array]]) -> list[float]:
    """The standard deviation of the rounding errors in each of the float64 arrays that `sample(t)` returns, t near 0.

    The noisiest entry of an array counts, at the spacing where it is noisiest: a rounding error may be the same at
    points very near to each other.
    """
    per_spacing = []
    for spacing in _spacings():
        rows = zip(*_samples(sample, spacing), strict=True)
        per_spacing.append([_noise(np.stack([to_numpy(a) for a in row])) for row in rows])
    return list(map(max, zip(*per_spacing, strict=True)))


def noise_of_number(sample: Callable[[float], float]) -> float:
    """The standard deviation of the rounding errors in the number that `sample(t)` returns, at t near 0.

    The narrowest spacing at which there is any noise tells it.
    """
    return next(filter(None, (_noise(np.array(_samples(sample, s))) for s in _spacings())), 0.0)


def _spacings() -> Iterator[float]:
    spacing = NARROWEST
    while spacing < WIDEST:
        yield spacing
        spacing *= 100


def _samples(sample: Callable[[float], T], spacing: float) -> list[T]:
    """Samples on one side of t = 0: a kink there, as of |x| at x = 0, is no noise."""
    return [sample(n * spacing) for n in range(1, POINTS + 1)]


def _noise(samples: np.ndarray) -> float:
    """The standard deviation of the noise in samples in rows; 0 where they are smooth, or jump."""
    coarse, fine = _deviations(samples, ORDER - 1), _deviations(samples, ORDER)
    largest = np.abs(samples).max(axis=0, initial=1.0)
    rounding = (coarse <= CONSISTENT * fine) & (fine <= MAX_NOISE * largest)
    return float(np.where(rounding, fine, 0.0).max(initial=0.0))


def _deviations(samples: np.ndarray, order: int) -> np.ndarray:
    """σ of each column, from its differences of an order."""
    variance = factorial(2 * order) / factorial(order) ** 2  # of the differences of noise of variance 1
    return np.sqrt((np.diff(samples, order, axis=0) ** 2).mean(axis=0) / variance)

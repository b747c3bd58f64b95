"""Precision and recall, density and coverage: of samples, by the k nearest neighbours of each point."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minigan.metrics.distances import squared_distances, squared_radii
from minigan.metrics.points import point_sets


class PrecisionRecall(NamedTuple):
    """How many samples look real, and how much of the data they reach."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How densely real points lie around samples, and the share of real points that have a sample near."""

    density: float
    coverage: float


def precision_recall(samples: np.ndarray, real: np.ndarray, k: int = 3) -> PrecisionRecall:
    """precision = share of samples in a ball of a real point, recall = share of real points in a ball of a sample
    A point's ball reaches to its k-th nearest neighbour in its own set, itself not counted, and is open (strict <).
    samples (N, d), real (M, d), N, M > k: features, or points. 1: all of them; 0: none. Equal distributions do not
    give 1: compare with real against real, N for N and k for k. One far real point has a ball so large that many bad
    samples lie in it; `density_coverage` is not misled so. Kynkäänniemi et al., 2019."""
    samples, real = _sets("precision_recall", samples, real, k)
    sample_radii, real_radii = squared_radii(samples, k), squared_radii(real, k)
    inside, found = 0, np.zeros(len(real), bool)
    for rows, d2 in squared_distances(samples, real):
        inside += int((d2 < real_radii).any(1).sum())
        found |= (d2 < sample_radii[rows, None]).any(0)
    return PrecisionRecall(inside / len(samples), float(found.mean()))


def density_coverage(samples: np.ndarray, real: np.ndarray, k: int = 5) -> DensityCoverage:
    """density = 1/(kM) Σ_samples (number of real balls it lies in),  coverage = share of real balls with a sample
    Balls of N real points: open, up to the k-th nearest other real point, N > k; M samples. Of equal distributions in
    any dimension E density = 1 and E coverage = 1 − Π_{i=1..k} (N − i)/(M + N − i), .969 for N = M large and k = 5.
    Density may exceed 1, where samples crowd in the dense places; coverage 0: no real point has a sample near it.
    One draw in many dimensions may be far from the means, as a few points are everyone's neighbours.
    Naeem et al., 2020."""
    samples, real = _sets("density_coverage", samples, real, k)
    radii = squared_radii(real, k)
    balls, covered = 0, np.zeros(len(real), bool)
    for _, d2 in squared_distances(samples, real):
        inside = d2 < radii
        balls += int(inside.sum())
        covered |= inside.any(0)
    return DensityCoverage(balls / (k * len(samples)), float(covered.mean()))


def _sets(score: str, samples: np.ndarray, real: np.ndarray, k: int) -> list[np.ndarray]:
    if k < 1:
        raise ValueError(f"{score}: k must be 1 or more, not {k}")
    return point_sets(score, least=k + 1, samples=samples, real=real)

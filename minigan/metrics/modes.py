"""Modes of a mixture of Gaussians that samples cover: the score of the ring and the grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minigan.metrics.distances import nearest, squared_radii
from minigan.metrics.histogram import kl_divergence
from minigan.metrics.points import point_sets


class Modes(NamedTuple):
    """How many modes samples cover, how well and how evenly."""

    modes: int  # covered
    good: float  # share of good samples
    kl: float  # of the good samples' shares to uniform, in nats


def modes_covered(points: np.ndarray, centers: np.ndarray, sigma: float, radius: float = 3.0, least: int = 1) -> Modes:
    """modes = centers with `least` good samples or more,  good = share of points ≤ radius·σ from their nearest center
    points (N, d), centers (K, d) of equal Gaussians with standard deviation σ. kl = Σ p log(pK) over the shares p of
    the good samples among centers: 0 if alike, log K if all lie at one, infinite if none is good. A perfect sampler in
    two dimensions has 98.89 % within 3σ, 1 − exp(−9/2), not 100 %. K centers must be K different ones:
    np.linspace(0, 2π, 8) gives a ring of seven. Protocol of VEEGAN (Srivastava et al., 2017): N = 2,500, one good
    sample makes a mode."""
    points, centers = point_sets("modes_covered", points=points, centers=centers)
    k = len(centers)
    if not sigma > 0:
        raise ValueError(f"modes_covered: sigma must be above 0, not {sigma:g}")
    if least < 1:
        raise ValueError(f"modes_covered: least must be 1 or more, not {least}")
    if k > 1 and squared_radii(centers, 1).min() < (1e-6 * sigma) ** 2:
        raise ValueError("modes_covered: two of the centers are the same; give each once")
    index, distance = nearest(points, centers)
    good = distance <= radius * sigma
    counts = np.bincount(index[good], minlength=k)
    kl = kl_divergence(counts / counts.sum(), np.full(k, 1 / k)) if good.any() else float("inf")
    return Modes(int((counts >= least).sum()), float(good.mean()), kl)

"""NDB: in how many bins of the data's space do samples lie too often or too rarely."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from minigan.metrics.distances import nearest
from minigan.metrics.histogram import kl_divergence
from minigan.metrics.kmeans import kmeans
from minigan.metrics.points import point_sets


class NDB(NamedTuple):
    """The bins that differ, and the shares of both sets in every bin."""

    different: int  # number of bins that differ
    share: float  # different/K
    js: float  # Jensen-Shannon divergence of the shares, in nats
    sample_shares: np.ndarray  # (K,)
    real_shares: np.ndarray  # (K,)


def ndb(
    samples: np.ndarray, real: np.ndarray, bins: int | np.ndarray = 100, alpha: float = 0.05,
    threshold: float | None = None, seed: int = 0,
) -> NDB:  # fmt: skip
    """NDB = number of bins with |z| > z_{1−α/2},  z = (p − q)/√(r(1 − r)(1/N + 1/M)),  r = (Np + Mq)/(N + M)
    A bin holds the points nearest to one of K K-means centers of real (M, …); p, q are the shares of samples (N, …) and
    of real in it. JS = ½KL(p‖m) + ½KL(q‖m), m = (p + q)/2. bins: K, or centers (K, …) as `kmeans(real, K)` gives them,
    so that several sets of samples share one K-means. threshold: for |z|, instead of α's 1.96.
    0: no bin differs; K: all do. About αK bins of equal distributions differ by chance: give held-out real samples
    beside it, N for N; the figure grows with N. The authors' class takes α = .05; their demonstration on MNIST, with 0
    for a validation split, 4 for the test set and 11 without the nines, the threshold 4. Richardson and Weiss, 2018."""
    samples, real = point_sets("ndb", samples=samples, real=real)
    if not 0 < alpha < 1:
        raise ValueError(f"ndb: alpha must lie between 0 and 1, not {alpha:g}")
    threshold = NormalDist().inv_cdf(1 - alpha / 2) if threshold is None else threshold
    real, centers = point_sets("ndb", real=real, bins=kmeans(real, bins, seed) if isinstance(bins, int) else bins)
    n, m, k = len(samples), len(real), len(centers)
    p, q = (np.bincount(nearest(points, centers)[0], minlength=k) / len(points) for points in (samples, real))
    r = (n * p + m * q) / (n + m)
    different = int((abs(p - q) > threshold * np.sqrt(r * (1 - r) * (1 / n + 1 / m))).sum())
    middle = (p + q) / 2
    return NDB(different, different / k, (kl_divergence(p, middle) + kl_divergence(q, middle)) / 2, p, q)

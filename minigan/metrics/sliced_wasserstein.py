"""The sliced Wasserstein distance: of two sets of points, along many lines."""

from __future__ import annotations

import numpy as np


def sliced_wasserstein(samples: np.ndarray, real: np.ndarray, directions: int = 128, seed: int = 0) -> float:
    """SW₂ = √E_θ W₂²(⟨θ, x⟩, ⟨θ, y⟩),  θ uniform on the unit sphere
    samples (N, …), real (M, …): of one shape but for their number. In one dimension W₂² is the mean squared
    difference of the quantiles: of the sorted points, if there are as many of both. 0 for equal sets; a shift by δ
    in d dimensions gives ‖δ‖/√d on average over θ. Of few samples it is not 0 even for equal distributions: compare
    it with real samples against real samples, N for N. Rabin et al., 2011."""
    if not len(samples) or not len(real):
        raise ValueError("sliced_wasserstein: one sample or more of both is needed")
    x, y = (np.asarray(a, "float64").reshape(len(a), -1) for a in (samples, real))
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"sliced_wasserstein: samples have {x.shape[1]} numbers each, real ones {y.shape[1]}")
    theta = np.random.default_rng(seed).standard_normal((x.shape[1], directions))
    theta /= np.sqrt((theta**2).sum(0))
    a, b = np.sort(x @ theta, axis=0), np.sort(y @ theta, axis=0)
    # Sorted points are a step function of the quantile. Both are read in the middle of n equal parts, n being the
    # larger number of points: exact where one is a multiple of the other.
    n = max(len(a), len(b))
    a, b = (points[((np.arange(n) + 0.5) / n * len(points)).astype(int)] for points in (a, b))
    return float(np.sqrt(((a - b) ** 2).mean()))

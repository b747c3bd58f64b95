"""K-means: Lloyd's algorithm from k-means++ centers."""

from __future__ import annotations

import numpy as np

from minigan.metrics.distances import nearest
from minigan.metrics.points import point_sets


def kmeans(points: np.ndarray, k: int, seed: int = 0, max_iter: int = 100) -> np.ndarray:
    """Centers (k, d) that no step of Lloyd's algorithm moves, or those after max_iter steps
    A step: each of points (N, …) goes to its nearest center, and each center to the mean of its points; Σ d² falls. A
    center without points stays. They start as k-means++ draws them: each a point, drawn with a probability
    ∝ its squared distance to the nearest center so far. k ≤ number of different points.
    Lloyd, 1982; Arthur and Vassilvitskii, 2007."""
    if k < 1:
        raise ValueError(f"kmeans: k must be 1 or more, not {k}")
    (points,) = point_sets("kmeans", least=k, points=points)
    centers = _plus_plus(points, k, np.random.default_rng(seed))
    labels = np.full(len(points), -1)
    for _ in range(max_iter):
        before, labels = labels, nearest(points, centers)[0]
        if np.array_equal(before, labels):
            break
        centers = _means(points, labels, centers)
    return centers


def _plus_plus(points: np.ndarray, k: int, random: np.random.Generator) -> np.ndarray:
    chosen = [int(random.integers(len(points)))]
    norms = np.einsum("nd,nd->n", points, points)
    d2 = np.full(len(points), np.inf)
    while len(chosen) < k:
        new = chosen[-1]
        to_new = norms + norms[new] - 2 * (points @ points[new])
        to_new[to_new <= 1e-12 * (norms + norms[new])] = 0  # what rounding leaves of equal points
        d2 = np.minimum(d2, to_new)
        if not d2.any():
            raise ValueError(f"kmeans: {k} centers need as many different points; there are {len(chosen)}")
        chosen.append(int(random.choice(len(points), p=d2 / d2.sum())))
    return points[chosen]


def _means(points: np.ndarray, labels: np.ndarray, centers: np.ndarray) -> np.ndarray:
    order = np.argsort(labels, kind="stable")
    there, starts = np.unique(labels[order], return_index=True)
    means = centers.copy()
    for label, members in zip(there, np.split(order, starts[1:]), strict=True):
        means[label] = points[members].mean(0)
    return means

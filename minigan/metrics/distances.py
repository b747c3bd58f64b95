"""Euclidean distances between the points of two sets, some rows at a time, and the neighbours they give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK_NUMBERS = 1_000_000  # in one block of distances: 8 MB, whatever the numbers of points are


def squared_distances(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows, d²) with d²[i, j] = ‖xᵢ − yⱼ‖² = ‖xᵢ‖² + ‖yⱼ‖² − 2⟨xᵢ, yⱼ⟩ of those rows of x, block after block
    x (N, d), y (M, d): float64. Matrix products make it fast, and cost digits: a d² that their rounding cannot tell
    from 0 is given as 0, so that equal points are at distance 0. Points are taken from y₀, so that an offset which
    both sets have costs no digits; whole numbers below 2²⁶ stay exact."""
    x, y = x - y[0], y - y[0]
    x_norms, y_norms = np.einsum("nd,nd->n", x, x), np.einsum("nd,nd->n", y, y)
    rounding = (x.shape[1] + 2) * np.finfo("float64").eps
    height = max(1, BLOCK_NUMBERS // len(y))
    for start in range(0, len(x), height):
        rows = slice(start, min(start + height, len(x)))
        size = x_norms[rows, None] + y_norms
        d2 = x[rows] @ y.T
        d2 *= -2
        d2 += size
        size *= rounding
        d2[d2 <= size] = 0
        yield rows, d2


def nearest(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(index, distance), both (N,): argminⱼ ‖xᵢ − yⱼ‖ and minⱼ ‖xᵢ − yⱼ‖; the first of equally near ones."""
    index, distance = np.empty(len(x), dtype=np.intp), np.empty(len(x))
    for rows, d2 in squared_distances(x, y):
        index[rows] = d2.argmin(1)
        distance[rows] = np.sqrt(d2[np.arange(len(d2)), index[rows]])
    return index, distance


def squared_radii(x: np.ndarray, k: int) -> np.ndarray:
    """(N,): the squared distance of each point to its k-th nearest neighbour; the point itself is none of them
    k < N. A double of the point is a neighbour, at distance 0."""
    radii = np.empty(len(x))
    for rows, d2 in squared_distances(x, x):
        d2[np.arange(len(d2)), np.arange(len(x))[rows]] = np.inf
        radii[rows] = np.partition(d2, k - 1, axis=1)[:, k - 1]
    return radii

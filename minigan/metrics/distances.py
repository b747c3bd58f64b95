"""Euclidean distances between the points of two sets, some rows at a time, and the neighbours they give."""

from __future__ import annotations

import math
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
    """(index, distance), both (N,): argminⱼ ‖xᵢ − yⱼ‖ and minⱼ ‖xᵢ − yⱼ‖; the first of equally near ones.
    The nearest has the largest ⟨xᵢ, yⱼ⟩ − ‖yⱼ‖²/2: one product and one pass over it. The distance is of the difference
    itself, so equal points are at distance 0."""
    height = max(1, math.isqrt(BLOCK_NUMBERS) // 2)
    width = max(1, BLOCK_NUMBERS // height)
    origin = y[0]
    y0 = y - origin  # an offset that both sets have costs no digits
    half_norms = np.einsum("nd,nd->n", y0, y0) / 2
    index, largest = np.zeros(len(x), dtype=np.intp), np.full(len(x), -np.inf)
    for top in range(0, len(x), height):
        rows = slice(top, top + height)
        block = x[rows] - origin
        for left in range(0, len(y), width):
            score = block @ y0[left : left + width].T
            score -= half_norms[left : left + width]
            best = score.argmax(1)
            value = score[np.arange(len(block)), best]
            larger = value > largest[rows]
            largest[rows][larger], index[rows][larger] = value[larger], best[larger] + left
    return index, np.sqrt(((x - y[index]) ** 2).sum(1))


def squared_radii(x: np.ndarray, k: int) -> np.ndarray:
    """(N,): the squared distance of each point to its k-th nearest neighbour; the point itself is none of them
    k < N. A double of the point is a neighbour, at distance 0."""
    radii = np.empty(len(x))
    for rows, d2 in squared_distances(x, x):
        d2[np.arange(len(d2)), np.arange(len(x))[rows]] = np.inf
        radii[rows] = np.partition(d2, k - 1, axis=1)[:, k - 1]
    return radii

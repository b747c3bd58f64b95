"""The birthday test: how many different samples a generator has, from the doubles among a few of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minigan.metrics.distances import squared_distances
from minigan.metrics.points import point_sets


class Birthday(NamedTuple):
    """What the birthday test found."""

    pairs: int  # of samples that are the same
    support: float  # about how many different ones there are


def birthday_test(samples: np.ndarray, same: float = 0.0) -> Birthday:
    """support = s(s − 1)/(2·pairs) of s samples (s, …),  pairs = how many lie no farther apart than `same`
    E pairs = s(s − 1)/2 · Σp²: for a support of n samples, all as likely, the mean of 1/support is 1/n; where some are
    likelier it is Σp², and the support found smaller than the true one. So one pair among s means about s²/2, and no
    pair only that it is more than that: infinity, which is no praise for s small. same: the distance below which the
    eye sees one image; take the nearest pair of as many real samples, and look at `closest_pairs`.
    Arora and Zhang, 2017."""
    if not same >= 0:
        raise ValueError(f"birthday_test: same must be 0 or more, not {same:g}")
    (samples,) = point_sets("birthday_test", least=2, samples=samples)
    s, pairs = len(samples), 0
    for rows, d2 in squared_distances(samples, samples):
        pairs += int(np.triu(np.sqrt(d2) <= same, rows.start + 1).sum())  # each pair once
    return Birthday(pairs, s * (s - 1) / (2 * pairs) if pairs else float("inf"))


def closest_pairs(samples: np.ndarray, count: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """The pairs (count, 2) of samples (s, …) that lie nearest, the nearest first, and their distances (count,)
    Fewer than `count` if there are no more. They are what to look at: distances of pixels alone do not tell doubles."""
    if count < 1:
        raise ValueError(f"closest_pairs: count must be 1 or more, not {count}")
    (samples,) = point_sets("closest_pairs", least=2, samples=samples)
    pairs: np.ndarray = np.empty((0, 2), int)
    distances: np.ndarray = np.empty(0)
    for rows, d2 in squared_distances(samples, samples):
        d2[np.arange(len(samples)) <= np.arange(len(samples))[rows, None]] = np.inf  # each pair once
        best = np.argpartition(d2, min(count, d2.size) - 1, axis=None)[:count]
        found = np.stack(np.unravel_index(best, d2.shape), 1) + [rows.start, 0]
        pairs, distances = np.concatenate([pairs, found]), np.concatenate([distances, np.sqrt(d2.ravel()[best])])
        order = np.argsort(distances, kind="stable")[:count]
        pairs, distances = pairs[order], distances[order]
    there = np.isfinite(distances)
    return pairs[there], distances[there]

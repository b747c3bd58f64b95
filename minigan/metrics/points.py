"""Sets of points, as every score takes them: checked, flattened and in float64."""

from __future__ import annotations

import numpy as np


def point_sets(score: str, least: int = 1, **sets: np.ndarray) -> list[np.ndarray]:
    """The sets as float64 arrays (N, d), each of `least` points or more and all of one width d.
    score: the name for messages. A set is (N, …), flattened from the second axis on; (N,) has width 1.
    ValueError, one sentence: a single number, too few points, no numbers in a point, NaN or infinity, other widths."""
    flat = []
    for name, given in sets.items():
        array = np.asarray(given, "float64")
        if array.ndim == 0:
            raise ValueError(f"{score}: {name} must be an array of points (N, …), not a single number")
        if len(array) < least:
            raise ValueError(f"{score}: {name} has {len(array)} points, and {least} or more are needed")
        array = array.reshape(len(array), -1)
        if not array.shape[1]:
            raise ValueError(f"{score}: the points of {name} hold no numbers; give arrays of shape (N, d), d ≥ 1")
        if not np.isfinite(array).all():
            raise ValueError(f"{score}: {name} holds NaN or infinity; leave those points out and say how many")
        flat.append(array)
    widths = [array.shape[1] for array in flat]
    if len(set(widths)) > 1:
        found = ", ".join(f"{name} {width}" for name, width in zip(sets, widths, strict=True))
        raise ValueError(f"{score}: points of one width are needed, not {found} numbers each")
    return flat

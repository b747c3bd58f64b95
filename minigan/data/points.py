"""Points of the plane by name: toys whose distribution is known, so that one sees what of it a GAN has learned.

    ring         8 Gaussians on the unit circle, σ 0.01
    grid         25 Gaussians on a square of 5 by 5, 2 apart, σ 0.05
    swiss-roll   a spiral, about 1.9 wide
    moons        two half circles that reach into each other

`ring` and `grid` are of Srivastava et al., 2017 (VEEGAN), with the numbers of the code of Elfeki et al., 2019 (GDPP).
That code's ring has one mode twice (its angles go from 0 to 2π, both included), so it has 7; here there are 8.
`swiss-roll` is of Gulrajani et al., 2017 (WGAN-GP): scikit-learn's, of noise 0.25, from the side, divided by 7.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigan.data.dataset import ArrayDataset
from minigan.data.errors import DataError
from minigan.data.reading import ReadOptions

COUNT = 100_000  # points of a set
SEEDS = {"train": 0, "test": 1}
RING_SIGMA, GRID_SIGMA, MOONS_SIGMA = 0.01, 0.05, 0.05


@dataclass(frozen=True, eq=False)
class PointsDataset(ArrayDataset):
    """Points x, float32 (N, 2). Of a mixture of Gaussians also centers (K, 2), and sigma, the standard deviation that
    all of them have in each direction: a sample within 3 sigma of a center is of that mode. Of others None."""

    centers: np.ndarray | None = None
    sigma: float | None = None


def load_points(name: str, split: str = "train", **options: Any) -> PointsDataset:
    """The set of this name: 100,000 points, the same at every call; of the split "test" others, drawn in the same way.
    size and channels, which say what images are to be, are not read. Raises DataError for options of images."""
    asked = ReadOptions(split=split, **options)
    if asked.flip or asked.value_range is not None:
        option = "flip" if asked.flip else "value_range"
        raise DataError(f"{name}: points of the plane found, images needed for {option}: leave it out")
    draw, what = POINTS[name]
    return draw(np.random.default_rng([SEEDS[split], *name.encode()]), f"{what}, made by minigan")


def _ring(rng: np.random.Generator, source: str) -> PointsDataset:
    angles = np.arange(8) * (2 * np.pi / 8)
    return _gaussians(rng, "ring", source, np.stack([np.sin(angles), np.cos(angles)], axis=1), RING_SIGMA)


def _grid(rng: np.random.Generator, source: str) -> PointsDataset:
    places = np.arange(-4.0, 5.0, 2.0)
    centers = np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1).reshape(-1, 2)
    return _gaussians(rng, "grid", source, centers, GRID_SIGMA)


def _gaussians(rng: np.random.Generator, name: str, source: str, centers: np.ndarray, sigma: float) -> PointsDataset:
    points = centers[rng.integers(len(centers), size=COUNT)] + sigma * rng.standard_normal((COUNT, 2))
    return PointsDataset({"x": points.astype("float32")}, name, source, (), centers, sigma)


def _swiss_roll(rng: np.random.Generator, source: str) -> PointsDataset:
    t = 1.5 * np.pi * (1 + 2 * rng.random(COUNT))
    points = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) + 0.25 * rng.standard_normal((COUNT, 2))
    return PointsDataset({"x": (points / 7.5).astype("float32")}, "swiss-roll", source)


def _moons(rng: np.random.Generator, source: str) -> PointsDataset:
    t, lower = np.pi * rng.random(COUNT), rng.integers(2, size=COUNT)
    arcs = np.stack([np.where(lower, 1 - np.cos(t), np.cos(t)), np.where(lower, 0.5 - np.sin(t), np.sin(t))], axis=1)
    points = arcs + MOONS_SIGMA * rng.standard_normal((COUNT, 2))
    return PointsDataset({"x": points.astype("float32")}, "moons", source)


POINTS: dict[str, tuple[Callable[[np.random.Generator, str], PointsDataset], str]] = {
    "ring": (_ring, "8 Gaussians on a ring"),
    "grid": (_grid, "25 Gaussians on a grid"),
    "swiss-roll": (_swiss_roll, "a Swiss roll"),
    "moons": (_moons, "two moons"),
}

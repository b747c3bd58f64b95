"""Data sets made of MNIST's digits: pairs of one class side by side, and three digits as the channels of an image.

Which digits come together is drawn from a fixed seed, so each is one data set as MNIST is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigan.data.dataset import ImageDataset
from minigan.data.mnist import load_mnist
from minigan.data.reading import ReadOptions, Size
from minigan.data.resize import fit

SEED = 0


def load_paired_digits(
    split: str = "train", size: int | Size | None = None, channels: int | None = None, **options: Any
) -> ImageDataset:
    """Images 28×56 of two digits side by side, different ones of the same class, with its label 0 to 9.

    As many as MNIST has: each digit is once on the left, in MNIST's order, and once on the right. That the two are of
    one class is a rule over a distance of 28 pixels; a small kernel sees no more than the near edges of both. In an
    image that is not twice as wide as high, a model's square one, they are smaller, with black above and below.
    """
    asked, digits = ReadOptions(size, channels, split, **options), load_mnist(split)
    pairs = np.concatenate([digits.images, digits.images[partners(digits.arrays["y"])]], axis=3)
    if asked.shape is not None:
        rows = max(0, round(56 * asked.shape[0] / asked.shape[1]) - 28)
        pairs = np.pad(pairs, ((0, 0), (0, 0), (rows // 2, rows - rows // 2), (0, 0)))
    return _fitted("paired-digits", "pairs of one class", pairs, digits.arrays["y"], asked)


def load_stacked_digits(
    split: str = "train", size: int | Size | None = None, channels: int | None = None, **options: Any
) -> ImageDataset:
    """Images 28×28 of three digits, one in each channel, with label 100 a + 10 b + c for digits a, b, c: 0 to 999.

    As many as MNIST has, each of digits drawn at random. Metz et al., 2017 (Unrolled GANs), count the labels that a
    generator reaches.
    """
    asked, digits = ReadOptions(size, channels, split, **options), load_mnist(split)
    drawn = np.random.default_rng(SEED).integers(len(digits), size=(len(digits), 3))
    stacks, labels = digits.images[drawn, 0], digits.arrays["y"][drawn] @ [100, 10, 1]
    return _fitted("stacked-digits", "three to an image", stacks, labels, asked)


def partners(labels: np.ndarray) -> np.ndarray:
    """For each sample another one of its label, each taken once; (N). A label that occurs once is its own partner."""
    rng, found = np.random.default_rng(SEED), np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        found[members] = np.roll(members, 1)
    return found


def _fitted(name: str, what: str, images: np.ndarray, labels: np.ndarray, asked: ReadOptions) -> ImageDataset:
    fitted, notes = fit(images, asked)
    labels = np.concatenate([labels, labels]) if asked.flip else labels
    kind = "training" if asked.split == "train" else "test"
    source = f"digits of MNIST's {kind} set, {what} (LeCun, Cortes and Burges; CC BY-SA 3.0)"
    return ImageDataset(fitted, labels, name, source, tuple(notes))

"""Datasets: named arrays of one length. `dataset[indices]` gives a `Batch`."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np

from minigan.data.batch import Batch
from minigan.data.errors import DataError

Index: TypeAlias = slice | Sequence[int] | np.ndarray  # a sequence or an array: of whole numbers in [0, N)


@dataclass(frozen=True)
class DataInfo:
    """What networks must know of their data. shapes: of one sample, by name; classes: how many labels there are."""

    shapes: Mapping[str, tuple[int, ...]]
    classes: int | None = None

    @property
    def channels(self) -> int:
        """Of images x: 1 for grey, 3 for colour; of points x, how many numbers each has."""
        return self.shapes["x"][0]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W) of images x. Raises DataError if x are no images."""
        shape = self.shapes.get("x", ())
        if len(shape) != 3:
            raise DataError(f"images x needed, but this data has samples {dict(self.shapes)}: name other data")
        return shape

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of images x."""
        return self.shapes["x"][1], self.shapes["x"][2]


class Dataset:
    """Named arrays of one length, one row a sample.
    name: short, safe in a file name; it becomes part of a run folder's name. source: where the data comes from, for
    people. notes: sentences on what was done to it on the way in. A subclass has `arrays`,
    or, if it has none, defines `__len__`, `__getitem__`, `info` and `fingerprint`."""

    name: str
    source: str
    notes: tuple[str, ...]
    arrays: Mapping[str, np.ndarray]  # a row a sample

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, indices: Index) -> Batch:
        """These samples, in arrays of their own. Images (uint8) become float32 in [−1, 1]; all else stays as it is."""
        if isinstance(indices, slice):
            indices = np.arange(len(self))[indices]  # a slice of an array would be the array itself
        return Batch(None, **{name: as_values(array[indices]) for name, array in self.arrays.items()})

    def order(self, rng: np.random.Generator) -> np.ndarray:
        """The indices of an epoch, shuffled: row i is what `dataset[...]` takes for the i-th sample."""
        return rng.permutation(len(self))

    @property
    def info(self) -> DataInfo:
        """What networks must know of it."""
        labels = self.arrays.get("y")
        classes = None if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu" else int(labels.max()) + 1
        return DataInfo({name: tuple(map(int, array.shape[1:])) for name, array in self.arrays.items()}, classes)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of a SHA-256 over every array: a resumed run compares it, to go on with the same data."""
        digest = hashlib.sha256()
        for name, array in self.arrays.items():
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def as_values(array: np.ndarray) -> np.ndarray:
    """Bytes as y = x / 127.5 − 1, in [−1, 1], the range of the generator's tanh.
    Computed as (x − 127.5) / 127.5: x − 127.5 is exact, so each value is rounded once, 255 − x gives
    exactly −y, and the numbers equal the Keras DCGAN tutorial's to the last bit."""
    if array.dtype != np.uint8:
        return array
    y = array.astype("float32")
    y -= 127.5
    y /= 127.5
    return y


@dataclass(frozen=True, eq=False)
class ArrayDataset(Dataset):
    """Any arrays: points x (N, 2), pairs a and b, sequences (`tokens`), sounds.
    ArrayDataset({"x": points}, "ring", "8 Gaussians on a ring")"""

    arrays: Mapping[str, np.ndarray]
    name: str
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {name: len(array) for name, array in self.arrays.items()}
        if len(set(lengths.values())) != 1 or not all(lengths.values()):
            raise DataError(f"{self.name}: arrays of one length, of 1 or more samples, needed, but they have {lengths}")


class UnpairedDataset(Dataset):
    """Two sets that have nothing to do with each other: a batch has x of the first as a, x of the second as b.
    Both are shuffled by themselves in each epoch. The smaller one begins again as often as it must."""

    def __init__(self, a: Dataset, b: Dataset) -> None:
        self.a, self.b = a, b
        self.name, self.notes = f"{a.name}-{b.name}", (*a.notes, *b.notes)
        self.source = f"{a.source}, and unpaired {b.source}"

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __getitem__(self, indices: Index) -> Batch:
        """indices: rows of `order`, or as of any dataset: then both sets are in their own order."""
        if isinstance(indices, np.ndarray) and indices.ndim == 2:
            rows = indices
        else:
            rows = np.arange(len(self))[indices][:, None].repeat(2, axis=1)
        return Batch(a=self.a[rows[:, 0] % len(self.a)].x, b=self.b[rows[:, 1] % len(self.b)].x)

    def order(self, rng: np.random.Generator) -> np.ndarray:
        """A column of indices for each set, (N, 2)."""
        return np.stack([_repeated_order(len(data), len(self), rng) for data in (self.a, self.b)], axis=1)

    @property
    def info(self) -> DataInfo:
        """The shapes of a and b."""
        return DataInfo({"a": self.a.info.shapes["x"], "b": self.b.info.shapes["x"]})

    @cached_property
    def fingerprint(self) -> str:
        """Of both sets, in this order."""
        return hashlib.sha256(f"{self.a.fingerprint} {self.b.fingerprint}".encode()).hexdigest()[:16]


def _repeated_order(n: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """The indices 0 … n − 1 shuffled, and again as often as `length` of them need."""
    times = math.ceil(length / n)
    return np.concatenate([rng.permutation(n) for _ in range(times)])[:length]


@dataclass(frozen=True, eq=False, repr=False)
class ImageDataset(Dataset):
    """Images in memory, one byte a value; a float32 copy of them all would be four times the size.
    images: uint8 (N, C, H, W), C 1 (grey) or 3 (red, green, blue), 0 black and 255 full. labels: int64 (N,), or None.
    Its `arrays` are x, the images, and y, their labels, if there are any; read-only, as `fingerprint` is computed once.
    Raises DataError if the arrays are not as described."""

    images: np.ndarray
    labels: np.ndarray | None
    name: str
    source: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        images = np.ascontiguousarray(self.images)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
            raise DataError(
                f"{self.name}: images of {images.dtype} with shape {images.shape} found, "
                "uint8 (N, C, H, W) with C 1 or 3 needed"
            )
        if images.size == 0:
            raise DataError(f"{self.name}: no images: shape {images.shape} found, at least one image needed")
        arrays = {"x": images.view()}  # the caller's own array stays writeable
        if self.labels is not None:
            labels = np.asarray(self.labels)
            if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
                raise DataError(
                    f"{self.name}: labels of {labels.dtype} with shape {labels.shape} found, "
                    f"whole numbers with shape ({len(images)},) needed, one an image"
                )
            arrays["y"] = labels.astype(np.int64)
        for array in arrays.values():
            array.flags.writeable = False
        for name, value in (("arrays", arrays), ("images", arrays["x"]), ("labels", arrays.get("y"))):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        labelled = "no labels" if self.labels is None else "labelled"
        return f"ImageDataset({self.name!r}, images {self.images.shape}, {labelled})"

    @cached_property
    def fingerprint(self) -> str:
        """As of any dataset, in the form that checkpoints of minigan 0.1 hold: of the shape, all pixels and labels."""
        digest = hashlib.sha256(repr((self.images.shape, self.labels is not None)).encode())
        digest.update(self.images.data)
        if self.labels is not None:
            digest.update(self.labels.astype("<i8").data)
        return digest.hexdigest()[:16]


def name_of(path: Path) -> str:
    """A short name for the data at `path`, safe in a folder's name: `My faces.zip` -> `My-faces`."""
    path = path.resolve()
    name = path.name if path.is_dir() else path.stem
    return re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "data"

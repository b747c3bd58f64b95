"""`Dataset`: images kept as bytes, turned into numbers batch by batch."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from minigan.data.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images in memory, one byte a value; a float32 copy of them all would be four times the size.

    images: uint8 (N, C, H, W), C 1 (grey) or 3 (red, green, blue), 0 black and 255 full.
    labels: int64 (N,), or None where the data has none.
    name: short, safe in a file name; it becomes part of a run folder's name.
    source: where the images come from, for people.
    notes: sentences on what was done to the images on the way in (resized, made grey, ...).

    Both arrays are read-only here, because `fingerprint` is computed once.
    Raises DataError if the arrays are not as described.
    """

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
        object.__setattr__(self, "images", _read_only(images))
        if self.labels is None:
            return
        labels = np.asarray(self.labels)
        if labels.dtype.kind not in "iu" or labels.shape != (len(images),):
            raise DataError(
                f"{self.name}: labels of {labels.dtype} with shape {labels.shape} found, "
                f"whole numbers with shape ({len(images)},) needed, one an image"
            )
        object.__setattr__(self, "labels", _read_only(labels.astype(np.int64)))

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        labelled = "no labels" if self.labels is None else "labelled"
        return f"Dataset({self.name!r}, images {self.images.shape}, {labelled})"

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return self.images.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of every image."""
        return self.images.shape[2], self.images.shape[3]

    def batch(self, indices: np.ndarray | list[int] | slice, dtype: DTypeLike = "float32") -> np.ndarray:
        """Forward: y = x / 127.5 - 1, in [-1, 1], the range of the generator's tanh.

        indices: whole numbers in [0, N). Returns an array of its own, (len(indices), C, H, W), on the host.
        Computed as (x - 127.5) / 127.5: x - 127.5 is exact, so each value is rounded once, 255 - x gives
        exactly -y, and the numbers equal the Keras DCGAN tutorial's to the last bit.
        Raises IndexError for an index outside [0, N).
        """
        y = self.images[indices].astype(dtype)
        y -= 127.5
        y /= 127.5
        return y

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of a SHA-256 over shapes, every pixel and every label.

        A resumed run compares it to see that it goes on with the same data; the name and the place
        of the files do not enter, so a moved folder is still the same data.
        """
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


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()  # the caller's own array keeps its flag
    view.flags.writeable = False
    return view

"""What can be asked of a reader, beside the file's name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minigan.data.errors import DataError

Size = tuple[int, int]  # (H, W), everywhere in this package

# So much may a file expand to without being asked for: data sets compress 2 to 20 times, bombs 1,000 times.
FREE_BYTES = 512 * 2**20
EXPANSION = 20


@dataclass(frozen=True)
class ReadOptions:
    """The options of `load`, checked.

    size: (H, W), or one number for both; None as the images are. channels: 1 or 3; None as they are.
    split: "train" or "test".
    value_range: the values that stand for black and white, such as (0, 4095); None guesses, and says so in a note.
    key: the array of an `.npz` that holds the images, if it has none of the usual names.
    skip_broken: go on without images that cannot be read.
    flip: every image also mirrored, left to right: twice as many.
    max_bytes: what a file may take in memory; None allows 512 MiB, or 20 times its size on disk if that is more.
    """

    size: int | Size | None = None
    channels: int | None = None
    split: str = "train"
    value_range: tuple[float, float] | None = None
    key: str | None = None
    skip_broken: bool = False
    flip: bool = False
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.split not in ("train", "test"):
            raise DataError(f"split: {self.split!r} found, 'train' or 'test' needed")
        if self.channels not in (None, 1, 3):
            raise DataError(f"channels: {self.channels!r} found, 1 (grey) or 3 (colour) needed")
        if self.size is not None:
            pair = tuple(self.size) if isinstance(self.size, (tuple, list)) else (self.size, self.size)
            whole = all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s >= 1 for s in pair)
            if len(pair) != 2 or not whole:
                raise DataError(f"size: {self.size!r} found, a whole number >= 1 or a pair (H, W) of them needed")
            object.__setattr__(self, "size", (int(pair[0]), int(pair[1])))
        if self.value_range is not None:
            low, high = self.value_range
            if not (np.isfinite([low, high]).all() and low < high):
                raise DataError(f"value range: {low:g} to {high:g} found, two numbers needed, the lower one first")

    @property
    def shape(self) -> Size | None:
        """The size as (H, W)."""
        return self.size if isinstance(self.size, tuple) else None

    def check_bytes(self, needed: int, on_disk: int, name: str) -> None:
        """Raise DataError if so many bytes of a file may not be taken into memory."""
        limit = self.max_bytes or max(FREE_BYTES, EXPANSION * on_disk)
        if needed > limit:
            raise DataError(
                f"{name}: {needed:,} bytes to be read from {on_disk:,} on the disk, at most {limit:,} allowed; "
                "--max-bytes (max_bytes) allows more"
            )

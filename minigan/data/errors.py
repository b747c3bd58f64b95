"""The one error of this room, and the words its sentences share."""

from __future__ import annotations

import os


class DataError(ValueError):
    """Data that cannot be used. The message is one sentence: the thing, what was found, what is needed."""


def unreadable(path: str | os.PathLike[str], error: OSError) -> DataError:
    """The sentence for a file the system refuses to hand over."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: no such file or folder")
    return DataError(f"{path}: cannot be read ({error.strerror or error})")


def listed(names: list[str], limit: int = 6) -> str:
    """`a, b, c and 9 more`: long lists must not bury the sentence."""
    if not names:
        return "nothing"
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit} more"


def count(number: int, noun: str) -> str:
    """`1 image`, `6,000 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def check_split(split: str) -> None:
    """Raises DataError unless `split` is `"train"` or `"test"`."""
    if split not in ("train", "test"):
        raise DataError(f"split: {split!r} found, 'train' or 'test' needed")

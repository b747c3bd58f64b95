"""The one error of this package, and the words its sentences share."""

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
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more if names else "nothing"


def count(number: int, noun: str) -> str:
    """`1 image`, `6,000 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

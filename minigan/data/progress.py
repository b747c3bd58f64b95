"""A progress bar for work that turns out to be long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """`items`, with a bar on stderr if that is a terminal and a second has gone by. Without tqdm, no bar."""
    try:
        from tqdm import tqdm
    except ImportError:
        return iter(items)
    return iter(tqdm(items, total=total, desc=what, unit="img", disable=None, delay=1, leave=False))

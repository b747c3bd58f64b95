"""Noticing that a lesson was saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

SECONDS = 0.4  # between two looks


def saved(files: Callable[[], list[Path]], wait: Callable[[float], None] = time.sleep) -> Iterator[Path]:
    """Each of these files, whenever it has been saved; without an end."""
    before = _looked_at(files())
    while True:
        wait(SECONDS)
        now = _looked_at(files())
        changed = [path for path, look in now.items() if before.get(path) != look]
        before.update(now)  # one that an editor is just replacing is remembered as it was
        yield from changed


def _looked_at(files: list[Path]) -> dict[Path, tuple[int, int]]:
    found = {}
    for path in files:
        try:
            look = path.stat()
        except OSError:
            continue
        found[path] = look.st_mtime_ns, look.st_size
    return found

"""A request for a trace of a run's next step: an empty file in its folder, which the run takes away."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NAME = "trace.request"


def request_trace(folder: Path) -> None:
    """Ask for it; once more changes nothing. Nothing is written through a link that lies there."""
    with suppress(FileExistsError):
        os.close(os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def is_requested(folder: Path) -> bool:
    """Whether a request waits."""
    return os.path.lexists(folder / NAME)


def take_request(folder: Path) -> bool:
    """Whether there was a request; from now on there is none."""
    if not is_requested(folder):
        return False
    with suppress(OSError):  # whoever took it away at the same moment, or a folder that cannot be written
        os.unlink(folder / NAME)
        return True
    return False

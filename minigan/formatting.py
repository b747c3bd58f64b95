"""Errors, their places, sizes and paths in few words, for people."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable


def one_line(error: BaseException) -> str:
    """The line of an error's message that says most, without the frames that CuPy draws around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" \t=-")]
    original = [after for before, after in zip(lines, lines[1:], strict=False) if before.startswith("Original error")]
    return home_as_tilde((original or lines or [type(error).__name__])[0])[:200]


def last_frame(error: BaseException, is_of: Callable[[str], bool]) -> traceback.FrameSummary | None:
    """The last place that an error came through in the files that are meant; None if it came through none."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_of(f.filename)]
    return frames[-1] if frames else None


def home_as_tilde(text: str) -> str:
    """The text without the user's name: "/home/ada/runs" becomes "~/runs"."""
    home = os.path.expanduser("~")
    return text.replace(home, "~") if len(home) > 1 else text


def gibibytes(count: float) -> str:
    """Bytes: "1.5 GiB", "12.0 MiB"."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"

"""Writing files so that at any moment, kill -9 included, what lies there is whole: old or new, never half."""

from __future__ import annotations

import errno
import os
import re
import time
from contextlib import suppress
from pathlib import Path

TEMPORARY = ".minigan-temporary"  # ends the names of files that are being written
TIMEOUT = 5.0  # seconds for which a file that another program holds is waited for


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, flush it to the disk, and rename it to `path`.
    Raises OSError, with `path` as its file, when the system refuses; what lay at `path` stays."""
    if path.is_dir():  # "." among them, which has no name to put a temporary one beside
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        temporary.unlink(missing_ok=True)
        with open(temporary, "xb") as file:  # a file of its own: nothing is written through a link that lies there
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
        if os.name == "posix":  # else the system lets no folder be opened
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # makes the rename itself last
            finally:
                os.close(folder)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def _replace(temporary: Path, path: Path) -> None:
    """Rename; on Windows again for some seconds, while a virus scanner or an indexer holds the file."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return os.replace(temporary, path)
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def append(path: Path, text: str) -> None:
    """Add text at a file's end. A link that lies in its place is not followed: OSError."""
    no_link = getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | no_link, 0o666)
    with open(handle, "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that minigan left in `folder` when it was killed while writing."""
    for place, _, names in os.walk(folder):
        for name in names:
            if re.fullmatch(rf"\..+\.\d+{re.escape(TEMPORARY)}", name):
                (Path(place) / name).unlink(missing_ok=True)

"""Opening files that people name: regular ones only, up to a size, so that no read blocks or never ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO


def expanded(path: str | os.PathLike[str]) -> Path:
    """The path with `~` as the home folder; as it is, where there is no such user (`~x.npz` may be a file's name)."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def open_file(path: str | os.PathLike[str]) -> IO[bytes]:
    """A regular file, to be read. Raises OSError, with a sentence, also for a FIFO, a socket and a device."""
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a folder, where a file is needed", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a pipe, a socket or a device, where a regular file is needed", str(path))
    return open(path, "rb")


def read_file(path: str | os.PathLike[str], most_bytes: int = 2**30) -> bytes:
    """What a regular file holds. Raises OSError if that is more than `most_bytes`."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise OSError(errno.EFBIG, f"{size:,} bytes, at most {most_bytes:,} are read", str(path))
        return file.read()

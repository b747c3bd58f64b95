"""Where the server runs: at a port that is free, and beside a training in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from minigan.watch.server import PORT, Runs, WatchServer


def served(runs: Runs, port: int | None = None, framed: bool = False) -> WatchServer:
    """A server at this port; without one, or with 0, at the usual one or, where that is taken, at any that is free.
    Raises OSError if the port that was asked for is taken."""
    if port:
        return WatchServer(runs, port, framed)
    try:
        return WatchServer(runs, PORT, framed)
    except OSError:
        return WatchServer(runs, 0, framed)


@contextmanager
def beside(folder: Path) -> Iterator[str]:
    """A process that serves the page of a run while this one trains it: it takes none of this one's time, and ends with
    it. What is given is the page's address, "" if the process did not come up."""
    command = [sys.executable, "-m", "minigan.watch", str(folder), "0"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    assert process.stdin is not None and process.stdout is not None, "they are pipes"
    try:
        yield process.stdout.readline().strip()
    finally:
        with suppress(OSError):
            process.stdin.close()
        process.stdout.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()

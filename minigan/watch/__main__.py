"""The page of one run, in a process beside it: `python -m minigan.watch FOLDER PORT`, as `minigan train --watch` starts
it. It prints the page's address, and ends when its standard input does: with whoever started it, however that ended."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from minigan.watch.beside import served
from minigan.watch.server import Runs

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the training's
    folder, port = sys.argv[1:]
    print(served(Runs([Path(folder)]), int(port)).in_background().url, flush=True)
    sys.stdin.read()

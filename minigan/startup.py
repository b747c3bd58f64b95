"""Ctrl-C while the program `minigan` is still being imported: one line, and no traceback. Imported first of all.

Where minigan is a library, in a script or a notebook, nothing is changed.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def _leave(signum: int, frame: FrameType | None) -> None:
    os.write(2, b"minigan: stopped\n")
    os._exit(1)


def is_program() -> bool:
    """Whether this process was started as `minigan …` or `python -m minigan …`."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    return name == "-m" and "minigan" in sys.orig_argv or name.removesuffix(".exe") == "minigan"


def begun() -> None:
    """The command line answers Ctrl-C by itself from now on."""
    import threading

    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if is_program() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _leave)

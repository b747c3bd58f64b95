"""Ctrl-C, a polite kill, a closed terminal, no more processor time: requests that a run answers between steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], None]

# Not all systems have all of them; one that was told to be ignored, as by nohup, stays ignored.
STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGXCPU") if hasattr(signal, name)]


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Meanwhile Ctrl-C and its like only ask to stop, after the step at hand; a second Ctrl-C insists."""
    asked = threading.Event()

    def ask(signum: int, frame: FrameType | None) -> None:
        _ask_for_time(signum)
        if asked.is_set() and signum == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()

    with _handled(STOPPING, ask):
        yield asked.is_set


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Meanwhile a polite kill is a KeyboardInterrupt: what has begun is put in order, and one line says so."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        _ask_for_time(signum)
        raise KeyboardInterrupt

    with _handled([s for s in STOPPING if s != signal.SIGINT], interrupt):
        yield


def _ask_for_time(signum: int) -> None:
    """SIGXCPU comes again with each further second, and would kill while things are put in order: once is enough."""
    if signum == getattr(signal, "SIGXCPU", None):
        import resource  # a system that has the signal has it

        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


@contextmanager
def _handled(signals: list[signal.Signals], handler: Handler) -> Iterator[None]:
    """Only the main thread of a process is told of signals: in another nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {s: signal.getsignal(s) for s in signals}  # None: not Python's, and not to be put back
    before = {s: old for s, old in handlers.items() if old not in (signal.SIG_IGN, None)}
    for s in before:
        signal.signal(s, handler)
    try:
        yield
    finally:
        for s, old in before.items():
            signal.signal(s, old)

"""A limit on how long Python code may run."""

from __future__ import annotations

import contextlib
import signal
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from types import FrameType


class TimeIsUp(BaseException):
    """The code ran for too long. No Exception: code that catches all of these does not catch it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeIsUp in what is run inside, after so many seconds.

    It arrives between two steps of Python; on Unix also in what waits (`time.sleep`, `input`), and again each second,
    for code that has caught it. Outside of the main thread, where Python handles no signals, there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ended = False

    def ring(number: int, frame: FrameType | None) -> None:
        if not ended:
            raise TimeIsUp

    on_unix = hasattr(signal, "setitimer")
    number = signal.SIGALRM if on_unix else signal.SIGTERM
    timer = threading.Timer(seconds, interrupt_main, [number])
    timer.daemon = True
    before = signal.signal(number, ring)
    try:
        if on_unix:
            signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
        else:
            timer.start()
        yield
    finally:
        ended = True
        if on_unix:
            signal.setitimer(signal.ITIMER_REAL, 0)
        timer.cancel()
        signal.signal(number, before or signal.SIG_DFL)

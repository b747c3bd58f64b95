"""Tells whose training is slow because other programs use its cores."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from minigan import backend
from minigan.algorithms import Figures
from minigan.backend.host import blas_threads
from minigan.training.trainer import Callback, Trainer

SECONDS = 15.0  # over which the use of cores is averaged
TIMES = 2  # in a row that there must be too few cores: not for a program that has just ended
STAT = Path("/proc/stat")


class SharedCores(Callback):
    """Says, once, that fewer threads would be faster, where other programs use cores that this run's threads wait for.

    The threads of a product wait for the last of them, spinning; one that has no core to run on holds up all others.
    Beside two busy programs on two cores a step of quick28 took 2.4 times as long on two threads as on one. How many
    threads there are is the user's to say: it decides in which order sums are rounded. Linux alone tells what others
    use, in /proc/stat.
    """

    may_fail, what = True, "what other programs use could not be found out"

    def __init__(self, busy: Callable[[], float] | None = None) -> None:
        self.busy = busy or seconds_of_all_programs
        self.in_a_row = 0
        self.is_over = False

    def on_start(self, trainer: Trainer) -> None:
        blas = blas_threads()
        self.threads = blas[0]() if blas else 1
        self.is_over = self.threads == 1 or trainer.device != backend.CPU or not STAT.is_file()
        if not self.is_over:
            self.last = self._now()

    def on_step(self, trainer: Trainer, figures: Figures) -> None:
        if self.is_over or time.monotonic() - self.last[0] < SECONDS:
            return
        now = self._now()
        seconds, everything, own = (after - before for after, before in zip(now, self.last, strict=True))
        self.last = now
        others = (everything - own) / seconds
        cores = os.cpu_count() or 1
        self.in_a_row = self.in_a_row + 1 if self.threads + others > cores + 0.5 else 0
        if self.in_a_row == TIMES:
            self.is_over = True
            fewer = max(1, int(cores - others))
            trainer.say(
                f"other programs use {others:.1f} of {cores} cores, and this run's {self.threads} threads wait for "
                f"each other: OPENBLAS_NUM_THREADS={fewer} is likely to be faster beside them"
            )

    def _now(self) -> tuple[float, float, float]:
        """The time, and seconds of work until then: of all programs, and of this one."""
        return time.monotonic(), self.busy(), time.process_time()


def seconds_of_all_programs() -> float:
    """Seconds of work of all cores together since the system was started."""
    user, nice, system, _idle, _waiting, *others = map(int, STAT.read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")

"""All cores on one kernel.

NumPy drops the interpreter lock inside its loops and products, so threads are enough. While the pieces of work run,
OpenBLAS is told to use one thread a product: whole products side by side, each on data that stays in one core's
cache, beat products that are split and rejoined every few microseconds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from types import ModuleType

import numpy as np

from minigan.backend.host import blas_threads

_busy = threading.Lock()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), "minigan")


def cores(xp: ModuleType) -> int:
    """How many threads `each` would use."""
    blas = blas_threads() if xp is np else None
    return blas[0]() if blas else 1


def each(xp: ModuleType, task: Callable[[int], None], count: int) -> None:
    """`task(0)`, …, `task(count − 1)`, which write to different memory, on as many threads as OpenBLAS would use.

    One after the other, with BLAS as it is, where there is nothing to gain: a GPU's arrays (`xp` is CuPy, whose work
    is queued anyway), a single piece or thread, a BLAS we cannot steer, or a caller who is one of several threads.
    """
    blas, threads = blas_threads(), cores(xp)
    if blas is None or min(count, threads) == 1 or not _busy.acquire(blocking=False):
        for index in range(count):
            task(index)
        return
    pieces = iter(range(count))  # next() on it is atomic: every thread takes the next piece

    def work() -> None:
        for index in pieces:
            task(index)

    blas[1](1)
    try:
        helpers = [_pool().submit(copy_context().run, work) for _ in range(min(threads, count) - 1)]  # and errstate
        try:
            work()
        finally:
            for helper in helpers:
                helper.result()
    finally:
        blas[1](threads)
        _busy.release()

"""All cores on one kernel, and memory for what each works on.

NumPy drops the interpreter lock inside its loops and products, so threads are enough. While the pieces of work run,
OpenBLAS is told to use one thread a product: whole products side by side, each on data that stays in one core's
cache, beat products that are split and rejoined every few microseconds.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from math import prod
from types import ModuleType

import numpy as np
from numpy.typing import DTypeLike

from minigan.backend import Array
from minigan.backend.host import blas_threads

_busy = threading.Lock()
_buffers = threading.local()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), "minigan")


def each(xp: ModuleType, task: Callable[[int], None], count: int) -> None:
    """`task(0)`, …, `task(count − 1)`, which write to different memory, on as many threads as OpenBLAS would use.

    One after the other, with BLAS as it is, where there is nothing to gain: a GPU's arrays (`xp` is CuPy, whose work
    is queued anyway), a single piece or thread, a BLAS we cannot steer, or a caller who is one of several threads.
    """
    blas = blas_threads() if xp is np and count > 1 else None
    threads = blas[0]() if blas else 1
    if blas is None or threads == 1 or not _busy.acquire(blocking=False):
        for index in range(count):
            task(index)
        return
    pieces = iter(range(count))  # next() on it is atomic: every thread takes the next piece

    def work() -> None:
        for index in pieces:
            task(index)

    blas[1](1)
    try:
        helpers = [_pool().submit(work) for _ in range(min(threads, count) - 1)]
        try:
            work()
        finally:
            for helper in helpers:
                helper.result()
    finally:
        blas[1](threads)
        _busy.release()


def scratch(xp: ModuleType, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An uninitialised array that stays valid until the next request under the same name, in this thread.

    It is used again, and grows: of a fresh large array the system hands out the pages one fault at a time, which
    costs more than the arithmetic. CuPy's own memory pool already does this (and keeps streams apart).
    """
    if xp is not np:
        return xp.empty(shape, dtype)
    size = prod(shape) * np.dtype(dtype).itemsize
    buffer = getattr(_buffers, name, None)
    if buffer is None or buffer.nbytes < size:
        buffer = np.empty(size, np.uint8)
        setattr(_buffers, name, buffer)
    return buffer[:size].view(dtype).reshape(shape)

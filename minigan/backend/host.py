"""The host's memory, and the threads that its BLAS computes on."""

from __future__ import annotations

import ctypes
import glob
import os
import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np


def keep_freed_memory() -> None:
    """Ask the C library (glibc; no other) to keep freed memory for the next array, for the process and for good: a
    training step frees all it used, and the next would meet every page afresh, one fault at a time."""
    trim_threshold, mmap_threshold, most = -1, -3, 32 << 20  # from malloc.h; 32 MiB is the most glibc takes
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(mmap_threshold, most)


@lru_cache(maxsize=1)
def blas_threads() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """(get, set) of the thread count of the OpenBLAS inside NumPy's wheel; None with any other BLAS."""
    folder = os.path.dirname(np.__file__)
    for path in glob.glob(folder + ".libs/*openblas*") + glob.glob(folder + "/.dylibs/*openblas*"):
        library = ctypes.CDLL(path)
        for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
            names = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
            getter, setter = (getattr(library, name, None) for name in names)
            if getter and setter:
                return getter, setter
    return None


def set_blas_threads(count: int) -> None:
    """Have this process use that many threads from now on, for products and in `each`, if its BLAS can be steered."""
    blas = blas_threads()
    if blas:
        blas[1](count)

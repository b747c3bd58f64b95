"""Memory for intermediate arrays, used again on the next call. It never leaves the kernels: every result is an array of
its own."""

from __future__ import annotations

import threading
from math import prod
from types import ModuleType

import numpy as np
from numpy.typing import DTypeLike

from minigan.backend import Array

_buffers = threading.local()


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

"""Memory for intermediate arrays that is used again on the next call.

A fresh large array costs more than the arithmetic done on it: the system hands out its pages one
fault at a time. Scratch arrays therefore live on, one per name and thread, growing to the largest
size asked for. They never leave the kernels: every result is an array of its own.
"""

from __future__ import annotations

import threading
from math import prod
from types import ModuleType

import numpy as np
from numpy.typing import DTypeLike

from minigan.backend import Array

_buffers = threading.local()


def scratch(xp: ModuleType, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An uninitialised array that stays valid until the next request under the same name.

    CuPy's own memory pool already does this (and keeps streams apart), so there it is a plain `empty`.
    """
    if xp is not np:
        return xp.empty(shape, dtype)
    size = prod(shape) * np.dtype(dtype).itemsize
    buffer = getattr(_buffers, name, None)
    if buffer is None or buffer.nbytes < size:
        buffer = np.empty(size, np.uint8)
        setattr(_buffers, name, buffer)
    return buffer[:size].view(dtype).reshape(shape)

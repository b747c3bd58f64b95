"""Sums and products that lie in memory as their first array does.

NumPy's lie so by themselves, which keeps images in the order that convolutions read. CuPy's results
are in C order whatever went in, and the next kernel would have to put them back with a launch more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigan.backend import Array, get_array_module, is_on_gpu


def add(a: Array, b: Any) -> Array:
    """a + b, of arrays that broadcast or an array and a number."""
    if not _would_turn(a, b):
        return a + b
    xp = get_array_module(a)
    return xp.add(a, b, out=xp.empty_like(a))


def multiply(a: Array, b: Any) -> Array:
    """a · b, of arrays that broadcast or an array and a number."""
    if not _would_turn(a, b):
        return a * b
    xp = get_array_module(a)
    return xp.multiply(a, b, out=xp.empty_like(a))


def _would_turn(a: Array, b: Any) -> bool:
    """Whether the result is like a but for its place in memory, and would not lie there as a does."""
    if not is_on_gpu(a) or a.flags.c_contiguous or a.dtype.kind not in "fc":
        return False
    return not is_on_gpu(b) or (b.dtype == a.dtype and np.broadcast_shapes(a.shape, b.shape) == a.shape)

"""Sums and products of CuPy, in the order in memory of their first array: CuPy's own are in C order whatever went in,
and the next kernel would have to put images back into the order that convolutions read, with a launch more."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigan.backend import Array, get_array_module, is_on_gpu


def add(a: Array, b: Any) -> Array:
    """a + b, of arrays that broadcast or an array and a number."""
    return get_array_module(a).add(a, b, out=_result(a, b))


def multiply(a: Array, b: Any) -> Array:
    """a · b, of arrays that broadcast or an array and a number."""
    return get_array_module(a).multiply(a, b, out=_result(a, b))


def _result(a: Array, b: Any) -> Array | None:
    """Memory in a's order for the result, if that is like a and CuPy would put it into another order; else None."""
    if a.flags.c_contiguous or a.dtype.kind not in "fc":
        return None
    alike = not is_on_gpu(b) or (b.dtype == a.dtype and np.broadcast_shapes(a.shape, b.shape) == a.shape)
    return get_array_module(a).empty_like(a) if alike else None


def matmul(a: Array, b: Array) -> Array:
    """The matrix product a b, over the last two axes; the axes before them broadcast."""
    return _forwards(a) @ _forwards(b)


def _forwards(a: Array) -> Array:
    """A stack of matrices, copied if an axis goes backwards in memory: CuPy's product of stacks cannot step back."""
    return a.copy() if a.ndim > 2 and min(a.strides) < 0 else a

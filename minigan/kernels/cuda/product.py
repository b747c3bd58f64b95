"""Products of matrices that CuPy alone would get wrong."""

from __future__ import annotations

from minigan.backend import Array


def matmul(a: Array, b: Array) -> Array:
    """a b, over the last two axes; the axes before them broadcast."""
    return _forwards(a) @ _forwards(b)


def _forwards(a: Array) -> Array:
    """A stack of matrices, copied if an axis goes backwards in memory: CuPy's product of stacks cannot step back."""
    return a.copy() if a.ndim > 2 and min(a.strides) < 0 else a

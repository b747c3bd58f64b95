"""Products of matrices."""

from __future__ import annotations

from minigan.backend import Array
from minigan.kernels.dispatch import has_cuda_version


@has_cuda_version
def matmul(a: Array, b: Array) -> Array:
    """a b, over the last two axes; the axes before them broadcast."""
    return a @ b

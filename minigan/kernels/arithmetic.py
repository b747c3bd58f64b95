"""Sums and products of numbers, in the first array's order in memory (NumPy's are by themselves), and of matrices."""

from __future__ import annotations

from typing import Any

from minigan.backend import Array
from minigan.kernels.dispatch import has_cuda_kernel


@has_cuda_kernel
def add(a: Array, b: Any) -> Array:
    """a + b, of arrays that broadcast or an array and a number."""
    return a + b


@has_cuda_kernel
def multiply(a: Array, b: Any) -> Array:
    """a · b, of arrays that broadcast or an array and a number."""
    return a * b


@has_cuda_kernel
def matmul(a: Array, b: Array) -> Array:
    """The matrix product a b, over the last two axes; the axes before them broadcast."""
    return a @ b

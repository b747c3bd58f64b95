"""Sums and products of numbers. A result lies in memory as the first array does: in NumPy it does so by itself."""

from __future__ import annotations

from typing import Any

from minigan.backend import Array
from minigan.kernels.dispatch import has_cuda_version


@has_cuda_version
def add(a: Array, b: Any) -> Array:
    """a + b, of arrays that broadcast or an array and a number."""
    return a + b


@has_cuda_version
def multiply(a: Array, b: Any) -> Array:
    """a · b, of arrays that broadcast or an array and a number."""
    return a * b

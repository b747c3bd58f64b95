"""Arrays of NumPy and of CuPy, told apart here alone: everything else asks an array for its module."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TypeAlias, TypeGuard

import numpy as np

# An array of NumPy or of CuPy. CuPy's have the same interface, so a type checker may read them as NumPy's.
Array: TypeAlias = np.ndarray


def get_array_module(*arrays: Array) -> ModuleType:
    """`cupy` if any argument is a CuPy array, else `numpy`."""
    cupy = sys.modules.get("cupy")
    if cupy is not None and any(isinstance(a, cupy.ndarray) for a in arrays):
        return cupy
    return np


def is_array(value: object) -> TypeGuard[Array]:
    """Whether `value` is an array of NumPy or CuPy (NumPy scalars are not)."""
    return isinstance(value, np.ndarray) or is_on_gpu(value)


def is_on_gpu(value: object) -> bool:
    """Whether `value` is an array of CuPy."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(value, cupy.ndarray)


def to_numpy(array: Array) -> np.ndarray:
    """The array on the host; no copy if it is there already."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


def as_array(value: object) -> Array:
    """`value` as an array; an array (of NumPy or CuPy) or a Tensor's array as it is."""
    value = getattr(value, "array", value)
    return value if is_array(value) else np.asarray(value)


def memory_order(array: Array) -> list[int]:
    """The array's axes, from the one with the longest strides in memory to the one with the shortest."""
    return sorted(range(array.ndim), key=array.strides.__getitem__, reverse=True)

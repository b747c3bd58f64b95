"""Sorting, for which CuPy has Thrust's kernels compiled into a library: NumPy sorts."""

from __future__ import annotations

import ctypes

import numpy as np


def install() -> None:
    """Have NumPy sort CuPy's arrays."""
    from cupy.cuda import thrust

    thrust.sort, thrust.argsort, thrust.lexsort = sort, argsort, lexsort


def sort(dtype, data: int, keys: int, shape) -> None:
    """Sort in place, along the last axis. Arrays are told by their addresses; `keys` is Thrust's own work space."""
    _array(data, shape, dtype).sort(axis=-1, kind="stable")


def argsort(dtype, indices: int, data: int, keys: int, shape) -> None:
    """The indices that sort; the data is sorted too, as Thrust does."""
    array = _array(data, shape, dtype)
    _array(indices, shape, np.intp)[...] = np.argsort(array, axis=-1, kind="stable")
    array.sort(axis=-1, kind="stable")


def lexsort(dtype, indices: int, keys: int, rows: int, length: int) -> None:
    """The indices that sort by the last row of keys, and by the others where it is equal."""
    _array(indices, (length,), np.intp)[...] = np.lexsort(_array(keys, (rows, length), dtype))


def _array(address: int, shape, dtype) -> np.ndarray:
    """The array of the host's at an address."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype=dtype).reshape(shape)

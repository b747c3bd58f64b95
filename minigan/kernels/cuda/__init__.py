"""Kernels in CUDA C++: the `.cu` files beside this one, compiled by NVRTC when they are first called.

They are the fast paths of a GPU, written where CuPy's own functions would launch many small kernels.
Each has its twin in the module of `kernels` that calls it, in array functions that run anywhere; a
test holds the two together. A file is compiled once for each dtype (`T` in the source), and CuPy
keeps what was compiled on disk.

The arrays are read and written as they lie in memory, in one run without gaps: it is for the caller
to see to that (`layout`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from minigan.backend import Array, is_on_gpu

FOLDER = Path(__file__).parent
TYPES = {"f": "float", "d": "double"}  # what T can be, by NumPy's one-letter names
BLOCK = 256  # threads
OPTIONS = ("-std=c++17",)  # of the compiler


def suits(*arrays: Array) -> bool:
    """Whether the kernels can take these: all on a GPU, all float32 or all float64."""
    first = arrays[0].dtype
    return first.char in TYPES and all(is_on_gpu(a) and a.dtype == first for a in arrays)


def lie_alike(*arrays: Array) -> bool:
    """Whether these arrays of one shape lie in memory in one and the same order of axes, without gaps: what is
    computed number by number can then go through memory as it is, whatever the order."""
    strides = arrays[0].strides
    order = sorted(range(len(strides)), key=lambda axis: -strides[axis])
    return all(a.transpose(order).flags.c_contiguous for a in arrays)


def launch(file: str, kernel: str, threads: int, *arguments: Any, dtype: Any, block: int = BLOCK) -> None:
    """Run `kernel` of `file`.cu on at least so many threads; arrays and NumPy numbers go in as they are.

    Python numbers: a float becomes T, an int `long long`.
    """
    import numpy as np

    if threads <= 0:
        return
    letter = dtype.char
    number = {float: np.dtype(letter).type, int: np.int64}
    arguments = tuple(number[type(a)](a) if type(a) in number else a for a in arguments)
    _module(file, letter).get_function(kernel)((-(-threads // block),), (block,), arguments)


@cache
def _module(file: str, letter: str) -> Any:
    import cupy

    return cupy.RawModule(code=source(file, letter), options=OPTIONS)


def source(file: str, letter: str) -> str:
    """The text of `file`.cu for one dtype."""
    return f"typedef {TYPES[letter]} T;\n" + (FOLDER / f"{file}.cu").read_text(encoding="utf-8")

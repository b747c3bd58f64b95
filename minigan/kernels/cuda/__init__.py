"""Kernels in CUDA C++: the `.cu` files beside this one, compiled by NVRTC when they are first called.

They stand where CuPy's own functions would launch many small kernels. The Python files beside them launch them; each
function there has a twin of the same name in `kernels`, which says what it computes (`kernels.dispatch`). A `.cu` file
is compiled once for each dtype (`T` in the source), behind `common.cu` and the constants below, and CuPy keeps what
was compiled on disk. The caller sees to it that arrays lie in memory in one run without gaps (`layout`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from minigan.backend import Array, check_here, is_on_gpu

FOLDER = Path(__file__).parent
TYPES = {"f": "float", "d": "double"}  # what T can be, by NumPy's one-letter names
OPTIONS = ("-std=c++17",)  # of the compiler

BLOCK = 256  # threads
CONSTANTS = {  # on which the kernels and those who call them agree
    "BLOCK": BLOCK,
    "LOG2_BLOCK": BLOCK.bit_length() - 1,
    "ROWS": 80,  # of a table of arrays: a kernel's arguments may take 4 KB in all
    "COLUMNS": 4,
    "ELEMENTS": 4 * BLOCK,  # of one array in a table, that a block works on
    "JUMPS": 48,  # 2⁴⁸ draws: more than there is memory for
    "DRAWS": 8,  # that a thread makes
}


class Double(float):
    """A number that the kernel takes as a `double`, whatever T is."""


def suits(*arrays: Array) -> bool:
    """Whether the kernels can take these: all on a GPU, all float32 or all float64."""
    first = arrays[0].dtype
    return first.char in TYPES and all(is_on_gpu(a) and a.dtype == first for a in arrays)


def launch(file: str, kernel: str, threads: int, *arguments: Any, dtype: Any) -> None:
    """Run `kernel` of `file`.cu on at least so many threads, `BLOCK` to a block.

    arguments: arrays of the GPU in use; numbers, of Python or NumPy: a whole one becomes `long long`, another T, a
    `Double` double; structured arrays of NumPy, which are structs by value; None, a null pointer.
    """
    if threads <= 0:
        return
    check_here(kernel, *arguments)  # one card cannot read another's memory, and the attempt ends the program
    number = {int: np.int64, float: dtype.type, Double: np.float64}
    packed = tuple([number[type(a)](a) if type(a) in number else _packed(a, dtype.type) for a in arguments])
    _module(file, dtype.char).get_function(kernel)((-(-threads // BLOCK),), (BLOCK,), packed)


def _packed(a: Any, real: type) -> Any:
    """An argument as the kernel reads it: of a NumPy number, CuPy would hand over as many bytes as it has."""
    if is_on_gpu(a) or a is None or (isinstance(a, np.ndarray) and a.dtype.names):
        return a
    if isinstance(a, (int, np.integer)):
        return np.int64(a)
    if isinstance(a, (float, np.floating)):
        return real(a)
    raise TypeError(f"a kernel takes arrays, numbers and structs, not {type(a).__name__}")


@cache
def _module(file: str, letter: str) -> Any:
    import cupy

    return cupy.RawModule(code=source(file, letter), options=OPTIONS)


def source(file: str, letter: str) -> str:
    """What is compiled of `file`.cu for one dtype."""
    constants = ", ".join(f"{name} = {value}" for name, value in CONSTANTS.items())
    parts = [f"typedef {TYPES[letter]} T;\nenum {{ {constants} }};\n"]
    parts += [(FOLDER / f"{name}.cu").read_text(encoding="utf-8") for name in ("common", file)]
    return "".join(parts)

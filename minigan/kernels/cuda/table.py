"""Many arrays in one launch: a table of their addresses and sizes, handed to the kernel by value.

The networks' parameters are many and mostly small: one launch for each would cost more than their
arithmetic. (PyTorch calls this "multi-tensor apply".) A block of threads works on one array, and finds
it by the number of blocks that the arrays before it take. The struct's twin is in `arrays.cu`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np

from minigan.backend import Array, check_here
from minigan.kernels.cuda import BLOCK, CONSTANTS, launch

ROWS, COLUMNS, ELEMENTS = (CONSTANTS[name] for name in ("ROWS", "COLUMNS", "ELEMENTS"))

TABLE = np.dtype(
    [("first_block", np.int32, ROWS), ("rows", np.int32), ("size", np.int64, ROWS), ("at", np.uint64, (COLUMNS, ROWS))],
    align=True,
)


def launch_over(kernel: str, rows: Sequence[tuple[Array, ...]], *arguments: Any) -> None:
    """Run `kernel` of arrays.cu over all rows; the arrays of a row are runs of one size and dtype."""
    rows = sorted(rows, key=lambda row: row[0].dtype.char)
    check_here(kernel, *chain.from_iterable(rows))  # `launch` sees only their addresses
    for _, alike in groupby(rows, key=lambda row: row[0].dtype):
        alike = list(alike)
        for start in range(0, len(alike), ROWS):
            part = alike[start : start + ROWS]
            table, blocks = _table(part)
            launch("arrays", kernel, blocks * BLOCK, table, *arguments, dtype=part[0][0].dtype)


def _table(rows: list[tuple[Array, ...]]) -> tuple[np.ndarray, int]:
    """The table of at most ROWS rows, and how many blocks they take."""
    table, n = np.zeros((), TABLE), len(rows)
    sizes = np.array([row[0].size for row in rows])
    ends = np.cumsum(-(-sizes // ELEMENTS))
    table["rows"] = n
    table["first_block"][1:n] = ends[:-1]
    table["size"][:n] = sizes
    for i, row in enumerate(rows):
        table["at"][: len(row), i] = [a.data.ptr for a in row]
    return table, int(ends[-1])

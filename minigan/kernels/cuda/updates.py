"""Updates of many arrays in one launch: a table of their addresses and sizes, handed to the kernel by value.

One launch for each parameter would cost more than their arithmetic (PyTorch's "multi-tensor apply"). A block of
threads finds its array by the number of blocks that those before it take. The struct's twin is in `updates.cu`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np

from minigan.backend import Array, check_here
from minigan.kernels.cuda import BLOCK, CONSTANTS, launch, suits
from minigan.kernels.layout import as_runs

ROWS, COLUMNS, ELEMENTS = (CONSTANTS[name] for name in ("ROWS", "COLUMNS", "ELEMENTS"))

TABLE = np.dtype(
    [("first_block", np.int32, ROWS), ("rows", np.int32), ("size", np.int64, ROWS), ("at", np.uint64, (COLUMNS, ROWS))],
    align=True,
)


def adam_update(
    params: Sequence[Array], means: Sequence[Array], squares: Sequence[Array], grads: Sequence[Array],
    betas: tuple[float, float], rate: float, root_scale: float, eps: float,
) -> None:  # fmt: skip
    """m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  p ← p − rate · m / (root_scale · √v + ε)."""
    rows = [_row(arrays[:3], arrays[3:]) for arrays in zip(params, means, squares, grads, strict=True)]
    numbers = betas[0], 1 - betas[0], betas[1], 1 - betas[1], rate, root_scale, eps
    return _launch_over("adam", rows, *map(float, numbers))


def average_update(averages: Sequence[Array], arrays: Sequence[Array], keep: float) -> None:
    """a ← keep · a + (1 − keep) · x, for each a with its x."""
    rows = [_row((a,), (x,)) for a, x in zip(averages, arrays, strict=True)]
    return _launch_over("average", rows, keep, 1 - keep)


def _row(written: tuple[Array, ...], read: tuple[Array, ...]) -> tuple[Array, ...] | None:
    """A row of a table: runs of one size and dtype, if these arrays can be such."""
    return as_runs(written, read) if suits(*written, *read) else None


def _launch_over(kernel: str, given: Sequence[tuple[Array, ...] | None], *arguments: Any) -> None:
    rows = sorted((row for row in given if row is not None), key=lambda row: row[0].dtype.char)
    if len(rows) < len(given):
        return NotImplemented
    check_here(kernel, *chain.from_iterable(rows))  # `launch` sees only their addresses
    for _, group in groupby(rows, key=lambda row: row[0].dtype):
        alike = list(group)
        for start in range(0, len(alike), ROWS):
            part = alike[start : start + ROWS]
            table, blocks = _table(part)
            launch("updates", kernel, blocks * BLOCK, table, *arguments, dtype=part[0][0].dtype)


def _table(rows: list[tuple[Any, ...]]) -> tuple[np.ndarray, int]:
    table, n = np.zeros((), TABLE), len(rows)
    sizes = np.array([row[0].size for row in rows])
    ends = np.cumsum(-(-sizes // ELEMENTS))
    table["rows"] = n
    table["first_block"][1:n] = ends[:-1]
    table["size"][:n] = sizes
    for i, row in enumerate(rows):
        table["at"][: len(row), i] = [a.data.ptr for a in row]
    return table, int(ends[-1])

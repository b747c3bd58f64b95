"""A table in the terminal whose rows are printed as they are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
GAP = "  "


@dataclass(frozen=True)
class Column:
    """A column: its heading, the least width of its cells, and whether they stand on the left."""

    heading: str
    width: int = 0
    left: bool = False


def line(columns: Sequence[Column], cells: Sequence[str]) -> str:
    """One row of text, with each cell in its column."""
    padded = []
    for column, cell in zip(columns, cells, strict=True):
        width = max(column.width, len(column.heading))
        padded.append(cell.ljust(width) if column.left else cell.rjust(width))
    return GAP.join(padded).rstrip()


def print_table(
    columns: Sequence[Column], items: Iterable[T], cells: Callable[[T], Sequence[str]], total: int, description: str,
    indent: str = "",
) -> list[T]:  # fmt: skip
    """Print headings, then the cells of each item once it is there, above a progress bar; the items as a list."""
    from tqdm import tqdm

    print(indent + line(columns, [c.heading for c in columns]), flush=True)
    printed = []
    with tqdm(total=total, desc=description, leave=False, disable=None) as bar:
        for item in items:
            printed.append(item)
            bar.write(indent + line(columns, cells(item)))
            bar.update()
    return printed

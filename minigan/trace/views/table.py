"""A table in the terminal that fits: columns go in order of importance, and no number is ever cut.

Three signs of text stand for numbers: ━━━╸ a bar, ▁▃█ a histogram, and a row that is drawn across all columns.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

NARROWEST = 40  # columns; below that lines are as for 40
GAP = "  "
SHORTEST_NAME, SHORTEST_BAR, LONGEST_BAR = 10, 8, 24
HEIGHTS = "▁▂▃▄▅▆▇█"


def _same(text: str, *styles: str) -> str:
    return text


@dataclass(frozen=True)
class Console:
    """How wide a page is, and how text is printed. signs: makes a text printable; styled: colours it."""

    width: int
    signs: Callable[[str], str] = _same
    styled: Callable[..., str] = _same

    def lines(self, text: str, *styles: str, indent: str = "") -> list[str]:
        """A paragraph, wrapped."""
        wrapped = textwrap.wrap(
            self.signs(text), self.width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
        return [self.styled(line, *styles) for line in wrapped]

    def title(self, text: str, *styles: str) -> list[str]:
        """A text in a line across the page; above it, where it is too long."""
        if len(self.signs(text)) + 8 <= self.width:
            return [self.rule("─", text, *styles)]
        return [*self.lines(text, *styles), self.rule("─", "", *styles)]

    def rule(self, sign: str, label: str = "", *styles: str) -> str:
        """A line across the page, with a label in it."""
        label = f" {shorten(self.signs(label), self.width - 4)} " if label else ""
        start = (sign * 2)[:2] if label else ""
        rest = self.width - len(start) - len(label)
        return self.styled(self.signs(start) + label + self.signs((sign * rest)[:rest]), *styles)


@dataclass(frozen=True)
class Column:
    """rank: the column with the highest one goes first where there is no room. bar: its cells are shares of a bar."""

    key: str
    heading: str
    rank: int
    left: bool = False
    bar: bool = False


@dataclass(frozen=True)
class Row:
    """Cells by their columns' keys: text, or what share of a bar is full. name_styles: of the first column's cell."""

    cells: dict[str, str | float]
    name_styles: tuple[str, ...] = ()


@dataclass(frozen=True)
class FullWidthRow:
    """A row across all columns, whose lines are drawn when the width is known."""

    draw: Callable[[Console], list[str]] = field(repr=False)


def fits(console: Console, columns: Sequence[Column], rows: Sequence[Row | FullWidthRow]) -> bool:
    """Whether a table has room for all its columns."""
    columns, widths = _measure(console, columns, rows)
    return _total(columns, widths) <= console.width


def table(console: Console, columns: Sequence[Column], rows: Sequence[Row | FullWidthRow]) -> list[str]:
    """The lines of a table. A column in which nothing stands is left out."""
    columns, widths = _measure(console, columns, rows)
    columns = _fitting(columns, widths, console.width)
    headings = {c.key: console.signs(c.heading).split("\n") for c in columns}
    if columns:
        widths[columns[0].key] -= max(0, _total(columns, widths) - console.width)
    for c in columns:
        if c.bar:
            room = console.width - _total(columns, widths) + widths[c.key]
            widths[c.key] = max(widths[c.key], min(LONGEST_BAR, room))
    lines = [console.styled(line, "dim") for line in _headings(columns, headings, widths)]
    for row in rows:
        lines += row.draw(console) if isinstance(row, FullWidthRow) else [_line(console, columns, widths, row)]
    return lines


def _measure(
    console: Console, columns: Sequence[Column], rows: Sequence[Row | FullWidthRow]
) -> tuple[list[Column], dict[str, int]]:
    """The columns in which something stands, and how wide each must be."""
    filled = [r for r in rows if isinstance(r, Row)]
    columns = [c for c in columns if any(r.cells.get(c.key, "") != "" for r in filled)]
    headings = {c.key: console.signs(c.heading).split("\n") for c in columns}
    texts = {c.key: [console.signs(t) for r in filled if isinstance(t := r.cells.get(c.key, ""), str)] for c in columns}
    widths = {c.key: max(map(len, headings[c.key] + texts[c.key])) for c in columns}
    return columns, widths | {c.key: max(SHORTEST_BAR, widths[c.key]) for c in columns if c.bar}


def bar(share: float, width: int) -> str:
    """A bar of which a share is full; something is seen of all but 0."""
    halves = 0 if share <= 0 else max(1, round(min(share, 1.0) * 2 * width))
    return "━" * (halves // 2) + "╸" * (halves % 2)


def sparkline(counts: Sequence[int], width: int = 12) -> str:
    """A histogram in that many signs: their heights are the roots of the counts, so that the few are seen too."""
    size = math.ceil(len(counts) / width)
    sums = [sum(counts[i : i + size]) for i in range(0, len(counts), size)]
    most = max(sums, default=0)
    return "".join(HEIGHTS[min(7, int(8 * math.sqrt(n / most)))] if n else " " for n in sums)


def shorten(text: str, width: int) -> str:
    """The end of a text: what tells names apart."""
    if len(text) <= width:
        return text
    return ".." + text[len(text) - width + 2 :] if width > 2 else text[-width:]


def _fitting(columns: Sequence[Column], widths: dict[str, int], width: int) -> list[Column]:
    """The columns there is room for, the most important ones first. Beside three the first, a name, is shorten."""
    chosen: list[Column] = []
    for c in sorted(columns, key=lambda c: c.rank):
        least = {columns[0].key: min(SHORTEST_NAME, widths[columns[0].key])} if len(chosen) < 3 else {}
        if not chosen or _total([*chosen, c], widths | least) <= width:
            chosen.append(c)
    return [c for c in columns if c in chosen]


def _total(columns: Sequence[Column], widths: dict[str, int]) -> int:
    return sum(widths[c.key] for c in columns) + len(GAP) * (len(columns) - 1)


def _headings(columns: Sequence[Column], headings: dict[str, list[str]], widths: dict[str, int]) -> list[str]:
    height = max((len(headings[c.key]) for c in columns), default=0)
    lines = []
    for i in range(height):
        cells = [([""] * (height - len(headings[c.key])) + headings[c.key])[i] for c in columns]
        padded = [_padded(c, text, widths[c.key]) for c, text in zip(columns, cells, strict=True)]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _line(console: Console, columns: Sequence[Column], widths: dict[str, int], row: Row) -> str:
    cells = []
    for c in columns:
        value, width = row.cells.get(c.key, ""), widths[c.key]
        text = shorten(console.signs(value), width) if isinstance(value, str) else console.signs(bar(value, width))
        cells.append(_padded(c, text, width))
    cells[0] = console.styled(cells[0], *row.name_styles)
    return GAP.join(cells).rstrip()


def _padded(column: Column, text: str, width: int) -> str:
    return text.ljust(width) if column.left or column.bar else text.rjust(width)

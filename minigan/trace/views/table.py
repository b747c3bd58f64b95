"""A table in the terminal that fits: columns go in order of importance, and no number is ever cut.

Three signs of text stand for numbers: ━━━╸ a bar, ▁▃█ a histogram, and a row that is drawn across all columns.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

NARROWEST = 40  # columns; below that lines are as for 40
GAP = "  "
SHORTEST_NAME, SHORTEST_BAR, LONGEST_BAR = 10, 8, 24
HEIGHTS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Console:
    """How wide a page is, and how text is printed. signs: makes a text printable; styled: colours it."""

    width: int
    signs: Callable[[str], str] = str
    styled: Callable[..., str] = lambda text, *styles: text

    def lines(self, text: str, *styles: str, indent: str = "") -> list[str]:
        """A paragraph, wrapped."""
        wrapped = textwrap.wrap(
            self.signs(text), self.width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
        return [self.styled(line, *styles) for line in wrapped]

    def title(self, text: str) -> list[str]:
        """A text in a line across the page; above it, where it is too long."""
        if len(self.signs(text)) + 8 <= self.width:
            return [self.rule("─", text, "bold")]
        return [*self.lines(text, "bold"), self.rule("─", "", "bold")]

    def rule(self, sign: str, label: str = "", *styles: str) -> str:
        """A line across the page, with a label in it."""
        start, label = ((sign * 2)[:2], f" {shorten(self.signs(label), self.width - 4)} ") if label else ("", "")
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


Rows = Sequence[Row | list[str]]  # or lines across all columns


def fits(console: Console, columns: Sequence[Column], rows: Rows) -> bool:
    """Whether a table has room for all its columns."""
    return _total(*_measure(console, columns, rows)) <= console.width


def table(console: Console, columns: Sequence[Column], rows: Rows) -> list[str]:
    """The lines of a table. A column in which nothing stands is left out."""
    columns, widths = _measure(console, columns, rows)
    columns = _fitting(columns, widths, console.width)
    if columns:
        widths[columns[0].key] -= max(0, _total(columns, widths) - console.width)
    for c in columns:
        if c.bar:
            room = console.width - _total(columns, widths) + widths[c.key]
            widths[c.key] = max(widths[c.key], min(LONGEST_BAR, room))
    height = max((len(c.heading.split("\n")) for c in columns), default=0)
    headings = {c.key: ("\n" * (height - 1 - c.heading.count("\n")) + c.heading).split("\n") for c in columns}
    tops = [Row({key: lines[i] for key, lines in headings.items()}) for i in range(height)]
    lines = [console.styled(_line(console, columns, widths, row), "dim") for row in tops]
    for row in rows:
        lines += [_line(console, columns, widths, row)] if isinstance(row, Row) else row
    return lines


def _measure(console: Console, columns: Sequence[Column], rows: Rows) -> tuple[list[Column], dict[str, int]]:
    """The columns in which something stands, and how wide each must be."""
    filled = [row.cells for row in rows if isinstance(row, Row)]
    columns = [c for c in columns if any(cells.get(c.key, "") != "" for cells in filled)]
    widths = {}
    for c in columns:
        texts = [text for cells in filled if isinstance(text := cells.get(c.key, ""), str)]
        widths[c.key] = max(len(console.signs(text)) for text in (*c.heading.split("\n"), *texts))
        if c.bar:
            widths[c.key] = max(SHORTEST_BAR, widths[c.key])
    return columns, widths


def _fitting(columns: Sequence[Column], widths: dict[str, int], width: int) -> list[Column]:
    """The columns there is room for, the most important ones first. Beside three the first, a name, is shortened."""
    chosen: list[Column] = []
    for c in sorted(columns, key=lambda c: c.rank):
        least = {columns[0].key: min(SHORTEST_NAME, widths[columns[0].key])} if len(chosen) < 3 else {}
        if not chosen or _total([*chosen, c], widths | least) <= width:
            chosen.append(c)
    return [c for c in columns if c in chosen]


def _total(columns: Sequence[Column], widths: dict[str, int]) -> int:
    return sum(widths[c.key] for c in columns) + len(GAP) * (len(columns) - 1)


def _line(console: Console, columns: Sequence[Column], widths: dict[str, int], row: Row) -> str:
    cells = []
    for c in columns:
        value, width = row.cells.get(c.key, ""), widths[c.key]
        text = shorten(console.signs(value), width) if isinstance(value, str) else console.signs(bar(value, width))
        cells.append(text.ljust(width) if c.left or c.bar else text.rjust(width))
    cells[0] = console.styled(cells[0], *row.name_styles)
    return GAP.join(cells).rstrip()


def shorten(text: str, width: int) -> str:
    """The end of a text: what tells names apart."""
    if len(text) <= width:
        return text
    return ".." + text[len(text) - width + 2 :] if width > 2 else text[-width:]


# --- numbers as signs ----------------------------------------------------------------------------


def bar(share: float, width: int) -> str:
    """A bar of which a share is full; something is seen of all but 0."""
    halves = 0 if share <= 0 else max(1, round(min(share, 1.0) * 2 * width))
    return "━" * (halves // 2) + "╸" * (halves % 2)


class LogScale:
    """A logarithmic scale over whole decades that holds all these numbers."""

    def __init__(self, numbers: Iterable[float]) -> None:
        logs = [math.log10(x) for x in numbers if x > 0]
        self.low = math.floor(min(logs, default=0))
        self.high = max(math.ceil(max(logs, default=0)), self.low + 1)

    def share(self, number: float) -> float:
        """How full a bar is: 0 only for 0."""
        if number <= 0:
            return 0.0
        return min(1.0, max(1e-9, (math.log10(number) - self.low) / (self.high - self.low)))

    def __str__(self) -> str:
        ends = (f"{10.0**power:g}" if -4 < power < 4 else f"1e{power}" for power in (self.low, self.high))
        return "log scale\n" + " … ".join(ends)


def sparkline(counts: Sequence[int], width: int = 12) -> str:
    """A histogram in that many signs: their heights are the roots of the counts, so that the few are seen too."""
    size = math.ceil(len(counts) / width)
    sums = [sum(counts[i : i + size]) for i in range(0, len(counts), size)]
    most = max(sums, default=0)
    return "".join(HEIGHTS[min(7, int(8 * math.sqrt(n / most)))] if n else " " for n in sums)

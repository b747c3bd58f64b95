"""A table in the terminal that fits: columns go in order of importance, and no number is ever cut.

Three signs of text stand for numbers: ━━━╸ a bar, ▁▃█ a histogram, and a row that is drawn across all columns.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

NARROWEST = 40  # columns; below that lines are as for 40
GAP = "  "
SHORTEST_NAME, SHORTEST_BAR, LONGEST_BAR = 10, 8, 24
HEIGHTS = "▁▂▃▄▅▆▇█"

BAR = "bar"  # the column of bars
SPREAD = "histogram,\nmin to max"
WORDS = {"layer", "kind", "shape", "parameter", "parameters", "objective", "loss of G", "whose", "what", "result"}
LEFT = WORDS | {SPREAD, BAR}  # columns that stand on the left; all others are numbers


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

    def rule(self, sign: str, label: str = "", *styles: str) -> str:
        """A line across the page, with a label in it."""
        start, label = ((sign * 2)[:2], f" {shorten(self.signs(label), self.width - 4)} ") if label else ("", "")
        rest = self.width - len(start) - len(label)
        return self.styled(self.signs(start) + label + self.signs((sign * rest)[:rest]), *styles)


@dataclass(frozen=True)
class Row:
    """Cells by their columns' headings: text, or the number that a bar shows. name_styles: of the first column's."""

    cells: dict[str, str | float]
    name_styles: tuple[str, ...] = ()


Rows = Sequence[Row | list[str]]  # or lines across all columns
Ranks = Mapping[str, int]  # by heading: the column with the highest one goes first where there is no room


def fits(console: Console, ranks: Ranks, rows: Rows) -> bool:
    """Whether a table has room for all its columns."""
    return _total(_widths(console, ranks, rows, "")) <= console.width


def table(console: Console, ranks: Ranks, rows: Rows, scale: LogScale | None = None) -> list[str]:
    """The lines of a table. A column in which nothing stands is left out. scale: of the bars."""
    widths = _fitting(ranks, _widths(console, ranks, rows, str(scale)), console.width)
    for name in list(widths)[:1]:
        widths[name] -= max(0, _total(widths) - console.width)
    if BAR in widths:
        widths[BAR] = max(widths[BAR], min(LONGEST_BAR, console.width - _total(widths) + widths[BAR]))

    def line(cells: Mapping[str, str | float], *styles: str) -> str:
        padded = []
        for heading, width in widths.items():
            cell = cells.get(heading, "")
            text = cell if isinstance(cell, str) else bar(scale.share(cell) if scale else 0.0, width)
            text = shorten(console.signs(text), width)
            padded.append(text.ljust(width) if heading in LEFT else text.rjust(width))
        padded[0] = console.styled(padded[0], *styles)
        return GAP.join(padded).rstrip()

    titles = {heading: (str(scale) if heading == BAR else heading).split("\n") for heading in widths}
    height = max(map(len, titles.values()), default=0)
    above = {heading: [""] * (height - len(title)) + title for heading, title in titles.items()}
    lines = [console.styled(line({heading: above[heading][i] for heading in widths}), "dim") for i in range(height)]
    for row in rows:
        lines += [line(row.cells, *row.name_styles)] if isinstance(row, Row) else row
    return lines


def _widths(console: Console, ranks: Ranks, rows: Rows, of_bars: str) -> dict[str, int]:
    """How wide each column must be in which something stands. of_bars: the heading of the bars."""
    widths = {}
    for heading in ranks:
        cells = [cell for row in rows if isinstance(row, Row) and (cell := row.cells.get(heading, "")) != ""]
        if cells:
            texts = [cell for cell in cells if isinstance(cell, str)]
            texts += (of_bars if heading == BAR else heading).split("\n")
            widths[heading] = max(SHORTEST_BAR if heading == BAR else 0, *(len(console.signs(t)) for t in texts))
    return widths


def _fitting(ranks: Ranks, widths: dict[str, int], width: int) -> dict[str, int]:
    """The columns there is room for, the most important ones first. Beside three the first, a name, is shortened."""
    chosen: dict[str, int] = {}
    for heading in sorted(widths, key=lambda heading: ranks[heading]):
        name = next(iter(widths))
        least = {name: min(SHORTEST_NAME, widths[name])} if len(chosen) < 3 else {}
        more = {**chosen, heading: widths[heading]}
        if not chosen or _total({h: least.get(h, w) for h, w in more.items()}) <= width:
            chosen = more
    return {heading: widths[heading] for heading in widths if heading in chosen}


def _total(widths: dict[str, int]) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


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

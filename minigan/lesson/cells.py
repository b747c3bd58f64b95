"""Reading a lesson's cells, from a Python file or a notebook."""

from __future__ import annotations

import json
import linecache
import re
from pathlib import Path
from typing import NamedTuple


class LessonError(ValueError):
    """There is no such lesson, or it cannot be read or built; the message says what to do."""


SOLVED = "solved"  # what is said of an exercise whose answer is right


class Unsolved(NotImplementedError):
    """What an exercise raises until somebody has written it."""


class Cell(NamedTuple):
    """text: of markdown without its comment signs; of code as it is. line: where it begins in its file, as errors
    name both."""

    markdown: bool
    text: str
    line: int
    file: str


def text_of(path: Path) -> str:
    """What stands in a file of text, with a byte-order mark or without."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise LessonError(f"{path} is not a text in UTF-8: save it in that encoding") from None


def cells(path: Path) -> list[Cell]:
    """The cells of a lesson, empty ones left out."""
    found = _notebook_cells(path) if path.suffix == ".ipynb" else _script_cells(path)
    return [cell for cell in found if re.search(r"^ *[^ #\n]" if not cell.markdown else r"\S", cell.text, re.MULTILINE)]


def source(cell: Cell) -> str:
    """The code of a cell such that an error tells the line of its file, and the traceback module finds its text."""
    if not Path(cell.file).is_file():  # a notebook's cell
        lines = cell.text.splitlines(keepends=True)
        linecache.cache[cell.file] = (len(cell.text), None, lines, cell.file)
    return "\n" * (cell.line - 1) + cell.text + "\n"


def _script_cells(path: Path) -> list[Cell]:
    found: list[Cell] = []
    lines = text_of(path).splitlines()
    starts = [-1] + [i for i, line in enumerate(lines) if re.match(r"# ?%%", line)] + [len(lines)]
    for start, stop in zip(starts, starts[1:], strict=False):
        markdown = start >= 0 and "[markdown]" in lines[start]
        body = lines[start + 1 : stop]
        text = "\n".join(re.sub(r"^# ?", "", line) for line in body) if markdown else "\n".join(body)
        found.append(Cell(markdown, text.strip("\n"), start + 2, str(path)))
    return found


def _notebook_cells(path: Path) -> list[Cell]:
    found: list[Cell] = []
    try:
        for number, cell in enumerate(json.loads(text_of(path))["cells"], 1):
            if cell["cell_type"] in ("code", "markdown"):
                text, markdown = "".join(cell["source"]), cell["cell_type"] == "markdown"
                found.append(Cell(markdown, text if markdown else _python(text), 1, f"{path}, cell {number}"))
    except (json.JSONDecodeError, KeyError, TypeError, RecursionError):
        raise LessonError(f"{path} is not a Jupyter notebook of format 4: save it again from Jupyter") from None
    return found


def _python(text: str) -> str:
    """A notebook's code without the lines that are IPython's own, such as `%matplotlib inline`."""
    if text.startswith("%%") and not text.startswith(("%%time", "%%capture")):
        return ""
    return re.sub(r"^[%!].*", "", text, flags=re.MULTILINE)

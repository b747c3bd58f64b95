"""Stepping through a lesson in the terminal."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Any, TextIO

from minigan.lesson.cells import Cell, LessonError, cells, source
from minigan.lesson.checking import described
from minigan.lesson.places import lessons, own_folder, shipped
from minigan.lesson.translation import in_language, translated
from minigan.terminal import columns_of, fill, in_one_line, step, styled, width
from minigan.training.commands import program


def play(path: Path, start: int = 0) -> None:
    """Step through a lesson in the terminal: each code cell is shown, then run, then its output is shown.

    Raises: LessonError if it has no cell of the number `start`, or if a cell fails.
    """
    pages = cells(path)
    if not pages:
        raise LessonError(f"{path} is empty: a lesson has cells, each begun by a line '# %%'")
    if start >= len(pages):
        raise LessonError(f"--start {start + 1}: {path.stem} has {len(pages)} cells")
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    printed: dict[int, str] = {}  # by cells that were run: a cell is run once, and what it printed shown each time

    def show(page: int) -> None:
        cell = pages[page]
        print(typeset(in_language(cell.text)) if cell.markdown else _listed(cell, path))
        print(printed.get(page, ""), end="")
        for i in range(page + 1):  # a cell that was jumped over is run silently: what comes after needs it
            if i not in printed and not pages[i].markdown:
                printed[i] = _run(path, pages[i], names, sys.stdout if i == page else io.StringIO())
        if "raise Unsolved(" in cell.text:
            print(_to_do(path, [cell]))
        print()

    if step(len(pages), show, start, translated):
        print(_to_do(path, pages))


def _run(path: Path, cell: Cell, names: dict[str, Any], out: TextIO) -> str:
    """Run a cell, and write what it prints to `out`, in lines that fit. Returns what was written."""
    fitting = _Fitting(out)
    try:
        with contextlib.redirect_stdout(fitting):
            exec(compile(source(cell), cell.file, "exec", dont_inherit=True), names)
    except Exception as error:
        raise LessonError(f"{path.name} fails: {described(error, names)}") from error
    finally:
        if fitting.begun:
            fitting.write("\n")
    return "".join(fitting.lines)


class _Fitting(io.TextIOBase):
    """Writes text on, line by line, each broken to the terminal's width; `lines` are all that were written."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.begun = out, ""
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        *whole, self.begun = (self.begun + text).split("\n")
        for line in whole:
            if columns_of(line) > width():
                indent = line[: len(line) - len(line.lstrip())][: width() // 2]
                line = fill(line, indent, break_on_hyphens=False)
            self.lines.append(f"{line}\n")
            self.out.write(self.lines[-1])
        return len(text)

    def isatty(self) -> bool:
        return self.out.isatty()


def _to_do(path: Path, pages: list[Cell]) -> str:
    """Where to write the first exercise of these cells that is open, and how to have it checked."""
    if own_folder() is None and path.parent == shipped():
        where = "To write the exercise, first copy the lessons to a folder of your own:"
        return f"{styled(_filled(translated(where)), 'bold')}\n    {program()} lesson init"
    which = path.stem[:2]
    named = which.isdecimal() and path.resolve() in map(Path.resolve, lessons())
    line = next((line for cell in pages if (line := _line_to_write(cell))), None)
    here = os.path.relpath(path)
    where = f"Write the exercise in {here}, line {line}, then have it checked:" if line else "Is the exercise solved?"
    return f"{styled(_filled(translated(where)), 'bold')}\n    {program()} lesson check {which if named else here}"


def _line_to_write(cell: Cell) -> int | None:
    """The line of the file in which a cell's exercise raises Unsolved."""
    lines = enumerate(cell.text.splitlines(), cell.line)
    return next((number for number, line in lines if line.lstrip().startswith("raise Unsolved(")), None)


def typeset(text: str) -> str:
    """Markdown for a terminal: headings stand out, paragraphs and lists are as wide as the terminal."""
    typeset = []
    for block in re.split(r"\n\s*\n", text):
        if heading := re.match(r"#+ (.*)", block):
            typeset.append(styled(heading[1], "bold", "cyan"))
            block = block[heading.end() :].strip("\n")
        if re.match(r"- |\d+\. ", block):
            items = re.split(r"\n(?=- |\d+\. )", block)
            typeset.append("\n".join(_filled(item, " " * (item.index(" ") + 1)) for item in items))
        elif re.match(r"    |```|\||\s*!\[", block):
            typeset.append(block)
        elif block:
            typeset.append(_filled(block))
    marked = re.sub(r"\*\*(.+?)\*\*", lambda m: styled(m[1], "bold"), "\n\n".join(typeset), flags=re.DOTALL)
    return re.sub(r"(?<![\w*])\*(\w[^*]*)\*(?!\w)", r"\1", marked)


def _filled(paragraph: str, indent: str = "") -> str:
    return fill(in_one_line(paragraph), indent)


def _listed(cell: Cell, path: Path) -> str:
    """Code with a bar beside it. Of what draws a picture only the place is told."""
    code = cell.text
    if drawing := re.search(r"^\w[^\n]* = plt\.(?:subplots|figure)\(.*?^show\([^\n]*", code, re.MULTILINE | re.DOTALL):
        first = cell.line + code[: drawing.start()].count("\n")
        last = first + drawing[0].count("\n")
        told = styled(translated(f"# the picture is drawn: {path.name}, lines {first} to {last}"), "dim")
        code = code[: drawing.start()] + told + code[drawing.end() :]
    return "\n".join(styled("  │ ", "dim") + line for line in code.splitlines())

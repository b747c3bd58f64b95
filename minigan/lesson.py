"""The lessons: plain Python files in cells, stepped through in the terminal, checked, built into pages.

A lesson is `lessons/NN_name.py`. Lines `# %% [markdown]` begin a cell of text (in comments), lines `# %%` one of code,
as Jupyter, VS Code and jupytext read them. Its exercise is a function that raises `Unsolved`; its function `check()`
raises unless that function is right. `lessons/solutions/NN_name.py` holds functions that are.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from minigan.formatting import last_frame
from minigan.terminal import step, styled, width
from minigan.training.atomic import write_atomically
from minigan.training.commands import program

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class LessonError(ValueError):
    """There is no such lesson, or it cannot be built; the message says what to do."""


class Unsolved(NotImplementedError):
    """What an exercise raises until somebody has written it."""


class Cell(NamedTuple):
    """text: of markdown without its comment signs; of code as it is. line: where it begins in the file."""

    markdown: bool
    text: str
    line: int


# --- finding and reading -------------------------------------------------------------------------


def folder() -> Path:
    """The folder of lessons: `lessons/` here, or above here."""
    for place in (Path.cwd(), *Path.cwd().parents):
        if list((place / "lessons").glob("[0-9][0-9]_*.py")):
            return place / "lessons"
    raise LessonError(f"there is no folder of lessons in {Path.cwd()} or above: change into a clone of the repository")


def lessons() -> list[Path]:
    """All lessons, in order."""
    return sorted(folder().glob("[0-9][0-9]_*.py"))


def find(which: str) -> Path:
    """A lesson by its number ("4", "04"), a part of its name ("dense"), or as a file."""
    if which.endswith(".py"):
        if not Path(which).is_file():
            raise LessonError(f"there is no file {which}")
        return Path(which)
    known = lessons()
    wanted = which.zfill(2) if which.isdecimal() else which
    matching = [p for p in known if (p.name.startswith(f"{wanted}_") if which.isdecimal() else wanted in p.stem)]
    if len(matching) != 1:
        found = "several are" if matching else "none is"
        raise LessonError(f"lesson {which!r}: {found} called so; there are {', '.join(p.stem for p in known)}")
    return matching[0]


def title(path: Path) -> str:
    """The first heading, without its number."""
    heading = re.search(r"^# # (?:\d+\. )?(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return heading[1] if heading else path.stem


def cells(path: Path) -> list[Cell]:
    """The cells of a lesson, empty ones left out."""
    found: list[Cell] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r"# ?%%", line)] + [len(lines)]
    for start, stop in zip(starts, starts[1:], strict=False):
        markdown = "[markdown]" in lines[start]
        body = lines[start + 1 : stop]
        text = "\n".join(re.sub(r"^# ?", "", line) for line in body) if markdown else "\n".join(body)
        if text.strip():
            found.append(Cell(markdown, text.strip("\n"), start + 2))
    return found


# --- stepping ------------------------------------------------------------------------------------


def play(path: Path, start: int = 0) -> None:
    """Step through a lesson in the terminal: each code cell is shown, then run, then its output is shown.

    Raises: LessonError if it has no cell of the number `start`, or if a cell fails.
    """
    pages = cells(path)
    if start >= len(pages):
        raise LessonError(f"--start {start + 1}: {path.stem} has {len(pages)} cells")
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    printed: dict[int, str] = {}  # by cells that were run: a cell is run once, and what it printed shown each time

    def show(page: int) -> None:
        cell = pages[page]
        print(_typeset(cell.text) if cell.markdown else _listed(cell, path))
        print(printed.get(page, ""), end="")
        for i in range(page + 1):  # a cell that was jumped over is run silently: what comes after needs it
            if i not in printed and not pages[i].markdown:
                printed[i] = _run(path, pages[i], names, sys.stdout if i == page else io.StringIO())
        if "raise Unsolved(" in cell.text:
            print(_to_do(path))
        print()

    if step(len(pages), show, start):
        print(_to_do(path))


def _run(path: Path, cell: Cell, names: dict[str, Any], out: TextIO) -> str:
    """Run a cell, and write what it prints to `out`, in lines that fit. Returns what was written."""
    source = "\n" * (cell.line - 1) + cell.text  # so that an error tells the line of the file
    fitting = _Fitting(out)
    try:
        with contextlib.redirect_stdout(fitting):
            exec(compile(source, str(path), "exec"), names)
    except Exception as error:
        raise LessonError(f"{path.name} fails: {_where(error, path)}") from error
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
            if len(line) > width():
                indent = line[: len(line) - len(line.lstrip())][: width() // 2]
                line = textwrap.fill(line, width(), subsequent_indent=indent, break_on_hyphens=False)
            self.lines.append(f"{line}\n")
            self.out.write(self.lines[-1])
        return len(text)

    def isatty(self) -> bool:
        return self.out.isatty()


def _to_do(path: Path) -> str:
    """Where to write the exercise, and how to have it judged."""
    here, which = os.path.relpath(path), path.stem[:2]
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next((n for n, line in enumerate(lines, 1) if line.lstrip().startswith("raise Unsolved(")), None)
    try:
        named = which.isdecimal() and path.resolve() in map(Path.resolve, lessons())
    except LessonError:
        named = False
    where = f"Write the exercise in {here}, line {line}, then have it judged:" if line else "Is the exercise solved?"
    return f"{styled(_filled(where), 'bold')}\n    {program()} check-lesson {which if named else here}"


def _typeset(text: str) -> str:
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
    return textwrap.fill(" ".join(paragraph.split()), width(), subsequent_indent=indent)


def _listed(cell: Cell, path: Path) -> str:
    """Code with a bar beside it. Of what draws a picture only the place is told."""
    code = cell.text
    if drawing := re.search(r"^\w[^\n]* = plt\.(?:subplots|figure)\(.*?^show\([^\n]*", code, re.MULTILINE | re.DOTALL):
        first = cell.line + code[: drawing.start()].count("\n")
        last = first + drawing[0].count("\n")
        told = styled(f"# the picture is drawn: {path.name}, lines {first} to {last}", "dim")
        code = code[: drawing.start()] + told + code[drawing.end() :]
    return "\n".join(styled("  │ ", "dim") + line for line in code.splitlines())


# --- pictures ------------------------------------------------------------------------------------


def show(figure: Figure, name: str) -> None:
    """Show a matplotlib figure: in a notebook below the cell, else as a file in `lessons/output/`; prints its path."""
    import matplotlib.pyplot as plt

    ipython = sys.modules.get("IPython")
    if ipython and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell":
        from IPython.display import display

        display(figure)
    else:
        try:
            place = folder() / "output"
        except LessonError:
            place = Path.cwd()
        place.mkdir(exist_ok=True)
        path = place / f"{name}.png"
        figure.savefig(path, dpi=120, bbox_inches="tight")
        print(f"picture: {path}")
    plt.close(figure)


# --- the exercise --------------------------------------------------------------------------------


def load(path: Path) -> ModuleType:
    """The lesson as a module, all its cells run without a word."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    solve(module, path)
    return module


def solve(module: ModuleType, solution: Path) -> None:
    """Let what a file defines take its place in the lesson."""
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(solution.read_text(encoding="utf-8"), str(solution), "exec"), vars(module))


def check(path: Path, solution: Path | None = None) -> str | None:
    """What is wrong with a lesson's exercise as it is written in `path`, or solved elsewhere; None if nothing is."""
    try:
        module = load(path)
        if solution:
            solve(module, solution)
    except Unsolved as error:
        return f"not solved yet: {error}"
    except Exception as error:
        return f"the file itself fails: {_where(error, path)}"
    return verdict(module)


def verdict(module: ModuleType) -> str | None:
    """What a loaded lesson's `check()` finds wrong; None if nothing."""
    path = Path(module.__file__ or module.__name__)
    try:
        module.check()
    except Unsolved as error:
        return f"not solved yet: {error}"
    except AssertionError as error:
        return f"not right yet: {error}" if str(error) else f"not right yet: {_where(error, path)}"
    except Exception as error:
        return f"your code fails: {_where(error, path)}"
    return None


def _where(error: Exception, path: Path) -> str:
    """The error, and the last line of the learner's file on the way to it."""
    at = last_frame(error, lambda file: Path(file).name == path.name)
    place = f" at line {at.lineno}: {at.line or ''}" if at else ""
    return f"{type(error).__name__}: {error}{place}"


# --- notebooks and pages -------------------------------------------------------------------------


def build(out: Path) -> Iterator[Path]:
    """Make each lesson an executed notebook and an HTML page in `out`; the paths, as they are written.

    Raises: LessonError without jupytext and nbconvert.
    """
    try:
        import jupytext
        import nbconvert
        from nbconvert.preprocessors import ExecutePreprocessor
    except ModuleNotFoundError as error:
        raise LessonError(f"building lessons needs {error.name}: pip install 'minigan[lessons]'") from None
    out.mkdir(parents=True, exist_ok=True)
    runner = ExecutePreprocessor(timeout=300, extra_arguments=["--IPKernelApp.log_level=40"])  # errors only
    for path in lessons():
        notebook = jupytext.read(path)
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        runner.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
        page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
        for suffix, text in ((".ipynb", nbconvert.NotebookExporter().from_notebook_node(notebook)[0]), (".html", page)):
            written = out / (path.stem + suffix)
            write_atomically(written, text.encode())
            yield written

"""Whether an exercise is solved: what a lesson's `check()` finds, in one sentence.

Of a lesson's file only the statements are run that `check` needs: those that make a name which it reads, or which these
read in their turn. So a check is as quick as the exercise, however long the lesson trains.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import io
import linecache
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from minigan.lesson.cells import SOLVED, Cell, LessonError, Unsolved, cells, source, text_of
from minigan.lesson.time_limit import TimeIsUp, time_limit
from minigan.lesson.translation import translated

SECONDS = 30.0  # what a right answer needs is less than 1, but others may compute too


def run_check(check: Callable[[], None]) -> None:
    """Print what a lesson's check finds, in one sentence: one line in a notebook."""
    print(translated(outcome(check)))


def outcome(check: Callable[[], None], seconds: float = SECONDS) -> str:
    """What a lesson's check finds: SOLVED, or a sentence about what is not right yet."""
    names = check.__globals__
    try:
        with time_limit(seconds):
            check()
    except Unsolved as error:
        return f"not solved yet: {error}"
    except AssertionError as error:
        return f"not right yet: {str(error) or described(error, names)}"
    except (Exception, SystemExit) as error:
        return f"your code fails: {described(error, names)}"
    except TimeIsUp as error:
        return _too_long(error, names, seconds)
    return SOLVED


def answer(path: Path, name: str) -> Any:
    """What a lesson's file calls by this name: the function or class that answers an exercise."""
    names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    with contextlib.redirect_stdout(io.StringIO()):
        _make(name, path, None, names)
    return names[name]


def _make(name: str, path: Path, solution: Path | None, names: dict[str, Any]) -> None:
    """Run what makes a name of a lesson, with a solution beside it if there is one, into `names`."""
    pages = [cell for cell in cells(path) if not cell.markdown]
    if solution:
        pages.append(Cell(False, text_of(solution), 1, str(solution)))
    statements = [statement for cell in pages for statement in read_statements(cell)]
    if not any(name in statement.makes for statement in statements):
        raise LessonError(f"{path} has no function {name}(): is it a lesson?")
    for statement in needed(statements, name):
        exec(statement.code, names)


def _too_long(error: TimeIsUp, names: dict[str, Any], seconds: float) -> str:
    return (
        f"your code took more than {seconds:g} seconds: does a loop never end, or is a long list searched again and "
        f"again? It was stopped{place(error, names)}"
    )


def check_lesson(path: Path, solution: Path | None = None, seconds: float = SECONDS, check: str = "check") -> str:
    """What a check of the lesson in `path` finds, in the answer as it is written there, or in a solution.

    check: the function of the lesson that judges. Raises: LessonError if the file cannot be read, or has no such check.
    """
    names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        with time_limit(seconds), contextlib.redirect_stdout(io.StringIO()):
            _make(check, path, solution, names)
    except LessonError:
        raise
    except Unsolved as error:
        return f"not solved yet: {error}"
    except (Exception, SystemExit) as error:
        return f"the file itself fails: {described(error, names)}"
    except TimeIsUp as error:
        return _too_long(error, names, seconds)
    return outcome(names[check], seconds)


# --- the statements that a check needs -----------------------------------------------------------


class Statement(NamedTuple):
    """A statement of a lesson, the names it makes, and those it reads, in its functions too."""

    code: CodeType
    makes: set[str]  # "*" is among them where they are not told, as in `from math import *`
    reads: set[str]


def read_statements(cell: Cell) -> list[Statement]:
    """A cell's statements, compiled. Raises: SyntaxError."""
    found = []
    for node in ast.parse(source(cell), cell.file).body:
        code = compile(ast.Module([node], []), cell.file, "exec", dont_inherit=True)
        makes, reads = set(_names(code, "STORE")), set(_names(code, "LOAD", inside=True))
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            makes.add("*")
        found.append(Statement(code, makes, reads))
    return found


def _names(code: CodeType, verb: str, inside: bool = False) -> Iterable[str]:
    """The module's names that byte code stores or loads; also inside of its functions and classes, if that is asked."""
    for instruction in dis.get_instructions(code):
        if instruction.opname.startswith(verb) and instruction.opname.endswith(("_NAME", "_GLOBAL", "_GLOBALS")):
            yield instruction.argval
    for constant in code.co_consts if inside else ():
        if isinstance(constant, CodeType):
            yield from _names(constant, verb, inside)


def needed(statements: list[Statement], name: str) -> list[Statement]:
    """Those that make the name, or a name that one of them reads, in order."""
    wanted, before = {name, "*"}, 0
    while len(wanted) > before:
        before = len(wanted)
        wanted.update(*(statement.reads for statement in statements if statement.makes & wanted))
    return [statement for statement in statements if statement.makes & wanted]


# --- where an error arose ------------------------------------------------------------------------


def described(error: BaseException, names: dict[str, Any]) -> str:
    """The error, and the last line of the lesson, or of the learner's answer, on the way to it."""
    return f"{type(error).__name__}: {error}{place(error, names)}"


def place(error: BaseException, names: dict[str, Any]) -> str:
    """Where it came through code whose global names these are: " at line 3: x = 1", or nothing."""
    lines = [(f.f_code, n) for f, n in traceback.walk_tb(error.__traceback__) if f.f_globals is names]
    if not lines:
        return ""
    code, number = lines[-1]
    file = code.co_filename
    number = number or code.co_firstlineno  # a step of Python that belongs to no line, such as a loop's way back
    linecache.checkcache(file)
    cell = "" if Path(file).is_file() else " of its cell"
    return f" at line {number}{cell}: {linecache.getline(file, number).strip()}"

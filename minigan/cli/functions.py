"""`minigan functions`: the table of derivatives, or one function with its source."""

from __future__ import annotations

import argparse
import difflib
import inspect
import json
import textwrap
import unicodedata
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

from minigan.functions import derivatives
from minigan.options import ConfigError
from minigan.terminal import signs, styled, width

NAMES = 20  # columns of the table for names; a longer one has a line of its own


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan functions`."""
    parser.add_argument(
        "function", nargs="?", metavar="NAME", help="a function (conv2d) or a class (Conv2d) (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")


def functions(arguments: argparse.Namespace) -> None:
    """Print the table, or what there is to know of one function."""
    if arguments.function:
        thing = _found(arguments.function)
        made: list[Callable[..., Any]] = [thing, *derivatives.made_of(thing).classes]
        rows = [derivatives.row_of(t) for t in made if not t.__name__.startswith("_")]
    else:
        rows = derivatives.table()
    if arguments.json:
        print(json.dumps([row._asdict() for row in rows], indent=1))
        return
    if arguments.function:
        _show(thing)
        return
    print(signs("y is the output, dy its gradient, dx the gradient of the input x"))
    for family, of_family in groupby(rows, key=lambda row: row.family):
        print(f"\n{styled(family, 'bold')}")
        for row in of_family:
            print("\n".join(signs(line) for line in row_lines(row.name, row.parts, width(120))))
    print("\nminigan functions NAME shows one, with its source; minigan check checks them all")


def row_lines(name: str, parts: tuple[str, ...], width: int) -> list[str]:
    """A row of the table in lines of this width: the name, and beside it as many formulas as a line has room for."""
    room, gap = width - NAMES - 2, "    "
    lines: list[str] = []
    wrapped = True
    for part in parts:
        if not wrapped and columns(lines[-1] + gap + part) <= room:
            lines[-1] += gap + part
        else:
            of_part = textwrap.wrap(part, room, subsequent_indent="  ", break_on_hyphens=False)
            lines, wrapped = lines + of_part, len(of_part) > 1
    if len(name) >= NAMES:
        lines.insert(0, "")
    return [f"  {'' if i else name:{NAMES}}{line}".rstrip() for i, line in enumerate(lines)]


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: x̂ is one, though two characters."""
    return sum(not unicodedata.combining(c) for c in text)


def _found(name: str) -> Callable[..., Any]:
    """The public function of this name, or the Function class."""
    classes = {c.__name__: c for c in derivatives.function_classes()}
    known = classes | derivatives.public_functions()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    guess = f"did you mean {' or '.join(near)}?" if near else "minigan functions lists all"
    raise ConfigError(f"function {name!r} is not known: {guess}")


def _show(thing: Callable[..., Any]) -> None:
    """Print a function's call and docstring, and the source of the classes it is made of; of a function that is made of
    other functions alone, its own."""
    made = derivatives.made_of(thing)
    if not isinstance(thing, type):
        parameters = inspect.signature(thing).parameters.values()
        call = ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)
        print(styled(f"{thing.__name__}({call})", "bold"))
        print(f"{_place(thing)}\n\n{signs(textwrap.indent(inspect.getdoc(thing) or '', '    '))}\n")
    for part in ([thing] if isinstance(thing, type) or not made.classes else []) + made.classes:
        print(styled(_place(part), "bold"))
        print(f"\n{signs(textwrap.indent(inspect.getsource(part).rstrip(), '    '))}\n")
    if made.functions:
        print(f"It calls {', '.join(made.functions)}: minigan functions {made.functions[0]}")


def _place(thing: Callable[..., Any]) -> str:
    """The file and the line: relative to the folder one is in, if it is below."""
    path = Path(inspect.getfile(thing))
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{inspect.getsourcelines(thing)[1]}"

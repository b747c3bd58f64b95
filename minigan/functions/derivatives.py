"""The table of derivatives, read from docstrings, and what each function is made of, read from names in its source."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

from minigan import functions
from minigan.autograd import Function


class Row(NamedTuple):
    """A row of the table. family: the file it is in. parts: the formula of the value, then the derivatives."""

    family: str
    name: str
    parts: tuple[str, ...]


class Made(NamedTuple):
    """What a function is made of: Function classes, and other public functions by name."""

    classes: list[type[Function]]
    functions: list[str]


def table() -> list[Row]:
    """All rows by family: one for each Function class, and for each public function that no class is named after."""
    names = {c.__name__.lower() for c in function_classes()}
    rows = [row_of(c) for c in function_classes()]
    rows += [row_of(f) for name, f in public_functions().items() if name.replace("_", "") not in names]
    return sorted(rows, key=lambda row: row.family)


def row_of(thing: Callable[..., Any]) -> Row:
    """The row of a Function class or of a public function.

    A class' docstring has its derivatives in its first paragraph, `y = …        dx = …`, or in a later one. A public
    function's begins with its formula, or says what classes it is made of.
    """
    first, *rest = (inspect.getdoc(thing) or "").split("\n\n")
    if isinstance(thing, type):
        derivatives = () if has_derivative(first) else filter(has_derivative, rest)
        parts = [part for text in (first, *derivatives) for part in re.split(r" {4,}|\n", text)]
    else:
        made = made_of(thing, deep=False)
        names = [c.__name__ for c in made.classes] + made.functions
        parts = [re.split(r"\.(?:\s|$)", first)[0].replace("\n", " "), f"made of {', '.join(names)}"]
    return Row(thing.__module__.rpartition(".")[2], thing.__name__, tuple(p.strip(" .") for p in parts if p.strip()))


def has_derivative(text: str) -> bool:
    """Whether `dx = …` stands in it, of any x."""
    return re.search(r"(?:^|\s)d\S+ += ", text) is not None


def public_functions() -> dict[str, Callable[..., Any]]:
    """The functions in `minigan.functions`, by name."""
    return {name: getattr(functions, name) for name in functions.__all__}


def function_classes() -> list[type[Function]]:
    """The Function classes of this package in the order of their files, without the private ones, which are bases."""
    names = [f"{functions.__name__}.{module.name}" for module in pkgutil.iter_modules(functions.__path__)]
    modules = [importlib.import_module(name) for name in names]
    defined = [thing for m in modules for thing in vars(m).values() if getattr(thing, "__module__", "") == m.__name__]
    return [thing for thing in defined if _is_function_class(thing) and not thing.__name__.startswith("_")]


def made_of(thing: Callable[..., Any], deep: bool = True) -> Made:
    """What the source of a function or class names, and that of the helpers it calls. If `deep`, also the classes that
    those classes name in their turn: their bases, and what their backward passes are made of."""
    public, made = {f: name for name, f in public_functions().items()}, Made([], [])
    seen, waiting = {thing}, [thing]
    while waiting:
        source = waiting.pop(0)
        for named in _named_in(source):
            if named in seen or (named in public and isinstance(source, type)):
                continue
            seen.add(named)
            if named in public:
                made.functions.append(public[named])
            elif isinstance(named, type):
                made.classes.append(named)
                if deep:
                    waiting.append(named)
            else:
                waiting.append(named)
    return made


def _named_in(thing: Callable[..., Any]) -> list[Any]:
    """The functions and Function classes of this package that a source names, in order."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    known = vars(importlib.import_module(thing.__module__))
    named = [known.get(node.id) for node in nodes]
    named = [thing for thing in named if isinstance(thing, FunctionType) or _is_function_class(thing)]
    return [thing for thing in named if thing.__module__.startswith(f"{functions.__name__}.")]


def _is_function_class(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, Function)

"""The formulas of functions and optimisers as their docstrings have them, and their sources."""

from __future__ import annotations

import inspect
from pathlib import Path

from minigan.autograd import Function
from minigan.functions.derivatives import has_derivative, row_of
from minigan.optim import Optimizer
from minigan.trace.schema import FunctionText


def function_text(function: type[Function]) -> FunctionText:
    """The formulas of a Function class: those of its derivatives are the backward ones."""
    parts = row_of(function).parts if function.__doc__ else ()
    forward = tuple(part for part in parts if not has_derivative(part))
    return FunctionText(function.__name__, forward, tuple(filter(has_derivative, parts)), *_source(function))


def optimizer_text(optimizer: type[Optimizer]) -> FunctionText:
    """The formulas of an optimiser: the lines of its docstring that assign. There is no way back through it."""
    lines = inspect.cleandoc(optimizer.__doc__ or "").splitlines()
    return FunctionText(
        optimizer.__name__, tuple(line.strip() for line in lines if "←" in line), (), *_source(optimizer)
    )


def _source(thing: type) -> tuple[str, str]:
    """Where a class is written, and its source; "" of one that was not read from a file. A file of the package is
    called by its path in the repository, another by its name."""
    try:
        lines, first = inspect.getsourcelines(thing)
        file = Path(inspect.getsourcefile(thing) or "")
    except (OSError, TypeError):
        return "", ""
    package = thing.__module__.split(".")
    name = "/".join(package) + ".py" if package[0] == "minigan" else file.name
    return f"{name}:{first}", "".join(lines)

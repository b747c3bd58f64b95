"""The formulas of functions and optimisers as their docstrings have them, and their sources; and of an algorithm, the
methods that a step is made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from minigan.algorithms import Algorithm
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


PARTS = ("step", "discriminator_turn", "generator_turn", "noise")


def step_texts(algorithm: Algorithm) -> tuple[FunctionText, ...]:
    """Of the methods that an algorithm's step is made of, those that it has: the step itself, each player's turn, the
    noise; of this one also what its docstring says that it draws. A turn of another algorithm, whose step this one
    replaces, is none of its parts."""
    order = type(algorithm).__mro__
    places = {name: i for name in PARTS for i in reversed(range(len(order))) if name in vars(order[i])}
    found = []
    for name, place in places.items():
        method = vars(order[place])[name]
        if name in vars(algorithm) or not inspect.isfunction(method) or "_turn" in name and place > places["step"]:
            continue
        said = inspect.cleandoc(method.__doc__ or "").partition("\n\n")[0] if name == "noise" else ""
        drawn = (" ".join(said.split()).removesuffix("."),) if said else ()
        found.append(FunctionText(method.__qualname__, drawn, (), *_source(method)))
    return tuple(found)


def _source(thing: type | Callable[..., object]) -> tuple[str, str]:
    """Where a class or a function is written, and its source; "" of one that was not read from a file. A file of the
    package is called by its path in the repository, another by its name."""
    try:
        lines, first = inspect.getsourcelines(thing)
        file = Path(inspect.getsourcefile(thing) or "")
    except (OSError, TypeError):
        return "", ""
    package = thing.__module__.split(".")
    name = "/".join(package) + ".py" if package[0] == "minigan" else file.name
    return f"{name}:{first}", "".join(lines)

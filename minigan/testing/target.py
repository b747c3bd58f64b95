"""What is handed to the judge: a Function class, one made with options, a module, or anything that takes Tensors."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigan.autograd import Function, Tensor
from minigan.backend import Array


def callable_of(fn: Any) -> Callable[..., Any]:
    """What to call on Tensors. A Function that was made already is one call only: each gets a copy of it."""
    if isinstance(fn, type):
        if issubclass(fn, Function):
            return fn.apply
        raise TypeError(f"{name_of(fn)} is a class, but no Function: give an instance of it, {name_of(fn)}(…)")
    if isinstance(fn, Function):
        return lambda *inputs: copy.copy(fn)(*inputs)
    if not callable(fn):
        raise TypeError(f"what is to be checked must take Tensors, but {type(fn).__name__} cannot be called")
    return fn


def name_of(fn: Any) -> str:
    """What a report calls it."""
    fn = fn.func if isinstance(fn, functools.partial) else fn
    return getattr(fn, "__name__", type(fn).__name__)


def parameters_of(fn: Any) -> list[inspect.Parameter]:
    """The parameters by which it takes its inputs, in order; empty if it does not tell."""
    bound = fn.func if isinstance(fn, functools.partial) else fn
    maker = getattr(bound, "__self__", None)
    if isinstance(maker, type) and issubclass(maker, Function):  # Square.apply
        fn = maker
    if isinstance(fn, type):
        target, skipped = fn.forward, 1
    else:  # a Function or a module that was made is called by its forward
        target, skipped = getattr(fn, "forward", fn), 0
    try:
        parameters = list(inspect.signature(target).parameters.values())[skipped:]
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in parameters if p.kind in kinds]


def input_names(fn: Any, count: int) -> list[str]:
    """What a report calls the inputs: by number, and by name if fn tells."""
    known = [p.name for p in parameters_of(fn)]
    return [f"input {i} ({known[i]})" if i < len(known) else f"input {i}" for i in range(count)]


def called(fn: Callable, points: Sequence[Array]) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """fn's inputs and outputs at these points, with a graph."""
    inputs = [Tensor(x.copy(order="K")) for x in points]  # what changes its inputs is told so by the invariants
    for x in inputs:
        x.requires_grad = True  # complex ones too: only here is the derivative along them asked for
    outputs = outputs_of(fn, inputs)
    dtype = points[0].dtype if points else np.float64
    for i, y in enumerate(outputs):
        if y.dtype != dtype:
            raise TypeError(
                f"output {i} of the function that is checked must be a Tensor of {dtype}, but is of {y.dtype}"
            )
    return inputs, outputs


def outputs_of(fn: Callable, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """fn's outputs, however many there are."""
    y = fn(*inputs)
    outputs = y if isinstance(y, tuple) else (y,)
    for t in outputs:
        if not isinstance(t, Tensor):
            raise TypeError(
                f"the function that is checked must return a Tensor or a tuple of them, but returned {type(t).__name__}"
            )
    return outputs


def values(fn: Callable, points: Sequence[Array]) -> list[Array]:
    """fn's outputs at these points, as arrays."""
    return [y.data for y in called(fn, points)[1]]

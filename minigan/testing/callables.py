"""What can be checked, made into one kind: a callable that takes Tensors and returns one or a tuple of them."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minigan.autograd import Function, FunctionError, Tensor
from minigan.backend import Array, is_array

Outputs = Tensor | tuple[Tensor, ...]
Forward = Callable[..., Outputs]  # takes Tensors
Differentiable = Forward | Function | type[Function]  # what a user may hand in
Inputs = Array | Tensor | Sequence[Array | Tensor]  # one, or several


def as_callable(fn: Differentiable) -> Forward:
    """What to call on Tensors: `apply` of a Function class, a new copy of a Function instance for each call."""
    if isinstance(fn, type):
        if issubclass(fn, Function):
            return fn.apply
        raise TypeError(f"{name_of(fn)} is a class, but no Function: give an instance of it, {name_of(fn)}(…)")
    if isinstance(fn, Function):
        return lambda *inputs: copy.copy(fn)(*inputs)
    if not callable(fn):
        raise TypeError(f"what is to be checked must take Tensors, but {type(fn).__name__} cannot be called")
    return fn


def name_of(fn: object) -> str:
    """The name of a function or of its class."""
    fn = fn.func if isinstance(fn, functools.partial) else fn
    return getattr(fn, "__name__", type(fn).__name__)


def parameters_of(fn: Differentiable) -> list[inspect.Parameter]:
    """The positional parameters of a function's forward pass, in order; empty if its signature is not known."""
    bound = fn.func if isinstance(fn, functools.partial) else fn
    owner = getattr(bound, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, Function):  # Square.apply
        fn = owner
    try:  # Functions and modules are called by their forward, of which a class has the parameter self too
        parameters = list(inspect.signature(getattr(fn, "forward", fn)).parameters.values())[isinstance(fn, type) :]
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in parameters if p.kind in kinds]


OTHER: dict[type, Callable[[Any], Any]] = {bool: lambda b: not b, int: lambda n: n + 1, float: lambda x: x / 2}


def variants_of(fn: Differentiable) -> Iterator[tuple[str, Forward]]:
    """fn with each of its options that has a number or a bool as default set to another: ("stride=2", …)."""
    for name, default in _options_of(fn).items():
        other = OTHER.get(type(default))
        if other and (value := other(default)) != default:
            yield f"{name}={value}", functools.partial(as_callable(fn), **{name: value})


def _options_of(fn: Differentiable) -> dict[str, Any]:
    """The options of a Function class, which its __init__ takes, or of a function, with their defaults."""
    if not (inspect.isfunction(fn) or isinstance(fn, type)):
        return {}
    parameters = inspect.signature(fn).parameters.values()  # of a class, those of __init__
    return {p.name: p.default for p in parameters if p.default is not p.empty and p.kind is not p.POSITIONAL_ONLY}


def input_names(fn: Differentiable, count: int) -> list[str]:
    """The inputs' names in a report: "input 1 (weight)", or "input 1" where the parameter's name is not known."""
    known = [p.name for p in parameters_of(fn)]
    return [f"input {i} ({known[i]})" if i < len(known) else f"input {i}" for i in range(count)]


def input_list(inputs: Inputs) -> list[Array | Tensor]:
    """The inputs as a list, also where one array or Tensor was given."""
    return [inputs] if isinstance(inputs, (Tensor, np.generic)) or is_array(inputs) else list(inputs)


def forward(fn: Forward, arrays: Sequence[Array]) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """Call fn on copies of the arrays and record a graph: the inputs and the outputs."""
    inputs = [Tensor(x.copy(order="K")) for x in arrays]  # a function that changes them fails by an invariant
    for x in inputs:
        x.requires_grad = True  # complex ones too, which Tensor() refuses
    outputs = outputs_of(fn, inputs)
    dtype = arrays[0].dtype if arrays else np.float64
    for i, y in enumerate(outputs):
        if y.dtype != dtype:
            raise TypeError(
                f"output {i} of the function that is checked must be a Tensor of {dtype}, but is of {y.dtype}"
            )
    return inputs, outputs


def outputs_of(fn: Forward, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Call fn: its outputs as a tuple, also where it returns one Tensor."""
    y = fn(*inputs)
    outputs = y if isinstance(y, tuple) else (y,)
    for t in outputs:
        if not isinstance(t, Tensor):
            raise FunctionError(
                f"the function that is checked must return a Tensor or a tuple of them, but returned {type(t).__name__}"
            )
    return outputs


def output_arrays(fn: Forward, arrays: Sequence[Array]) -> list[Array]:
    """fn's outputs for these inputs, as arrays."""
    return [y.data for y in forward(fn, arrays)[1]]

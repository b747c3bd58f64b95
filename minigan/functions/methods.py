"""Gives Tensor its operators and methods. They live here because the autograd core knows no function."""

from __future__ import annotations

from typing import Any

from minigan.autograd import Tensor
from minigan.functions import arithmetic, dense, reduction, shaping


def _reshape(x: Tensor, *shape: Any) -> Tensor:
    """x.reshape(2, 3) or x.reshape((2, 3))."""
    return shaping.reshape(x, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)


def _transpose(x: Tensor, *axes: Any) -> Tensor:
    """x.transpose(), x.transpose(1, 0) or x.transpose((1, 0))."""
    if len(axes) == 1 and not isinstance(axes[0], int):
        (axes,) = axes
    return shaping.transpose(x, axes or None)


def _swapped(function: Any) -> Any:
    return lambda x, other: function(other, x)


def install() -> None:
    """Set the operators and methods on Tensor."""
    operators = {"add": arithmetic.add, "sub": arithmetic.sub, "mul": arithmetic.mul, "truediv": arithmetic.div}
    for name, function in (operators | {"matmul": dense.matmul}).items():
        setattr(Tensor, f"__{name}__", lambda x, other, f=function: f(x, other))
        setattr(Tensor, f"__r{name}__", _swapped(function))
    Tensor.__neg__ = arithmetic.neg
    Tensor.__pow__ = arithmetic.power
    Tensor.__abs__ = arithmetic.abs
    Tensor.__getitem__ = shaping.getitem
    Tensor.T = property(shaping.transpose)
    Tensor.reshape = _reshape
    Tensor.transpose = _transpose
    for function in (reduction.sum, reduction.mean, reduction.max, reduction.min):
        setattr(Tensor, function.__name__, function)
    for function in (arithmetic.exp, arithmetic.log, arithmetic.sqrt, arithmetic.abs):
        setattr(Tensor, function.__name__, function)

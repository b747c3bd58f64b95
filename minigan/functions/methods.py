"""Gives Tensor its operators and methods. They live here because the autograd core knows no function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigan.autograd import Tensor
from minigan.functions import arithmetic, dense, manipulation, reduction


def _reshape(x: Tensor, *shape: Any) -> Tensor:
    """x.reshape(2, 3) or x.reshape((2, 3))."""
    return manipulation.reshape(x, shape[0] if len(shape) == 1 else shape)


def _transpose(x: Tensor, *axes: Any) -> Tensor:
    """x.transpose(), x.transpose(1, 0) or x.transpose((1, 0))."""
    return manipulation.transpose(x, (axes[0] if len(axes) == 1 else axes) if axes else None)


def _operator(name: str, function: Callable[[Any, Any], Tensor], reflected: bool) -> Callable[[Tensor, Any], Tensor]:
    """`function` as the method of a binary operator, whose left side is the other one if reflected."""

    def operator(x: Tensor, other: Any) -> Tensor:
        return function(other, x) if reflected else function(x, other)

    operator.__name__, operator.__doc__ = name, function.__doc__
    return operator


def install() -> None:
    """Set the operators and methods on Tensor."""
    operators = {"add": arithmetic.add, "sub": arithmetic.sub, "mul": arithmetic.mul, "truediv": arithmetic.div}
    for name, function in (operators | {"matmul": dense.matmul}).items():
        for method, reflected in ((f"__{name}__", False), (f"__r{name}__", True)):
            setattr(Tensor, method, _operator(method, function, reflected))
    Tensor.__neg__ = arithmetic.neg
    Tensor.__pow__ = arithmetic.power
    Tensor.__abs__ = arithmetic.abs
    Tensor.__getitem__ = manipulation.getitem
    Tensor.T = property(manipulation.transpose)
    Tensor.reshape = _reshape
    Tensor.transpose = _transpose
    for function in (reduction.sum, reduction.mean, reduction.max, reduction.min):
        setattr(Tensor, function.__name__, function)
    for function in (arithmetic.exp, arithmetic.log, arithmetic.sqrt, arithmetic.abs):
        setattr(Tensor, function.__name__, function)

"""Sums, means and extrema over axes."""

from __future__ import annotations

from typing import Any

from minigan.autograd import Function, Tensor
from minigan.functions.arithmetic import Gate, MulScalar
from minigan.functions.shaping import broadcast_to, reshape

Axis = int | tuple[int, ...] | None


class Sum(Function):
    """y = Σ x over axes        dx = dy, repeated along them"""

    def __init__(self, axis: Axis, keepdims: bool) -> None:
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x):
        return x.sum(axis=self.axis, keepdims=self.keepdims)

    def backward(self, dy):
        shape = self.input_shapes[0]
        return broadcast_to(reshape(dy, _kept_shape(shape, self.axis)), shape)


class Max(Function):
    """y = max x over axes        dx = dy at the largest, in equal parts where several are"""

    def __init__(self, axis: Axis, keepdims: bool) -> None:
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x):
        y = self._extremum(x)
        at = x == y
        self.save_constants(at / at.sum(axis=self.axis, keepdims=True).astype(x.dtype))
        return y if self.keepdims else y.reshape(_reduced_shape(x.shape, self.axis))

    def _extremum(self, x):
        return x.max(axis=self.axis, keepdims=True)

    def backward(self, dy):
        shape = self.input_shapes[0]
        (share,) = self.saved_constants
        return Gate(share.astype(dy.dtype))(broadcast_to(reshape(dy, _kept_shape(shape, self.axis)), shape))


class Min(Max):
    """y = min x over axes        dx = dy at the smallest, in equal parts where several are"""

    def _extremum(self, x):
        return x.min(axis=self.axis, keepdims=True)


def _axes(ndim: int, axis: Axis) -> tuple[int, ...]:
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(a % ndim for a in axes)


def _kept_shape(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """`shape` with length 1 along the reduced axes."""
    axes = _axes(len(shape), axis) if shape else ()
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def _reduced_shape(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """`shape` without the reduced axes."""
    axes = _axes(len(shape), axis) if shape else ()
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def checked_axis(name: str, x: Any, axis: Axis) -> Tensor:
    """x as a Tensor, if it has the axis or axes, each given once."""
    x = x if isinstance(x, Tensor) else Tensor(x)
    axes = () if axis is None else (axis,) if isinstance(axis, int) else axis
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise ValueError(f"{name}: axis {a} is out of range for shape {x.shape}")
    if len({a % x.ndim for a in axes}) < len(axes):
        raise ValueError(f"{name}: axes {axes} of shape {x.shape} name one axis twice")
    return x


def _not_empty(name: str, x: Any, axis: Axis) -> Tensor:
    """The same, if there is at least one number along those axes."""
    x = checked_axis(name, x, axis)
    if x.size == 0:
        raise ValueError(f"{name}: shape {x.shape} has nothing to take the {name} of")
    return x


# --- as one calls them ---------------------------------------------------------------------------


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Σ x over an axis, several, or all."""
    return Sum(axis, keepdims)(checked_axis("sum", x, axis))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Σ x / n over an axis, several, or all, n being how many numbers are averaged."""
    x = _not_empty("mean", x, axis)
    count = 1
    for a in _axes(x.ndim, axis) if x.ndim else ():
        count *= x.shape[a]
    return MulScalar(1.0 / count)(Sum(axis, keepdims)(x))


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest x over an axis, several, or all; ties share the gradient."""
    return Max(axis, keepdims)(_not_empty("max", x, axis))


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest x over an axis, several, or all; ties share the gradient."""
    return Min(axis, keepdims)(_not_empty("min", x, axis))

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


def _checked(name: str, x: Any, axis: Axis) -> Tensor:
    x = x if isinstance(x, Tensor) else Tensor(x)
    for a in () if axis is None else (axis,) if isinstance(axis, int) else axis:
        if not -x.ndim <= a < x.ndim:
            raise ValueError(f"{name}: axis {a} is out of range for shape {x.shape}")
    return x


# --- as one calls them ---------------------------------------------------------------------------


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Σ x over an axis, several, or all."""
    return Sum(axis, keepdims)(_checked("sum", x, axis))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Σ x / n over an axis, several, or all, n being how many numbers are averaged."""
    x = _checked("mean", x, axis)
    count = 1
    for a in _axes(x.ndim, axis) if x.ndim else ():
        count *= x.shape[a]
    if count == 0:
        raise ValueError(f"mean: shape {x.shape} has nothing to average")
    return MulScalar(1.0 / count)(Sum(axis, keepdims)(x))


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest x over an axis, several, or all; ties share the gradient."""
    return Max(axis, keepdims)(_checked("max", x, axis))


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest x over an axis, several, or all; ties share the gradient."""
    return Min(axis, keepdims)(_checked("min", x, axis))

"""Sums, means and extrema over axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import Array
from minigan.functions.arguments import as_floating, as_ints, as_number, as_tensor
from minigan.functions.arithmetic import GateMul, MulScalar, where
from minigan.functions.manipulation import broadcast_to, reshape
from minigan.kernels.reduction import Axes, sum_over
from minigan.kernels.reduction import mean as mean_of

Axis = int | Sequence[int] | None  # as one gives them


class Sum(Function):
    """y = Σ x over axes        dx = dy, repeated along them"""

    def __init__(self, axis: Axes, keepdims: bool) -> None:
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x: Array) -> Array:
        return sum_over(x, self.axis, self.keepdims)

    def backward(self, dy: Tensor) -> Tensor:
        shape = self.input_shapes[0]
        dy = dy if dy.ndim == 0 else reshape(dy, _kept_shape(shape, self.axis))
        return broadcast_to(dy, shape)


class Mean(Sum):
    """y = Σ x / n over axes, n numbers to a sum        dx = dy / n, repeated along them"""

    def __init__(self, axis: Axes, keepdims: bool, count: int) -> None:
        super().__init__(axis, keepdims)
        self.share = 1.0 / count

    def forward(self, x: Array) -> Array:
        return mean_of(x, self.axis, self.keepdims, self.share)

    def backward(self, dy: Tensor) -> Tensor:
        return super().backward(MulScalar(self.share)(dy))


class Var(Function):
    """y = Σ (x − μ)² / (n − c), μ = Σ x / n over axes        dx = 2 (x − μ) · dy / (n − c), dy repeated along them"""

    def __init__(self, axis: Axes, keepdims: bool, count: int, correction: float) -> None:
        self.axis, self.keepdims = axis, keepdims
        self.share_of_mean, self.share = 1.0 / count, 1.0 / (count - correction)

    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        centred = x - mean_of(x, self.axis, True, self.share_of_mean)
        return mean_of(centred * centred, self.axis, self.keepdims, self.share)

    def backward(self, dy: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return (x - mean(x, self.axis, keepdims=True)) * reshape(dy, _kept_shape(x.shape, self.axis)) * (2 * self.share)


class Norm(Function):
    """y = √Σ x² over axes        dx = x · dy / y, dy and y repeated along them; 0 where y = 0"""

    def __init__(self, axis: Axes, keepdims: bool) -> None:
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x: Array) -> Array:
        y = sum_over(x * x, self.axis, self.keepdims) ** 0.5
        self.save_for_backward(x, y)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        x, y = self.saved_tensors
        nonzero = y.array != 0
        share = GateMul(nonzero)(dy / where(nonzero, y, 1.0))  # 0 / 0 is not made: its own derivatives would be NaN
        return x * reshape(share, _kept_shape(x.shape, self.axis))


class Max(Function):
    """y = max x over axes        dx = dy at the largest, in equal parts where several are"""

    def __init__(self, axis: Axes, keepdims: bool) -> None:
        self.axis, self.keepdims = axis, keepdims

    def forward(self, x: Array) -> Array:
        y = self._extremum(x)
        at = x == y
        self.save_constants(at / at.sum(axis=self.axis, keepdims=True).astype(x.dtype))
        return y if self.keepdims else y.squeeze(_axes(x.ndim, self.axis))

    def _extremum(self, x: Array) -> Array:
        return x.max(axis=self.axis, keepdims=True)

    def backward(self, dy: Tensor) -> Tensor:
        shape = self.input_shapes[0]
        (share,) = self.saved_constants
        return GateMul(share.astype(dy.dtype))(broadcast_to(reshape(dy, _kept_shape(shape, self.axis)), shape))


class Min(Max):
    """y = min x over axes        dx = dy at the smallest, in equal parts where several are"""

    def _extremum(self, x: Array) -> Array:
        return x.min(axis=self.axis, keepdims=True)


def _axes(ndim: int, axis: Axes) -> tuple[int, ...]:
    return tuple(range(ndim)) if axis is None else tuple([a % ndim for a in axis])


def _kept_shape(shape: tuple[int, ...], axis: Axes) -> tuple[int, ...]:
    """`shape` with length 1 along the reduced axes."""
    axes = _axes(len(shape), axis)
    return tuple([1 if i in axes else n for i, n in enumerate(shape)])


def checked_axis(name: str, x: Any, axis: Axis) -> tuple[Tensor, Axes]:
    """x as a Tensor and the axes as a tuple, or None for all; x must have them, each given once."""
    x = as_tensor(name, x)
    if axis is None:
        return x, None
    axes = as_ints(f"{name}: axis", axis)
    for a in axes:
        if not -x.ndim <= a < x.ndim:
            raise ValueError(f"{name}: axis {a} is out of range for shape {x.shape}: x has {x.ndim} axes")
    if len({a % x.ndim for a in axes}) < len(axes):
        raise ValueError(f"{name}: axes {axes} of shape {x.shape} name one axis twice")
    return x, axes


def nonempty_axis(name: str, x: Any, axis: Axis) -> tuple[Tensor, Axes]:
    """The same, if there is at least one number along those axes."""
    x, axis = checked_axis(name, x, axis)
    if _count(x, axis) == 0:
        along = "" if axis is None else f" along axis {axis[0] if len(axis) == 1 else axis}"
        raise ValueError(f"{name}: x of shape {x.shape} has nothing{along} to take the {name} of")
    return x, axis


def _count(x: Tensor, axis: Axes) -> int:
    shape = x.array.shape
    return prod(shape if axis is None else [shape[a] for a in axis])


# --- as one calls them ---------------------------------------------------------------------------


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Σ x over an axis, several, or all."""
    x, axis = checked_axis("sum", x, axis)
    return Sum(axis, keepdims)(x)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Σ x / n over an axis, several, or all, n being how many numbers are averaged."""
    x, axis = nonempty_axis("mean", as_floating("mean", x), axis)
    return Mean(axis, keepdims, _count(x, axis))(x)


def var(x: Any, axis: Axis = None, keepdims: bool = False, correction: float = 1) -> Tensor:
    """Σ (x − mean)² / (n − correction) over an axis, several, or all n numbers.

    As in PyTorch: correction=1 is the unbiased variance, correction=0 the biased one, which is NumPy's.
    """
    x, axis = nonempty_axis("var", as_floating("var", x), axis)
    count, correction = _count(x, axis), as_number("var", "correction", correction)
    if count <= correction:
        found = f"x of shape {x.shape} has {count} number{'s' * (count != 1)} for each variance"
        raise ValueError(f"var: {found}, but must have more than the correction, {correction:g}")
    return Var(axis, keepdims, count, correction)(x)


def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """√Σ x², the 2-norm, over an axis, several, or all; where it is 0, so is its gradient."""
    x, axis = checked_axis("norm", as_floating("norm", x), axis)
    return Norm(axis, keepdims)(x)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest x over an axis, several, or all; ties share the gradient."""
    x, axis = nonempty_axis("max", x, axis)
    return Max(axis, keepdims)(x)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest x over an axis, several, or all; ties share the gradient."""
    x, axis = nonempty_axis("min", x, axis)
    return Min(axis, keepdims)(x)

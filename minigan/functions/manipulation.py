"""Functions that move numbers without changing them. Each is linear, and its backward pass its transpose: where a
number is copied the gradients of the copies are added, where one is dropped the gradient is zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from numbers import Integral
from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import Array, as_array, get_array_module, is_array
from minigan.functions.arguments import as_ints, as_tensor, check_images, prefix_errors
from minigan.kernels import layout as kernels
from minigan.kernels.geometry import normalize_padding
from minigan.kernels.reduction import sum_over


class _ToShape(Function):
    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)


class Reshape(_ToShape):
    """y = x in another shape        dx = dy in x's shape"""

    def forward(self, x: Array) -> Array:
        try:
            return kernels.reshape(x, self.shape)
        except ValueError:
            known = prod(n for n in self.shape if n != -1)
            rule = (
                f"takes {known}" if -1 not in self.shape
                else "leaves two lengths open, and only one may be -1" if self.shape.count(-1) > 1
                else f"takes a multiple of {known}"
            )  # fmt: skip
            elements = f"x of shape {x.shape} has {x.size} elements"
            raise ValueError(f"reshape: {elements}, but shape {self.shape} {rule}") from None

    def backward(self, dy: Tensor) -> Tensor:
        return reshape(dy, self.input_shapes[0])


class Transpose(Function):
    """y = x with its axes in the order given        dx = dy with them put back"""

    def __init__(self, axes: Sequence[int]) -> None:
        self.axes = tuple(axes)

    def forward(self, x: Array) -> Array:
        if sorted(a + x.ndim if a < 0 else a for a in self.axes) != list(range(x.ndim)):
            raise ValueError(
                f"transpose: axes {self.axes} are not an order of the {x.ndim} axes of x of shape {x.shape}: each must "
                "be named once"
            )
        return x.transpose(self.axes)

    def backward(self, dy: Tensor) -> Tensor:
        inverse = [0] * len(self.axes)
        for new, old in enumerate(self.axes):
            inverse[old] = new
        return Transpose(inverse)(dy)


class BroadcastTo(_ToShape):
    """y = x, repeated along axes of length 1        dx = dy summed over the repeats"""

    def forward(self, x: Array) -> Array:
        try:
            return get_array_module(x).broadcast_to(x, self.shape)
        except ValueError:
            raise ValueError(
                f"broadcast_to: x of shape {x.shape} cannot be repeated to {self.shape}: counted from the last axis, "
                "lengths must be equal, or x's 1"
            ) from None

    def backward(self, dy: Tensor) -> Tensor:
        return sum_to(dy, self.input_shapes[0])


class SumTo(_ToShape):
    """y = x summed over the axes along which y's shape was repeated        dx = dy repeated"""

    def forward(self, x: Array) -> Array:
        extra = x.ndim - len(self.shape)
        kept = x.shape[extra:]
        if extra < 0 or any(n not in (1, m) for n, m in zip(self.shape, kept, strict=True)):
            raise ValueError(
                f"sum_to: x of shape {x.shape} is not a broadcast of {self.shape}: counted from the last axis, the "
                "length to sum to must be x's, or 1"
            )
        axes = (*range(extra), *(extra + i for i, n in enumerate(self.shape) if n == 1 and kept[i] != 1))
        return sum_over(x, axes).reshape(self.shape)

    def backward(self, dy: Tensor) -> Tensor:
        return broadcast_to(dy, self.input_shapes[0])


class GetItem(Function):
    """y = x[index]        dx = zeros with dy added in at [index]"""

    def __init__(self, index: Any) -> None:
        self.index = index

    def forward(self, x: Array) -> Array:
        if any(self.needs_input_grad):
            self.save_constants(_copied(self.index))
        try:
            y = x[self.index]
        except (IndexError, TypeError, ValueError) as error:
            # An IndexError stays one: it is how Python ends a loop over x. Over a single number there is none.
            kind = IndexError if isinstance(error, IndexError) and x.ndim else TypeError
            raise kind(f"getitem: x of shape {x.shape} has no such elements: {error}") from None
        self.index = None
        return y.copy() if is_array(y) else y  # a slice would keep all of x alive, and be changed with it

    def backward(self, dy: Tensor) -> Tensor:
        (index,) = self.saved_constants
        return PutItem(index, self.input_shapes[0])(dy)


class PutItem(Function):
    """y = zeros of a shape, with x added in at [index]        dx = dy[index]"""

    def __init__(self, index: Any, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self.save_constants(index)

    def forward(self, x: Array) -> Array:
        (index,) = self.saved_constants
        xp = get_array_module(x)
        y = xp.zeros(self.shape, x.dtype)
        if _repeats(index):
            xp.add.at(y, index, x)
        else:
            y[index] = x
        return y

    def backward(self, dy: Tensor) -> Tensor:
        return GetItem(*self.saved_constants)(dy)


def _plain(index: Any) -> Any:
    """The index, or the part of one, as an int, a slice, None, ..., or an array: what else there is (lists, ranges,
    buffers, arrays of other packages) says where numbers lie, and may name one twice."""
    if isinstance(index, Tensor):
        return index.array
    if index is None or index is Ellipsis or isinstance(index, (slice, Integral)) or is_array(index):
        return index
    return as_array(index)


def _copied(index: Any) -> Any:
    """The index in memory of its own: a buffer of labels may be filled anew before the backward pass."""
    if isinstance(index, tuple):
        return tuple(map(_copied, index))
    return index.copy() if is_array(index) else index


def _repeats(index: Any) -> bool:
    """Whether an index may name one element twice: all may that are no single numbers, slices and booleans."""
    parts = index if isinstance(index, tuple) else (index,)
    single = (type(None), type(Ellipsis), slice, Integral)
    return any(not isinstance(p, single) and not (is_array(p) and p.dtype == bool) for p in parts)


class Concatenate(Function):
    """y = the inputs joined along an axis        each dx = its part of dy"""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays: Array) -> Array:
        first = arrays[0]
        if not -first.ndim <= self.axis < first.ndim:
            there = f"shape {first.shape}: the tensors have {first.ndim} axes"
            raise ValueError(f"concatenate: axis {self.axis} is out of range for {there}")
        axis = self.axis % first.ndim
        across = [a.shape[:axis] + a.shape[axis + 1 :] for a in arrays]
        for i, (a, shape) in enumerate(zip(arrays, across, strict=True)):
            if a.ndim != first.ndim or shape != across[0]:
                raise ValueError(
                    f"concatenate: tensor 0 has shape {first.shape}, but tensor {i} has {a.shape}: they may differ "
                    f"only along axis {self.axis}"
                )
        return get_array_module(*arrays).concatenate(arrays, axis=axis)

    def backward(self, dy: Tensor) -> list[Tensor | None]:
        axis = self.axis % dy.ndim
        gradients, start = [], 0
        for shape, needed in zip(self.input_shapes, self.needs_input_grad, strict=True):
            stop = start + shape[axis]
            gradients.append(dy[(slice(None),) * axis + (slice(start, stop),)] if needed else None)
            start = stop
        return gradients


class Stack(Function):
    """y = the inputs side by side along a new axis        each dx = dy at its place along it"""

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays: Array) -> Array:
        first = arrays[0]
        if not -first.ndim - 1 <= self.axis <= first.ndim:
            raise ValueError(f"stack: axis {self.axis} is out of range for the {first.ndim + 1} axes of the result")
        for i, a in enumerate(arrays):
            if a.shape != first.shape:
                shapes = f"tensor 0 has shape {first.shape}, but tensor {i} has {a.shape}"
                raise ValueError(f"stack: {shapes}: all must have one shape")
        return get_array_module(*arrays).stack(arrays, axis=self.axis)

    def backward(self, dy: Tensor) -> list[Tensor | None]:
        before = (slice(None),) * (self.axis % dy.ndim)
        return [dy[before + (i,)] if needed else None for i, needed in enumerate(self.needs_input_grad)]


class Pad2d(Function):
    """y = x with zeros around each image        dx = dy without that border

    pad: ((top, bottom), (left, right)) pixels.
    """

    def __init__(self, pad: tuple) -> None:
        self.pad = pad

    def forward(self, x: Array) -> Array:
        (top, bottom), (left, right) = self.pad
        n, c, h, w = x.shape
        y = get_array_module(x).zeros((n, c, h + top + bottom, w + left + right), x.dtype)
        y[:, :, top : top + h, left : left + w] = x
        return y

    def backward(self, dy: Tensor) -> Tensor:
        (top, _), (left, _) = self.pad
        _, _, h, w = self.input_shapes[0]
        return dy[:, :, top : top + h, left : left + w]


# --- as one calls them ---------------------------------------------------------------------------


def reshape(x: Any, shape: int | Sequence[int]) -> Tensor:
    """x in another shape of as many elements; one length may be -1."""
    shape = as_ints("reshape: the shape", shape)
    if shape and min(shape) < -1:  # NumPy takes any negative number for -1
        raise ValueError(f"reshape: shape {shape} has a negative length; only -1 is allowed, once, for what is left")
    return Reshape(shape)(as_tensor("reshape", x))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """x with its axes in the order given, or reversed."""
    x = as_tensor("transpose", x)
    return Transpose(range(x.ndim)[::-1] if axes is None else as_ints("transpose: axes", axes))(x)


def broadcast_to(x: Any, shape: Sequence[int]) -> Tensor:
    """x repeated to `shape` by NumPy's rule; itself if it has that shape."""
    if isinstance(x, Tensor) and x.array.shape == shape:
        return x
    x, shape = as_tensor("broadcast_to", x), as_ints("broadcast_to: the shape", shape)
    return x if x.shape == shape else BroadcastTo(shape)(x)


def sum_to(x: Any, shape: Sequence[int]) -> Tensor:
    """x summed down to `shape`, the transpose of `broadcast_to`; itself if it has that shape."""
    if isinstance(x, Tensor) and x.array.shape == shape:
        return x
    x, shape = as_tensor("sum_to", x), as_ints("sum_to: the shape", shape)
    return x if x.shape == shape else SumTo(shape)(x)


def getitem(x: Any, index: Any) -> Tensor:
    """x[index] for integers, slices, and arrays of integers or booleans."""
    index = tuple(map(_plain, index)) if isinstance(index, tuple) else _plain(index)
    return GetItem(index)(as_tensor("getitem", x))


def concatenate(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors joined along an axis; all other lengths must agree."""
    return Concatenate(_one_axis("concatenate", axis))(*_several("concatenate", tensors))


def stack(tensors: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors, of one shape, side by side along a new axis."""
    return Stack(_one_axis("stack", axis))(*_several("stack", tensors))


def _several(name: str, tensors: Any) -> list[Tensor]:
    if isinstance(tensors, Tensor) or is_array(tensors) or not isinstance(tensors, Iterable):
        raise TypeError(f"{name}: tensors must be a list of tensors, not one {type(tensors).__name__}")
    tensors = [as_tensor(name, t, f"tensor {i}") for i, t in enumerate(tensors)]
    if not tensors:
        raise ValueError(f"{name}: tensors is empty, but must hold one or more")
    return tensors


def _one_axis(name: str, axis: Any) -> int:
    axes = as_ints(f"{name}: axis", axis)
    if len(axes) != 1:
        raise TypeError(f"{name}: axis must be one whole number, not {axis!r}")
    return axes[0]


def pad2d(x: Any, padding: Any) -> Tensor:
    """Images x (N, C, H, W) with a border of zeros: an int, (ph, pw) or ((top, bottom), (left, right)) pixels."""
    x = as_tensor("pad2d", x)
    check_images("pad2d", x)
    if isinstance(padding, str):
        raise ValueError(f"pad2d: padding must be in pixels, not {padding!r}: there is no kernel to fit it to")
    return Pad2d(prefix_errors("pad2d", normalize_padding, padding, x.shape[2:], (1, 1), (1, 1)))(x)

"""Random inputs for gradient checks: numbers away from kinks, shapes that fit, convolutions that exist.

Everything is drawn from an `RNG`: a NumPy generator, or in `minigan.testing.strategies` one whose integers Hypothesis
draws, so that a failing example shrinks to a small one. Sizes and options are therefore drawn by `rng.integers` only.

Numbers are rounded to two decimals: a case that is printed can be read, and computed by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from minigan.backend import Array, device_of, get_array_module, to_device

T = TypeVar("T")
Shape = tuple[int, ...]
Pair = tuple[int, int]
Padding = int | Pair | tuple[Pair, Pair] | str  # in every form that conv2d takes


class RNG(Protocol):
    """The methods of numpy.random.Generator that random inputs are drawn with."""

    def integers(self, low: int, high: int, /) -> int: ...

    def standard_normal(self, size: Shape, /) -> np.ndarray: ...

    def uniform(self, low: float, high: float, size: Shape, /) -> np.ndarray: ...

    def permutation(self, count: int, /) -> np.ndarray: ...


def normal(rng: RNG, *shape: int) -> np.ndarray:
    """Normally distributed numbers, of mean 0 and variance 1."""
    return _rounded(rng.standard_normal(shape))


def positive(rng: RNG, *shape: int) -> np.ndarray:
    """Numbers in 0.5 … 2."""
    return _rounded(rng.uniform(0.5, 2.0, shape))


def probability(rng: RNG, *shape: int) -> np.ndarray:
    """Numbers in 0.1 … 0.9."""
    return _rounded(rng.uniform(0.1, 0.9, shape))


def distinct(rng: RNG, *shape: int, count: int = 1, index: int = 0) -> np.ndarray:
    """Numbers no two of which are equal, or less than 0.05 from 0: no ties, no kinks.

    Several arrays that must not tie with each other are drawn with their `count`, and each with its own `index`,
    0 … count − 1.
    """
    size = prod(shape)
    steps = rng.permutation(size) - size // 2 + (index + 0.5) / count
    return _rounded((steps * 0.1).reshape(shape), 4)


def random_like(x: Array, rng: np.random.Generator) -> Array:
    """Random numbers of absolute value ½ to 1, with x's shape, dtype, device and order of memory."""
    numbers = rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    result = get_array_module(x).zeros_like(x)
    result[...] = to_device(np.asarray(numbers), device_of(x))
    return result


def _rounded(numbers: np.ndarray, decimals: int = 2) -> np.ndarray:
    return np.asarray(np.round(numbers, decimals))  # np.round makes an array of no dimensions a scalar


def choice(rng: RNG, options: Sequence[T]) -> T:
    """One of the options; Hypothesis shrinks towards the first."""
    return options[int(rng.integers(0, len(options)))]


def integer(rng: RNG, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def boolean(rng: RNG) -> bool:
    """True or False; Hypothesis shrinks towards False."""
    return integer(rng, 0, 1) == 1


def shape(rng: RNG, min_dims: int = 0, max_dims: int = 4, min_side: int = 1, max_side: int = 3) -> Shape:
    """The shape of an array."""
    return tuple(integer(rng, min_side, max_side) for _ in range(integer(rng, min_dims, max_dims)))


def broadcastable_shapes(rng: RNG, num_shapes: int = 2, max_dims: int = 3, max_side: int = 3) -> list[Shape]:
    """Shapes that broadcast to one: each may lack leading axes, and be of length 1 along others."""
    shapes: list[Shape] = [()] * num_shapes
    for _ in range(integer(rng, 0, max_dims)):  # axis by axis, so that Hypothesis can leave one out
        side = integer(rng, 1, max_side)
        shapes = [(*s, 1 if integer(rng, 0, 3) == 3 else side) for s in shapes]
    for i, s in enumerate(shapes):
        if integer(rng, 0, 3) == 3:
            shapes[i] = s[integer(rng, 0, len(s)) :]
    return shapes


def axes(rng: RNG, ndim: int) -> int | tuple[int, ...] | None:
    """None, one axis, or several, some counted from the end."""
    if ndim == 0 or integer(rng, 0, 3) == 0:
        return None
    some = tuple(a - ndim if boolean(rng) else a for a in range(ndim) if boolean(rng))
    return some[0] if len(some) == 1 and boolean(rng) else some


def padding(rng: RNG, most: int = 2, same: bool = True) -> Padding:
    """A padding of at most so many pixels a side, in one of its forms: p, (ph, pw), ((t, b), (l, r)) or "same"."""

    def pixels() -> int:
        return integer(rng, 0, most)

    first, form = pixels(), integer(rng, 0, 3 if same else 2)  # Hypothesis shrinks towards form 0, a number
    if form == 0:
        return first
    if form == 1:
        return first, pixels()
    return ((first, pixels()), (pixels(), pixels())) if form == 2 else "same"


def padding_per_side(padding: Padding) -> tuple[Pair, Pair]:
    """A padding in pixels in its widest form, ((top, bottom), (left, right)); none for "same"."""
    if isinstance(padding, str):
        return (0, 0), (0, 0)
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    rows = (rows, rows) if isinstance(rows, int) else rows
    columns = (columns, columns) if isinstance(columns, int) else columns
    return rows, columns


class Convolution(NamedTuple):
    """An image's size, a kernel's, and options: stride, padding, and a transposed one's output_padding."""

    size: Pair
    kernel: Pair
    options: dict[str, Any]


def convolution(rng: RNG, max_kernel: int = 3, max_stride: int = 3, pooling: bool = False) -> Convolution:
    """An image's size, a kernel's, and `conv2d`'s options for them, such that there is an output.

    pooling: with less padding than kernel, so that every window holds a pixel.
    """
    kernel, stride = _pair(rng, max_kernel), _pair(rng, max_stride)
    pad = padding(rng, min(kernel) - 1 if pooling else 2)
    (top, bottom), (left, right) = padding_per_side(pad)
    smallest = (1, 1) if pad == "same" else (max(1, kernel[0] - top - bottom), max(1, kernel[1] - left - right))
    size = (smallest[0] + integer(rng, 0, 3), smallest[1] + integer(rng, 0, 3))
    return Convolution(size, kernel, {"stride": _number_or_pair(rng, stride), "padding": pad})


def transposed_convolution(rng: RNG, max_kernel: int = 3, max_stride: int = 3) -> Convolution:
    """An image's size, a kernel's, and `conv_transpose2d`'s options for them, such that there is an output."""
    kernel, stride = _pair(rng, max_kernel), _pair(rng, max_stride)
    extra = (integer(rng, 0, stride[0] - 1), integer(rng, 0, stride[1] - 1))
    pad = padding(rng, 2)
    # The full output, (H − 1)·S + K + extra, must be more than what is cropped.
    lacking = [max(0, sum(p) + 1 - k - e) for p, k, e in zip(padding_per_side(pad), kernel, extra, strict=True)]
    smallest = [1 + ceil(n / s) for n, s in zip(lacking, stride, strict=True)]
    size = (smallest[0] + integer(rng, 0, 2), smallest[1] + integer(rng, 0, 2))
    options = {
        "stride": _number_or_pair(rng, stride), "padding": pad, "output_padding": _number_or_pair(rng, extra),
    }  # fmt: skip
    return Convolution(size, kernel, options)


def _pair(rng: RNG, most: int) -> Pair:
    return integer(rng, 1, most), integer(rng, 1, most)


def _number_or_pair(rng: RNG, pair: Pair) -> int | Pair:
    """(2, 2) may also be written 2."""
    as_pair = boolean(rng)  # drawn in any case, so that it does not change what is drawn after it
    return pair if as_pair or pair[0] != pair[1] else pair[0]

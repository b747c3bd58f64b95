"""Random inputs for gradient checks: numbers away from trouble, shapes that fit, convolutions that exist.

Everything is drawn from an `rng`, of which sizes and options are asked by `rng.integers(low, high)`
only, and numbers by `standard_normal`, `uniform` and `permutation`. A NumPy generator will do;
`minigan.testing.strategies` hands in one whose integers are Hypothesis' own, so that a failing
example shrinks to a small one.

Numbers are rounded to two decimals: a case that is printed can be read, and computed by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

Generator = Any  # a numpy.random.Generator, or what looks like one
Shape = tuple[int, ...]


# --- numbers -------------------------------------------------------------------------------------


def normal(rng: Generator, *shape: int) -> np.ndarray:
    """Normally distributed numbers, of mean 0 and variance 1."""
    return _rounded(rng.standard_normal(shape))


def positive(rng: Generator, *shape: int) -> np.ndarray:
    """Numbers in 0.5 … 2."""
    return _rounded(rng.uniform(0.5, 2.0, shape))


def probability(rng: Generator, *shape: int) -> np.ndarray:
    """Numbers in 0.1 … 0.9."""
    return _rounded(rng.uniform(0.1, 0.9, shape))


def distinct(rng: Generator, *shape: int, besides: int = 0, place: int = 0) -> np.ndarray:
    """Numbers no two of which are equal, or less than 0.05 from 0: no ties, no kinks.

    Several arrays that shall not tie with each other are drawn with the same number of arrays
    `besides` and each its own `place` among them, 0 … besides.
    """
    size = prod(shape)
    steps = rng.permutation(size) - size // 2 + (place + 0.5) / (besides + 1)
    return _rounded((steps * 0.1).reshape(shape), 4)


def _rounded(values: Any, decimals: int = 2) -> np.ndarray:
    return np.asarray(np.round(values, decimals))  # of no dimensions, a rounded array is a scalar


# --- shapes --------------------------------------------------------------------------------------


def choice(rng: Generator, options: Sequence) -> Any:
    """One of the options; Hypothesis shrinks towards the first."""
    return options[int(rng.integers(0, len(options)))]


def integer(rng: Generator, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def boolean(rng: Generator) -> bool:
    """True or False; Hypothesis shrinks towards False."""
    return integer(rng, 0, 1) == 1


def shape(rng: Generator, min_dims: int = 0, max_dims: int = 4, min_side: int = 1, max_side: int = 3) -> Shape:
    """The shape of an array."""
    return tuple(integer(rng, min_side, max_side) for _ in range(integer(rng, min_dims, max_dims)))


def broadcastable_shapes(rng: Generator, count: int = 2, max_dims: int = 3, max_side: int = 3) -> list[Shape]:
    """Shapes that broadcast to one: each may lack leading axes, and be of length 1 along others."""
    shapes: list[Shape] = [()] * count
    for _ in range(integer(rng, 0, max_dims)):  # axis by axis, so that Hypothesis can leave one out
        side = integer(rng, 1, max_side)
        shapes = [(*s, 1 if integer(rng, 0, 3) == 3 else side) for s in shapes]
    return [s[integer(rng, 0, len(s)) :] if integer(rng, 0, 3) == 3 else s for s in shapes]


def axes(rng: Generator, ndim: int) -> int | tuple[int, ...] | None:
    """None, one axis, or several, some counted from the end."""
    if ndim == 0 or integer(rng, 0, 3) == 0:
        return None
    some = tuple(a - ndim if boolean(rng) else a for a in range(ndim) if boolean(rng))
    return some[0] if len(some) == 1 and boolean(rng) else some


# --- convolutions --------------------------------------------------------------------------------


def padding(rng: Generator, most: int, same: bool = True) -> Any:
    """A padding of at most so many pixels a side, in one of its forms: p, (ph, pw), ((t, b), (l, r)) or "same"."""

    def pixels() -> int:
        return integer(rng, 0, most)

    first, form = pixels(), integer(rng, 0, 3 if same else 2)  # in this order 0 is as simple as "same", and comes first
    if form == 0:
        return first
    if form == 1:
        return first, pixels()
    return ((first, pixels()), (pixels(), pixels())) if form == 2 else "same"


def sides(padding: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """A padding in pixels as the widest of its forms, ((top, bottom), (left, right))."""
    rows, columns = (padding, padding) if isinstance(padding, int) else padding
    return tuple((p, p) if isinstance(p, int) else tuple(p) for p in (rows, columns))


class Convolution(NamedTuple):
    """An image's size, a kernel's, and options: stride, padding, and a transposed one's output_padding."""

    size: Shape
    kernel: Shape
    options: dict[str, Any]


def convolution(rng: Generator, max_kernel: int = 3, max_stride: int = 3, pooling: bool = False) -> Convolution:
    """An image's size, a kernel's, and `conv2d`'s options for them, such that there is an output.

    pooling: with less padding than kernel, so that every window holds a pixel.
    """
    kernel, stride = _pair(rng, max_kernel), _pair(rng, max_stride)
    pad = padding(rng, min(kernel) - 1 if pooling else 2)
    around = ((0, 0), (0, 0)) if pad == "same" else sides(pad)
    fewest = [1 if pad == "same" else max(1, k - sum(p)) for k, p in zip(kernel, around, strict=True)]
    size = tuple(n + integer(rng, 0, 3) for n in fewest)
    return Convolution(size, kernel, {"stride": _shortened(rng, stride), "padding": pad})


def transposed_convolution(rng: Generator, max_kernel: int = 3, max_stride: int = 3) -> Convolution:
    """An image's size, a kernel's, and `conv_transpose2d`'s options for them, such that there is an output."""
    kernel, stride = _pair(rng, max_kernel), _pair(rng, max_stride)
    extra = tuple(integer(rng, 0, s - 1) for s in stride)
    pad = padding(rng, 2)
    around = ((0, 0), (0, 0)) if pad == "same" else sides(pad)
    # The full output, (H − 1)·S + K + extra, must be more than what is cropped.
    lacking = [max(0, sum(p) + 1 - k - e) for p, k, e in zip(around, kernel, extra, strict=True)]
    size = tuple(1 + -(-n // s) + integer(rng, 0, 2) for n, s in zip(lacking, stride, strict=True))
    options = {"stride": _shortened(rng, stride), "padding": pad, "output_padding": _shortened(rng, extra)}
    return Convolution(size, kernel, options)


def _pair(rng: Generator, most: int) -> tuple[int, int]:
    return integer(rng, 1, most), integer(rng, 1, most)


def _shortened(rng: Generator, pair: tuple[int, int]) -> Any:
    """2 may also be written (2, 2)."""
    long = boolean(rng)  # drawn in any case: what is drawn after it stays where it is
    return pair if long or pair[0] != pair[1] else pair[0]

"""Activations, in as few passes over memory as NumPy allows."""

from __future__ import annotations

import numpy as np

from minigan.backend import Array, get_array_module
from minigan.kernels.dispatch import has_cuda_kernel
from minigan.kernels.parallel import cores, each

PART = 1 << 16  # numbers, of which eˣ takes a quarter of a millisecond: less is not worth another thread


@has_cuda_kernel
def leaky_relu_forward(
    x: Array, slope: float, with_mask: bool = True, out: Array | None = None
) -> tuple[Array, Array | None]:
    """y = x where x > 0, slope · x elsewhere; and, if asked for, where x > 0. out: an array for y, or x itself."""
    xp = get_array_module(x)
    mask = x > 0 if with_mask else None
    if slope == 0:
        return xp.maximum(x, 0, out=out), mask
    y = xp.asarray(xp.multiply(x, slope))  # NumPy makes a scalar of an array of no dimensions
    # The larger of x and s·x is the leaky value only while s ≤ 1; multiply-and-maximum is several
    # times faster than `where`.
    return (xp.maximum if slope <= 1 else xp.minimum)(x, y, out=y if out is None else out), mask


@has_cuda_kernel
def leaky_relu_backward(x: Array, mask: Array, slope: float, out: Array | None = None) -> Array:
    """x where mask, slope · x elsewhere; 0 if the slope is, of infinite x too. out: where to write it; not x itself."""
    xp = get_array_module(x)
    y = xp.empty_like(mask, dtype=x.dtype) if out is None else out
    if slope == 0:
        return where_or_zero(mask, x, y)
    if x.dtype.kind != "f" or not 0 < slope <= 1:
        y[...] = xp.where(mask, x, slope * x)
        return y
    y[...] = mask
    xp.clip(y, slope, 1, out=y)  # several times faster than `maximum` with a number
    y *= x
    return y


def where_or_zero(mask: Array, x: Array, out: Array | None = None) -> Array:
    """x where the mask is true, 0 elsewhere, of infinite x too. out: where to write it; not x itself."""
    xp = get_array_module(x)
    if xp is np and x.dtype.kind == "f" and x.itemsize <= 8:  # the bits times 1 or 0: several times faster than `where`
        y, bits = np.empty_like(mask, dtype=x.dtype) if out is None else out, f"i{x.itemsize}"
        np.multiply(x.view(bits), mask, out=y.view(bits))
        return y
    y = xp.where(mask, x, x.dtype.type(0))
    if out is None:
        return y
    out[...] = y
    return out


@has_cuda_kernel
def tanh_backward(g: Array, t: Array) -> Array:
    """(1 − t²) · g, in one array."""
    xp = get_array_module(t)
    y = xp.multiply(t, t, out=xp.empty_like(t))
    xp.subtract(1, y, out=y)
    return xp.multiply(y, g, out=y)


@has_cuda_kernel
def sigmoid_forward(x: Array) -> Array:
    """1 / (1 + e⁻ˣ), by e^−|x| ≤ 1, which cannot overflow."""
    xp = get_array_module(x)
    e = xp.exp(xp.minimum(x, -x))  # −|x|, in a form that stays analytic for the complex numbers of derivative checks
    return xp.where(x >= 0, 1 / (1 + e), e / (1 + e))


@has_cuda_kernel
def softplus_forward(x: Array) -> Array:
    """ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)."""
    return get_array_module(x).maximum(x, 0) + softplus_tail(x)


def softplus_tail(x: Array) -> Array:
    """ln(1 + e^−|x|): what softplus has more than max(x, 0)."""
    xp = get_array_module(x)
    return xp.log1p(xp.exp(xp.minimum(x, -x)))


def softmax_forward(x: Array, axis: tuple[int, ...] | None) -> Array:
    """eˣ / Σ eˣ along these axes. Rows of the first axis, if it is none of them, side by side: eˣ takes far longer
    than any other pass."""
    xp = get_array_module(x)
    y = xp.empty_like(x)
    # Of an x in another order, a sum's rounding would depend on the parts.
    whole = axis is None or 0 in axis or cores(xp) == 1 or not x.flags.c_contiguous
    parts = 1 if whole else max(1, min(len(x), x.size // PART))

    def part(i: int) -> None:
        rows = slice(len(x) * i // parts, len(x) * (i + 1) // parts) if parts > 1 else ...
        of_x, of_y = x[rows], y[rows]
        xp.subtract(of_x, of_x.max(axis=axis, keepdims=True), out=of_y)
        xp.exp(of_y, out=of_y)
        of_y /= of_y.sum(axis=axis, keepdims=True)

    each(xp, part, parts)
    return y

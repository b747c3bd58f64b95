"""Activations, and the cross-entropy with logits, in as few passes over memory as NumPy allows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from minigan.backend import Array, Device, device_of, get_array_module, zeros
from minigan.kernels.dispatch import has_cuda_kernel


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
    """x where mask, slope · x elsewhere. out: where to write it; not x itself."""
    xp = get_array_module(x)
    y = xp.empty_like(mask, dtype=x.dtype) if out is None else out
    if x.dtype.kind != "f" or not 0 <= slope <= 1:
        y[...] = xp.where(mask, x, slope * x)
        return y
    y[...] = mask
    if slope:
        xp.clip(y, slope, 1, out=y)  # several times faster than `maximum` with a number
    y *= x
    return y


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


@has_cuda_kernel
def cross_entropy_with_logits(logits: Array, target: Array) -> Array:
    """max(l, 0) − l·t + ln(1 + e^−|l|), for arrays of one shape."""
    xp = get_array_module(logits)
    # In this order a right verdict's small loss is not lost between two large numbers.
    return xp.maximum(logits, 0) - logits * target + softplus_tail(logits)


@has_cuda_kernel
def cross_entropy_with_logits_slope(g: Array, logits: Array, target: Array) -> Array:
    """(σ(l) − t) · g, for arrays of one shape."""
    return (sigmoid_forward(logits) - target) * g


def filled_like(x: Array, number: float) -> Array:
    """An array of x's shape and dtype, where x is, all of it one number: only to be read."""
    return get_array_module(x).broadcast_to(_number(number, x.dtype, device_of(x)), x.shape)


@lru_cache(maxsize=32)
def _number(value: float, dtype: Any, device: Device) -> Array:
    array = zeros((), dtype, device)
    array.fill(value)
    return array

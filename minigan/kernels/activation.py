"""Activations on arrays, written in as few passes over memory as NumPy allows."""

from __future__ import annotations

from minigan.backend import Array, get_array_module


def leaky_relu_forward(x: Array, slope: float, with_mask: bool = True) -> tuple[Array, Array | None]:
    """y = x where x > 0, slope · x elsewhere; and, if asked for, where x > 0."""
    xp = get_array_module(x)
    mask = x > 0 if with_mask else None
    if slope == 0:
        return xp.maximum(x, 0), mask
    y = xp.asarray(xp.multiply(x, slope))  # NumPy makes a scalar of an array of no dimensions
    # The larger of x and s·x is the leaky value only while s ≤ 1; multiply-and-maximum is several
    # times faster than `where`.
    return (xp.maximum if slope <= 1 else xp.minimum)(x, y, out=y), mask


def leaky_gate(x: Array, mask: Array, slope: float) -> Array:
    """x where mask, slope · x elsewhere."""
    xp = get_array_module(x)
    if not 0 <= slope <= 1:
        return xp.where(mask, x, slope * x)
    y = xp.asarray(mask, x.dtype)  # a copy: a mask is bool, a NumPy scalar for x of no dimensions
    if slope:
        xp.maximum(y, x.dtype.type(slope), out=y)
    y *= x
    return y


def sigmoid_forward(x: Array) -> Array:
    """1 / (1 + e⁻ˣ), by e^−|x| ≤ 1, which cannot overflow."""
    xp = get_array_module(x)
    e = xp.exp(xp.minimum(x, -x))  # −|x|, in a form that stays analytic for the complex numbers of derivative checks
    return xp.where(x >= 0, 1 / (1 + e), e / (1 + e))


def softplus_forward(x: Array) -> Array:
    """ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|)."""
    return get_array_module(x).maximum(x, 0) + softplus_tail(x)


def softplus_tail(x: Array) -> Array:
    """ln(1 + e^−|x|): what softplus has more than max(x, 0)."""
    xp = get_array_module(x)
    return xp.log1p(xp.exp(xp.minimum(x, -x)))

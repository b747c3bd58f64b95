"""Standardising arrays over some axes, and its gradient, in few passes over memory.

y = γ x̂ + β,  x̂ = (x − μ) r,  r = 1/√(v + ε),  μ and v the mean and the biased variance over `axes`.
γ and β have x's rank, with length 1 along `axes`; so have μ, r and all sums returned.

Where memory holds x as rows of channels (the native order of images; a plain matrix), the passes
go over slices of rows small enough to stay in the cache between one operation and the next, and
the sums over rows are products with a vector of ones, added up in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from minigan.backend import Array, get_array_module

Axes = tuple[int, ...]

SLICE_ELEMENTS = 1 << 16  # 256 kB of float32: a slice and its temporaries fit a core's L2 cache


def batch_norm_forward(x: Array, gamma: Array, beta: Array, axes: Axes, eps: float) -> tuple[Array, ...]:
    """y, and the statistics it was made with: μ, v (biased) and r."""
    xp = get_array_module(x)
    order = _order(x, axes)
    if order is None:
        mean = x.mean(axis=axes, keepdims=True)
        centred = x - mean
        var = (centred * centred).mean(axis=axes, keepdims=True)
        inv_std = 1 / xp.sqrt(var + eps)
        return centred * (inv_std * gamma) + beta, mean, var, inv_std

    rows, shape = _rows(x, order, axes), gamma.shape
    count = len(rows)
    mean = _sum_rows(part for part in _slices(rows)) / count
    mean = mean.astype(x.dtype)
    var = _sum_rows(xp.square(part - mean) for part in _slices(rows)) / count
    inv_std = 1 / xp.sqrt(var + eps)
    scale = inv_std * gamma.reshape(-1)
    shift = (beta.reshape(-1) - mean * scale).astype(x.dtype)
    scale = scale.astype(x.dtype)
    y = xp.empty_like(x)
    for part, out in zip(_slices(rows), _slices(_rows(y, order, axes)), strict=True):
        xp.multiply(part, scale, out=out)
        out += shift
    return (y, *(s.astype(x.dtype).reshape(shape) for s in (mean, var, inv_std)))


def batch_norm_backward(
    dy: Array, x: Array, gamma: Array, mean: Array, inv_std: Array, axes: Axes
) -> tuple[Array, Array, Array]:
    """dx = γ r (dy − Σdy/M − x̂ Σ(dy·x̂)/M),  dγ = Σ dy·x̂,  dβ = Σ dy, with M numbers to a sum."""
    xp = get_array_module(x)
    order = _order(x, axes)
    if order is None:
        normal = (x - mean) * inv_std
        dbeta = dy.sum(axis=axes, keepdims=True)
        dgamma = (dy * normal).sum(axis=axes, keepdims=True)
        count = x.size // dbeta.size
        return (dy - dbeta / count - normal * (dgamma / count)) * (gamma * inv_std), dgamma, dbeta

    rows, dys, shape = _rows(x, order, axes), _rows(dy, order, axes), gamma.shape
    count = len(rows)
    mean, inv_std, gamma = mean.reshape(-1), inv_std.reshape(-1), gamma.reshape(-1)
    dbeta = _sum_rows(_slices(dys))
    dgamma = _sum_rows((part - mean) * g for part, g in zip(_slices(rows), _slices(dys), strict=True)) * inv_std
    # dx = scale · dy + slope · x + shift, gathered so that each slice is touched three times.
    scale = gamma * inv_std
    slope = -scale * inv_std * dgamma / count
    shift = (-scale * dbeta / count - slope * mean).astype(x.dtype)
    slope, scale = slope.astype(x.dtype), scale.astype(x.dtype)
    dx = xp.empty_like(x)
    for part, g, out in zip(_slices(rows), _slices(dys), _slices(_rows(dx, order, axes)), strict=True):
        xp.multiply(part, slope, out=out)
        out += shift
        out += g * scale
    return dx, dgamma.astype(x.dtype).reshape(shape), dbeta.astype(x.dtype).reshape(shape)


def _order(x: Array, axes: Axes) -> tuple[int, ...] | None:
    """The order of axes, `axes` before the others, in which x lies in memory; None where it does not.

    Two are in use: batch first (a matrix, channels-last images), and pixels first (native images).
    """
    kept = [a for a in range(x.ndim) if a not in axes]
    for order in ((*axes, *kept), (*axes[1:], axes[0], *kept)):
        if x.transpose(order).flags.c_contiguous:
            return order
    return None


def _rows(x: Array, order: tuple[int, ...], axes: Axes) -> Array:
    """x as (M, C), its rows in this order of axes; a copy where memory is in another."""
    x = x.transpose(order)
    return x.reshape(prod(x.shape[: len(axes)]), prod(x.shape[len(axes) :]))


def _slices(rows: Array) -> Iterator[Array]:
    step = max(1, SLICE_ELEMENTS // max(1, rows.shape[1])) if get_array_module(rows).__name__ == "numpy" else len(rows)
    return (rows[i : i + step] for i in range(0, len(rows), step))


def _sum_rows(parts: Iterator[Array]) -> Array:
    """Σ over all rows of all parts, in float64."""
    total = None
    for part in parts:
        ones = get_array_module(part).ones(len(part), part.dtype)
        subtotal = (ones @ part).astype("float64")
        total = subtotal if total is None else total + subtotal
    return total

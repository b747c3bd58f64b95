"""Standardising arrays over some axes, and its gradient.

y = γ x̂ + β,  x̂ = (x − μ) r,  r = 1/√(v + ε),  μ and v the mean and the biased variance over `axes`. γ, β, the
statistics and all sums returned have x's rank, with length 1 along `axes`. With a slope s ≥ 0 y goes through a leaky
ReLU at once, and its gradient through the gate of that. Of a batch shared out to a group of processes, μ, v and the
sums in dx are those of the whole.

Where memory holds x as rows of channels (native images; a plain matrix), the passes go over slices of rows that stay
in the cache, and the sums over rows are products with a vector of ones, added up in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from minigan.backend import SINGLE_PROCESS, Array, ProcessGroup, get_array_module
from minigan.kernels.activation import leaky_relu_backward, leaky_relu_forward
from minigan.kernels.channels import PerChannel
from minigan.kernels.dispatch import has_cuda_kernel
from minigan.kernels.reduction import mean as mean_over
from minigan.kernels.reduction import sum_over

Axes = tuple[int, ...]

SLICE_ELEMENTS = 1 << 16  # 256 kB of float32: a slice and its temporaries fit a core's L2 cache


class Statistics(NamedTuple):
    """Of a batch: μ, v (biased) and r. gate: what tells `is_positive` where y was positive before its activation,
    if there is one: a mask, or from the CUDA kernels the numbers (3, C) by which x becomes y."""

    mean: Array
    var: Array
    inv_std: Array
    gate: Array | None = None

    @property
    def saved_gate(self) -> Array:
        """The gate, which a forward pass with a slope keeps if it is asked to."""
        if self.gate is None:
            raise ValueError("these statistics were made without a gate: ask the forward pass for it")
        return self.gate


@has_cuda_kernel
def batch_norm_forward(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float | None = None, with_gate: bool = True,
    process_group: ProcessGroup = SINGLE_PROCESS,
) -> tuple[Array, Statistics]:  # fmt: skip
    """y, and the statistics it was made with; with the gate, if there is a slope and it is asked for."""
    order = order_of_rows(x, axes)
    if order is None:
        return forward_over_axes(x, gamma, beta, axes, eps, slope, with_gate, process_group)
    rows, shape, with_gate = rows_of(x, order, axes), gamma.shape, with_gate and slope is not None
    y, mask = np.empty_like(x), np.empty_like(x, dtype=bool) if with_gate else None
    ys, masks = rows_of(y, order, axes), None if mask is None else rows_of(mask, order, axes)
    centre, own_mean, own_var = _centre(rows, ys)
    mean = process_group.mean(own_mean)
    var = process_group.mean(own_var + np.square(own_mean - mean))
    inv_std = 1 / np.sqrt(var + eps)
    scale = inv_std * gamma.reshape(-1)
    shift = (beta.reshape(-1) - (mean - centre) * scale).astype(x.dtype)
    by_scale, by_shift = PerChannel(scale.astype(x.dtype)), PerChannel(shift)
    for at in _slices(rows):
        out = ys[at]  # x − centre: an offset of x takes none of y's digits
        by_scale.apply(np.multiply, out, out)
        by_shift.apply(np.add, out, out)
        if masks is not None:
            np.greater(out, 0, out=masks[at])
        if slope is not None:
            leaky_relu_forward(out, slope, with_mask=False, out=out)
    mean, var, inv_std = (s.astype(x.dtype).reshape(shape) for s in (mean, var, inv_std))
    return y, Statistics(mean, var, inv_std, mask)


@has_cuda_kernel
def batch_norm_backward(
    dy: Array, x: Array, gamma: Array, statistics: Statistics, axes: Axes, slope: float | None = None,
    process_group: ProcessGroup = SINGLE_PROCESS, weight: float = 1.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """dx = γ r (g − (S(g) + x̂ S(g·x̂)) / M),  dγ = Σ g·x̂,  dβ = Σ g, with M numbers to a sum.

    g is dy, or with a slope s, s·dy where y was not positive. S is Σ; over several processes it is the mean of their
    Σ, each weighed by its share of the batch (`weight` is that of this process).
    """
    order = order_of_rows(x, axes)
    if order is None:
        return backward_over_axes(dy, x, gamma, statistics, axes, slope, process_group, weight)
    dx, shape, (mean, _, inv_std, _) = np.empty_like(x), gamma.shape, statistics
    rows, gs, dxs = (rows_of(a, order, axes) for a in (x, dy, dx))
    count, channels = rows.shape
    by_mean, inv_std, gamma = PerChannel(mean.reshape(-1)), inv_std.reshape(-1), gamma.reshape(-1)
    masks = None if slope is None else rows_of(statistics.saved_gate, order, axes)
    dbeta, dgamma = np.zeros(channels), np.zeros(channels)
    for at in _slices(rows):
        g = gs[at]
        if slope is not None and masks is not None:
            g = leaky_relu_backward(g, masks[at], slope, out=dxs[at])  # it is needed again below, and dx not yet
        dbeta += _sum_rows(g)
        product = by_mean.apply(np.subtract, rows[at], np.empty_like(rows[at]))
        product *= g
        dgamma += _sum_rows(product)
    dgamma *= inv_std
    # dx = along_g · g + along_x · (x − μ) + rest
    along_g = gamma * inv_std
    of_g, of_products = process_group.mean(np.stack([dbeta, dgamma]), weight)
    along_x = -along_g * inv_std * of_products / count
    rest = -along_g * of_g / count
    by_x, by_g, plus_rest = (PerChannel(a.astype(x.dtype)) for a in (along_x, along_g, rest))
    for at in _slices(rows):
        g = gs[at] if slope is None else dxs[at]
        g, out = by_g.apply(np.multiply, g, np.empty_like(g)), dxs[at]
        by_mean.apply(np.subtract, rows[at], out)
        by_x.apply(np.multiply, out, out)
        plus_rest.apply(np.add, out, out)
        out += g
    return dx, dgamma.astype(x.dtype).reshape(shape), dbeta.astype(x.dtype).reshape(shape)


def scale_shift_forward(
    x: Array, scale: Array, shift: Array, axes: Axes, slope: float | None = None, with_mask: bool = True
) -> tuple[Array, Array | None]:
    """y = scale · x + shift, and with a slope where that was positive before its activation, if it is asked for."""
    order = order_of_rows(x, axes) if isinstance(x, np.ndarray) else None
    if order is None:
        y = x * scale + shift
        return (y, None) if slope is None else leaky_relu_forward(y, slope, with_mask)
    y, mask = np.empty_like(x), np.empty_like(x, dtype=bool) if with_mask and slope is not None else None
    rows, ys, masks = (
        rows_of(x, order, axes),
        rows_of(y, order, axes),
        mask if mask is None else rows_of(mask, order, axes),
    )
    by_scale, by_shift = PerChannel(scale.reshape(-1)), PerChannel(shift.reshape(-1))
    for at in _slices(rows):
        out = by_scale.apply(np.multiply, rows[at], ys[at])
        by_shift.apply(np.add, out, out)
        if masks is not None:
            np.greater(out, 0, out=masks[at])
        if slope is not None:
            leaky_relu_forward(out, slope, with_mask=False, out=out)
    return y, mask


@has_cuda_kernel
def is_positive(x: Array, statistics: Statistics, axes: Axes) -> Array:
    """Where y was positive before its activation."""
    return statistics.saved_gate


@has_cuda_kernel
def update_running(
    batch: Statistics, momentum: float, correction: float, mean: Array, var: Array, batches: Array | None = None
) -> None:
    """running ← (1 − momentum) · running + momentum · batch in `mean` and `var` (C), in place, the batch's variance
    times `correction`; and one more of `batches`, if they are counted."""
    mean[...] = mean * (1 - momentum) + batch.mean.reshape(-1) * momentum
    var[...] = var * (1 - momentum) + batch.var.reshape(-1) * correction * momentum
    if batches is not None:
        batches += 1


# --- in array functions: any axes, any order in memory --------------------------------------------


def forward_over_axes(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float | None, with_gate: bool,
    process_group: ProcessGroup,
) -> tuple[Array, Statistics]:  # fmt: skip
    """`batch_norm_forward` of any x."""
    share = 1.0 / max(1, prod(x.shape[a] for a in axes))
    mean = process_group.mean(mean_over(x, axes, True, share))
    centred = x - mean
    rest = process_group.mean(mean_over(centred, axes, True, share))  # what rounding has left of an offset
    var = process_group.mean(mean_over(centred * centred, axes, True, share)) - rest * rest
    inv_std = 1 / get_array_module(x).sqrt(var + eps)
    scale = inv_std * gamma
    y, mask, mean = centred * scale + (beta - rest * scale), None, mean + rest
    if slope is not None:
        y, mask = leaky_relu_forward(y, slope, with_gate)
    return y, Statistics(mean, var, inv_std, mask)


def backward_over_axes(
    dy: Array, x: Array, gamma: Array, statistics: Statistics, axes: Axes, slope: float | None,
    process_group: ProcessGroup, weight: float,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """`batch_norm_backward` of any x."""
    mean, _, inv_std, _ = statistics
    if slope is not None:
        dy = leaky_relu_backward(dy, statistics.saved_gate, slope)
    normal = (x - mean) * inv_std
    dbeta = sum_over(dy, axes, keepdims=True)
    dgamma = sum_over(dy * normal, axes, keepdims=True)
    count = x.size // dbeta.size
    of_g, of_products = dbeta, dgamma
    if process_group.communicates:  # in one message, as the other version: processes may lay out their parts otherwise
        of_g, of_products = process_group.mean(get_array_module(x).stack([dbeta, dgamma]), weight)
    return (dy - of_g / count - normal * (of_products / count)) * (gamma * inv_std), dgamma, dbeta


# --- x as rows of channels -------------------------------------------------------------------------


def order_of_rows(x: Array, axes: Axes) -> tuple[int, ...] | None:
    """The order of axes, `axes` before the others, in which x lies in memory; None where it does not, or where
    its numbers are complex, which float64 cannot add up.

    Two are in use: batch first (a matrix, channels-last images), and pixels first (native images).
    """
    if x.dtype.kind == "c":
        return None
    kept = [a for a in range(x.ndim) if a not in axes]
    for order in ((*axes, *kept), (*axes[1:], axes[0], *kept)):
        if x.transpose(order).flags.c_contiguous:
            return order
    return None


def rows_of(x: Array, order: tuple[int, ...], axes: Axes) -> Array:
    """x as (M, C), its rows in this order of axes; a copy where memory is in another."""
    x = x.transpose(order)
    return x.reshape(prod(x.shape[: len(axes)]), prod(x.shape[len(axes) :]))


def _slices(rows: Array) -> Iterator[slice]:
    step = max(1, SLICE_ELEMENTS // max(1, rows.shape[1]))
    return (slice(i, i + step) for i in range(0, len(rows), step))


def _centre(rows: Array, centred: Array, k: Array | None = None) -> tuple[Array, Array, Array]:
    """Write x − k into `centred`; k, and the mean and the biased variance of each channel, in float64.

    k is the mean of the first rows or, where that is far from the mean of all, the latter as x's dtype has it. Σ d and
    Σ d² of d = x − k are summed, so that an offset of x takes none of the variance's digits.
    """
    first = rows[next(_slices(rows), slice(0))]
    around = (_sum_rows(first) / max(1, len(first))).astype(rows.dtype) if k is None else k
    less_around = PerChannel(around)
    sums = np.zeros((2, rows.shape[1]))
    for at in _slices(rows):
        d = less_around.apply(np.subtract, rows[at], centred[at])
        sums[0] += _sum_rows(d)
        sums[1] += _sum_rows(np.square(d))
    offset, squares = sums / len(rows)
    mean, var = around + offset, np.maximum(squares - np.square(offset), 0)
    if k is None and (np.square(offset) > 4 * var).any():
        return _centre(rows, centred, mean.astype(rows.dtype))
    return around, mean, var


def _sum_rows(part: Array) -> Array:
    return (np.ones(len(part), part.dtype) @ part).astype("float64")

"""Standardising arrays over some axes, and its gradient, in few passes over memory.

y = γ x̂ + β,  x̂ = (x − μ) r,  r = 1/√(v + ε),  μ and v the mean and the biased variance over `axes`.
γ and β have x's rank, with length 1 along `axes`; so have the statistics and all sums returned. With a
slope s ≥ 0 y goes through a leaky ReLU at once, and its gradient through the gate of that.

Where memory holds x as rows of channels (the native order of images; a plain matrix), the passes
go over slices of rows small enough to stay in the cache between one operation and the next, and
the sums over rows are products with a vector of ones, added up in float64. On a GPU three kernels do it,
and the gate is made again from x, which is cheaper there than to keep a mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import repeat
from math import prod
from typing import NamedTuple

import numpy as np

from minigan.backend import Array, get_array_module, is_on_gpu
from minigan.kernels import cuda
from minigan.kernels.activation import leaky_relu_backward, leaky_relu_forward
from minigan.kernels.contiguous import lie_alike

Axes = tuple[int, ...]

SLICE_ELEMENTS = 1 << 16  # 256 kB of float32: a slice and its temporaries fit a core's L2 cache


class Statistics(NamedTuple):
    """Of a batch: μ, v (biased) and r. gate: what tells `is_positive` where y was positive before its activation,
    if there is one: a mask, or from the CUDA kernels the numbers (2, C) by which x becomes y."""

    mean: Array
    var: Array
    inv_std: Array
    gate: Array | None = None


def batch_norm_forward(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float | None = None, with_gate: bool = True
) -> tuple[Array, Statistics]:
    """y, and the statistics it was made with; with the gate, if there is a slope and it is asked for."""
    order, with_gate = _order(x, axes), with_gate and slope is not None
    if order is None:
        mean = x.mean(axis=axes, keepdims=True)
        centred = x - mean
        var = (centred * centred).mean(axis=axes, keepdims=True)
        inv_std = 1 / get_array_module(x).sqrt(var + eps)
        y, mask = centred * (inv_std * gamma) + beta, None
        if slope is not None:
            y, mask = leaky_relu_forward(y, slope, with_gate)
        return y, Statistics(mean, var, inv_std, mask)
    if is_on_gpu(x):
        return _forward_on_gpu(x, gamma, beta, order, axes, eps, slope)

    rows, shape = _rows(x, order, axes), gamma.shape
    count = len(rows)
    mean = sum(_sum_rows(part) for part in _slices(rows)) / count
    mean = mean.astype(x.dtype)
    var = sum(_sum_rows(np.square(part - mean)) for part in _slices(rows)) / count
    inv_std = 1 / np.sqrt(var + eps)
    scale = inv_std * gamma.reshape(-1)
    shift = (beta.reshape(-1) - mean * scale).astype(x.dtype)
    scale = scale.astype(x.dtype)
    y, mask = np.empty_like(x), np.empty_like(x, dtype=bool) if with_gate else None
    masks = _slices(_rows(mask, order, axes)) if with_gate else repeat(None)
    for part, out, positive in zip(_slices(rows), _slices(_rows(y, order, axes)), masks, strict=False):
        np.multiply(part, scale, out=out)
        out += shift
        if positive is not None:
            np.greater(out, 0, out=positive)
        if slope is not None:
            leaky_relu_forward(out, slope, with_mask=False, out=out)
    return y, Statistics(*(s.astype(x.dtype).reshape(shape) for s in (mean, var, inv_std)), mask)


def is_positive(x: Array, statistics: Statistics, axes: Axes) -> Array:
    """Where y was positive before its activation."""
    gate = statistics.gate
    return gate if gate.dtype == "bool" else _positive_on_gpu(x, gate, _order(x, axes), axes)


def batch_norm_backward(
    dy: Array, x: Array, gamma: Array, statistics: Statistics, axes: Axes, slope: float | None = None
) -> tuple[Array, Array, Array]:
    """dx = γ r (g − Σg/M − x̂ Σ(g·x̂)/M),  dγ = Σ g·x̂,  dβ = Σ g, with M numbers to a sum.

    g is dy, or with a slope s, s·dy where y was not positive.
    """
    order, (mean, _, inv_std, gate) = _order(x, axes), statistics
    if order is None:
        if slope is not None:
            dy = leaky_relu_backward(dy, gate, slope)
        normal = (x - mean) * inv_std
        dbeta = dy.sum(axis=axes, keepdims=True)
        dgamma = (dy * normal).sum(axis=axes, keepdims=True)
        count = x.size // dbeta.size
        return (dy - dbeta / count - normal * (dgamma / count)) * (gamma * inv_std), dgamma, dbeta
    if is_on_gpu(x):
        return _backward_on_gpu(dy, x, gamma, statistics, order, axes, slope)

    dx, shape = np.empty_like(x), gamma.shape
    rows, gs, dxs = (_rows(a, order, axes) for a in (x, dy, dx))
    count = len(rows)
    mean, inv_std, gamma = mean.reshape(-1), inv_std.reshape(-1), gamma.reshape(-1)
    masks = repeat(None) if slope is None else _slices(_rows(gate, order, axes))
    dbeta = dgamma = 0.0
    for part, g, out, positive in zip(_slices(rows), _slices(gs), _slices(dxs), masks, strict=False):
        if positive is not None:
            g = leaky_relu_backward(g, positive, slope, out=out)  # it is needed again below, and dx not yet
        dbeta = dbeta + _sum_rows(g)
        dgamma = dgamma + _sum_rows((part - mean) * g)
    dgamma = dgamma * inv_std
    # dx = along_g · g + along_x · x + rest, gathered so that each slice is touched three times.
    along_g = gamma * inv_std
    along_x = -along_g * inv_std * dgamma / count
    rest = (-along_g * dbeta / count - along_x * mean).astype(x.dtype)
    along_x, along_g = along_x.astype(x.dtype), along_g.astype(x.dtype)
    for part, g, out in zip(_slices(rows), _slices(gs if slope is None else dxs), _slices(dxs), strict=True):
        g = g * along_g
        np.multiply(part, along_x, out=out)
        out += rest
        out += g
    return dx, dgamma.astype(x.dtype).reshape(shape), dbeta.astype(x.dtype).reshape(shape)


def update_running(
    batch: Statistics, momentum: float, correction: float, mean: Array, var: Array, batches: Array | None = None
) -> None:
    """running ← (1 − momentum) · running + momentum · batch in `mean` and `var` (C), in place, the batch's variance
    times `correction`; and one more of `batches`, if they are counted."""
    alike = cuda.suits(mean, var, batch.mean) and (batches is None or batches.dtype == "int64")
    if alike and lie_alike(mean, var):
        momenta = 1.0 - momentum, float(momentum), float(correction)
        arrays = mean, var, batches, batch.mean, batch.var
        cuda.launch("normalization", "update_running", mean.size, *arrays, *momenta, mean.size, dtype=mean.dtype)
        return
    mean[...] = mean * (1 - momentum) + batch.mean.reshape(-1) * momentum
    var[...] = var * (1 - momentum) + batch.var.reshape(-1) * correction * momentum
    if batches is not None:
        batches += 1


def sum_over(x: Array, axes: Axes) -> Array:
    """Σ over the axes, in float64 (complex numbers: as wide), with length 1 along them."""
    order = None if is_on_gpu(x) else _order(x, axes)
    if order is None or x.dtype.kind == "c":
        return x.sum(axis=axes, keepdims=True, dtype=get_array_module(x).result_type(x.dtype, "float64"))
    total = sum(_sum_rows(part) for part in _slices(_rows(x, order, axes)))
    return total.reshape([1 if a in axes else n for a, n in enumerate(x.shape)])


def _order(x: Array, axes: Axes) -> tuple[int, ...] | None:
    """The order of axes, `axes` before the others, in which x lies in memory; None where it does not, or where
    x is on a GPU and of a dtype that no kernel takes.

    Two are in use: batch first (a matrix, channels-last images), and pixels first (native images).
    """
    if is_on_gpu(x) and not cuda.suits(x):
        return None
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
    step = max(1, SLICE_ELEMENTS // max(1, rows.shape[1]))
    return (rows[i : i + step] for i in range(0, len(rows), step))


def _sum_rows(part: Array) -> Array:
    """Σ over the rows, in float64."""
    return (np.ones(len(part), part.dtype) @ part).astype("float64")


# --- on a GPU, for x that is rows of channels -----------------------------------------------------


class _OnGPU:
    """The kernels of normalization.cu over x's rows (M, C), and how their blocks stand over them.

    `call` launches a kernel of the rows, `add_up` one that goes on with what the blocks have left in `sums`.
    """

    def __init__(self, x: Array, order: tuple[int, ...], axes: Axes) -> None:
        self.xp, self.dtype = get_array_module(x), x.dtype
        self.shape = rows, channels = _rows(x, order, axes).shape
        self.lanes = min(32, 1 << max(0, channels - 1).bit_length())
        self.groups = -(-channels // self.lanes)
        # Enough blocks to fill a large GPU, and eight rows or more to a thread.
        self.blocks = max(1, min(1024 // max(1, self.groups), rows * self.lanes // (8 * cuda.BLOCK)))

    @cached_property
    def sums(self) -> Array:
        """Room for two sums of each block and channel."""
        return self.xp.empty((self.blocks, 2, self.shape[1]), "float64")

    def call(self, kernel: str, *arguments: Array | float) -> None:
        threads = self.groups * self.blocks * cuda.BLOCK
        cuda.launch("normalization", kernel, threads, *arguments, *self.shape, self.lanes, dtype=self.dtype)

    def add_up(self, kernel: str, *arguments: Array | float) -> None:
        threads, sizes = self.groups * cuda.BLOCK, (self.blocks, *self.shape, self.lanes)
        cuda.launch("normalization", kernel, threads, self.sums, *arguments, *sizes, dtype=self.dtype)

    def numbers(self, count: int) -> Array:
        """Room for so many numbers of each channel."""
        return self.xp.empty((count, self.shape[1]), self.dtype)


def _forward_on_gpu(
    x: Array, gamma: Array, beta: Array, order: tuple[int, ...], axes: Axes, eps: float, slope: float | None
) -> tuple[Array, Statistics]:
    gpu = _OnGPU(x, order, axes)
    gamma, beta = gpu.xp.ascontiguousarray(gamma), gpu.xp.ascontiguousarray(beta)
    gpu.call("sum_values", x, gpu.sums)
    y, found, by = gpu.xp.empty_like(x), gpu.numbers(3), gpu.numbers(2)
    gpu.add_up("finish_statistics", x, gamma, beta, float(eps), found, by)
    gpu.call("write_y", x, by, y, _slope(slope))
    return y, Statistics(*found.reshape(3, *gamma.shape), by)


def _positive_on_gpu(x: Array, by: Array, order: tuple[int, ...], axes: Axes) -> Array:
    gpu = _OnGPU(x, order, axes)
    mask = gpu.xp.empty_like(x, dtype="bool")
    gpu.call("is_positive", x, by, mask)
    return mask


def _backward_on_gpu(
    dy: Array, x: Array, gamma: Array, statistics: Statistics, order: tuple[int, ...], axes: Axes, slope: float | None
) -> tuple[Array, Array, Array]:
    gpu = _OnGPU(x, order, axes)
    dy, gamma = gpu.xp.ascontiguousarray(_rows(dy, order, axes)), gpu.xp.ascontiguousarray(gamma)
    mean, _, inv_std, by = statistics
    gpu.call("sum_gradients", dy, x, mean, by, gpu.sums, _slope(slope))
    dx, dgamma, dbeta, factors = gpu.xp.empty_like(x), gpu.numbers(1), gpu.numbers(1), gpu.numbers(3)
    gpu.add_up("finish_gradients", gamma, inv_std, dgamma, dbeta, factors)
    gpu.call("write_dx", dy, x, mean, by, factors, dx, _slope(slope))
    return dx, dgamma.reshape(gamma.shape), dbeta.reshape(gamma.shape)


def _slope(slope: float | None) -> float:
    """What the kernels take: of slope 1, an activation changes nothing."""
    return 1.0 if slope is None else float(slope)

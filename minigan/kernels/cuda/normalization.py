"""Batch normalisation in three CUDA kernels forward and three backward, for x that is rows of channels. The gate of an
activation is made again from x, which is cheaper than to keep a mask."""

from __future__ import annotations

from functools import cached_property

from minigan.backend import SINGLE_PROCESS, Array, ProcessGroup, get_array_module
from minigan.kernels import normalization as host
from minigan.kernels.cuda import BLOCK, launch, suits
from minigan.kernels.layout import lie_alike
from minigan.kernels.normalization import Axes, Statistics


def batch_norm_forward(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, slope: float | None = None, with_gate: bool = True,
    process_group: ProcessGroup = SINGLE_PROCESS,
) -> tuple[Array, Statistics]:  # fmt: skip
    """y, and the statistics it was made with."""
    order = host.order_of_rows(x, axes)
    if order is None or not suits(x) or process_group.communicates:
        return host.forward_over_axes(x, gamma, beta, axes, eps, slope, with_gate, process_group)
    rows = _Rows(x, order, axes)
    xp = rows.xp
    gamma, beta = xp.ascontiguousarray(gamma), xp.ascontiguousarray(beta)
    rows.call("sum_values", x, rows.sums)
    y, found, by = xp.empty_like(x), rows.numbers(3), rows.numbers(3)
    rows.add_up("finish_statistics", x, gamma, beta, float(eps), found, by)
    rows.call("write_y", x, by, y, _slope(slope))
    mean, var, inv_std = found.reshape(3, *gamma.shape)
    return y, Statistics(mean, var, inv_std, by)


def batch_norm_backward(
    dy: Array, x: Array, gamma: Array, statistics: Statistics, axes: Axes, slope: float | None = None,
    process_group: ProcessGroup = SINGLE_PROCESS, weight: float = 1.0,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """(dx, dγ, dβ)."""
    mean, _, inv_std, by = statistics
    order = host.order_of_rows(x, axes)
    if order is None or by is None or not _has_numbers(statistics):
        return host.backward_over_axes(dy, x, gamma, statistics, axes, slope, process_group, weight)
    rows = _Rows(x, order, axes)
    xp = rows.xp
    dy, gamma = xp.ascontiguousarray(host.rows_of(dy, order, axes)), xp.ascontiguousarray(gamma)
    rows.call("sum_gradients", dy, x, mean, by, rows.sums, _slope(slope))
    dx, dgamma, dbeta, factors = xp.empty_like(x), rows.numbers(1), rows.numbers(1), rows.numbers(3)
    rows.add_up("finish_gradients", gamma, inv_std, dgamma, dbeta, factors)
    rows.call("write_dx", dy, x, mean, by, factors, dx, _slope(slope))
    return dx, dgamma.reshape(gamma.shape), dbeta.reshape(gamma.shape)


def is_positive(x: Array, statistics: Statistics, axes: Axes) -> Array:
    """Where y was positive before its activation."""
    order = host.order_of_rows(x, axes)
    if order is None or statistics.gate is None or not _has_numbers(statistics):
        return NotImplemented
    mask = get_array_module(x).empty_like(x, dtype="bool")
    _Rows(x, order, axes).call("is_positive", x, statistics.gate, mask)
    return mask


def update_running(
    batch: Statistics, momentum: float, correction: float, mean: Array, var: Array, batches: Array | None = None
) -> None:
    """running ← (1 − momentum) · running + momentum · batch, in place."""
    if not (suits(mean, var, batch.mean) and lie_alike(mean, var)):
        return NotImplemented
    if batches is not None and batches.dtype != "int64":
        return NotImplemented
    momenta = 1.0 - momentum, float(momentum), float(correction)
    arrays = mean, var, batches, batch.mean, batch.var
    launch("normalization", "update_running", mean.size, *arrays, *momenta, mean.size, dtype=mean.dtype)
    return None


def _has_numbers(statistics: Statistics) -> bool:
    """Whether the kernels made them: the gate then holds the numbers by which x becomes y."""
    return statistics.gate is not None and statistics.gate.dtype != "bool"


def _slope(slope: float | None) -> float:
    """What the kernels take: of slope 1, an activation changes nothing."""
    return 1.0 if slope is None else float(slope)


class _Rows:
    """x's rows (M, C), and how their blocks stand over them.

    `call` launches a kernel of the rows, `add_up` one that goes on with what the blocks have left in `sums`.
    """

    def __init__(self, x: Array, order: tuple[int, ...], axes: Axes) -> None:
        self.xp, self.dtype = get_array_module(x), x.dtype
        self.shape = rows, channels = host.rows_of(x, order, axes).shape
        self.lanes = min(32, 1 << max(0, channels - 1).bit_length())
        self.groups = -(-channels // self.lanes)
        # Enough blocks to fill a large GPU, and eight rows or more to a thread.
        self.blocks = max(1, min(1024 // max(1, self.groups), rows * self.lanes // (8 * BLOCK)))

    @cached_property
    def sums(self) -> Array:
        """Room for two sums of each block and channel."""
        return self.xp.empty((self.blocks, 2, self.shape[1]), "float64")

    def call(self, kernel: str, *arguments: Array | float) -> None:
        threads = self.groups * self.blocks * BLOCK
        launch("normalization", kernel, threads, *arguments, *self.shape, self.lanes, dtype=self.dtype)

    def add_up(self, kernel: str, *arguments: Array | float) -> None:
        threads, sizes = self.groups * BLOCK, (self.blocks, *self.shape, self.lanes)
        launch("normalization", kernel, threads, self.sums, *arguments, *sizes, dtype=self.dtype)

    def numbers(self, count: int) -> Array:
        """Room for so many numbers of each channel."""
        return self.xp.empty((count, self.shape[1]), self.dtype)

"""Batch normalisation by the sums of several processes: what `kernels.normalization` does, with a pause for them.

A team adds up arrays in place over its processes; its sums are made and sent in float64.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minigan.backend import Array, get_array_module, is_on_gpu
from minigan.kernels.normalization import Axes, Statistics, _order, _rows, _slices, _sum_rows


def add_over_team(x: Array, team: Any) -> Array:
    """Σ x over the team's processes: a new array."""
    return team.sum(get_array_module(x).array(x, order="C"))


def sync_batch_norm_forward(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, team: Any
) -> tuple[Array, Statistics]:
    """y = x · scale + shift, scale = γ r and shift = β − μ scale, with the statistics of all processes."""
    count = _count(x, axes, team.weight)
    mean = team.sum(_sum_over(x, axes)) / count
    mean = mean.astype(x.dtype)
    centred = x - mean
    centred *= centred
    var = team.sum(_sum_over(centred, axes)) / count
    inv_std = 1 / get_array_module(x).sqrt(var + eps)
    scale = inv_std * gamma
    shift = (beta - mean * scale).astype(x.dtype)
    scale = scale.astype(x.dtype)
    y = x * scale
    y += shift
    return y, Statistics(mean, var.astype(x.dtype), inv_std.astype(x.dtype))


def sync_batch_norm_backward(
    dy: Array, x: Array, gamma: Array, statistics: Statistics, axes: Axes, team: Any, weight: float
) -> tuple[Array, Array, Array]:
    """dx = γ r (dy − (Σ w dy + x̂ Σ(w dy·x̂)) / (w M)), the sums over all processes;  dγ = Σ dy·x̂,  dβ = Σ dy here."""
    count = _count(x, axes, weight)
    normal = x - statistics.mean
    normal *= statistics.inv_std
    own = get_array_module(x).stack([_sum_over(dy * normal, axes), _sum_over(dy, axes)])
    dgamma, dbeta = own.astype(x.dtype)
    along, shift = (team.sum(own * weight) / (weight * count)).astype(x.dtype)
    normal *= along
    dx = dy - shift
    dx -= normal
    dx *= gamma * statistics.inv_std
    return dx, dgamma, dbeta


def _count(x: Array, axes: Axes, weight: float) -> int:
    """How many numbers of each channel all processes have."""
    return round(prod(x.shape[a] for a in axes) / weight)


def _sum_over(x: Array, axes: Axes) -> Array:
    """Σ over the axes, in float64 (complex numbers: as wide), with length 1 along them."""
    order = None if is_on_gpu(x) else _order(x, axes)
    if order is None or x.dtype.kind == "c":
        return x.sum(axis=axes, keepdims=True, dtype=get_array_module(x).result_type(x.dtype, "float64"))
    total = sum(_sum_rows(part) for part in _slices(_rows(x, order, axes)))
    return total.reshape([1 if a in axes else n for a, n in enumerate(x.shape)])

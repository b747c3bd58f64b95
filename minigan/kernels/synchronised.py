"""Batch normalisation by the sums of several processes: what `kernels.normalization` does, with a pause for them.

A process_group adds up arrays in place over its processes; its sums are made and sent in float64.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minigan.backend import Array, get_array_module
from minigan.kernels.normalization import Axes, Statistics, sum_over


def all_reduce_copy(x: Array, process_group: Any) -> Array:
    """Σ x over the process_group's processes: a new array."""
    return process_group.all_reduce(get_array_module(x).array(x, order="C"))


def sync_batch_norm_forward(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, process_group: Any
) -> tuple[Array, Statistics]:
    """y = x · scale + shift, scale = γ r and shift = β − μ scale, with the statistics of all processes."""
    count = whole_count(prod(x.shape[a] for a in axes), process_group.weight)
    mean = process_group.all_reduce(sum_over(x, axes)) / count
    mean = mean.astype(x.dtype)
    centred = x - mean
    centred *= centred
    var = process_group.all_reduce(sum_over(centred, axes)) / count
    inv_std = 1 / get_array_module(x).sqrt(var + eps)
    scale = inv_std * gamma
    shift = (beta - mean * scale).astype(x.dtype)
    scale = scale.astype(x.dtype)
    y = x * scale
    y += shift
    return y, Statistics(mean, var.astype(x.dtype), inv_std.astype(x.dtype))


def sync_batch_norm_backward(
    dy: Array, x: Array, gamma: Array, statistics: Statistics, axes: Axes, process_group: Any, weight: float
) -> tuple[Array, Array, Array]:
    """dx = γ r (dy − (Σ w dy + x̂ Σ(w dy·x̂)) / (w M)), the sums over all processes;  dγ = Σ dy·x̂,  dβ = Σ dy here."""
    count = whole_count(prod(x.shape[a] for a in axes), weight)
    normal = x - statistics.mean
    normal *= statistics.inv_std
    own = get_array_module(x).stack([sum_over(dy * normal, axes), sum_over(dy, axes)])
    dgamma, dbeta = own.astype(x.dtype)
    along, shift = (process_group.all_reduce(own * weight) / (weight * count)).astype(x.dtype)
    normal *= along
    dx = dy - shift
    dx -= normal
    dx *= gamma * statistics.inv_std
    return dx, dgamma, dbeta


def whole_count(count: int, weight: float) -> int:
    """How many numbers all processes have together, where this one has `count`."""
    return round(count / weight)

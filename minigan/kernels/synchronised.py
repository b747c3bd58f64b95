"""Batch normalisation by the sums of several processes: what `kernels.normalization` does, with a pause for them.

A team adds up arrays in place over its processes; its sums are made and sent in float64.
"""

from __future__ import annotations

from math import prod
from typing import Any

from minigan.backend import Array, get_array_module
from minigan.kernels.normalization import Axes, Statistics, sum_over


def add_over_team(x: Array, team: Any) -> Array:
    """Σ x over the team's processes: a new array."""
    return team.sum(get_array_module(x).array(x, order="C"))


def sync_batch_norm_forward(
    x: Array, gamma: Array, beta: Array, axes: Axes, eps: float, team: Any
) -> tuple[Array, Statistics]:
    """y = x · scale + shift, scale = γ r and shift = β − μ scale, with the statistics of all processes."""
    count = numbers_of_team(prod(x.shape[a] for a in axes), team.weight)
    mean = team.sum(sum_over(x, axes)) / count
    mean = mean.astype(x.dtype)
    centred = x - mean
    centred *= centred
    var = team.sum(sum_over(centred, axes)) / count
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
    count = numbers_of_team(prod(x.shape[a] for a in axes), weight)
    normal = x - statistics.mean
    normal *= statistics.inv_std
    own = get_array_module(x).stack([sum_over(dy * normal, axes), sum_over(dy, axes)])
    dgamma, dbeta = own.astype(x.dtype)
    along, shift = (team.sum(own * weight) / (weight * count)).astype(x.dtype)
    normal *= along
    dx = dy - shift
    dx -= normal
    dx *= gamma * statistics.inv_std
    return dx, dgamma, dbeta


def numbers_of_team(count: int, weight: float) -> int:
    """How many numbers all processes have together, where this one has `count`."""
    return round(count / weight)

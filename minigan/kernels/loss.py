"""Cross-entropy with logits, number by number, and targets that are one number."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from minigan.backend import Array, Device, device_of, get_array_module, zeros
from minigan.kernels.activation import sigmoid_forward, softplus_tail
from minigan.kernels.dispatch import has_cuda_kernel


@has_cuda_kernel
def cross_entropy_with_logits(logits: Array, target: Array) -> Array:
    """max(l, 0) − l·t + ln(1 + e^−|l|), for arrays of one shape."""
    xp = get_array_module(logits)
    # In this order the small loss of a right answer is not lost between two large numbers.
    return xp.maximum(logits, 0) - logits * target + softplus_tail(logits)


@has_cuda_kernel
def cross_entropy_with_logits_slope(g: Array, logits: Array, target: Array) -> Array:
    """(σ(l) − t) · g, for arrays of one shape."""
    return (sigmoid_forward(logits) - target) * g


def filled_like(x: Array, number: float) -> Array:
    """An array of x's shape and dtype, where x is, all of it one number: only to be read."""
    return _filled(number, x.shape, x.dtype, device_of(x))


@lru_cache(maxsize=32)
def _filled(number: float, shape: tuple[int, ...], dtype: Any, device: Device) -> Array:
    """One number in memory, shown as often as the shape asks for; made once, as nobody writes to it."""
    array = zeros((), dtype, device)
    array.fill(number)
    return get_array_module(array).broadcast_to(array, shape)

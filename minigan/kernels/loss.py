"""Cross-entropy with logits, number by number."""

from __future__ import annotations

from minigan.backend import Array, get_array_module
from minigan.kernels import cuda
from minigan.kernels.activation import sigmoid_forward, softplus_tail


def cross_entropy_with_logits(logits: Array, target: Array) -> Array:
    """max(l, 0) − l·t + ln(1 + e^−|l|), for arrays of one shape."""
    xp = get_array_module(logits)
    if cuda.suits(logits, target) and logits.flags.c_contiguous and (step := _step(target)) is not None:
        y = xp.empty(logits.shape, logits.dtype)
        cuda.launch("loss", "cross_entropy", y.size, logits, target, step, y, y.size, dtype=y.dtype)
        return y
    # In this order a right verdict's small loss is not lost between two large numbers.
    return xp.maximum(logits, 0) - logits * target + softplus_tail(logits)


def cross_entropy_with_logits_slope(g: Array, logits: Array, target: Array) -> Array:
    """(σ(l) − t) · g, for arrays of one shape."""
    if cuda.suits(g, logits, target) and logits.flags.c_contiguous:
        steps = _step(g), _step(target)
        if None not in steps:
            y = get_array_module(g).empty(logits.shape, logits.dtype)
            arguments = g, steps[0], logits, target, steps[1], y, y.size
            cuda.launch("loss", "cross_entropy_slope", y.size, *arguments, dtype=y.dtype)
            return y
    return (sigmoid_forward(logits) - target) * g


def _step(a: Array) -> int | None:
    """From one number to the next in memory: 1, 0 if all are one and the same, None if neither."""
    if a.flags.c_contiguous:
        return 1
    return None if any(stride and n > 1 for stride, n in zip(a.strides, a.shape, strict=True)) else 0

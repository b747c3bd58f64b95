"""Cross-entropy with logits in one CUDA kernel."""

from __future__ import annotations

from minigan.backend import Array, get_array_module
from minigan.kernels.cuda import launch, suits


def cross_entropy_with_logits(logits: Array, target: Array) -> Array:
    """max(l, 0) − l·t + ln(1 + e^−|l|), for arrays of one shape."""
    if not (suits(logits, target) and logits.flags.c_contiguous) or (step := _step(target)) is None:
        return NotImplemented
    y = get_array_module(logits).empty(logits.shape, logits.dtype)
    launch("loss", "cross_entropy", y.size, logits, target, step, y, y.size, dtype=y.dtype)
    return y


def cross_entropy_with_logits_slope(g: Array, logits: Array, target: Array) -> Array:
    """(σ(l) − t) · g, for arrays of one shape."""
    if not (suits(g, logits, target) and logits.flags.c_contiguous) or None in (steps := (_step(g), _step(target))):
        return NotImplemented
    y = get_array_module(g).empty(logits.shape, logits.dtype)
    launch("loss", "cross_entropy_slope", y.size, g, steps[0], logits, target, steps[1], y, y.size, dtype=y.dtype)
    return y


def _step(a: Array) -> int | None:
    """From one number to the next in memory: 1, 0 if all are one and the same, None if neither."""
    if a.flags.c_contiguous:
        return 1
    return None if any(stride and n > 1 for stride, n in zip(a.strides, a.shape, strict=True)) else 0

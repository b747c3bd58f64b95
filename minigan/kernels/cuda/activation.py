"""Activations, in one CUDA kernel each, for arrays without gaps in memory."""

from __future__ import annotations

from minigan.backend import Array, get_array_module
from minigan.kernels.cuda import launch, suits
from minigan.kernels.layout import lie_alike


def leaky_relu_forward(
    x: Array, slope: float, with_mask: bool = True, out: Array | None = None
) -> tuple[Array, Array | None]:
    """y = x where x > 0, slope · x elsewhere; and, if asked for, where x > 0."""
    if out is not None or not _without_gaps(x):
        return NotImplemented
    xp = get_array_module(x)
    y, mask = xp.empty_like(x), xp.empty_like(x, dtype="bool") if with_mask else None
    launch("activation", "leaky_relu", x.size, x, y, mask, float(slope), x.size, dtype=x.dtype)
    return y, mask


def leaky_relu_backward(x: Array, mask: Array, slope: float, out: Array | None = None) -> Array:
    """x where mask, slope · x elsewhere."""
    if out is not None or not (suits(x) and mask.dtype == "bool" and lie_alike(x, mask)):
        return NotImplemented
    y = get_array_module(x).empty_like(x)
    launch("activation", "leaky_relu_backward", x.size, x, mask, y, float(slope), x.size, dtype=x.dtype)
    return y


def tanh_backward(g: Array, t: Array) -> Array:
    """(1 − t²) · g."""
    if not (suits(t, g) and t.shape == g.shape and lie_alike(t)):
        return NotImplemented
    y = get_array_module(t).empty_like(t)
    if not lie_alike(t, g):
        y[...] = g  # in t's order, as a product's transpose is not
        g = y
    launch("activation", "tanh_backward", t.size, g, t, y, t.size, dtype=t.dtype)
    return y


def sigmoid_forward(x: Array) -> Array:
    """1 / (1 + e⁻ˣ)."""
    return _of_each("sigmoid", x)


def softplus_forward(x: Array) -> Array:
    """ln(1 + eˣ)."""
    return _of_each("softplus", x)


def _without_gaps(x: Array) -> bool:
    return suits(x) and lie_alike(x)


def _of_each(kernel: str, x: Array) -> Array:
    if not _without_gaps(x):
        return NotImplemented
    y = get_array_module(x).empty_like(x)
    launch("activation", kernel, x.size, x, y, x.size, dtype=x.dtype)
    return y

"""The order of axes in memory that the kernels work in: (H, W, N, C) for images, (KH, KW, O, C) for weights.

Logical shapes stay (N, C, H, W) and (O, C, KH, KW); the native order is the transposed view of a
contiguous array. Both directions are the same permutation, which swaps the axis pairs.
"""

from __future__ import annotations

from minigan.backend import Array, get_array_module

PIXELS_FIRST = (2, 3, 0, 1)


def pixels_first(x: Array) -> Array:
    """x (N, C, H, W) as a contiguous (H, W, N, C) array: a view if x is native, a copy if not."""
    return get_array_module(x).ascontiguousarray(x.transpose(PIXELS_FIRST))


def is_native(x: Array) -> bool:
    """Whether the kernels can read x (N, C, H, W) without a copy."""
    return x.transpose(PIXELS_FIRST).flags.c_contiguous


def to_native(x: Array) -> Array:
    """x with the same logical shape in native memory order; x itself if it has it already."""
    return x if is_native(x) else pixels_first(x).transpose(PIXELS_FIRST)


def reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """x in another shape. Numbers that become images (N, C, H, W) are laid out in the native order."""
    y = x.reshape(shape)
    return to_native(y) if y.ndim == 4 and x.ndim != 4 else y

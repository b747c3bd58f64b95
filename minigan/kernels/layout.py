"""How arrays lie in memory. The kernels work in the order (H, W, N, C) for images, (KH, KW, C, O) for weights.

Logical shapes stay (N, C, H, W) and (O, C, KH, KW). A weight in this order is the matrix (KH·KW·C, O) of im2col, and at
each tap one from C channels to O; to put its axes in order would take longer than a small batch's product with it.
What is computed number by number goes through memory as it lies, in any order of axes: as a *run*.
"""

from __future__ import annotations

from minigan.backend import Array, device_of, get_array_module, memory_order, to_device

PIXELS_FIRST = (2, 3, 0, 1)  # its own inverse
TAPS_FIRST = (2, 3, 1, 0)
OUT_CHANNELS_FIRST = (3, 2, 0, 1)  # the way back


def pixels_first(x: Array) -> Array:
    """x (N, C, H, W) as a contiguous (H, W, N, C) array: a view if x is native, a copy if not."""
    return get_array_module(x).ascontiguousarray(x.transpose(PIXELS_FIRST))


def taps_first(w: Array) -> Array:
    """w (O, C, KH, KW) as a contiguous (KH, KW, C, O) array: a view if w lies so, a copy if not."""
    return get_array_module(w).ascontiguousarray(w.transpose(TAPS_FIRST))


def weight_of(taps: Array) -> Array:
    """An array (KH, KW, C, O) as a weight (O, C, KH, KW): a view."""
    return taps.transpose(OUT_CHANNELS_FIRST)


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


def as_run(a: Array) -> Array | None:
    """a's numbers as they lie in memory, as a flat view; None if gaps are between them."""
    a = a.transpose(memory_order(a))
    return a.reshape(-1) if a.flags.c_contiguous else None


def as_runs(written: tuple[Array, ...], read: tuple[Array, ...] = ()) -> tuple[Array, ...] | None:
    """All as flat arrays in the first one's memory order. What is written must be views, and is None if one cannot;
    what is read is copied where it lies otherwise."""
    order, runs = memory_order(written[0]), []
    for i, a in enumerate((*written, *read)):
        a = a.transpose(order)
        if not a.flags.c_contiguous:
            if i < len(written):
                return None
            a = a.copy()
        runs.append(a.reshape(-1))
    return tuple(runs)


def lie_alike(*arrays: Array) -> bool:
    """Whether these arrays of one shape lie in memory in one and the same order of axes, without gaps."""
    order = memory_order(arrays[0])
    return all(a.transpose(order).flags.c_contiguous for a in arrays)


def beside(array: Array, x: Array) -> Array:
    """The array, moved to where x is if it lies elsewhere."""
    return to_device(array, device_of(x))

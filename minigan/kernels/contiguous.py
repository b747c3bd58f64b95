"""Arrays as runs of memory: what an update in place, number by number, needs to know of their shapes."""

from __future__ import annotations

from minigan.backend import Array, get_array_module, memory_order


def as_run(a: Array, order: list[int] | None = None) -> Array | None:
    """a's numbers, its axes taken in `order` (None: as they lie), as a flat view; None if gaps are between them."""
    a = a.transpose(memory_order(a) if order is None else order)
    return a.reshape(-1) if a.flags.c_contiguous else None


def lie_alike(*arrays: Array) -> bool:
    """Whether these arrays of one shape lie in memory in one and the same order of axes, without gaps: what is
    computed number by number can then go through memory as it is, whatever the order."""
    order = memory_order(arrays[0])
    return all(a.transpose(order).flags.c_contiguous for a in arrays)


def as_runs(written: tuple[Array, ...], read: tuple[Array, ...] = ()) -> tuple[Array, ...] | None:
    """All as flat arrays in the first one's memory order. What is written must be views, and is None if one cannot;
    what is read is copied where it lies otherwise."""
    order = memory_order(written[0])
    runs = [as_run(a, order) for a in written]
    if any(run is None for run in runs):
        return None
    xp = get_array_module(written[0])
    return (*runs, *(xp.ascontiguousarray(a.transpose(order)).reshape(-1) for a in read))

"""Labels on a GPU."""

from __future__ import annotations

from minigan.backend import Array


def labels_outside(labels: Array, count: int) -> tuple[int, int] | None:
    """None: nobody waits for the device to look at them."""
    return None

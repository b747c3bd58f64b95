"""Whole numbers that index an array: labels."""

from __future__ import annotations

from minigan.backend import Array, device_of, to_device
from minigan.kernels.dispatch import has_cuda_version


@has_cuda_version
def labels_outside(labels: Array, count: int) -> tuple[int, int] | None:
    """The least and the largest label, if one of them is not in 0 … count − 1.

    On a GPU it is always None: a look at them would wait for the device.
    """
    if not labels.size:
        return None
    least, largest = int(labels.min()), int(labels.max())
    return None if 0 <= least and largest < count else (least, largest)


def beside(array: Array, x: Array) -> Array:
    """The array, moved to where x is if it lies elsewhere."""
    return to_device(array, device_of(x))

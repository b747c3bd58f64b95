"""The averaged generator: an exponential moving average of G's weights, which draws better samples."""

from __future__ import annotations

import copy

from minigan.kernels.averaging import average_update
from minigan.nn import Module


def averaged_copy(G: Module) -> Module:
    """A copy of G to hold the average, in evaluation mode."""
    return copy.deepcopy(G).named("G_avg").eval()


def update_average(average: Module, G: Module, keep: float) -> None:
    """avg ← keep · avg + (1 − keep) · G, for every weight and for BatchNorm's running statistics.

    The statistics belong to the weights: averaged weights with the latest statistics draw wrongly.
    """
    pairs = list(zip(_state(average), _state(G), strict=True))
    floating = [(a._data, g._data) for a, g in pairs if a.dtype.kind == "f"]
    average_update([a for a, _ in floating], [x for _, x in floating], keep)
    for a, g in pairs:
        if a.dtype.kind != "f":
            a._data[...] = g._data
        a._touch("update_average()")


def _state(module: Module) -> list:
    return [*module.parameters(), *(buffer for _, buffer in module.named_buffers())]

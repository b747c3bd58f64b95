"""Passes over rows of channels (M, C) with one number for each channel.

NumPy's inner loop is over a row, and to begin it costs more than to run it over a few channels. Many rows one after the
other are one long row, for which the numbers are repeated. The results are the same to the bit.
"""

from __future__ import annotations

import numpy as np

from minigan.backend import Array
from minigan.kernels.layout import PIXELS_FIRST, is_native

LONG = 4096  # numbers in a long row: 16 kB of float32, a part of a core's innermost cache
FEW_CHANNELS = 64  # with more, a row is long enough


class PerChannel:
    """A number for each channel (C), as the second operand of passes over slices of rows."""

    def __init__(self, numbers: Array) -> None:
        self.numbers = numbers
        few = 0 < len(numbers) <= FEW_CHANNELS
        self.repeats = LONG // len(numbers) if few else 1
        self.repeated: Array | None = None

    def apply(self, operation: np.ufunc, rows: Array, out: Array) -> Array:
        """out ← operation(rows, numbers), of contiguous rows (M, C); out itself, which may be the rows."""
        whole = len(rows) // self.repeats * self.repeats
        if self.repeats == 1 or whole < 4 * self.repeats:
            return operation(rows, self.numbers, out=out)
        if self.repeated is None:
            self.repeated = np.tile(self.numbers, self.repeats)
        long = -1, len(self.repeated)
        operation(rows[:whole].reshape(long), self.repeated, out=out[:whole].reshape(long))
        operation(rows[whole:], self.numbers, out=out[whole:])
        return out


def add_to_channels(images: Array, numbers: Array) -> None:
    """images (N, C, H, W) += numbers (C), in place."""
    if isinstance(images, np.ndarray) and len(numbers) > 1 and is_native(images):
        rows = images.transpose(PIXELS_FIRST).reshape(-1, len(numbers))
        PerChannel(numbers).apply(np.add, rows, rows)
    else:
        images += numbers.reshape(1, -1, 1, 1)

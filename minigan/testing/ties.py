"""Where entries tie or sit at a kink, a gradient is no derivative, and yet it may be wrong.

Of max(a, b) at a = b every share that adds up to 1 is a subgradient: (1, 0), (½, ½); but (1, 1) and (0, 0) are none.
Along any direction v, what is right lies between the slopes from the left and from the right,
(φ(0) − φ(−h))/h and (φ(h) − φ(0))/h.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigan.autograd import Tensor, grad
from minigan.backend import Array, get_array_module
from minigan.testing.callables import Forward, forward, output_arrays
from minigan.testing.numerical import rms
from minigan.testing.random_inputs import random_like
from minigan.testing.report import GradientError

STEP = 1e-6  # as a share of an input's root mean square
TOLERANCE = 1e-4  # as a share of the slope; a slope that changes by as much with the step is none


def gradients_at_ties_are_subgradients(fn: Forward, arrays: list[Array]) -> None:
    """With every second entry equal to the one before, gradients lie between the slopes of the two sides."""
    tied = tie(arrays)
    rng = np.random.default_rng(7)
    try:
        inputs, outputs = forward(fn, tied)
        cotangents = [abs(random_like(y.data, rng)) for y in outputs]
        gradients = grad(outputs, inputs, list(map(Tensor, cotangents)), allow_unused=True)
    except Exception:  # equal numbers are not for this function: a singular matrix, say
        return
    directions = [rms(x) * random_like(x, rng) for x in tied]
    for some in (directions, [abs(v) for v in directions]):
        found = sum(float((dx.data * v).sum()) for dx, v in zip(gradients, some, strict=True) if dx is not None)
        slopes = _slopes(fn, tied, some, cotangents, outputs)
        if slopes is None or not np.isfinite(found):
            continue
        tolerance = TOLERANCE * max(1e-3, *map(abs, slopes))
        if not min(slopes) - tolerance <= found <= max(slopes) + tolerance:
            raise GradientError(
                f"where entries are equal, the gradient is none of those that forward allows: along a direction, "
                f"backward gives {found:.6g}, and forward's slopes on the two sides are {slopes[0]:.6g} and "
                f"{slopes[1]:.6g}. Of entries that tie, give dy to one, or share it: the shares must add up to 1"
            )


def tie(arrays: Sequence[Array]) -> list[Array]:
    """Copies in which every second entry equals the one before, and inputs of one shape share every third entry."""
    tied: list[Array] = []
    for a in arrays:
        flat = a.copy(order="C").ravel()
        flat[1::2] = flat[: flat.size // 2 * 2 : 2]
        twin = next((t for t in tied if t.shape == a.shape), None)
        if twin is not None:
            flat[::3] = twin.ravel()[::3]
        tied.append(get_array_module(a).reshape(flat, a.shape))
    return tied


def _slopes(
    fn: Forward, arrays: list[Array], directions: list[Array], cotangents: list[Array], outputs: Sequence[Tensor]
) -> tuple[float, float] | None:
    """The slopes from the left and from the right; None where they are not to be seen: a jump, a root at 0."""

    def slope(h: float) -> float:
        moved = output_arrays(fn, [x + h * v for x, v in zip(arrays, directions, strict=True)])
        increases = zip(cotangents, moved, outputs, strict=True)
        return sum(float((c * (y - y0.data)).sum()) for c, y, y0 in increases) / h

    try:
        wide, narrow = (slope(-STEP), slope(STEP)), (slope(-STEP / 2), slope(STEP / 2))
    except Exception:  # out of fn's domain
        return None
    settled = all(abs(w - n) <= TOLERANCE * max(1e-3, abs(w)) for w, n in zip(wide, narrow, strict=True))
    return narrow if settled else None

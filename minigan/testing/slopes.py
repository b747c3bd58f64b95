"""The slope of a function along a line, found from values of its forward pass alone.

Along x + t·v, contracted with cotangents c, a function is one number of one number, φ(t) = ⟨c, f(x + t·v)⟩.
Its slope at t = 0 is found in two ways:

    differences     q(h) = (φ(h) − φ(−h)) / 2h, and of two such (4 q(h/2) − q(h)) / 3 (Richardson), whose
                    error falls with h⁴. Half of the digits are lost to the subtraction.
    complex step    Im φ(i h) / h for a tiny h: no subtraction, every digit is right. It asks that f is
                    analytic, and that its forward pass takes complex numbers. (Squire and Trapp, 1998.)

The same values tell whether there is a slope at all. b(h) = (φ(h) − 2 φ(0) + φ(−h)) / h is the slope to the
right less the slope to the left: where f is smooth it falls with h, and 2 b(h/2) − b(h) is nothing but
rounding; at a kink it stays. And q(h) − q(h/2) is small beside the slope, unless something jumps.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigan.backend import Array, get_array_module
from minigan.testing.target import values

TINY = 1e-30  # the complex step: its square vanishes beside 1
ROUNDING = 2.0**-50  # of a few float64 operations


class Slope(NamedTuple):
    """jump: by how much the slope may differ to the left and right, or from one step to a smaller one.
    rounding: by how much it may be off for want of digits."""

    value: float
    jump: float
    rounding: float


class Lines:
    """All lines through a point along which its i-th array is moved, and the function's slopes along them."""

    def __init__(self, fn: Any, points: Sequence[Array], i: int, cotangents: list[Array]) -> None:
        self.fn, self.points, self.i, self.cotangents = fn, list(points), i, cotangents
        self.here = values(fn, points)
        self.size = sum(float(abs(c * y).sum()) for c, y in zip(cotangents, self.here, strict=True))

    def _at(self, points: list[Array], x: Array) -> list[Array]:
        return values(self.fn, [*points[: self.i], x, *points[self.i + 1 :]])

    def by_differences(self, direction: Array, h: float) -> Slope:
        """The slope along `direction`, from values at ±h and ±h/2."""
        x = self.points[self.i]

        def rise(t: float) -> float:  # differences first: outputs that stay as they are add no rounding
            there = self._at(self.points, x + t * direction)
            return sum(float((c * (y - y0)).sum()) for c, y, y0 in zip(self.cotangents, there, self.here, strict=True))

        def quotient_and_bend(h: float) -> tuple[float, float]:
            right, left = rise(h), rise(-h)
            return (right - left) / (2 * h), (right + left) / h

        (wide, wide_bend), (narrow, narrow_bend) = quotient_and_bend(h), quotient_and_bend(h / 2)
        jump = abs(2 * narrow_bend - wide_bend) + abs(wide - narrow)
        return Slope((4 * narrow - wide) / 3, jump, ROUNDING * self.size / h)

    def by_complex_step(self, direction: Array) -> float | None:
        """The slope to the last digits, if the function is analytic; None if it takes no complex numbers.

        What takes them and is not analytic gives a wrong slope: compare with `by_differences`.
        """
        points = [p.astype(np.complex128) for p in self.points]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of imaginary parts that are dropped: the slope is then wrong
            try:
                outputs = self._at(points, points[self.i] + 1j * TINY * direction)
            except Exception:  # whatever a forward pass that was not made for them has to say to complex numbers
                return None
        return sum(float((c * y.imag).sum()) for c, y in zip(self.cotangents, outputs, strict=True)) / TINY

    def entry(self, flat: int, h: float, exact: bool) -> float:
        """The derivative by one entry, given by its flat index."""
        direction = get_array_module(self.points[self.i]).zeros_like(self.points[self.i])
        direction[np.unravel_index(flat, direction.shape)] = 1.0
        return self.by_complex_step(direction) if exact else self.by_differences(direction, h).value

    def with_cotangents(self, cotangents: list[Array]) -> Lines:
        """The same lines, the outputs contracted otherwise."""
        return Lines(self.fn, self.points, self.i, cotangents)

"""Directional derivatives of a function, computed from values of its forward pass alone.

Moved from x along a direction v, and contracted with cotangents c, a function is one number of one number,
φ(t) = ⟨c, f(x + t·v)⟩. Its derivative at t = 0 is computed in two ways:

    differences     q(h) = (φ(h) − φ(−h)) / 2h, and from two of them (4 q(h/2) − q(h)) / 3 (Richardson), whose
                    error falls with h⁴. The subtraction loses half of the digits.
    complex step    Im φ(i h) / h for a tiny h: no subtraction, every digit is right. It needs an analytic f
                    whose forward pass takes complex numbers. (Squire and Trapp, 1998.)

The same values give an error estimate. b(h) = (φ(h) − 2 φ(0) + φ(−h)) / h is the derivative from the right minus
the derivative from the left: where f is smooth it falls with h, and 2 b(h/2) − b(h) is nothing but rounding; at a
kink it stays. And q(h) − q(h/2) is small beside the derivative, unless f is discontinuous.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from minigan.autograd import Tensor
from minigan.backend import Array, get_array_module
from minigan.testing.callables import Forward, output_arrays
from minigan.testing.noise import noise_of_number
from minigan.testing.random_inputs import random_like

COMPLEX_STEP = 1e-30  # its square vanishes beside 1
ROUNDING = 2.0**-50  # the relative error of a few float64 operations
RESOLVED = 1e-3  # the largest error, as a share of the derivative, of one that is told from 0


class Estimate(NamedTuple):
    """Derivatives along some directions, and by how much they may be wrong.

    step: the step size h. kink_error: by how much a derivative may differ from the right to the left, or from h to
    h/2. rounding_error: the error for want of digits. exact: whether they come from the complex step.
    """

    step: float
    derivatives: np.ndarray
    kink_error: float = 0.0
    rounding_error: float = 0.0
    exact: bool = False

    @property
    def error(self) -> float:
        """The error estimate; infinity where it is NaN."""
        error = self.kink_error + self.rounding_error
        return error if np.isfinite(error) else np.inf


class NumericalDerivative:
    """The derivative of ⟨cotangents, fn⟩ by the i-th of its inputs, at a point."""

    def __init__(self, fn: Forward, points: Sequence[Array], i: int, cotangents: Sequence[Array]) -> None:
        self.fn, self.points, self.i, self.cotangents = fn, points, i, cotangents
        self.outputs = output_arrays(fn, points)
        self.size = sum(float(abs(c * y).sum()) for c, y in zip(cotangents, self.outputs, strict=True))

    def measure_size(self) -> None:
        """Make `size` that of the terms that φ is computed from, as its noise tells, if they are larger than φ."""
        noise = self.noise_of(lambda points: self._increase(output_arrays(self.fn, points)))
        self.size = max(self.size, 4 * noise / ROUNDING)  # four standard deviations

    def noise_of(self, number: Callable[[list[Array]], float]) -> float:
        """The rounding errors of a number as each of the inputs is moved a little.

        Each in turn: what cancels among terms of one input stays as it is where another is moved.
        """
        rng = np.random.default_rng(8)

        def sample(t: float, j: int, direction: Array) -> float:
            return number([Tensor(x + t * direction).data if i == j else x for i, x in enumerate(self.points)])

        directions = [rms(x) * random_like(x, rng) for x in self.points]
        return max(noise_of_number(partial(sample, j=j, direction=v)) for j, v in enumerate(directions))

    def by_differences(self, directions: Sequence[Array], step: float) -> Estimate:
        """The derivatives along these directions, from values at ±h and ±h/2."""
        derivatives, kink_errors = [], []
        for v in directions:
            (q, b), (q_half, b_half) = self._quotients(v, step), self._quotients(v, step / 2)
            derivatives.append((4 * q_half - q) / 3)
            kink_errors.append(abs(2 * b_half - b) + abs(q - q_half))
        return Estimate(step, np.array(derivatives), max(kink_errors), ROUNDING * self.size / step)

    def best_by_differences(self, directions: Sequence[Array], eps: float) -> Estimate:
        """Of the estimates with several step sizes, the one with the smallest error."""
        scale = rms(self.points[self.i])
        steps = [eps * scale * 10.0**-n for n in range(8)]  # the usual one, then smaller ones: kinks near by
        while (larger := max(steps) * 10) <= 100 * eps * max(scale, 1.0):  # and larger ones: want of digits
            steps.append(larger)
        estimates = [self.by_differences(directions, h) for h in steps]
        # A step far beyond where fn still varies sees it flat on both sides, with a small error and no digit right.
        resolved = [e for e in estimates if e.error <= RESOLVED * np.abs(e.derivatives).max()]
        return min(resolved or estimates, key=lambda estimate: estimate.error)

    def by_complex_step(self, directions: Sequence[Array]) -> np.ndarray | None:
        """The derivatives to the last digits, if fn is analytic; None if it takes no complex numbers.

        A function that takes them and is not analytic gives wrong ones: `refined` compares.
        """
        x = self.points[self.i]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of imaginary parts that are dropped: the derivative is then wrong
            try:
                outputs = [self._outputs_at(x + 1j * COMPLEX_STEP * v) for v in directions]
            except Exception:  # whatever a forward pass for real numbers raises
                return None
        sums = [sum(float((c * y.imag).sum()) for c, y in zip(self.cotangents, ys, strict=True)) for ys in outputs]
        return np.array(sums) / COMPLEX_STEP

    def refined(self, directions: Sequence[Array], estimate: Estimate, tolerance: float) -> Estimate | None:
        """An estimate by differences to the last digits, by the complex step; None unless the two agree."""
        exact = self.by_complex_step(directions)
        if exact is None or not np.abs(exact - estimate.derivatives).max() <= tolerance:
            return None
        return Estimate(estimate.step, exact, exact=True)

    def along(self, direction: Array, estimate: Estimate) -> float:
        """The derivative along a direction, computed in the way that an estimate was."""
        exact = self.by_complex_step([direction]) if estimate.exact else None
        return float((self.by_differences([direction], estimate.step).derivatives if exact is None else exact)[0])

    def entries(self, indices: np.ndarray, estimate: Estimate) -> np.ndarray:
        """The derivatives by these entries, given by their flat indices, computed in the way that an estimate was."""
        derivatives = []
        for index in indices:
            direction = get_array_module(self.points[self.i]).zeros_like(self.points[self.i])
            direction[np.unravel_index(index, direction.shape)] = 1.0
            derivatives.append(self.along(direction, estimate))
        return np.array(derivatives)

    def _outputs_at(self, x: Array) -> list[Array]:
        points = [p.astype(x.dtype, copy=False) for p in self.points]
        return output_arrays(self.fn, [*points[: self.i], x, *points[self.i + 1 :]])

    def _quotients(self, direction: Array, h: float) -> tuple[float, float]:
        """q(h) and b(h)."""
        x = self.points[self.i]
        right, left = (self._increase(self._outputs_at(x + move)) for move in (h * direction, -h * direction))
        return (right - left) / (2 * h), (right + left) / h

    def _increase(self, outputs: list[Array]) -> float:
        """φ there minus φ(0). Each output is subtracted first: those that stay as they are add no rounding."""
        return sum(float((c * (y - y0)).sum()) for c, y, y0 in zip(self.cotangents, outputs, self.outputs, strict=True))


def rms(x: Array) -> float:
    """The root mean square of x's entries, or 1 if that is 0."""
    return (float((x * x).mean()) ** 0.5 if x.size else 0.0) or 1.0

"""The error for a wrong gradient: its worst entry, how many entries are wrong, and what mistake it looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minigan.backend import Array, device_of, to_device, to_numpy
from minigan.testing.hints import WrongGradient, hint
from minigan.testing.numerical import Estimate, NumericalDerivative

ENTRIES = 1000  # how many entries of a wrong gradient are compared one by one
ORDINALS = {1: "first", 2: "second", 3: "third"}


class GradientError(AssertionError):
    """A backward pass does not give the derivative of its forward pass.

    order: of the derivative that is wrong. input: which input it is taken by. index: of its worst entry, there
    `found` by the backward pass, `expected` from the forward pass. hint: what mistake it looks like.
    """

    def __init__(
        self, message: str, order: int = 1, input: str = "", hint: str = "", index: tuple[int, ...] | None = None,
        found: float | None = None, expected: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.order, self.input, self.hint = order, input, hint
        self.index, self.found, self.expected = index, found, expected


@dataclass(frozen=True)
class Mismatch:
    """Analytical and numerical derivatives along random directions that differ by more than the tolerance.

    derivative: by which input, at which point. numerical: its estimate along the directions. gradients: by all inputs,
    from the backward pass; gradients_for: those for other cotangents. names: of the inputs. order: of the gradient.
    """

    derivative: NumericalDerivative
    analytical: np.ndarray
    numerical: Estimate
    gradients: list[Array]
    gradients_for: Callable[[list[Array]], list[Array]]
    names: list[str]
    order: int
    tolerance: float

    def difference_over(self, indices: np.ndarray, rng: np.random.Generator) -> float:
        """How wrong the gradient is along a direction that moves these entries only; infinite for NaN."""
        i = self.derivative.i
        direction = np.zeros(self.gradients[i].shape)
        direction.flat[indices] = rng.choice([-1.0, 1.0], indices.size)
        there = to_device(direction, device_of(self.gradients[i]))
        difference = float((self.gradients[i] * there).sum()) - self.derivative.along(there, self.numerical)
        return float(np.nan_to_num(abs(difference), nan=np.inf))


def report(mismatch: Mismatch, rng: np.random.Generator) -> GradientError:
    """The error to raise."""
    derivative, slopes = mismatch.derivative, mismatch.numerical.derivatives
    gradient, name = to_numpy(mismatch.gradients[derivative.i]), mismatch.names[derivative.i]
    indices: np.ndarray = np.arange(gradient.size)
    while indices.size > ENTRIES:  # of two halves the one that is more wrong
        half = indices.size // 2
        first, second = (mismatch.difference_over(part, rng) for part in (indices[:half], indices[half:]))
        indices = indices[:half] if first >= second else indices[half:]
    analytical, numerical = gradient.ravel()[indices], derivative.entries(indices, mismatch.numerical)
    difference = np.abs(np.nan_to_num(analytical - numerical, nan=np.inf))
    worst = int(difference.argmax())
    index = tuple(int(k) for k in np.unravel_index(indices[worst], gradient.shape))
    found, expected = float(analytical[worst]), float(numerical[worst])
    count = max(1, int((difference > max(mismatch.tolerance, 1e-6 * difference[worst])).sum()))
    along = int(np.argmax(np.nan_to_num(np.abs(mismatch.analytical - slopes), nan=np.inf)))
    whole = indices.size == gradient.size
    shape = gradient.shape if whole else (indices.size,)

    def for_cotangents(cotangents: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        dys = [to_device(c, device_of(dy)) for c, dy in zip(cotangents, derivative.cotangents, strict=True)]
        other = to_numpy(mismatch.gradients_for(dys)[derivative.i]).ravel()[indices]
        contracted = NumericalDerivative(derivative.fn, derivative.points, derivative.i, dys)
        return other.reshape(shape), contracted.entries(indices, mismatch.numerical).reshape(shape)

    looks_like = hint(
        WrongGradient(
            analytical.reshape(shape), numerical.reshape(shape), whole, mismatch.order, name,
            [x.shape for x in derivative.points], [to_numpy(c) for c in derivative.cotangents], for_cotangents,
            {n: to_numpy(g) for n, g in zip(mismatch.names, mismatch.gradients, strict=True) if n != name},
        )
    )  # fmt: skip
    message = (
        f"the {ORDINALS[mismatch.order]}-order gradient with respect to {name}, of shape {gradient.shape}, is wrong.\n"
        f"  along a random direction:  backward gives {mismatch.analytical[along]:.10g}, forward's slope is "
        f"{slopes[along]:.10g}\n"
        f"  worst entry, {index}:  found {found:.10g}, expected {expected:.10g}\n"
        f"  {count} of {indices.size} entries {'looked at ' * (not whole)}{'is' if count == 1 else 'are'} wrong"
    ) + (f"\n  hint: {looks_like}" if looks_like else "")
    return GradientError(message, mismatch.order, name, looks_like, index, found, expected)

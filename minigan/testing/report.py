"""What is wrong with a gradient: where most, and what mistake it looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigan.backend import Array, device_of, get_array_module, to_device, to_numpy
from minigan.testing.hints import Evidence, hint
from minigan.testing.slopes import Lines

ENTRIES = 1000  # how many entries of a wrong gradient are compared one by one
ORDINALS = {1: "first", 2: "second", 3: "third"}


class GradientError(AssertionError):
    """A backward pass does not give the derivative of its forward pass.

    order: of the derivative that is wrong. input: which input it was taken by. index: of its worst entry,
    there `found` by the backward pass, `expected` from the forward pass. hint: what mistake it looks like.
    """

    def __init__(self, message: str, order: int = 1, input: str = "", hint: str = "", **worst: Any) -> None:
        super().__init__(message)
        self.order, self.input, self.hint = order, input, hint
        self.index, self.found, self.expected = (worst.get(name) for name in ("index", "found", "expected"))


@dataclass(frozen=True)
class Wrong:
    """A gradient that was found to be wrong: the i-th of `gradients`, by the input of that name.

    h, exact: the step, or that the complex step is used, by which expected slopes are found. off: what
    they may differ by.
    """

    lines: Lines
    i: int
    gradients: list[Array]
    names: list[str]
    order: int
    h: float
    exact: bool
    off: float

    @property
    def gradient(self) -> np.ndarray:
        return to_numpy(self.gradients[self.i])

    def expected(self, some: np.ndarray, lines: Lines | None = None) -> np.ndarray:
        """The gradient at these entries (flat indices) as the forward pass shows it."""
        lines = lines or self.lines
        return np.array([lines.entry(int(flat), self.h, self.exact) for flat in some])


def report(
    wrong: Wrong, found: np.ndarray, expected: np.ndarray, backward: Callable[[list[Array]], list[Array]], rng: Any
) -> GradientError:
    """The error to raise. found, expected: slopes along some lines. backward: the gradients for other cotangents."""
    gradient, name = wrong.gradient, wrong.names[wrong.i]
    some = np.arange(gradient.size)
    while some.size > ENTRIES:  # where it is most wrong
        half = some.size // 2
        some = max(some[:half], some[half:], key=lambda part: _error_over(wrong, part, rng))
    analytic, numeric = gradient.ravel()[some], wrong.expected(some)
    difference = np.abs(np.nan_to_num(analytic - numeric, nan=np.inf))
    worst = int(difference.argmax())
    index = tuple(int(k) for k in np.unravel_index(some[worst], gradient.shape))
    count = max(1, int((difference > max(wrong.off, 1e-6 * difference[worst])).sum()))
    along = int(np.argmax(np.nan_to_num(np.abs(found - expected), nan=np.inf)))
    whole = some.size == gradient.size
    shape = gradient.shape if whole else (some.size,)

    def again(cotangents: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        cotangents = [to_device(c, device_of(x)) for c, x in zip(cotangents, wrong.lines.cotangents, strict=True)]
        other = to_numpy(backward(cotangents)[wrong.i]).ravel()[some]
        return other.reshape(shape), wrong.expected(some, wrong.lines.with_cotangents(cotangents)).reshape(shape)

    looks_like = hint(
        Evidence(
            analytic.reshape(shape), numeric.reshape(shape), whole, wrong.order, name,
            [x.shape for x in wrong.lines.points], [to_numpy(c) for c in wrong.lines.cotangents], again,
            {n: to_numpy(g) for n, g in zip(wrong.names, wrong.gradients, strict=True) if n != name},
        )
    )  # fmt: skip
    message = (
        f"the {ORDINALS[wrong.order]}-order gradient with respect to {name}, of shape {gradient.shape}, is wrong.\n"
        f"  along a random direction:  backward gives {found[along]:.10g}, forward's slope is {expected[along]:.10g}\n"
        f"  worst entry, {index}:  found {analytic[worst]:.10g}, expected {numeric[worst]:.10g}\n"
        f"  {count} of {some.size} entries {'looked at ' * (not whole)}{'is' if count == 1 else 'are'} wrong"
    ) + (f"\n  hint: {looks_like}" if looks_like else "")
    worst_entry = {"index": index, "found": float(analytic[worst]), "expected": float(numeric[worst])}
    return GradientError(message, wrong.order, name, looks_like, **worst_entry)


def _error_over(wrong: Wrong, some: np.ndarray, rng: Any) -> float:
    """How wrong the gradient is along a line that moves these entries only."""
    x = wrong.lines.points[wrong.i]
    direction = get_array_module(x).zeros_like(x)
    direction[np.unravel_index(some, x.shape)] = get_array_module(x).asarray(rng.choice([-1.0, 1.0], some.size))
    found = float((wrong.gradients[wrong.i] * direction).sum())
    exact = wrong.lines.by_complex_step(direction) if wrong.exact else None
    expected = wrong.lines.by_differences(direction, wrong.h).value if exact is None else exact
    return float(np.nan_to_num(abs(found - expected), nan=np.inf))

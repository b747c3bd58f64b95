"""Numbers of a trace as text, and how long their bars are."""

from __future__ import annotations

import math
from collections.abc import Iterable

from minigan.trace.summary import ArraySummary


def short(x: float) -> str:
    """Four digits."""
    return f"{x:.4g}"


def exact(x: float) -> str:
    """All the digits that the trace has."""
    return f"{x:.9g}"


def norm(array: ArraySummary) -> str:
    """The norm of an array, marked with "!" if it holds NaN or Inf."""
    return short(array.norm) + ("" if array.finite else "!")


def shape(array: ArraySummary) -> str:
    """The shape of an array, "5×18"."""
    return array.dimensions or "number"


def percent(share: float) -> str:
    """A share, "" for none."""
    return f"{share:.0%}" if share else ""


class LogScale:
    """A logarithmic scale over whole decades that holds all these numbers."""

    def __init__(self, numbers: Iterable[float]) -> None:
        logs = [math.log10(x) for x in numbers if x > 0]
        self.low = math.floor(min(logs, default=0))
        self.high = max(math.ceil(max(logs, default=0)), self.low + 1)

    def share(self, number: float) -> float:
        """How full a bar is: 0 only for 0."""
        if number <= 0:
            return 0.0
        return min(1.0, max(1e-9, (math.log10(number) - self.low) / (self.high - self.low)))

    def __str__(self) -> str:
        return f"log scale\n{_decade(self.low)} … {_decade(self.high)}"


def _decade(power: int) -> str:
    return f"{10.0**power:g}" if -4 < power < 4 else f"1e{power}"

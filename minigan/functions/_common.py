"""What every family of functions asks of its arguments."""

from __future__ import annotations

import operator
from typing import Any

from minigan.autograd import Tensor


def as_tensor(x: Any) -> Tensor:
    """x itself if it is a Tensor, else a Tensor of it."""
    return x if isinstance(x, Tensor) else Tensor(x)


def as_floating(name: str, x: Any) -> Tensor:
    """x as a Tensor, if it is a floating one: cast back to integers, most results would be cut off."""
    x = as_tensor(x)
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: x is {x.dtype}, but must be floating: convert it with .to(dtype='float32')")
    return x


def as_ints(what: str, value: Any) -> tuple[int, ...]:
    """A whole number, or several, of Python or NumPy, as a tuple; `what` is what an error calls them."""
    try:
        return (operator.index(value),)
    except TypeError:
        pass
    try:
        return tuple(map(operator.index, value))
    except TypeError:
        raise TypeError(f"{what} must be a whole number or several, not {value!r}") from None

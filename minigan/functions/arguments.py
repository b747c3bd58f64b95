"""What every family of functions asks of its arguments: an error says in one sentence which function was called,
which argument is wrong, what it is, and what it must be."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import inf
from numbers import Real
from typing import Any, TypeVar

from minigan.autograd import Tensor
from minigan.autograd.checks import check_alike
from minigan.backend import is_array

Made = TypeVar("Made")
NUMBER = (float, int, Real)  # what is a number of Python or NumPy, the common ones first: to ask Real is slow


def as_tensor(name: str, x: Any, label: str = "x") -> Tensor:
    """x itself if it is a Tensor, else a Tensor of it."""
    return x if isinstance(x, Tensor) else prefix_errors(f"{name}: {label}", Tensor, x)


def as_floating(name: str, x: Any, label: str = "x") -> Tensor:
    """x as a Tensor, if it is a floating one: cast back to integers, most results would be cut off.

    Complex counts as floating: functions of complex numbers are how a derivative is checked.
    """
    if not isinstance(x, Tensor):
        x = prefix_errors(f"{name}: {label}", Tensor, x)
    if x.array.dtype.kind not in "fc":
        raise TypeError(f"{name}: {label} is {x.dtype}, but must be floating: convert it with .to(dtype='float32')")
    return x


def as_like(name: str, label: str, value: Any, x: Tensor, of: str = "x") -> Tensor:
    """`value` as a Tensor that may meet x in one call: an array or Tensor must have x's dtype and device,
    numbers and lists take them."""
    if isinstance(value, Tensor):
        if value.array.dtype is x.array.dtype and type(value.array) is type(x.array):
            return value  # two GPUs are told apart by the call itself
    elif is_array(value):
        value = as_tensor(name, value, label)
    else:
        return like(name, label, value, x)
    check_alike(name, {of: x, label: value})
    return value


def like(name: str, label: str, value: Any, x: Tensor) -> Tensor:
    """A Tensor of `value` with x's dtype, where x is."""
    return prefix_errors(f"{name}: {label}", x.new_tensor, value)


def prefix_errors(prefix: str, make: Callable[..., Made], *arguments: Any) -> Made:
    """`make(*arguments)`, or its error behind a prefix that says which function or argument it is about."""
    try:
        return make(*arguments)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{prefix}: {error}") from None


def as_number(name: str, label: str, value: Any, low: float = -inf, high: float = inf) -> float:
    """A number of Python or NumPy from `low` to `high`, as Python's."""
    if not isinstance(value, NUMBER):
        raise TypeError(f"{name}: {label} must be a number, not {_shown(value)}")
    if not low <= float(value) <= high:
        limits = "" if low == -inf else f" of {low:g} or more" if high == inf else f" from {low:g} to {high:g}"
        raise ValueError(f"{name}: {label} must be a number{limits}, not {value}")
    return float(value)


def as_size(name: str, label: str, value: Any) -> int:
    """A length that there can be: a whole number of 1 or more."""
    try:
        size = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {label} must be a whole number of 1 or more, not {_shown(value)}") from None
    if size < 1:
        raise ValueError(f"{name}: {label} must be a whole number of 1 or more, not {size}")
    return size


def as_ints(what: str, value: Any) -> tuple[int, ...]:
    """A whole number, or several, of Python or NumPy, as a tuple; `what` is what an error calls them."""
    if not isinstance(value, (tuple, list)):
        try:
            return (operator.index(value),)
        except TypeError:
            pass
    try:
        return tuple(map(operator.index, value))
    except TypeError:
        raise TypeError(f"{what} must be a whole number or several, not {_shown(value)}") from None


def as_shaped(name: str, label: str, value: Any, x: Tensor, shape: tuple[int, ...], why: str) -> Tensor:
    """`as_like`, if it has this shape; `why` is where the shape comes from."""
    t = as_like(name, label, value, x)
    if t.array.shape != shape:
        raise ValueError(f"{name}: {label} has shape {t.shape}, but must have {shape} for x of shape {x.shape}: {why}")
    return t


def check_images(name: str, x: Tensor) -> None:
    """x must be images."""
    if x.array.ndim != 4:
        raise ValueError(f"{name}: x must be images (N, C, H, W), but has shape {x.shape}")


def _shown(value: Any) -> str:
    if isinstance(value, Tensor) or is_array(value):
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    return repr(value)

"""Calls of convolutions that must be refused: a random valid call in which one argument is made invalid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigan import functions as F
from minigan.testing.cases import CASES, FunctionCall
from minigan.testing.random_inputs import RNG, choice, integer, padding_per_side


@dataclass(frozen=True)
class InvalidCall:
    """call: raises ValueError or TypeError. reason: what is invalid. match: a pattern for the error's message, which
    must name the function and the argument."""

    call: FunctionCall
    reason: str
    match: str


Arguments = dict[str, Any]  # x, weight, bias and options, by name
Change = Callable[[Arguments, RNG], None]  # makes one of them invalid


def _array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Change:
    return lambda arguments, rng: arguments.update({name: change(arguments[name])})


def _one_of(option: str, *values: Any) -> Change:
    return lambda arguments, rng: arguments.update({option: choice(rng, values)})


def _longer(array: np.ndarray, axis: int, by: int = 1) -> np.ndarray:
    """The array with zeros at the end of an axis."""
    return np.pad(array, [(0, by if a == axis else 0) for a in range(array.ndim)])


def _more_channels(axis: int) -> Change:
    return lambda arguments, rng: arguments.update(weight=_longer(arguments["weight"], axis, integer(rng, 1, 2)))


def _kernel_too_large(arguments: Arguments, rng: RNG) -> None:
    x, weight = arguments["x"], arguments["weight"]
    if arguments["padding"] == "same":  # then any kernel fits
        arguments["padding"] = 0
    axis = integer(rng, 0, 1)
    padded = x.shape[2 + axis] + sum(padding_per_side(arguments["padding"])[axis])
    lacking = padded + integer(rng, 1, 2) - weight.shape[2 + axis]
    arguments["weight"] = _longer(weight, 2 + axis, max(0, lacking))


def _all_cropped(arguments: Arguments, rng: RNG) -> None:
    full = F.conv_transpose2d(**{**arguments, "padding": 0}).shape[2:]
    axis, crop = integer(rng, 0, 1), [[0, 0], [0, 0]]
    crop[axis][integer(rng, 0, 1)] = full[axis] + integer(rng, 0, 1)
    arguments["padding"] = tuple(map(tuple, crop))


# By the reason: a pattern for the argument that the message must name, and the change.
BOTH: dict[str, tuple[str, Change]] = {
    "x lacks an axis": ("x", _array("x", lambda x: x[0])),
    "x has integers": ("x", _array("x", lambda x: x.astype("int64"))),
    "x has no pixels": ("x|image|pixels", _array("x", lambda x: x[:, :, :0])),
    "weight lacks an axis": ("weight", _array("weight", lambda w: w[0])),
    "weight has no taps": ("weight|kernel", _array("weight", lambda w: w[..., :0])),
    "weight has another dtype": ("weight", _array("weight", lambda w: w.astype("float32"))),
    "bias has another length": ("bias", _array("bias", lambda b: _longer(b, 0))),
    "stride is below 1": ("stride", _one_of("stride", 0, -1, (0, 1), (1, -2))),
    "stride has no such form": ("stride", _one_of("stride", 1.5, "2", None, (1,), (1, 2, 3), (1, 2.0))),
    "padding is negative": ("padding", _one_of("padding", -1, (0, -1), ((0, 0), (-1, 0)), ((0, -2), (1, 1)))),
    "padding has no such form": (
        "padding", _one_of("padding", 0.5, "valid", "SAME", None, (1,), (1, 2, 3), (1, 0.5), ((1, 2, 3), 0)),
    ),
}  # fmt: skip
CONV2D = {
    **BOTH,
    "weight takes other channels": ("weight", _more_channels(axis=1)),
    "the kernel is larger than the padded image": ("weight|kernel", _kernel_too_large),
}
CONV_TRANSPOSE2D = {
    **BOTH,
    "weight takes other channels": ("weight", _more_channels(axis=0)),
    "padding crops all": ("padding", _all_cropped),
    "output_padding is no less than the stride": ("output_padding", _one_of("output_padding", 3, (0, 3), (4, 0))),
    "output_padding is negative": ("output_padding", _one_of("output_padding", -1, (0, -1))),
    "output_padding has no such form": (
        "output_padding", _one_of("output_padding", 0.5, "same", None, (0, 0, 0), ((0, 0), (0, 0))),
    ),
}  # fmt: skip


def invalid_conv2d(rng: RNG) -> InvalidCall:
    """A call of `conv2d` with one invalid argument."""
    return _invalid_call(rng, "conv2d", CONV2D, out_axis=0)


def invalid_conv_transpose2d(rng: RNG) -> InvalidCall:
    """A call of `conv_transpose2d` with one invalid argument."""
    return _invalid_call(rng, "conv_transpose2d", CONV_TRANSPOSE2D, out_axis=1)


def _invalid_call(rng: RNG, name: str, changes: dict[str, tuple[str, Change]], out_axis: int) -> InvalidCall:
    """out_axis: the axis of weight that has y's channels, and so bias."""
    reason = choice(rng, list(changes))
    argument, change = changes[reason]
    call = CASES[name].draw(rng)
    x, weight = call.inputs[:2]
    arguments = {"x": x, "weight": weight, "bias": np.zeros(weight.shape[out_axis]), **call.options}
    change(arguments, rng)
    inputs = [arguments.pop(array) for array in ("x", "weight", "bias")]
    return InvalidCall(FunctionCall(call.function, inputs, arguments), reason, rf"^{name}: .*\b({argument})\b")

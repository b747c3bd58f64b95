"""Convolutions that cannot be: a random valid call in which one thing is made wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigan import functions as F
from minigan.testing.cases import CASES, Call
from minigan.testing.draws import Generator, choice, integer, sides


@dataclass(frozen=True)
class Mistake:
    """call: to be refused with a ValueError or TypeError. what: is wrong. match: a pattern for its message.

    The pattern asks for the name of the function, and of the argument that is wrong.
    """

    call: Call
    what: str
    match: str


@dataclass
class _Draft:
    """A call while it is being spoiled. in_axis: the axis of weight that has x's channels."""

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    options: dict[str, Any]
    in_axis: int


Spoil = Callable[[_Draft, Generator], None]


def _replaced(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    return lambda draft, rng: setattr(draft, name, change(getattr(draft, name)))


def _one_of(option: str, *values: Any) -> Spoil:
    return lambda draft, rng: draft.options.update({option: choice(rng, values)})


def _longer(array: np.ndarray, axis: int, by: int = 1) -> np.ndarray:
    """With zeros at the end of an axis."""
    return np.pad(array, [(0, by if a == axis else 0) for a in range(array.ndim)])


def _other_channels(draft: _Draft, rng: Generator) -> None:
    draft.weight = _longer(draft.weight, draft.in_axis, integer(rng, 1, 2))


def _kernel_too_large(draft: _Draft, rng: Generator) -> None:
    if draft.options["padding"] == "same":  # then any kernel fits
        draft.options["padding"] = 0
    axis = integer(rng, 0, 1)
    room = draft.x.shape[2 + axis] + sum(sides(draft.options["padding"])[axis])
    lacking = room + integer(rng, 1, 2) - draft.weight.shape[2 + axis]
    draft.weight = _longer(draft.weight, 2 + axis, max(0, lacking))


def _all_cropped(draft: _Draft, rng: Generator) -> None:
    full = F.conv_transpose2d(draft.x, draft.weight, **{**draft.options, "padding": 0}).shape[2:]
    axis, crop = integer(rng, 0, 1), [[0, 0], [0, 0]]
    crop[axis][integer(rng, 0, 1)] = full[axis] + integer(rng, 0, 1)
    draft.options["padding"] = tuple(map(tuple, crop))


# What is wrong: the argument that the message must name, and how to go wrong.
OF_BOTH: dict[str, tuple[str, Spoil]] = {
    "x lacks an axis": ("x", _replaced("x", lambda x: x[0])),
    "x has integers": ("x", _replaced("x", lambda x: x.astype("int64"))),
    "x has no pixels": ("x|image|pixels", _replaced("x", lambda x: x[:, :, :0])),
    "weight lacks an axis": ("weight", _replaced("weight", lambda w: w[0])),
    "weight takes other channels": ("weight", _other_channels),
    "weight has no taps": ("weight|kernel", _replaced("weight", lambda w: w[..., :0])),
    "weight has another dtype": ("weight", _replaced("weight", lambda w: w.astype("float32"))),
    "bias has another length": ("bias", _replaced("bias", lambda b: _longer(b, 0))),
    "stride is below 1": ("stride", _one_of("stride", 0, -1, (0, 1), (1, -2))),
    "stride has no such form": ("stride", _one_of("stride", 1.5, "2", None, (1,), (1, 2, 3), (1, 2.0))),
    "padding is negative": ("padding", _one_of("padding", -1, (0, -1), ((0, 0), (-1, 0)), ((0, -2), (1, 1)))),
    "padding has no such form": (
        "padding", _one_of("padding", 0.5, "valid", "SAME", None, (1,), (1, 2, 3), (1, 0.5), ((1, 2, 3), 0)),
    ),
}  # fmt: skip
OF_CONVOLUTION = {
    **OF_BOTH,
    "the kernel is larger than the padded image": ("weight|kernel", _kernel_too_large),
}
OF_TRANSPOSED_CONVOLUTION = {
    **OF_BOTH,
    "padding crops all": ("padding", _all_cropped),
    "output_padding is no less than the stride": ("output_padding", _one_of("output_padding", 3, (0, 3), (4, 0))),
    "output_padding is negative": ("output_padding", _one_of("output_padding", -1, (0, -1))),
    "output_padding has no such form": (
        "output_padding", _one_of("output_padding", 0.5, "same", None, (0, 0, 0), ((0, 0), (0, 0))),
    ),
}  # fmt: skip


def of_convolution(rng: Generator) -> Mistake:
    """A call of `conv2d` with one mistake."""
    return _mistake(rng, "conv2d", OF_CONVOLUTION, in_axis=1)


def of_transposed_convolution(rng: Generator) -> Mistake:
    """A call of `conv_transpose2d` with one mistake."""
    return _mistake(rng, "conv_transpose2d", OF_TRANSPOSED_CONVOLUTION, in_axis=0)


def _mistake(rng: Generator, name: str, table: dict[str, tuple[str, Spoil]], in_axis: int) -> Mistake:
    what = choice(rng, list(table))
    argument, spoil = table[what]
    call = CASES[name].draw(rng)
    x, weight = call.inputs[:2]
    draft = _Draft(x, weight, np.zeros(weight.shape[1 - in_axis]), dict(call.options), in_axis)
    spoil(draft, rng)
    spoiled = Call(call.function, [draft.x, draft.weight, draft.bias], draft.options)
    return Mistake(spoiled, what, rf"^{name}: .*\b({argument})\b")

"""Options: the fields of a dataclass that a user may choose, on the command line, in a file or in Python.

    @dataclass(eq=False)
    class MyGAN(Algorithm):
        gamma: float = option(0.5, "how diverse the samples shall be", FRACTION)
        width: int = 64                                  # a plain field is an option too

Each is told once, here: its name, default, help text and what values it may take. `minigan train` makes its options
from these fields, and `check_options` refuses what does not fit in one sentence.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard


class ConfigError(ValueError):
    """An option that makes no sense; the message says which, the value found and the values possible."""


@dataclass(frozen=True)
class Kind:
    """What values an option takes. needed: says it in words. parse: from the command line's text. several: whether the
    option may be given several times, each a part of a tuple. parts: the names of a tuple's parts, which follow each
    other on the command line (--value-range LOW HIGH)."""

    fits: Callable[[Any], bool]
    needed: str
    parse: Callable[[str], Any] = str
    choices: Mapping[str, object] | None = None
    several: bool = False
    metavar: str | None = None
    parts: tuple[str, ...] = ()

    def read(self, text: str) -> Any:
        """argparse's `type`: the value (of several or of parts, one) that a text of the command line stands for."""
        try:
            value = self.parse(text)
            if self.several or self.parts or self.fits(value):
                return value
        except ValueError:
            pass
        raise argparse.ArgumentTypeError(f"{text!r} is not {self.needed}")


Choices: TypeAlias = Mapping[str, Any]  # values of options by name, not yet checked


def _is_number(value: object, kind: type | tuple[type, ...] = (int, float)) -> TypeGuard[float]:
    return isinstance(value, kind) and not isinstance(value, bool)  # True is an int to Python


def _whole(text: str) -> int:
    if not (text.isascii() and text.lstrip("-").isdecimal()):  # "²" is a digit too, but no number to int()
        raise ValueError(text)
    return int(text)


TEXT = Kind(lambda v: isinstance(v, str), "a text")
WHOLE = Kind(lambda v: _is_number(v, int), "a whole number", _whole)
COUNT = Kind(lambda v: _is_number(v, int) and v >= 1, "a whole number of 1 or more", _whole)
NATURAL = Kind(lambda v: _is_number(v, int) and v >= 0, "a whole number of 0 or more", _whole)
NUMBER = Kind(lambda v: _is_number(v) and math.isfinite(v), "a number", float)
POSITIVE = Kind(lambda v: _is_number(v) and 0 < v < math.inf, "a number above 0", float)
NOT_NEGATIVE = Kind(lambda v: _is_number(v) and 0 <= v < math.inf, "a number of 0 or more", float)
FRACTION = Kind(lambda v: _is_number(v) and 0 <= v < 1, "a number in [0, 1)", float)
PAIR_OF_FRACTIONS = Kind(
    lambda v: isinstance(v, (tuple, list)) and len(v) == 2 and all(map(FRACTION.fits, v)),
    "two numbers, each in [0, 1)", lambda text: tuple(map(float, text.split(","))), metavar="A,B",
)  # fmt: skip
FLAG = Kind(lambda v: isinstance(v, bool), "true or false")  # given as --name or --no-name
_PLAIN = {"str": TEXT, "int": WHOLE, "float": NUMBER, "bool": FLAG}  # of fields that name no kind, by their type


def one_of(choices: Mapping[str, object]) -> Kind:
    """A name in a registry."""
    return Kind(lambda v: isinstance(v, str) and v in choices, f"one of {', '.join(choices)}", str, choices)


def or_none(kind: Kind) -> Kind:
    """The kind's values, and None for a value that is found out later."""
    return dataclasses.replace(kind, fits=lambda v: v is None or kind.fits(v))


def option(default: Any, help: str, kind: Kind | None = None, set_by: str = "", group: str = "") -> Any:
    """A dataclass field that is an option.

    set_by: the name of an option that sets this one and all others with that name at once (`lr`: `lr_G`, `lr_D`).
    group: under which heading `--help` shows it.
    """
    told = {"help": help, "set_by": set_by, "group": group}
    return dataclasses.field(default=default, metadata={"kind": kind, "option": told})


@dataclass(frozen=True)
class Option:
    """An option as a class declares it."""

    name: str
    default: Any
    kind: Kind
    help: str = ""
    set_by: str = ""
    group: str = ""


def options_of(cls: type) -> dict[str, Option]:
    """The options of a dataclass by name, in the order of its fields."""
    found = {}
    for field in dataclasses.fields(cls):
        if field.default is dataclasses.MISSING:
            raise TypeError(f"{cls.__name__}.{field.name}: an option needs a default")
        named = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")
        kind = field.metadata.get("kind") or _PLAIN.get(named)
        if kind is None:
            raise TypeError(
                f"{cls.__name__}.{field.name}: an option is a str, int, float or bool, or says its kind: "
                "option(default, help, kind)"
            )
        found[field.name] = Option(field.name, field.default, kind, **field.metadata.get("option", {}))
    return found


def check_options(instance: object, cls: type | None = None) -> None:
    """Raise ConfigError for the first option of a dataclass' instance whose value does not fit. Lists become tuples.

    cls: the dataclass whose options these are, if the instance has other fields too.
    """
    for name, option in options_of(cls or type(instance)).items():
        value, kind = getattr(instance, name), option.kind
        if not kind.fits(value):
            if kind.choices is not None and not kind.several:
                raise ConfigError(f"{name} {value!r} is not known: choose from {', '.join(kind.choices)}")
            raise ConfigError(f"{name} is {value!r}, but must be {kind.needed}")
        if isinstance(value, list):  # JSON has lists only
            object.__setattr__(instance, name, tuple(value))

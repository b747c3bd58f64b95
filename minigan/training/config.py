"""What a run is: every choice that shapes it, with each model's own defaults."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigan.backend import parse_device
from minigan.models import MODELS
from minigan.objectives import OBJECTIVES
from minigan.training.steps import STEPS


class ConfigError(ValueError):
    """An option that makes no sense; the message says which, the value found and the values possible."""


@dataclass(frozen=True)
class Config:
    """A run's configuration; it is saved with the run as config.json.

    model, data: what learns from what. channels: 1 (grey), 3 (colour), None (as the data). objective
    and step: see `objectives` and `training.steps`. lr_G, lr_D, betas, eps: Adam's; epsilon_hat: in
    TensorFlow's form. averaging: how much of G's averaged weights is kept at each step (0: no average; 0.999: an
    average over about the last 1,000 steps), from which samples are then drawn. grid: how many
    samples a grid shows. checkpoint_every: epochs between checkpoints that stay. tf32: float32 products on a GPU
    round their factors to 10 bits, which is faster and coarser (elsewhere it changes nothing). sync_batch_norm: whether
    processes that train together normalise by the whole batch, not each by its share of it (alone it changes nothing).
    """

    model: str = "quick28"
    data: str = "mnist"
    channels: int | None = None
    objective: str = "non-saturating"
    step: str = "alternating"
    epochs: int = 10
    batch_size: int = 64
    lr_G: float = 2e-4
    lr_D: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    eps: float = 1e-8
    epsilon_hat: bool = False
    averaging: float = 0.0
    seed: int = 0
    device: str = "auto"
    tf32: bool = False
    grid: int = 64
    checkpoint_every: int = 5
    sync_batch_norm: bool = False

    def __post_init__(self) -> None:
        for name, choices in {"model": MODELS, "objective": OBJECTIVES, "step": STEPS}.items():
            _check_known(name, getattr(self, name), choices)
        self._require("data", lambda v: isinstance(v, str) and v, "mnist or a path")
        self._require("channels", lambda v: v is None or _is_number(v, int) and v in (1, 3), "1 (grey) or 3 (colour)")
        for name in ("epochs", "grid", "checkpoint_every"):
            self._require(name, lambda v: _is_number(v, int) and v >= 1, "a whole number of 1 or more")
        self._require(
            "batch_size", lambda v: _is_number(v, int) and v >= 2, "a whole number of 2 or more (one has no variance)"
        )
        self._require("seed", lambda v: _is_number(v, int) and v >= 0, "a whole number of 0 or more")
        for name in ("lr_G", "lr_D", "eps"):
            self._require(name, lambda v: _is_number(v) and 0 < v < math.inf, "a number above 0")
        two = "two numbers, each in [0, 1)"
        self._require("betas", lambda v: isinstance(v, (tuple, list)) and len(v) == 2 and all(map(_is_share, v)), two)
        self._require("averaging", _is_share, "a number in [0, 1)")
        for name in ("epsilon_hat", "tf32", "sync_batch_norm"):
            self._require(name, lambda v: isinstance(v, bool), "true or false")
        self._require("device", _is_device, "auto, cpu, gpu or gpu:N")
        object.__setattr__(self, "betas", tuple(self.betas))  # JSON has lists only

    def _require(self, name: str, fits: Callable[[Any], Any], needed: str) -> None:
        value = getattr(self, name)
        if not fits(value):
            raise ConfigError(f"{name} is {value!r}, but must be {needed}")

    @classmethod
    def for_model(cls, model: str = "quick28", **choices: Any) -> Config:
        """The model's own defaults, with `choices` on top."""
        _check_known("model", model, MODELS)
        names = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(choices.keys() - set(names))
        if unknown:
            raise ConfigError(f"{', '.join(unknown)}: no such choice; the choices are {', '.join(names)}")
        return cls(model=model, **(PRESETS[model] | choices))

    @classmethod
    def from_json(cls, text: str) -> Config:
        """The configuration that `to_json` wrote, or a hand-written part of one."""
        return cls.for_model(**_choices_in(text))

    @classmethod
    def load(cls, path: str | Path, **choices: Any) -> Config:
        """The configuration in a file, with `choices` on top."""
        try:
            from_file = _choices_in(Path(path).read_text(encoding="utf-8"))
            cls.for_model(**from_file)  # what is wrong in the file is said of the file
        except OSError as error:
            raise ConfigError(f"cannot read the configuration {path}: {error.strerror or error}") from None
        except ValueError as error:  # a ConfigError, or not UTF-8
            raise ConfigError(f"{path}: {error}") from None
        return cls.for_model(**(from_file | choices))

    def to_json(self) -> str:
        """As JSON, one choice a line."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def with_choices(self, **choices: Any) -> Config:
        """A copy with some choices changed."""
        return dataclasses.replace(self, **choices)


def _choices_in(text: str) -> dict[str, Any]:
    try:
        choices = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the configuration is not JSON: {error}") from None
    if not isinstance(choices, dict):
        raise ConfigError(f"the configuration must be a JSON object, not {type(choices).__name__}")
    return choices


def _check_known(name: str, value: Any, choices: Iterable[str]) -> None:
    if value not in list(choices):
        raise ConfigError(f"{name} {value!r} is not known: choose from {', '.join(choices)}")


def _is_number(value: Any, kind: Any = (int, float)) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)  # True is an int to Python


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value < 1


def _is_device(value: Any) -> bool:
    try:
        return value == "auto" or bool(isinstance(value, str) and parse_device(value))
    except ValueError:
        return False


# The rates, batch sizes and steps the models were published with (quick28: found by measurement).
PRESETS: dict[str, dict[str, Any]] = {
    "quick28": {"epochs": 3, "batch_size": 64, "lr_G": 1e-3, "lr_D": 2e-4, "averaging": 0.999},
    "mlp": {"epochs": 200, "batch_size": 100, "betas": (0.9, 0.999)},
    "dcgan28": {
        "epochs": 50, "batch_size": 256, "lr_G": 1e-4, "lr_D": 1e-4, "betas": (0.9, 0.999), "eps": 1e-7,
        "epsilon_hat": True, "step": "simultaneous",
    },
    "dcgan64": {"epochs": 5, "batch_size": 128},
    "face": {"epochs": 10, "batch_size": 64},
}  # fmt: skip

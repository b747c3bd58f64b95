"""What a run is: every choice that shapes it, with each model's own defaults."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigan.models import MODELS
from minigan.objectives import OBJECTIVES
from minigan.training.steps import STEPS


class ConfigError(ValueError):
    """An option that makes no sense; the message says which, the value found and the values possible."""


@dataclass(frozen=True)
class Config:
    """A run's configuration; it is saved with the run as config.json.

    model, data: what learns from what. channels: 1 (grey), 3 (colour), None (as the data). objective and step: see
    `objectives` and `training.steps`. lr_G, lr_D, betas, eps: Adam's; epsilon_hat: in TensorFlow's
    form. averaging: how much of G's averaged weights is kept at each step (0: no average; 0.999: an
    average over about the last 1,000 steps), from which samples are then drawn. grid: how many
    samples a grid shows. checkpoint_every: epochs between checkpoints that stay.
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
    grid: int = 64
    checkpoint_every: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas))
        for name, choices in {"model": MODELS, "objective": OBJECTIVES, "step": STEPS}.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(f"{name} {value!r} is not known: choose from {', '.join(choices)}")
        _require(self.channels in (None, 1, 3), "channels", self.channels, "1 (grey) or 3 (colour)")
        for name in ("epochs", "batch_size", "grid", "checkpoint_every"):
            value = getattr(self, name)
            _require(isinstance(value, int) and value >= 1, name, value, "a whole number of 1 or more")
        _require(self.batch_size >= 2, "batch_size", self.batch_size, "2 or more (one image has no variance)")
        _require(isinstance(self.seed, int) and self.seed >= 0, "seed", self.seed, "a whole number of 0 or more")
        for name in ("lr_G", "lr_D", "eps"):
            value = getattr(self, name)
            _require(isinstance(value, (int, float)) and 0 < value < float("inf"), name, value, "a number above 0")
        betas_fit = len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas)
        _require(betas_fit, "betas", self.betas, "two numbers in [0, 1)")
        _require(0 <= self.averaging < 1, "averaging", self.averaging, "a number in [0, 1)")

    @classmethod
    def for_model(cls, model: str = "quick28", **choices: Any) -> Config:
        """The model's own defaults, with `choices` on top."""
        if model not in MODELS:
            raise ConfigError(f"model {model!r} is not known: choose from {', '.join(MODELS)}")
        unknown = choices.keys() - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise ConfigError(f"{', '.join(sorted(unknown))}: no such choice in a configuration")
        return cls(model=model, **(PRESETS[model] | choices))

    @classmethod
    def from_json(cls, text: str) -> Config:
        """The configuration that `to_json` wrote, or a hand-written part of one."""
        try:
            choices = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"the configuration is not JSON: {error}") from None
        if not isinstance(choices, dict):
            raise ConfigError(f"the configuration must be a JSON object, not {type(choices).__name__}")
        return cls.for_model(choices.pop("model", "quick28"), **choices)

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """The configuration in a file."""
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the configuration {path}: {error}") from None
        except (ConfigError, TypeError) as error:
            raise ConfigError(f"{path}: {error}") from None

    def to_json(self) -> str:
        """As JSON, one choice a line."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    def with_choices(self, **choices: Any) -> Config:
        """A copy with some choices changed."""
        return dataclasses.replace(self, **choices)


def _require(holds: bool, name: str, value: Any, needed: str) -> None:
    if not holds:
        raise ConfigError(f"{name} is {value!r}, but must be {needed}")


# The rates, batch sizes and steps the models were published with (quick28: found by measurement).
PRESETS: dict[str, dict[str, Any]] = {
    "quick28": {"epochs": 10, "batch_size": 64, "lr_G": 5e-4, "lr_D": 5e-4, "averaging": 0.999},
    "mlp": {"epochs": 200, "batch_size": 100, "betas": (0.9, 0.999)},
    "dcgan28": {
        "epochs": 50, "batch_size": 256, "lr_G": 1e-4, "lr_D": 1e-4, "betas": (0.9, 0.999), "eps": 1e-7,
        "epsilon_hat": True, "step": "simultaneous",
    },
    "dcgan64": {"epochs": 5, "batch_size": 128},
    "face": {"epochs": 10, "batch_size": 64},
}  # fmt: skip

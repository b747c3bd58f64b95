"""What a run is: every choice that shapes it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigan.algorithms import ALGORITHMS, Algorithm, find_algorithm
from minigan.algorithms.registry import is_file, short_name
from minigan.backend import parse_device
from minigan.metrics import METRICS
from minigan.models import MODELS
from minigan.options import (
    COUNT,
    FLAG,
    FRACTION,
    NATURAL,
    ConfigError,
    Kind,
    check_options,
    option,
    options_of,
    or_none,
)  # fmt: skip
from minigan.recipes import RECIPES

DEFAULT_RECIPE = "quick28"


def _is_device(value: Any) -> bool:
    try:
        return value == "auto" or bool(isinstance(value, str) and parse_device(value))
    except ValueError:
        return False


def _canonical_device(text: str) -> str:
    return text if text == "auto" else str(parse_device(text))


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


BATCH = Kind(
    lambda v: COUNT.fits(v) and v >= 2, "a whole number of 2 or more (one has no variance)", COUNT.parse
)  # fmt: skip
CHANNELS = Kind(lambda v: v is None or COUNT.fits(v) and v in (1, 3), "1 (grey) or 3 (colour)", int, {"1": 1, "3": 3})
DEVICE = Kind(_is_device, "auto, cpu, gpu or gpu:N", _canonical_device)
RECIPE = Kind(lambda v: v is None or isinstance(v, str) and v in RECIPES, "a recipe's name", str, RECIPES)
ALGORITHM = Kind(
    lambda v: isinstance(v, str) and (v in ALGORITHMS or is_file(v)),
    f"{', '.join(ALGORITHMS)}, or file.py:Class for one of your own", str, metavar="NAME|FILE.py:CLASS",
)  # fmt: skip
SCORES = Kind(
    lambda v: isinstance(v, (tuple, list)) and all(isinstance(m, str) and m in METRICS for m in v),
    f"names from {', '.join(METRICS)}", str, METRICS, several=True,
)  # fmt: skip


@dataclass(frozen=True)
class RunOptions:
    """The choices of any run, whatever its algorithm."""

    recipe: str | None = option(None, "a name for all choices below: see minigan recipes", RECIPE, group="what")
    algorithm: str = option("gan", "what is trained and how (default: gan)", ALGORITHM, group="what")
    data: str = option(
        "mnist", "mnist (default), a folder of IDX files, .npz, .npy, a folder or zip of images",
        Kind(_is_path, "mnist or a path"), group="what",
    )  # fmt: skip
    channels: int | None = option(None, "1 grey, 3 colour (default: as the data)", CHANNELS, group="what")
    epochs: int = option(10, "how often to go through the data, in all", COUNT, group="how")
    steps: int | None = option(None, "how many steps to take in all, instead of epochs", or_none(COUNT), group="how")
    batch_size: int = option(64, "samples a batch", BATCH, group="how")
    ema_decay: float = option(
        0.0, "how much of G's averaged weights is kept a step, to sample from; 0: no average", FRACTION, group="how"
    )
    seed: int = option(0, "of weights, noise, order and dropout (default: 0)", NATURAL, group="how")
    device: str = option("auto", "auto (default), cpu, gpu or gpu:N", DEVICE, group="run")
    tf32: bool = option(
        False, "on a GPU, make float32 products in TF32, faster and coarser (default: off)", FLAG, group="run"
    )
    grid: int = option(64, "samples in a grid (default: 64)", COUNT, group="run")
    checkpoint_every: int = option(5, "epochs between checkpoints that stay (default: 5)", COUNT, group="run")
    evaluate_every: int = option(0, "epochs between scores; 0: none (default)", NATURAL, group="run")
    metrics: tuple[str, ...] = option(
        (), "which scores (default: all that fit the data); may be given several times", SCORES, group="run"
    )
    sync_batch_norm: bool = option(
        False, "with --data-parallel: BatchNorm normalises by the whole batch, not by a process' share (default: off)",
        FLAG, group="run",
    )  # fmt: skip


@dataclass(frozen=True)
class Config(RunOptions):
    """A run's configuration; it is saved with the run as config.json. options: the algorithm's own.

    Make one with `Config.choose(model="dcgan28", epochs=2)`, which takes options of both kinds, and for the rest the
    recipe's (or the model's), then the algorithm's defaults.
    """

    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_options(self, RunOptions)
        algorithm = self.make_algorithm()  # checks the options
        chosen = {name: getattr(algorithm, name) for name in options_of(type(algorithm))}
        object.__setattr__(self, "options", chosen)

    @property
    def algorithm_class(self) -> type[Algorithm]:
        """What `algorithm` names."""
        return find_algorithm(self.algorithm)

    def make_algorithm(self) -> Algorithm:
        """A new algorithm of these options, not yet set up."""
        return self.algorithm_class(**self.options)

    @property
    def name(self) -> str:
        """What the run is called: its recipe, its model, or its algorithm."""
        return self.recipe or self.options.get("model") or short_name(self.algorithm)

    @classmethod
    def choose(cls, *layers: Mapping[str, Any], **choices: Any) -> Config:
        """The defaults, with `layers` of choices on top, and `choices` on top of them all."""
        layers = (*layers, choices)
        chosen: dict[str, Any] = {name: value for layer in layers for name, value in layer.items()}
        for name in ("recipe", "algorithm"):
            if chosen.get(name) is not None:
                _check_one(name, chosen[name])
        algorithm, base = _base_of(chosen)
        own = options_of(algorithm)
        merged = {name: value for name, value in base.items() if name in own or name not in _model_options(algorithm)}
        for layer in layers:
            merged |= _expanded(layer, own)
        run = options_of(RunOptions)
        unknown = sorted(merged.keys() - run.keys() - own.keys())
        if unknown:
            known = ", ".join([*run, *own])
            raise ConfigError(f"{', '.join(unknown)}: no such choice; the choices are {known}")
        options = {name: value for name, value in merged.items() if name in own}
        return cls(**{name: value for name, value in merged.items() if name in run}, options=options)

    @classmethod
    def for_model(cls, model: str = "quick28", **choices: Any) -> Config:
        """The model's own defaults, with `choices` on top."""
        return cls.choose(model=model, **choices)

    @classmethod
    def from_json(cls, text: str) -> Config:
        """The configuration that `to_json` wrote, or a hand-written part of one."""
        return cls.choose(_choices_in(text))

    @classmethod
    def load(cls, path: str | Path, **choices: Any) -> Config:
        """The configuration in a file, with `choices` on top."""
        try:
            from_file = _choices_in(Path(path).read_text(encoding="utf-8"))
            cls.choose(from_file)  # what is wrong in the file is said of the file
        except OSError as error:
            raise ConfigError(f"cannot read the configuration {path}: {error.strerror or error}") from None
        except ValueError as error:  # a ConfigError, or not UTF-8
            raise ConfigError(f"{path}: {error}") from None
        return cls.choose(from_file, choices)

    def choices(self) -> dict[str, Any]:
        """All choices by name, the algorithm's beside the run's."""
        run = {name: getattr(self, name) for name in options_of(RunOptions)}
        return run | dict(self.options)

    def to_json(self) -> str:
        """As JSON, one choice a line."""
        return json.dumps(self.choices(), indent=2) + "\n"

    def with_choices(self, **choices: Any) -> Config:
        """A copy with some choices changed."""
        run = {name: value for name, value in choices.items() if name in options_of(RunOptions)}
        own = {name: value for name, value in choices.items() if name not in run}
        return dataclasses.replace(self, **run, options=dict(self.options) | own)


def _base_of(chosen: Mapping[str, Any]) -> tuple[type[Algorithm], Mapping[str, Any]]:
    """The algorithm's class, and the choices of the recipe: of the one named, else of the model."""
    if chosen.get("recipe") is not None:
        base = RECIPES[chosen["recipe"]].choices
        return find_algorithm(chosen.get("algorithm") or base.get("algorithm", "gan")), base
    if chosen.get("algorithm") in (None, *ALGORITHMS):
        model = chosen.get("model", DEFAULT_RECIPE)
    else:
        own = options_of(find_algorithm(chosen["algorithm"]))
        model = chosen.get("model", own["model"].default) if "model" in own else None
    if model is None:
        return find_algorithm(chosen["algorithm"]), {}
    if model not in list(MODELS):
        raise ConfigError(f"model {model!r} is not known: choose from {', '.join(MODELS)}")
    base = {"model": model} | MODELS[model].DEFAULTS
    return find_algorithm(chosen.get("algorithm") or base.get("algorithm", "gan")), base


def _model_options(algorithm: type[Algorithm]) -> set[str]:
    """Options that a recipe may set for minigan's own GANs, and another algorithm need not have."""
    return {name for cls in ALGORITHMS.values() for name in options_of(cls)}


def _expanded(choices: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The choices, with one that sets several (lr) as these: any that is chosen by its own name stays as chosen."""
    sets = {o.set_by for o in own.values() if o.set_by and o.set_by in choices}
    wide = {name: choices[o.set_by] for name, o in own.items() if o.set_by in sets}
    return wide | {name: value for name, value in choices.items() if name not in sets}


def _check_one(name: str, value: Any) -> None:
    option = options_of(RunOptions)[name]
    if not option.kind.fits(value):
        known = RECIPES if name == "recipe" else [*ALGORITHMS, "file.py:Class"]
        raise ConfigError(f"{name} {value!r} is not known: choose from {', '.join(known)}")


def _choices_in(text: str) -> dict[str, Any]:
    try:
        choices = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the configuration is not JSON: {error}") from None
    if not isinstance(choices, dict):
        raise ConfigError(f"the configuration must be a JSON object, not {type(choices).__name__}")
    return _renamed(choices)


def _renamed(choices: dict[str, Any]) -> dict[str, Any]:
    """A configuration of minigan 0.1, in today's names."""
    choices = dict(choices)
    if "averaging" in choices:
        choices["ema_decay"] = choices.pop("averaging")
    steps = {"alternating": "gan", "simultaneous": "simultaneous-gan"}
    if choices.get("step") in steps:
        choices["algorithm"] = steps[choices.pop("step")]
    return choices

"""What a run is: every choice that shapes it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minigan.algorithms import ALGORITHMS, GAN, Algorithm, find_algorithm
from minigan.algorithms.registry import is_file, short_name
from minigan.files import read_file
from minigan.models import MODELS
from minigan.options import Choices, ConfigError, Option, check_options, options_of
from minigan.recipes import RECIPES, RENAMED
from minigan.training.run_options import RunOptions


@dataclass(frozen=True)
class Config(RunOptions):
    """A run's configuration; it is saved with the run as config.json. options: the algorithm's own.

    Make one with `Config.choose(model="dcgan28", epochs=2)`, which takes options of both kinds, and for the rest the
    recipe's (or the model's), then the algorithm's defaults.
    """

    options: Choices = field(default_factory=dict)

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
        own = short_name(self.algorithm) if is_file(self.algorithm) else self.options.get("model")
        return self.recipe or own or self.algorithm

    @classmethod
    def choose(cls, *layers: Choices, **choices: Any) -> Config:
        """The defaults, with `layers` of choices on top, and `choices` on top of them all."""
        layers = (*layers, choices)
        chosen: dict[str, Any] = {name: value for layer in layers for name, value in layer.items()}
        run = options_of(RunOptions)
        for name, known in {"recipe": RECIPES, "algorithm": [*ALGORITHMS, "file.py:Class"]}.items():
            if chosen.get(name) is not None and not run[name].kind.fits(chosen[name]):
                raise ConfigError(f"{name} {chosen[name]!r} is not known: choose from {', '.join(known)}")
        algorithm, base = base_of(chosen)
        own = options_of(algorithm)
        merged = dict(base)
        for layer in layers:
            merged |= _expanded(layer, own)
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
            from_file = _choices_in(read_file(path).decode("utf-8"))
            cls.choose(from_file)  # what is wrong in the file is said of the file
        except OSError as error:
            raise ConfigError(f"cannot read the configuration {path}: {error.strerror or error}") from None
        except ValueError as error:  # a ConfigError, or not UTF-8
            raise ConfigError(f"{path}: {error}") from None
        for name in ("recipe", "model"):
            if name in choices and from_file.get(name) not in (None, choices[name]):
                raise ConfigError(
                    f"{path} is of the {name} {from_file[name]}, and its choices would stay: --{name} {choices[name]} "
                    "and --config exclude each other"
                )
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


def base_of(chosen: Choices) -> tuple[type[Algorithm], Choices]:
    """The algorithm's class, and the choices of the recipe: of the one named, else of a GAN's model, but for what the
    class of a user's own GAN has other defaults for."""
    recipe, named = chosen.get("recipe"), chosen.get("algorithm")
    if recipe is not None:
        if is_file(named or ""):
            raise ConfigError(
                f"the recipe {recipe} has an algorithm of its own, so --recipe and {named} exclude each other"
            )
        base = RECIPES[recipe].choices
    else:
        algorithm = find_algorithm(named or "gan")
        if not issubclass(algorithm, GAN):
            return algorithm, {}
        own, usual = options_of(algorithm), options_of(GAN)
        model = chosen.get("model", own["model"].default)
        if model not in list(MODELS):
            raise ConfigError(f"model {model!r} is not known: choose from {', '.join(MODELS)}")
        redefined = {name for name in usual if own[name].default != usual[name].default}
        defaults = {name: value for name, value in MODELS[model].DEFAULTS.items() if name not in redefined}
        base = {"model": model, **defaults}
    return find_algorithm(named or base.get("algorithm", "gan")), base


def _expanded(choices: Choices, own: Mapping[str, Option]) -> dict[str, Any]:
    """The choices, with one that sets several (lr) as these: any that is chosen by its own name stays as chosen."""
    sets = {o.set_by for o in own.values() if o.set_by and o.set_by in choices}
    wide = {name: choices[o.set_by] for name, o in own.items() if o.set_by in sets}
    return wide | {name: value for name, value in choices.items() if name not in sets}


def _choices_in(text: str) -> dict[str, Any]:
    """The choices of a configuration as JSON, one of an earlier minigan in today's names."""
    try:
        choices = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the configuration is not JSON: {error}") from None
    if not isinstance(choices, dict):
        raise ConfigError(f"the configuration must be a JSON object, not {type(choices).__name__}")
    if choices.get("recipe") in list(RENAMED):  # a list: what JSON holds need not be hashable
        choices["recipe"] = RENAMED[choices["recipe"]]
    if not is_file(choices.get("algorithm", "")):  # one of a user's own may have options of these names
        if "averaging" in choices:
            choices["ema_decay"] = choices.pop("averaging")
        steps = {"alternating": "gan", "simultaneous": "simultaneous-gan"}
        if choices.get("step") in steps:
            choices["algorithm"] = steps[choices.pop("step")]
    return choices

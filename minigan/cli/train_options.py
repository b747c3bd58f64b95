"""The options of `minigan train`, made from the fields of `RunOptions` and of the algorithm that is chosen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from minigan.algorithms import GAN, Algorithm, find_algorithm
from minigan.cli.help import help_of
from minigan.files import read_file
from minigan.options import COUNT, FLAG, Choices, ConfigError, Option, options_of
from minigan.recipes import RECIPES
from minigan.training.config import base_of
from minigan.training.run_options import READING, RunOptions

_RENAMED = {"--averaging": "--ema-decay", "--step": "--algorithm gan, or --algorithm simultaneous-gan,"}


def add_train_options(train: argparse.ArgumentParser, argv: Sequence[str]) -> None:
    """All options of `minigan train`."""
    algorithm, base, whose = _algorithm_in(argv) if argv[:1] == ["train"] else (find_algorithm("gan"), {}, "")
    train.set_defaults(algorithm_class=algorithm)
    why = f"the defaults are those of {whose}" if whose else None
    if whose in RECIPES:
        why = f"{why}: --recipe NAME --help shows another's"
    groups = {
        "what": train.add_argument_group("what to train"),
        "data": train.add_argument_group("how the data is read"),
        "how": train.add_argument_group("how", why),
        "run": train.add_argument_group("the run"),
    }
    of_run, options = options_of(RunOptions).values(), options_of(algorithm).values()
    defaults = {option.name: option.default for option in (*of_run, *options)}
    defaults = {**defaults, **base} if base is not None else {}
    for option in of_run:
        _add(groups[option.group], option, defaults.get(option.name))
    own = train.add_argument_group(f"options of {algorithm.__name__}", why)
    for option in options:
        try:
            _add(own, option, defaults.get(option.name))
        except argparse.ArgumentError:
            message = f"{algorithm.__name__}: {option.name} is an option of every run: call it otherwise"
            raise ConfigError(message) from None
    for name in set_by(algorithm):
        sets = [option for option in options if option.set_by == name]
        _add(own, Option(name, None, sets[0].kind, f"sets {' and '.join(option.name for option in sets)}"), None)
    run = groups["run"]
    run.add_argument(
        "--out", "--runs", default="runs", metavar="FOLDER", help="where run folders are, and are made (default: runs)"
    )
    run.add_argument("--resume", metavar="last|PATH", help="go on with the last run, a run's folder, or a checkpoint")
    run.add_argument("--config", metavar="FILE", help="choices as JSON (a run's config.json); options go on top")
    run.add_argument(
        "--detect-anomaly", action="store_true", help="stop at the first NaN or Inf and say where it arose; slow"
    )
    run.add_argument(
        "--trace-every", type=COUNT.read, metavar="STEPS",
        help="save what happens in every so-many-th step (default: none)",
    )  # fmt: skip
    run.add_argument(
        "--watch", action="store_true", help="serve a page that shows the run in a browser, as minigan watch does"
    )
    run.add_argument(
        "--tensorboard", action="store_true", help="write TensorBoard's event files too, into the run's folder"
    )
    run.add_argument(
        "--data-parallel", action="store_true",
        help="all processes that mpiexec started train one run together, each on its own device: each takes its share "
        "of a batch, so --batch-size and all else mean what they mean to one process, and a run can be resumed by any "
        "number of them",
    )  # fmt: skip
    run.add_argument(
        "--mine", action="store_true",
        help="compute with your own answers to the lessons, of backward passes, in place of the engine's",
    )  # fmt: skip
    run.add_argument("--dry-run", action="store_true", help="show the configuration as JSON, and do nothing")
    for old, new in _RENAMED.items():
        train.add_argument(old, help=argparse.SUPPRESS, action=_Renamed, const=new, nargs="?")


def add_reading_options(parser: argparse.ArgumentParser, title: str) -> None:
    """The options of how data is read, as a group of this title."""
    group, options = parser.add_argument_group(title), options_of(RunOptions)
    for name in READING:
        _add(group, options[name], None)


def chosen_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was chosen on the command line, by name."""
    if arguments.steps is not None and arguments.epochs is not None:
        raise ConfigError("--steps and --epochs exclude each other: both say how long to train")
    algorithm = arguments.algorithm_class
    names = [*options_of(RunOptions), *options_of(algorithm), *set_by(algorithm)]
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def set_by(algorithm: type[Algorithm]) -> list[str]:
    """The options that set several of an algorithm's at once."""
    return list(dict.fromkeys(option.set_by for option in options_of(algorithm).values() if option.set_by))


def _add(group: argparse._ArgumentGroup, option: Option, default: object) -> None:
    """Add an option. default: what it is if it is not given, for the help text alone."""
    kind, name = option.kind, f"--{option.name.replace('_', '-')}"
    more: dict[str, Any] = {"help": help_of(option, default).replace("%", "%%"), "default": None, "dest": option.name}
    if kind is FLAG:
        group.add_argument(name, action=argparse.BooleanOptionalAction, **more)
        return
    if kind.several:
        more["action"] = "append"
    if kind.parts:
        more |= {"type": kind.read, "nargs": len(kind.parts), "metavar": kind.parts}
    elif kind.choices is None:
        more |= {"type": kind.read, "metavar": kind.metavar or option.name.upper()}
    else:
        more |= {"choices": list(kind.choices), "metavar": "NAME"}
    group.add_argument(name, **more)


def _algorithm_in(argv: Sequence[str]) -> tuple[type[Algorithm], Choices | None, str]:
    """The algorithm that a command line is about, and the choices that it begins with: what they are (None: a file's),
    and whose."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in ("--algorithm", "--recipe", "--model", "--config"):
        finder.add_argument(name)
    try:
        found, _ = finder.parse_known_args([a for a in argv if a not in ("-h", "--help")])
    except (argparse.ArgumentError, SystemExit):
        return find_algorithm("gan"), {}, ""  # the whole parser says what is wrong
    name, recipe = found.algorithm, found.recipe or found.model
    if not name and found.config:
        with suppress(OSError, ValueError, RecursionError, KeyError, TypeError):  # said when the file is loaded
            name = json.loads(read_file(found.config))["algorithm"]
    elif not name and recipe in RECIPES:
        name = RECIPES[recipe].choices.get("algorithm", "gan")
    algorithm = find_algorithm(name if isinstance(name, str) else "gan")
    if found.config:
        return algorithm, None, found.config
    if not issubclass(algorithm, GAN):
        return algorithm, {}, ""
    named = {key: value for key in ("algorithm", "recipe", "model") if (value := getattr(found, key)) is not None}
    try:
        algorithm, base = base_of(named)
    except (ConfigError, KeyError):  # said by the whole parser, or when the run is made
        return algorithm, {}, ""
    return algorithm, base, recipe or base["model"]


class _Renamed(argparse.Action):
    def __call__(self, parser: object, namespace: object, values: object, option_string: str | None = None) -> None:
        raise ConfigError(f"{option_string} is gone: use {self.const} instead")

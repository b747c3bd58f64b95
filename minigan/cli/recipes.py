"""`minigan recipes`: the names that `minigan train --recipe` knows, and the tables they stand in."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from minigan.cli.common import say
from minigan.experiments import EXPERIMENTS, Experiment, Result, run
from minigan.experiments.experiment import ResultsError, estimate, shown
from minigan.experiments.own import ELSEWHERE, OF_YOUR_DATA, OWN, data_of, own_figure, own_minutes, own_results
from minigan.options import NATURAL
from minigan.recipes import RECIPES, Recipe
from minigan.table import Column, line
from minigan.training import Config, ConfigError, Interrupted
from minigan.training.commands import program


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan recipes`."""
    parser.add_argument(
        "words", nargs="*", metavar="[run] NAME",
        help="show a recipe, with all its choices (default: list all); or, after run, compute a table or a recipe's "
        f"own figure: {', '.join(EXPERIMENTS)}",
    )  # fmt: skip
    parser.add_argument(
        "--row", action="append", metavar="NAME", help="of the table, may be given several times (default: all)"
    )
    parser.add_argument(
        "--seeds", type=_seeds, default=(0, 1, 2), metavar="A,B,...", help="each row once under each (default: 0,1,2)"
    )
    parser.add_argument("--out", default="results", help="where results and runs are kept (default: results)")


def _seeds(text: str) -> tuple[int, ...]:
    """0,1,2"""
    return tuple(NATURAL.read(part) for part in text.split(","))


def recipes(arguments: argparse.Namespace) -> None:
    """List the recipes, show one, or run the experiment of a table."""
    if arguments.row and arguments.words[:1] != ["run"]:
        raise ConfigError(f"--row {arguments.row[0]}: only of a table that is run: {program()} recipes run NAME")
    match arguments.words:
        case []:
            _list()
        case ["run", name]:
            _run(name, arguments)
        case [name] if name != "run":
            _show(name)
        case ["run"]:
            raise ConfigError(f"run which? {', '.join(EXPERIMENTS)}, or a recipe's name")
        case words:
            raise ConfigError(f"{' '.join(words)}: name one recipe, or run and one name")


def _list() -> None:
    width, results = max(map(len, RECIPES)), own_results()
    for recipe in RECIPES.values():
        print(f"{recipe.name:{width}}  {recipe.summary}")
        print(" " * width + "  " + " · ".join(_facts(recipe, results)))
    print("\nminigan recipes NAME shows one; minigan train --recipe NAME trains it; minigan recipes run NAME scores it")


def _facts(recipe: Recipe, results: Sequence[Result]) -> Iterator[str]:
    """The paper's authors, the data, the published figure and ours, and how long a run takes."""
    yield re.sub(r"(, \d{4}).*", r"\1", recipe.paper)
    yield data_of(recipe.name)
    if recipe.published:
        yield f"published: {recipe.published}"
    if own := own_figure(results, recipe.name):
        yield f"here: {own}"
    if minutes := own_minutes(results, recipe.name):
        yield f"{minutes:.0f} min" if minutes > 1 else "1 min"


def _show(name: str) -> None:
    if name not in RECIPES:
        raise ConfigError(f"recipe {name!r} is not known: choose from {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    print(f"{recipe.name}: {recipe.summary}")
    own = own_figure(own_results(), name)
    for label, text in {"paper": recipe.paper, "published": recipe.published, "here": own}.items():
        if text:
            print(f"{label:10} {text}")
    print(Config.choose(recipe=recipe.name).to_json(), end="")


def _run(name: str, arguments: argparse.Namespace) -> None:
    experiment, rows = _asked(name, arguments.row)
    seeds = list(dict.fromkeys(arguments.seeds))
    try:
        results = list(run(experiment, Path(arguments.out), seeds, rows, say))
    except Interrupted:
        again = [program(), "recipes", "run", name]
        again += [word for row in arguments.row or () for word in ("--row", row)]
        again += ["--seeds", ",".join(map(str, seeds)), "--out", arguments.out]
        raise Interrupted(f"stopped; all is saved. The same command goes on: {shlex.join(again)}") from None
    except ResultsError as error:
        raise ConfigError(f"{error}: move the file away to compute it anew") from None
    print_results(experiment, results, rows)


def _asked(name: str, rows: Sequence[str] | None) -> tuple[Experiment, list[str]]:
    """The table that this name means, and its rows that are asked for: all, if none are named."""
    if name in EXPERIMENTS:
        experiment = EXPERIMENTS[name]
        for row in rows or ():
            if row not in experiment.rows:
                raise ConfigError(f"--row {row}: the table {name} has {', '.join(experiment.rows)}")
        return experiment, list(dict.fromkeys(rows or experiment.rows))
    if name not in RECIPES:
        raise ConfigError(f"table {name!r} is not known: choose from {', '.join(EXPERIMENTS)}, or a recipe")
    if rows:
        raise ConfigError(f"--row {rows[0]}: {name} is a recipe, which has no rows")
    if name in OF_YOUR_DATA:
        raise ConfigError(f"{name} is for images of your own: {program()} train --recipe {name} --data FOLDER")
    table, row = ELSEWHERE.get(name, (OWN.name, name))
    return EXPERIMENTS[table], [row]


def print_results(experiment: Experiment, results: Sequence[Result], rows: Sequence[str]) -> None:
    """The table of these rows, and what others have printed below it."""
    of = {row: {name: estimate(results, row, name) for name in experiment.columns} for row in rows}
    names = [name for name in experiment.columns if any(scores[name] is not None for scores in of.values())]
    cells = [[row, *(shown(scores[name]) for name in names)] for row, scores in of.items()]
    cells += [[of, *(scores.get(name, "") for name in names)] for of, scores in experiment.published.items()]
    headings = ["", *names]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    columns = [Column(heading, width, left=not heading) for heading, width in zip(headings, widths, strict=True)]
    for row in [headings, *cells]:
        print(line(columns, row))

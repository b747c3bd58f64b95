"""`minigan recipes`: the names that `minigan train --recipe` knows, and the tables they stand in."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from minigan.cli.common import say
from minigan.experiments import EXPERIMENTS, Experiment, Result, run
from minigan.experiments.experiment import estimate
from minigan.recipes import RECIPES
from minigan.table import Column, line
from minigan.training import Config, ConfigError, Interrupted
from minigan.training.commands import program


def recipes(arguments: argparse.Namespace) -> None:
    """List the recipes, show one, or run the experiment of a table."""
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
    width = max(map(len, RECIPES))
    for recipe in RECIPES.values():
        print(f"{recipe.name:{width}}  {recipe.summary}")
    print("\nminigan recipes NAME shows one; minigan train --recipe NAME trains it")


def _show(name: str) -> None:
    if name not in RECIPES:
        raise ConfigError(f"recipe {name!r} is not known: choose from {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    print(f"{recipe.name}: {recipe.summary}")
    for label, text in {"paper": recipe.paper, "published": recipe.published}.items():
        if text:
            print(f"{label:10} {text}")
    print(Config.choose(recipe=recipe.name).to_json(), end="")


def _run(name: str, arguments: argparse.Namespace) -> None:
    if name not in EXPERIMENTS:
        raise ConfigError(f"table {name!r} is not known: choose from {', '.join(EXPERIMENTS)}")
    experiment = EXPERIMENTS[name]
    rows = arguments.row or list(experiment.rows)
    for row in rows:
        if row not in experiment.rows:
            raise ConfigError(f"--row {row}: the table {name} has {', '.join(experiment.rows)}")
    try:
        results = list(run(experiment, Path(arguments.out), arguments.seeds, rows, say))
    except Interrupted:
        again = f"{program()} recipes run {name}"
        raise Interrupted(f"stopped; all is saved. The same command goes on: {again}") from None
    print_results(experiment, results, rows)


def print_results(experiment: Experiment, results: Sequence[Result], rows: Sequence[str]) -> None:
    """The table of these rows, and what others have printed below it."""
    cells = [[row, *(str(estimate(results, row, column) or "") for column in experiment.columns)] for row in rows]
    cells += [
        [name, *(figures.get(column, "") for column in experiment.columns)]
        for name, figures in experiment.published.items()
    ]
    headings = ["", *experiment.columns]
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    columns = [Column(heading, width, left=not heading) for heading, width in zip(headings, widths, strict=True)]
    for row in [headings, *cells]:
        print(line(columns, row))

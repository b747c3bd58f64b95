"""`minigan recipes`: the names that `minigan train --recipe` knows."""

from __future__ import annotations

import argparse

from minigan.recipes import RECIPES
from minigan.training import Config, ConfigError


def recipes(arguments: argparse.Namespace) -> None:
    """List the recipes, or show one."""
    if not arguments.recipe:
        width = max(map(len, RECIPES))
        for recipe in RECIPES.values():
            print(f"{recipe.name:{width}}  {recipe.summary}")
        print("\nminigan recipes NAME shows one; minigan train --recipe NAME trains it")
        return
    if arguments.recipe not in RECIPES:
        raise ConfigError(f"recipe {arguments.recipe!r} is not known: choose from {', '.join(RECIPES)}")
    recipe = RECIPES[arguments.recipe]
    print(f"{recipe.name}: {recipe.summary}")
    for label, text in {"paper": recipe.paper, "published": recipe.published}.items():
        if text:
            print(f"{label:10} {text}")
    print(Config.choose(recipe=recipe.name).to_json(), end="")

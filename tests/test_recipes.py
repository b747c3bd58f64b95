"""Recipes: each is a choice that a run can be made of, and says what its paper says."""

from __future__ import annotations

import json

import pytest

from minigan.algorithms import ALGORITHMS, GAN
from minigan.models import MODELS
from minigan.options import options_of
from minigan.recipes import RECIPES, RENAMED
from minigan.training.config import Config, RunOptions


@pytest.mark.parametrize("name", RECIPES)
def test_every_choice_is_an_option_and_is_taken(name):
    choices = RECIPES[name].choices
    algorithm = ALGORITHMS[choices.get("algorithm", "gan")]
    assert choices.keys() <= options_of(algorithm).keys() | options_of(RunOptions).keys()
    config = Config.choose(recipe=name)
    assert type(config.make_algorithm()) is algorithm
    assert {key: config.choices()[key] for key in choices} == dict(choices)


@pytest.mark.parametrize("name", RECIPES)
def test_what_each_says(name):
    recipe = RECIPES[name]
    assert recipe.name == name and recipe.paper and 20 < len(recipe.summary) < 100
    assert not recipe.summary.endswith(".") and "\n" not in recipe.summary


def test_every_model_is_that_of_a_recipe_with_its_own_defaults():
    every = [recipe.choices for recipe in RECIPES.values()]
    for name, module in MODELS.items():
        assert {"model": name} | module.DEFAULTS in every


@pytest.mark.parametrize("old", RENAMED)
def test_a_run_made_of_a_recipe_of_an_earlier_name_is_read(old):
    assert Config.from_json(json.dumps({"recipe": old})) == Config.choose(recipe=RENAMED[old])


@pytest.mark.parametrize("name", [name for name in RECIPES if "model" in RECIPES[name].choices])
def test_the_penalties_suit_the_model(name):
    """`use` refuses a D with BatchNorm under a gradient penalty."""
    choices = {key: value for key, value in RECIPES[name].choices.items() if key in options_of(GAN)}
    model = MODELS[choices["model"]]
    made_for = (1, 10) if getattr(model.Generator, "conditional", False) else (1,)
    GAN(**choices).use(model.Generator(*made_for), model.Discriminator(*made_for))


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("wgan", {"objective": "wasserstein", "weight_clip": 0.03, "optimizer": "rmsprop", "n_critic": 5}),
        ("wgan-gp", {"objective": "wasserstein", "penalties": ("gradient",), "n_critic": 5, "betas": (0.5, 0.9)}),
        ("wgan-div", {"objective": "wasserstein", "penalties": ("divergence",)}),
        ("hinge", {"objective": "hinge"}),
        ("r1", {"objective": "non-saturating", "penalties": ("r1",)}),
        ("lsgan", {"objective": "least-squares", "model": "quick28"}),
        ("cgan", {"model": "cgan28", "objective": "non-saturating"}),
        ("ring", {"model": "plane", "objective": "non-saturating", "pac": 1}),
        ("grid", {"model": "plane", "objective": "non-saturating", "pac": 1}),
        ("pacgan", {"model": "plane", "objective": "non-saturating", "pac": 2}),
        ("relativistic", {"model": "quick28", "objective": "relativistic-average"}),
        ("sagan", {"model": "sagan28", "objective": "hinge", "betas": (0.0, 0.9)}),
    ],
)
def test_what_each_is(name, chosen):
    """All that is not named is as a plain GAN has it: no penalty beside a clipped weight."""
    gan = Config.choose(recipe=name).make_algorithm()
    plain = {"penalties": (), "weight_clip": 0.0, "optimizer": "adam"}
    assert {key: getattr(gan, key) for key in plain | chosen} == plain | chosen

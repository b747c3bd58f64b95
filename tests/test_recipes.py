"""Recipes: each is a choice that a run can be made of, and says what its paper says."""

from __future__ import annotations

import pytest

from minigan.algorithms import ALGORITHMS, GAN
from minigan.models import MODELS
from minigan.options import options_of
from minigan.recipes import RECIPES
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


def test_every_model_is_a_recipe_with_its_own_defaults():
    for name, module in MODELS.items():
        assert RECIPES[name].choices == {"model": name} | module.DEFAULTS


@pytest.mark.parametrize("name", RECIPES)
def test_the_penalties_suit_the_model(name):
    """`use` refuses a D with BatchNorm under a gradient penalty."""
    choices = {key: value for key, value in RECIPES[name].choices.items() if key in options_of(GAN)}
    model = MODELS[choices["model"]]
    made_for = (1, 10) if getattr(model.Generator, "conditional", False) else (1,)
    GAN(**choices).use(model.Generator(*made_for), model.Discriminator(*made_for))


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("wgan-28", {"objective": "wasserstein", "weight_clip": 0.01, "optimizer": "rmsprop", "n_critic": 5}),
        ("wgan-gp-28", {"objective": "wasserstein", "penalties": ("gradient",), "n_critic": 5, "betas": (0.5, 0.9)}),
        ("wgan-div-28", {"objective": "wasserstein", "penalties": ("divergence",)}),
        ("hinge-28", {"objective": "hinge"}),
        ("r1-28", {"objective": "non-saturating", "penalties": ("r1",)}),
        ("lsgan-28", {"objective": "least-squares", "model": "quick28"}),
        ("cgan28", {"model": "cgan28", "objective": "non-saturating"}),
        ("sagan", {"model": "sagan28", "objective": "hinge", "betas": (0.0, 0.9)}),
    ],
)
def test_what_each_is(name, chosen):
    """All that is not named is as a plain GAN has it: no penalty beside a clipped weight."""
    gan = Config.choose(recipe=name).make_algorithm()
    plain = {"penalties": (), "weight_clip": 0.0, "optimizer": "adam"}
    assert {key: getattr(gan, key) for key in plain | chosen} == plain | chosen

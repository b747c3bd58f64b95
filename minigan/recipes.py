"""Recipes: a name for a whole set of choices, with the paper it is from.

    minigan train --recipe wgan-gp-28

Every model of `minigan.models` is a recipe of its own name, with its own defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

from minigan.models import MODELS
from minigan.options import Choices


@dataclass(frozen=True)
class Recipe:
    """Options of an algorithm and of `training.Config`. published: a number that was, with how it was got."""

    name: str
    summary: str
    choices: Choices
    paper: str
    published: str = ""


_GOODFELLOW = "Goodfellow et al., 2014, Generative Adversarial Nets"
_LEARNING = "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks"
_DCGAN = f"Radford, Metz and Chintala, 2016, {_LEARNING}"
_MIRZA = "Mirza and Osindero, 2014, Conditional Generative Adversarial Nets"
_GULRAJANI = "Gulrajani et al., 2017, Improved Training of Wasserstein GANs"
_KARRAS = "Karras et al., 2018, Progressive Growing of GANs for Improved Quality, Stability, and Variation"
_PAPERS = {
    "mlp": _GOODFELLOW, "dcgan28": _DCGAN, "dcgan64": _DCGAN, "face": _DCGAN, "quick28": _DCGAN, "cgan28": _MIRZA,
    "critic28": _GULRAJANI, "pggan": _KARRAS,
}  # fmt: skip


_MODEL_RECIPES = {
    name: Recipe(name, model.summary, {"model": name, **model.DEFAULTS}, _PAPERS.get(name, ""))
    for name, model in MODELS.items()
}
_LUCIC = "FID {} on MNIST's test digits, as reported by Lucic et al., 2018 (Inception features, InfoGAN's networks)"
_WGAN_GP = dict(_MODEL_RECIPES["critic28"].choices)
_PGGAN = dict(_MODEL_RECIPES["pggan"].choices)
_QUICK = dict(_MODEL_RECIPES["quick28"].choices)

_OTHERS = [
    Recipe(
        "wgan-28", "WGAN: a critic with clipped weights estimates the Wasserstein distance",
        _WGAN_GP | {
            "epochs": 25, "penalties": (), "weight_clip": 0.01, "optimizer": "rmsprop", "lr_G": 5e-5, "lr_D": 5e-5,
        },
        "Arjovsky, Chintala and Bottou, 2017, Wasserstein GAN", _LUCIC.format(6.7),
    ),
    Recipe(
        "wgan-gp-28", "WGAN-GP: the critic's slope is drawn to 1 between real samples and fakes", _WGAN_GP, _GULRAJANI,
        _LUCIC.format(20.3),
    ),
    Recipe(
        "wgan-div-28", "WGAN-div: the sixth power of the critic's slope is added to its loss",
        _WGAN_GP | {"penalties": ("divergence",)},
        "Wu et al., 2018, Wasserstein Divergence for GANs",
    ),
    Recipe(
        "hinge-28", "the hinge loss: D has nothing more to learn from samples it is sure of",
        _QUICK | {"objective": "hinge"},
        "Lim and Ye, 2017, Geometric GAN",
    ),
    Recipe(
        "r1-28", "the non-saturating loss, with D's slope at real samples drawn to 0",
        _WGAN_GP | {"objective": "non-saturating", "penalties": ("r1",), "n_critic": 1},
        "Mescheder, Geiger and Nowozin, 2018, Which Training Methods for GANs do actually Converge?",
    ),
    Recipe(
        "lsgan-28", "LSGAN: squares in place of logarithms",
        _QUICK | {"objective": "least-squares"},
        "Mao et al., 2017, Least Squares Generative Adversarial Networks", _LUCIC.format(7.8),
    ),
    Recipe(
        "pggan-face", "PGGAN for a few thousand colour images, such as faces: name them with --data",
        _PGGAN | {"epochs": 10}, _KARRAS,
    ),
]  # fmt: skip

RECIPES: dict[str, Recipe] = _MODEL_RECIPES | {recipe.name: recipe for recipe in _OTHERS}

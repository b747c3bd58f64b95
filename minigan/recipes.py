"""Recipes: a name for a whole set of choices, with the paper it is from.

    minigan train --recipe wgan-gp

A model of `minigan.models` that has a paper here is a recipe of its own name too, with its own defaults.
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
_VEEGAN = "Srivastava et al., 2017, VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning"
_ZHANG = "Zhang et al., 2019, Self-Attention Generative Adversarial Networks"
_KARRAS = "Karras et al., 2018, Progressive Growing of GANs for Improved Quality, Stability, and Variation"
_PAPERS = {
    "mlp": _GOODFELLOW, "dcgan28": _DCGAN, "dcgan64": _DCGAN, "face": _DCGAN, "quick28": _DCGAN,
    "small28": _DCGAN, "pggan": _KARRAS,
}  # fmt: skip


_PARZEN = "{}, log-likelihood of Parzen windows on MNIST's test digits"
_LUCIC = "FID {} on MNIST's test digits, as reported by Lucic et al., 2018 (Inception features, InfoGAN's networks)"
_CIFAR = "FID {} on CIFAR-10 (the public code xyfJASON/gans-pytorch)"
_STACKED = "{} of 1,000 modes of stacked MNIST, with a D of a quarter of its width"
_PUBLISHED = {
    "mlp": _PARZEN.format("225 ± 2"), "quick28": _LUCIC.format("6.8"), "small28": _LUCIC.format("6.8"),
    "dcgan28": _LUCIC.format("6.8"), "dcgan64": _CIFAR.format("24.7"), "pggan": _STACKED.format("860"),
}  # fmt: skip
_MODEL_RECIPES = {
    name: Recipe(name, model.summary, {"model": name, **model.DEFAULTS}, paper, _PUBLISHED.get(name, ""))
    for name, model in MODELS.items()
    if (paper := _PAPERS.get(name))
}
# Earlier names: runs of then go on.
RENAMED = {
    "wgan-28": "wgan", "wgan-gp-28": "wgan-gp", "wgan-div-28": "wgan-div", "hinge-28": "hinge", "r1-28": "r1",
    "lsgan-28": "lsgan", "cgan28": "cgan", "critic28": "wgan-gp",
}  # fmt: skip
_WGAN_GP, _QUICK, _PLANE = ({"model": name, **MODELS[name].DEFAULTS} for name in ("critic28", "quick28", "plane"))

_OTHERS = [
    Recipe(  # The paper's clip of 0.01 and rates of 5e-5 lose digits in an hour: these were found by measurement.
        "wgan", "WGAN: a critic with clipped weights estimates the Wasserstein distance",
        _WGAN_GP | {"epochs": 20, "penalties": (), "weight_clip": 0.03, "optimizer": "rmsprop"},
        "Arjovsky, Chintala and Bottou, 2017, Wasserstein GAN", _LUCIC.format("6.7 ± 0.4"),
    ),
    Recipe(
        "wgan-gp", "WGAN-GP: the critic's slope is drawn to 1 between real samples and fakes", _WGAN_GP, _GULRAJANI,
        _LUCIC.format("20.3 ± 5.0"),
    ),
    Recipe(
        "wgan-div", "WGAN-div: the sixth power of the critic's slope is added to its loss",
        _WGAN_GP | {"penalties": ("divergence",)},
        "Wu et al., 2018, Wasserstein Divergence for GANs",
    ),
    Recipe(
        "hinge", "the hinge loss: D has nothing more to learn from samples it is sure of",
        _QUICK | {"objective": "hinge"},
        "Lim and Ye, 2017, Geometric GAN", _CIFAR.format("28.5, with spectral norm,"),
    ),
    Recipe(
        "r1", "the non-saturating loss, with D's slope at real samples drawn to 0",
        _WGAN_GP | {"objective": "non-saturating", "penalties": ("r1",), "n_critic": 1},
        "Mescheder, Geiger and Nowozin, 2018, Which Training Methods for GANs do actually Converge?",
    ),
    Recipe(
        "lsgan", "LSGAN: squares in place of logarithms",
        _QUICK | {"objective": "least-squares"},
        "Mao et al., 2017, Least Squares Generative Adversarial Networks", _LUCIC.format("7.8 ± 0.6"),
    ),
    Recipe(
        "cgan", "a conditional GAN: G is told which digit to draw, and D which digit it is asked about",
        {"model": "cgan28", **MODELS["cgan28"].DEFAULTS}, _MIRZA, _PARZEN.format("132 ± 1.8"),
    ),
    Recipe(
        "ring", "a GAN on 8 Gaussians on a ring: how many of them does it find?", _PLANE, _VEEGAN,
        "1 mode of 8, 99.3 % of samples within 3σ of one",
    ),
    Recipe(
        "grid", "a GAN on 25 Gaussians on a grid: how many of them does it find?", _PLANE | {"data": "grid"}, _VEEGAN,
        "3.3 modes of 25, 0.5 % of samples within 3σ of one",
    ),
    Recipe(
        "pacgan", "PacGAN: D judges two samples together, so that it sees how much alike fakes are",
        _PLANE | {"pac": 2},
        "Lin, Khetan, Fanti and Oh, 2018, PacGAN: The power of two samples in generative adversarial networks",
    ),
    Recipe(
        "minibatch-std", "a GAN on 8 Gaussians whose D sees how much alike the points of a batch are",
        {"model": "plane_mbstd", **MODELS["plane_mbstd"].DEFAULTS}, _KARRAS,
        _STACKED.format("881"),
    ),
    Recipe(
        "relativistic", "relativistic average GAN: is a sample more real than fakes are on average?",
        _QUICK | {"objective": "relativistic-average"},
        "Jolicoeur-Martineau, 2018, The relativistic discriminator: a key element missing from standard GAN",
    ),
    Recipe(
        "vae", "a variational autoencoder: no discriminator, blurred digits of all kinds",
        {"algorithm": "vae", "epochs": 10, "batch_size": 128},
        "Kingma and Welling, 2014, Auto-Encoding Variational Bayes",
        "loss on MNIST's test digits 106.66 after epoch 7 of 10, of PyTorch's example",
    ),
    Recipe(
        "gmmn", "a generator that matches moments: a fixed kernel in place of the discriminator",
        {"algorithm": "gmmn", "epochs": 40, "batch_size": 256},
        "Li, Swersky and Zemel, 2015, Generative Moment Matching Networks",
        _PARZEN.format("147 ± 2"),
    ),
    Recipe(
        "sagan", "SAGAN: attention and spectral norm in both networks, the hinge loss, a rate for each",
        {"model": "sagan28", **MODELS["sagan28"].DEFAULTS}, _ZHANG,
        "FID 18.65 on ImageNet at 128×128, where the best before had 27.6",
    ),
    Recipe(
        "pggan-face", "PGGAN for a few thousand colour images, such as faces: name them with --data",
        dict(_MODEL_RECIPES["pggan"].choices) | {"epochs": 10}, _KARRAS,
    ),
]  # fmt: skip

RECIPES: dict[str, Recipe] = _MODEL_RECIPES | {recipe.name: recipe for recipe in _OTHERS}

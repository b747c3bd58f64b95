"""The figure of each recipe, trained as its name alone says: what `minigan recipes` prints beside the published one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from minigan.algorithms import GMMN, VAE, Algorithm
from minigan.experiments.digits import parzen_of_samples, test_loss
from minigan.experiments.experiment import Experiment, Result, Scores, estimate, read_results, shown
from minigan.experiments.training_row import Training, scores_of_samples
from minigan.recipes import RECIPES
from minigan.training import Config

RESULTS = Path(__file__).parent / "results"  # of this package's own runs
SAMPLES = 5000
# The scores that say most, the first one that there is; others of a row behind it.
FIGURES = {"test_loss": "test loss {}", "modes": "{} modes", "fid": "FID {} (digit features)"}
MORE = {"good_share": "good share {}", "accuracy": "accuracy {}", "parzen": "Parzen {}"}


def _scores(algorithm: Algorithm, config: Config, seed: int) -> Scores:
    """Those that are cheap, and for an algorithm with a score of its own in the literature, that one."""
    found = dict(scores_of_samples(SAMPLES)(algorithm, config, seed))
    if isinstance(algorithm, VAE):
        found["test_loss"] = test_loss(algorithm)
    if isinstance(algorithm, GMMN):
        found |= parzen_of_samples(algorithm, seed)
    return found


# Recipes whose training is a row of another table.
ELSEWHERE = {
    "ring": ("ring", "gan"), "grid": ("grid", "gan"), "pacgan": ("ring", "pacgan2"),
    "minibatch-std": ("ring", "minibatch-std"),
}  # fmt: skip

# Recipes for data that do not come with the package.
OF_YOUR_DATA = ("pggan-face",)

# Recipes that take hours on 2 cores, and the epochs after which they are scored here.
SHORTENED = {"dcgan28": 5, "dcgan64": 1, "face": 1}


def _row(name: str) -> Training:
    choices: dict[str, Any] = {"recipe": name}
    if name in SHORTENED:
        choices["epochs"] = SHORTENED[name]
    return Training(choices, _scores)


OWN = Experiment(
    "recipes", "Each recipe as its name alone trains it",
    f"`minigan recipes run NAME`: {SAMPLES:,} samples, of G's averaged weights where the recipe averages them, against "
    "as many training samples. FID is of the features of this package's digit classifier, and is not to be compared "
    "with a published one, of Inception's. Those of ring, grid, pacgan and minibatch-std are rows of the "
    "tables of points. Where a recipe takes hours, its figure says after how many of its epochs it is.",
    {name: _row(name) for name in RECIPES if name not in (*ELSEWHERE, *OF_YOUR_DATA)},
    ("fid", "precision", "recall", "rarest_class", "accuracy", "modes", "good_share", "test_loss", "parzen"),
)  # fmt: skip


def data_of(recipe: str) -> str:
    """What a recipe is trained on: the name of a data set, or "yours"."""
    return "yours" if recipe in OF_YOUR_DATA else Config.choose(recipe=recipe).data


def own_results(folder: Path = RESULTS) -> list[Result]:
    """What was computed for this version of the package, each under its recipe's name; nothing, if nothing was."""
    found = _read(folder, OWN.name)
    for recipe, (table, row) in ELSEWHERE.items():
        found += [replace(result, row=recipe) for result in _read(folder, table) if result.row == row]
    return found


def _read(folder: Path, name: str) -> list[Result]:
    path = folder / f"{name}.json"
    return read_results(path) if path.is_file() else []


def own_figure(results: Iterable[Result], recipe: str) -> str:
    """ "FID 2.14 ± 0.18, accuracy 0.98": of a recipe; empty if it has not been run."""
    results = list(results)
    first = [(name, text) for name, text in FIGURES.items() if estimate(results, recipe, name) is not None][:1]
    rest = [(name, text) for name, text in MORE.items() if estimate(results, recipe, name) is not None]
    figure = ", ".join(text.format(shown(estimate(results, recipe, name))) for name, text in first + rest)
    if figure and recipe in SHORTENED:
        return f"{figure} after {SHORTENED[recipe]} of {Config.choose(recipe=recipe).epochs} epochs"
    return figure


def own_minutes(results: Iterable[Result], recipe: str) -> float | None:
    """Minutes that a run took, on average."""
    seconds = [result.seconds for result in results if result.row == recipe]
    return sum(seconds) / len(seconds) / 60 if seconds else None

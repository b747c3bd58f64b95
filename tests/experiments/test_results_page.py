"""The page of results: it is made of the package's results, and says what they say."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from minigan.experiments import EXPERIMENTS, Experiment
from minigan.experiments.experiment import Result, estimate, shown
from minigan.experiments.own import ELSEWHERE, OF_YOUR_DATA, OWN, SHORTENED, own_figure, own_minutes, own_results
from minigan.experiments.page import _recipes, _table, points_of, save_curves
from minigan.recipes import RECIPES
from minigan.training import Config, images


def result(row, seed, steps=0, seconds=0.0, **scores):
    return Result("test", row, seed, scores, steps, seconds, {"numpy": "2.1"}, f"2026-01-0{seed + 1}")


def test_a_table_has_means_with_intervals_then_what_was_published():
    rows = {"b": None, "a": None, "not run": None}
    experiment = Experiment("test", "T", "t", rows, ("fid", "kid"), {"theirs": {"fid": "6.7"}})
    results = [result("a", 0, 1000, 90.0, fid=2.25), result("a", 1, 1000, 150.0, fid=3.25), result("b", 0, fid=1.5)]
    assert list(_table(experiment, results)) == [
        "|  | fid | seeds | steps | minutes |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| b | 1.5 | 1 |  |  |",
        "| a | 2.8 ± 6.4 | 2 | 1,000 | 2 |",
        "| *theirs* | 6.7 |  |  |  |",
    ]


def test_own_figures_name_the_score_that_says_most():
    results = [
        result("gan", 0, fid=2.0, recall=0.5), result("ring", 0, modes=8, good_share=0.25),
        result("cgan", 0, 5, 240.0, fid=3.0, accuracy=0.98), result("vae", 0, fid=9.0, test_loss=106.5),
    ]  # fmt: skip
    assert [own_figure(results, row) for row in ("gan", "ring", "cgan", "vae", "other")] == [
        "FID 2 (digit features)", "8 modes, good share 0.25", "FID 3 (digit features), accuracy 0.98",
        "test loss 106.5", "",
    ]  # fmt: skip
    assert own_minutes(results, "cgan") == 4 and own_minutes(results, "other") is None


def test_the_figure_of_a_shortened_run_says_so():
    assert own_figure([result("dcgan28", 0, fid=3.0)], "dcgan28") == "FID 3 (digit features) after 5 of 50 epochs"
    for name, epochs in SHORTENED.items():
        asked = Config.choose(recipe=name)
        assert Config.choose(OWN.rows[name].choices).epochs == epochs < asked.epochs and asked.steps is None
    assert Config.choose(OWN.rows["hinge"].choices) == Config.choose(recipe="hinge")


def test_recipes_that_were_not_run_stand_in_the_table_too():
    lines = list(_recipes([result("lsgan", 0, 10, 60.0, fid=2.5)]))
    assert len(lines) == 2 + len(RECIPES) == 2 + len(OWN.rows) + len(ELSEWHERE) + len(OF_YOUR_DATA)
    (lsgan,) = [line for line in lines if line.startswith("| lsgan |")]
    assert "Mao et al., 2017" in lsgan and lsgan.endswith("| FID 2.5 (digit features) | 1 |")
    (own,) = [line for line in lines if line.startswith("| pggan-face |")]
    assert own.endswith("| yours |  |  |  |")
    (face,) = [line for line in lines if line.startswith("| face |")]
    assert face.endswith("|  |  |")


def test_counts_are_those_of_all_seeds():
    results = [
        result("a", seed, modes=modes, ndb=3, fid=modes + 0.5, kid=modes / 4) for seed, modes in enumerate((8, 2, 8))
    ]
    of = {name: shown(estimate(results, "a", name)) for name in ("modes", "ndb", "fid", "kid", "other")}
    assert of == {"modes": "2, 8, 8", "ndb": "3", "fid": "6.5 ± 8.6", "kid": "1.5 ± 2.2", "other": ""}


def test_the_points_of_a_curve_are_by_number_and_of_all_seeds():
    results = [
        result("gan", 0, **{"modes@2000": 310, "modes@500": 20, "kl@500": 3.0, "modes": 5}),
        result("gan", 1, **{"modes@2000": 330, "modes@500": None}), result("other", 0, **{"modes@500": 7}),
    ]  # fmt: skip
    assert points_of(results, "gan", "modes") == {500: [20], 2000: [310, 330]}


def test_curves_are_drawn(tmp_path):
    experiment = Experiment("test", "T", "t", {"gan": None, "pac": None}, (), curves={"modes": "step", "kl": "step"})
    results = [result(row, seed, **{f"{name}@{at}": at / (1 + seed) for name in ("modes", "kl") for at in (1, 2, 4)})
               for row in ("gan", "pac") for seed in (0, 1)]  # fmt: skip
    save_curves(tmp_path / "curves.png", experiment, results)
    assert images.load_png(tmp_path / "curves.png").shape[1] > 800
    assert "e+" not in str(list(_table(experiment, results)))


def test_ticks_stand_where_they_say(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path, **options: drawn.append(figure))
    experiment = Experiment("test", "T", "t", {"gan": None}, (), curves={"modes": "layer"})
    for most in (12, 512_000):
        found = [result("gan", 0, **{f"modes@{most * i // 12}": i for i in range(1, 13)})]
        save_curves(tmp_path / "curves.png", experiment, found)
        drawn[-1].draw_without_rendering()
        axis = drawn[-1].axes[0].xaxis
        said = [float(label.get_text().replace(",", "").replace("−", "-")) for label in axis.get_ticklabels()]
        assert said == pytest.approx(list(axis.get_ticklocs())) and 3 < len(said) < 9


def test_a_recipe_that_is_a_row_of_another_table_has_its_figure_from_there(tmp_path):
    rows = [result("gan", 0, 5, 60.0, modes=7, good_share=0.5), result("lsgan", 0, modes=2)]
    (tmp_path / "ring.json").write_text(json.dumps([asdict(each) for each in rows]))
    found = own_results(tmp_path)
    assert [each.row for each in found] == ["ring"] and own_figure(found, "ring") == "7 modes, good share 0.5"
    for recipe, (table, row) in ELSEWHERE.items():
        training = EXPERIMENTS[table].rows[row]
        assert Config.choose(training.choices).with_choices(recipe=recipe) == Config.choose(recipe=recipe)

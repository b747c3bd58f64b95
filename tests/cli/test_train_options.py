"""What the options of `minigan train` choose: recipes, rates, penalties, a number of steps, scores."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from minigan.data import load
from minigan.metrics import reference, sliced_wasserstein
from minigan.recipes import RECIPES
from minigan.training import Config, load_algorithm
from minigan.training.checkpoint import load_checkpoint


@pytest.fixture
def chosen(minigan, data):
    """chosen("--lr", 1): the choices of such a run, on the 40 images."""

    def call(*arguments: object) -> dict:
        said = minigan("train", "--data", data, "--dry-run", *arguments)
        assert said.code == 0, said.err
        return json.loads(said.out)

    return call


# --- recipes -------------------------------------------------------------------------------------


def test_a_recipe_s_choices_are_taken_and_options_go_on_top(chosen):
    recipe = RECIPES["hinge"].choices
    found = chosen("--recipe", "hinge")
    assert {name: tuple(v) if isinstance(v := found[name], list) else v for name in recipe} == recipe
    assert found["recipe"] == "hinge"
    more = chosen("--recipe", "hinge", "--n-critic", 3, "--epochs", 1)
    assert found["objective"] == "hinge" and more == found | {"n_critic": 3, "epochs": 1}


def test_a_recipe_s_run_is_called_after_it_and_goes_on_by_itself(minigan, data, tmp_path):
    line = ["train", "--recipe", "r1", "--data", data, "--out", tmp_path, "--batch-size", 20]
    assert minigan(*line, "--epochs", 1).code == 0
    folder = tmp_path / "00000-r1-noise-s0"
    assert all("penalty_r1" in json.loads(text) for text in (folder / "stats.jsonl").read_text().splitlines())
    assert minigan("train", "--resume", folder, "--epochs", 2).code == 0
    assert minigan(*line, "--epochs", 3, "--resume", folder).code == 0
    config = Config.load(folder / "config.json")
    assert (config.recipe, config.options["penalties"], config.epochs) == ("r1", ("r1",), 3)


# --- what goes before what -----------------------------------------------------------------------


@pytest.mark.parametrize("line, rates", [
    (["--lr", 0.25], (0.25, 0.25)),
    (["--lr", 0.25, "--lr-G", 0.5], (0.5, 0.25)),
    (["--lr-D", 0.5, "--lr", 0.25], (0.25, 0.5)),
    (["--lr-G", 0.5], (0.5, 4e-4)),
    ([], (1e-4, 4e-4)),
])  # fmt: skip
def test_one_rate_for_both_goes_before_the_recipe_s_and_behind_each_one_s_own(line, rates, chosen, monkeypatch):
    two = RECIPES["mlp"].choices | {"lr_G": 1e-4, "lr_D": 4e-4}
    monkeypatch.setitem(RECIPES, "two-rates", replace(RECIPES["mlp"], name="two-rates", choices=two))
    found = chosen("--recipe", "two-rates", *line)
    assert (found["lr_G"], found["lr_D"]) == rates


def test_a_rate_of_the_command_line_goes_before_all_rates_of_a_file(chosen, tmp_path):
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"model": "mlp", "lr_G": 0.1, "lr": 0.2}))
    rates = [chosen("--config", file, *line) for line in ([], ["--lr", 0.3], ["--lr-D", 0.3])]
    assert [(found["lr_G"], found["lr_D"]) for found in rates] == [(0.1, 0.2), (0.3, 0.3), (0.1, 0.3)]


def test_a_flag_has_a_no_of_its_own(chosen):
    assert chosen("--model", "dcgan28", "--batch-size", 8)["epsilon_hat"] is True
    assert chosen("--model", "dcgan28", "--batch-size", 8, "--no-epsilon-hat")["epsilon_hat"] is False


def test_a_configuration_of_minigan_0_1_says_the_same_in_its_own_words(chosen, tmp_path):
    old = {"model": "mlp", "averaging": 0.5, "step": "simultaneous"}
    (tmp_path / "old.json").write_text(json.dumps(old))
    found = chosen("--config", tmp_path / "old.json")
    assert (found["ema_decay"], found["algorithm"]) == (0.5, "simultaneous-gan")


# --- penalties -----------------------------------------------------------------------------------


def test_penalties_add_up_and_take_the_place_of_the_recipe_s(chosen, minigan, data, tmp_path):
    two = ["--penalties", "gradient:5", "--penalties", "drift"]
    assert chosen("--model", "mlp", *two)["penalties"] == ["gradient:5", "drift"]
    assert chosen("--recipe", "r1", "--penalties", "drift")["penalties"] == ["drift"]
    line = ["train", "--model", "mlp", "--data", data, "--out", tmp_path, "--steps", 1]
    assert minigan(*line, *two).code == 0
    assert minigan(*line, "--penalties", "gradient:10", "--penalties", "drift").code == 0
    fives, tens = (json.loads(path.read_text()) for path in sorted(tmp_path.glob("*/stats.jsonl")))
    assert tens["penalty_gradient"] == pytest.approx(2 * fives["penalty_gradient"]) != 0
    assert tens["penalty_drift"] == fives["penalty_drift"]


# --- how long ------------------------------------------------------------------------------------


def test_so_many_steps_are_taken_whatever_epochs_they_are(minigan, data, tmp_path):
    line = ["train", "--model", "mlp", "--batch-size", 8, "--data", data, "--out", tmp_path]  # 5 steps an epoch
    said = minigan(*line, "--steps", 7)
    assert said.code == 0 and "\n7 steps, batch 8, seed 0\n" in said.err
    folder = tmp_path / "00000-mlp-noise-s0"
    last = folder / "ckpt" / "last.safetensors"
    state = load_checkpoint(last).progress
    assert (state["step"], state["epoch"], state["position"]) == (7, 1, 2)
    assert {p.name for p in (folder / "samples").iterdir()} == {"reals.png", "e000.png", "e001.png", "s000007.png"}

    said = minigan("train", "--resume", folder)
    assert said.code == 2 and "has done 7 steps, and 7 in all were asked for" in said.err and "--steps 14" in said.err
    assert minigan("train", "--resume", folder, "--steps", 9).code == 0
    assert load_checkpoint(last).progress["step"] == 9
    assert minigan("train", "--resume", folder, "--epochs", 3).code == 0
    assert load_checkpoint(last).progress["step"] == 15


# --- scores --------------------------------------------------------------------------------------


def test_scores_are_written_as_the_run_goes_and_are_those_of_its_samples(minigan, data, tmp_path):
    line = ["train", "--model", "mlp", "--batch-size", 8, "--data", data, "--out", tmp_path, "--epochs", 3]
    said = minigan(*line, "--evaluate-every", 2, "--metrics", "sliced_wasserstein")
    assert said.code == 0
    folder = tmp_path / "00000-mlp-noise-s0"
    scores = scores_in(folder)
    assert [(line["step"], line["epoch"]) for line in scores] == [(10, 2), (15, 3)]
    algorithm, config = load_algorithm(folder / "ckpt" / "last.safetensors")
    drawn, real = algorithm.generate(20, config.seed + 1), reference(load(data), 2000)
    assert scores[-1]["sliced_wasserstein"] == pytest.approx(sliced_wasserstein(drawn, real.x), rel=1e-5)
    told = f"scores at step 15  sliced_wasserstein {scores[-1]['sliced_wasserstein']:.4g}"
    assert f"{told} (" in said.err and told in (folder / "log.txt").read_text()

    assert minigan("train", "--resume", folder, "--epochs", 4, "--evaluate-every", 1).code == 0
    again = scores_in(folder)
    assert again[:2] == scores and [line["epoch"] for line in again] == [2, 3, 4]


def scores_in(folder):
    lines = map(json.loads, (folder / "stats.jsonl").read_text().splitlines())
    return [line for line in lines if "seconds" not in line]


def test_without_being_asked_for_there_are_no_scores(trained):
    assert not scores_in(trained)

"""`minigan recipes`: the list, one recipe, and a table that is computed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from minigan.cli import recipes
from minigan.experiments import EXPERIMENTS, Experiment, Outcome, Result
from minigan.experiments.own import OWN
from minigan.experiments.plane import RING
from minigan.recipes import RECIPES
from minigan.training import Config, Interrupted


@pytest.fixture
def table(monkeypatch):
    """A table of two rows that are computed at once."""
    rows = {
        "gan": lambda seed, folder: Outcome({"fid": 2.25 + seed, "kid": 0.5}, 10),
        "pac": lambda seed, folder: Outcome({"fid": 1.0}, 10),
    }
    experiment = Experiment("tiny", "T", "t", rows, ("fid", "kid", "nothing"), {"theirs (2020)": {"fid": "6.7"}})
    monkeypatch.setitem(EXPERIMENTS, "tiny", experiment)
    return experiment


def test_the_list_has_two_lines_for_each_recipe(minigan):
    said = minigan("recipes")
    assert said.code == 0 and said.err == ""
    lines = said.out.splitlines()
    assert len(lines) == 2 * len(RECIPES) + 2
    assert [line.split()[0] for line in lines[:-2:2]] == list(RECIPES)
    assert all(recipe.summary in line for recipe, line in zip(RECIPES.values(), lines[::2], strict=False))
    at = next(i for i, line in enumerate(lines) if line.startswith("lsgan "))
    facts = lines[at + 1].strip()
    assert "LSGAN: squares" in lines[at] and facts.startswith("Mao et al., 2017 · mnist · published: FID")


def test_one_is_shown_with_its_paper_and_its_choices(minigan):
    said = minigan("recipes", "wgan-gp")
    head, _, text = said.out.partition("{")
    assert said.code == 0 and "Gulrajani et al., 2017, Improved Training of Wasserstein GANs" in head
    assert Config.from_json("{" + text) == Config.choose(recipe="wgan-gp")


def test_it_says_what_there_is_to_say(minigan, monkeypatch):
    monkeypatch.setitem(RECIPES, "mlp", replace(RECIPES["mlp"], published="FID 30"))
    monkeypatch.setattr(recipes, "own_results", list)
    head = minigan("recipes", "mlp").out.partition("{")[0]
    assert "published  FID 30\n" in head and "here" not in head
    assert "published" not in minigan("recipes", "face").out
    result = Result("recipes", "mlp", 0, {"fid": 9.5}, 1, 150.0, {}, "2026-01-01")
    monkeypatch.setattr(recipes, "own_results", lambda: [result])
    assert "here       FID 9.5 (digit features)\n" in minigan("recipes", "mlp").out
    assert "published: FID 30 · here: FID 9.5 (digit features) · 2 min\n" in minigan("recipes").out


def test_a_table_is_computed_printed_and_kept(table, tmp_path, minigan):
    _, out, err = minigan("recipes", "run", "tiny", "--seeds", "0,2", "--out", tmp_path)
    assert [line.split() for line in out.splitlines()] == [
        ["fid", "kid"], ["gan", "3", "±", "13", "0.5", "±", "0"], ["pac", "1"], ["theirs", "(2020)", "6.7"],
    ]  # fmt: skip
    assert "tiny: gan, seed 0 (1 of 4)" in err
    kept = json.loads((tmp_path / "tiny.json").read_text())
    assert [(each["row"], each["seed"], each["scores"]["fid"]) for each in kept] == [
        ("gan", 0, 2.25), ("gan", 2, 4.25), ("pac", 0, 1.0), ("pac", 2, 1.0),
    ]  # fmt: skip
    _, out, err = minigan("recipes", "run", "tiny", "--seeds", "0,2", "--row", "pac", "--out", tmp_path)
    assert not err and "gan" not in out and "nothing" not in out


def test_a_recipe_is_run_for_its_own_figure(monkeypatch, tmp_path, minigan):
    monkeypatch.setitem(OWN.rows, "lsgan", lambda seed, folder: Outcome({"fid": 3.0}, 10))
    said = minigan("recipes", "run", "lsgan", "--seeds", "0", "--out", tmp_path)
    assert "lsgan" in said.out and (tmp_path / "recipes" / "lsgan-s0.json").is_file()


def test_a_recipe_that_is_a_row_of_a_table_is_run_there(monkeypatch, tmp_path, minigan):
    monkeypatch.setitem(RING.rows, "pacgan2", lambda seed, folder: Outcome({"modes": 8 - 6 * (seed == 1)}, 10))
    said = minigan("recipes", "run", "pacgan", "--seeds", "0,1,2", "--out", tmp_path)
    assert "2, 8, 8" in said.out and (tmp_path / "ring" / "pacgan2-s2.json").is_file()


def test_a_seed_or_a_row_that_is_named_twice_counts_once(table, tmp_path, minigan):
    rows = ["--row", "gan", "--row", "gan"]
    said = minigan("recipes", "run", "tiny", *rows, "--seeds", "1,1", "--out", tmp_path)
    assert "(1 of 1)" in said.err and "±" not in said.out


def test_a_damaged_result_is_named(table, tmp_path, minigan):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "gan-s0.json").write_text("[")
    said = minigan("recipes", "run", "tiny", "--seeds", "0", "--out", tmp_path)
    assert said.code and "gan-s0.json holds no results" in said.err and "move the file away" in said.err
    assert "unexpected" not in said.err


def test_one_that_is_stopped_says_what_goes_on(table, monkeypatch, tmp_path, minigan):
    def stopped(seed, folder):
        raise Interrupted("stopped at step 3; go on with: minigan train --resume")

    monkeypatch.setitem(table.rows, "pac", stopped)
    out = str(tmp_path / "my results")
    code, _, err = minigan("recipes", "run", "tiny", "--row", "pac", "--seeds", "0,2", "--out", out)
    assert code and "The same command goes on" in err and "--resume" not in err
    assert f"recipes run tiny --row pac --seeds 0,2 --out '{out}'" in err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["run"], "run which? ring, grid"),
        (["run", "nope"], "table 'nope' is not known: choose from ring, grid"),
        (["nope"], "recipe 'nope' is not known: choose from quick28"),
        (["run", "ring", "grid"], "name one recipe, or run and one name"),
        (["run", "ring", "--row", "nope"], "--row nope: the table ring has gan, gan-slow-d, lsgan"),
        (["run", "lsgan", "--row", "gan"], "lsgan is a recipe, which has no rows"),
        (["sagan", "--row", "gan"], "--row gan: only of a table that is run"),
        (["run", "pggan-face"], "images of your own: minigan train --recipe pggan-face --data FOLDER"),
        (["run", "ring", "--seeds", "1,x"], "'x' is not a whole number"),
    ],
)
def test_what_is_refused(words, text, minigan):
    said = minigan("recipes", *words)
    assert said.code and text in said.err

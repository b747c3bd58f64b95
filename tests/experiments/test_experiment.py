"""Experiments: what is computed is kept, and not computed again; intervals; every row's choices are taken."""

from __future__ import annotations

import json

import pytest

from minigan.experiments import EXPERIMENTS, Experiment, Outcome, Training, read_results, run
from minigan.experiments.experiment import estimate
from minigan.training import Config


class Rows:
    """Two rows that count how often each is computed."""

    def __init__(self):
        self.calls = []
        self.experiment = Experiment(
            "test",
            "A test",
            "of rows",
            {"first": self.row("first"), "Second, one": self.row("Second, one")},
            ("a", "b"),
        )

    def row(self, name):
        def compute(seed, folder):
            self.calls.append((name, seed, folder))
            scores = {"a": seed + 0.5, "b": float("inf")} if name == "first" else {"a": 10.0 * seed}
            return Outcome(scores, 7, 1.25)

        return compute


@pytest.fixture
def rows():
    return Rows()


def all_of(rows, tmp_path, seeds=(0, 1), names=("first", "Second, one"), say=lambda text: None):
    return list(run(rows.experiment, tmp_path, seeds, names, say))


def test_every_row_is_computed_under_each_seed_seed_by_seed(rows, tmp_path):
    said = []
    results = all_of(rows, tmp_path, say=said.append)
    assert [call[:2] for call in rows.calls] == [("first", 0), ("Second, one", 0), ("first", 1), ("Second, one", 1)]
    assert [(result.row, result.seed, result.scores["a"]) for result in results] == [
        ("first", 0, 0.5), ("Second, one", 0, 0.0), ("first", 1, 1.5), ("Second, one", 1, 10.0),
    ]  # fmt: skip
    assert results[0].steps == 7 and results[0].versions["numpy"] and said[0] == "test: first, seed 0 (1 of 4)"
    folders = {folder for *_, folder in rows.calls}
    assert len(folders) == 4 and all(folder.parent == tmp_path / "test" for folder in folders)


def test_what_was_computed_is_read_and_more_seeds_are_added(rows, tmp_path):
    first = all_of(rows, tmp_path)
    assert all_of(rows, tmp_path, seeds=(0, 1)) == first and len(rows.calls) == 4
    all_of(rows, tmp_path, seeds=(1, 2), names=["first"])
    assert [call[:2] for call in rows.calls[4:]] == [("first", 2)]
    assert [(r.row, r.seed) for r in read_results(tmp_path / "test.json")] == [
        ("Second, one", 0), ("Second, one", 1), ("first", 0), ("first", 1), ("first", 2),
    ]  # fmt: skip


def test_a_row_that_fails_leaves_those_before_it(rows, tmp_path):
    def fails(seed, folder):
        raise RuntimeError("out of luck")

    rows.experiment.rows["Second, one"] = fails
    with pytest.raises(RuntimeError):
        all_of(rows, tmp_path)
    assert [path.name for path in (tmp_path / "test").iterdir()] == ["first-s0.json"]
    assert [(r.row, r.seed) for r in read_results(tmp_path / "test.json")] == [("first", 0)]


def test_infinity_is_null_in_the_file_and_a_mean_that_is_not_known(rows, tmp_path):
    results = all_of(rows, tmp_path)
    assert json.loads((tmp_path / "test" / "first-s0.json").read_text())[0]["scores"]["b"] is None
    assert str(estimate(results, "first", "b")) == "nan" and estimate(results, "Second, one", "b") is None
    assert estimate(results, "first", "a").values == (0.5, 1.5)


@pytest.mark.parametrize("text", ["{", "[1]", '[{"row": "gan"}]', "3"])
def test_a_file_of_anything_else_is_refused(tmp_path, text):
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ValueError, match=r"other.json holds no results of minigan recipes run"):
        read_results(tmp_path / "other.json")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_choices_of_every_row_are_taken_and_differ(name):
    experiment = EXPERIMENTS[name]
    assert experiment.name == name and experiment.title and experiment.columns
    configs = [Config.choose(row.choices) for row in experiment.rows.values() if isinstance(row, Training)]
    assert all(config != other for i, config in enumerate(configs) for other in configs[:i])
    for published in experiment.published.values():
        assert published.keys() <= set(experiment.columns)

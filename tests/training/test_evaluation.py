"""Scores as a run goes: when, of what, and that they change nothing."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

from minigan.metrics import METRICS, Metric, reference, sliced_wasserstein
from minigan.options import options_of
from minigan.training import ConfigError, Interrupted, images
from minigan.training.callbacks import Evaluation
from minigan.training.checkpoint import load_checkpoint
from minigan.training.run_options import RunOptions
from minigan.training.session import standard_callbacks


def scores_of(run) -> list[dict]:
    return [line for line in run.run_dir.lines() if "seconds" not in line]


@pytest.fixture
def counting(monkeypatch):
    """A score "shape", which tells what it was given."""
    given = []

    def score(samples, real):
        if samples is not real.other_real:
            given.append((samples.x, real.x))
        return float(len(given))

    monkeypatch.setitem(METRICS, "shape", Metric(score, "how often it was asked", {"shape": ""}, when="training"))
    return given


def test_scores_are_of_fresh_samples_against_the_data(begin, counting, capsys):
    run = begin(2, evaluate_every=1)
    run.train()
    assert [(line["step"], line["epoch"]) for line in scores_of(run)] == [(5, 1), (10, 2)]
    samples, real = counting[-1]
    assert len(samples) == len(real) == 35, "half of all, as they are fewer than 4000"
    np.testing.assert_array_equal(samples, run.sample(35, seed=1))  # of the averaged weights
    assert abs(samples - run.algorithm.generate(35, 1)).max() > 1e-3
    last, chosen = scores_of(run)[-1], reference(run.data, 2000, seed=0)
    np.testing.assert_array_equal(real, chosen.x)
    assert last["sliced_wasserstein"] == sliced_wasserstein(samples, real) and last["shape"] == 2.0
    of_real = sliced_wasserstein(chosen.other_real.x, real)
    line = f"sliced_wasserstein {last['sliced_wasserstein']:.4g} ({of_real:.3g})  shape 2 (1)"
    assert f"{line}  (of 35 samples; in brackets, of real ones)\n" in capsys.readouterr().err
    log = (run.run_dir.path / "log.txt").read_text()
    assert f"scores at step 10  {line}\n" in log and log.index(line) < log.index("epoch 2/2 done")


def test_a_part_of_the_data_is_chosen_without_repeats_the_same_each_time(begin, counting):
    run = begin(2, seed=3)
    run.callbacks.insert(-1, Evaluation(1, ["shape"], samples=20))
    run.train()
    reals = [real for _, real in counting]
    assert all(len(samples) == len(real) == 20 for samples, real in counting)
    np.testing.assert_array_equal(reals[0], reals[1])
    assert len({image.tobytes() for image in reals[0]}) == 20
    assert set(scores_of(run)[0]) == {"step", "epoch", "shape"}, "only those that were named"
    other = begin(1, "other", seed=4)
    other.callbacks.insert(-1, Evaluation(1, ["shape"], samples=20))
    other.train()
    assert {i.tobytes() for i in counting[-1][1]} != {i.tobytes() for i in reals[0]}


@pytest.mark.parametrize(
    "every, choices, wanted",
    [
        (1, {"epochs": 3}, [5, 10, 15]),
        (2, {"epochs": 3}, [10, 15]),
        (9, {"epochs": 3}, [15]),
        (2, {"steps": 12}, [10, 12]),
        (9, {"steps": 10}, [10]),
        (1, {"steps": 3}, [3]),
        (0, {"epochs": 2}, []),
    ],
)
def test_they_are_taken_every_few_epochs_and_at_the_end_once(every, choices, wanted, begin, counting):
    run = begin(evaluate_every=every, metrics=("shape",), **choices)
    run.train()
    assert [line["step"] for line in scores_of(run)] == wanted and len(counting) == len(wanted)


def test_they_change_nothing_else_of_the_run(begin, left_by):
    run, plain = begin(2, evaluate_every=1), begin(2, "plain")
    run.train(), plain.train()
    of_both = [{k: v for k, v in left_by(r).items() if k not in ("config", "config.json")} for r in (run, plain)]
    assert of_both[0].pop("evaluation.best") and scores_of(run)
    of_both[0]["stats"] = [line for line in of_both[0]["stats"] if "sliced_wasserstein" not in line]
    assert of_both[0] == of_both[1]


def test_a_resumed_run_writes_the_same_lines_and_drops_those_of_what_is_done_again(begin, go_on, left_by, at_step):
    whole, run = begin(3, "whole", evaluate_every=1), begin(3, "stopped", evaluate_every=1)
    whole.train()
    at_step(7, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        run.train()
    assert [line["step"] for line in scores_of(run)] == [5], "a stop is no end"
    # Of a run that was lost:
    run.run_dir.add_line({"step": 10, "epoch": 2, "sliced_wasserstein": 0.0})
    with open(run.run_dir.path / "stats.jsonl", "a") as file:
        file.write('{"step": 15, "ep')
    go_on(run)
    assert left_by(run) == left_by(whole)


def test_how_often_and_which_can_be_changed_when_a_run_is_resumed(begin, go_on):
    run = begin(1)
    run.train()
    run = go_on(run, epochs=3, evaluate_every=2, metrics=("sliced_wasserstein",))
    assert [line["epoch"] for line in scores_of(run)] == [2, 3]
    assert json.loads((run.run_dir.path / "config.json").read_text())["evaluate_every"] == 2


def test_the_curves_are_of_figures_and_of_scores(begin, monkeypatch):
    drawn = []
    monkeypatch.setattr(images, "save_curves", lambda path, stats, labels: drawn.extend(stats))
    run = begin(2, evaluate_every=1)
    run.train()
    assert [line["step"] for line in drawn if "loss_D" in line] == [5, 10]
    assert [line["step"] for line in drawn if "sliced_wasserstein" in line] == [5, 10]


# --- the best so far -----------------------------------------------------------------------------


@pytest.fixture
def given(monkeypatch):
    """given(numbers, better): a score that gives these numbers in turn."""

    def make(numbers, better):
        left = iter(numbers)
        score = Metric(lambda s, real: 0.0 if s is real.other_real else next(left), "given", {"given": better})
        monkeypatch.setitem(METRICS, "given", score)

    return make


@pytest.mark.parametrize(("better", "best"), [("lower", 2), ("higher", 3)])
def test_the_best_checkpoint_is_kept(better, best, begin, given):
    given([2.0, 1.0, 3.0, 3.0], better)
    run = begin(4, evaluate_every=1, metrics=("given",))
    run.train()
    kept = load_checkpoint(run.run_dir.best_checkpoint)
    assert kept.progress["step"] == 5 * best and kept.progress["evaluation.best"] == {"given": {2: 1.0, 3: 3.0}[best]}


def test_what_is_best_is_known_to_a_resumed_run(begin, go_on, given):
    given([1.0, 2.0, 0.5], "lower")
    run = begin(1, evaluate_every=1, metrics=("given",))
    run.train()
    go_on(run, epochs=2)
    assert load_checkpoint(run.run_dir.best_checkpoint).progress["step"] == 5
    go_on(run, epochs=3)
    assert load_checkpoint(run.run_dir.best_checkpoint).progress["step"] == 15


def test_a_score_without_a_better_end_keeps_none(begin, counting):
    run = begin(2, evaluate_every=1, metrics=("shape",))
    run.train()
    assert not run.run_dir.best_checkpoint.exists()


def test_epochs_that_are_not_scored_are_not_the_best(begin, given):
    given([2.0, 1.0], "lower")
    run = begin(3, evaluate_every=2, metrics=("given",))
    run.train()
    assert load_checkpoint(run.run_dir.best_checkpoint).progress["step"] == 15


def test_the_best_stays_as_epochs_go_on_unscored(begin, given):
    given([1.0, 2.0], "lower")
    run = begin(4, evaluate_every=2, metrics=("given",))
    run.train()
    assert load_checkpoint(run.run_dir.best_checkpoint).progress["step"] == 10


def test_a_score_that_does_not_fit_is_one_sentence(begin):
    run = begin(1, evaluate_every=1, metrics=("modes",))
    with pytest.raises(ConfigError, match="--metrics modes: it cannot be computed of these samples as a run goes"):
        run.train()
    assert run.step == 0


def test_the_end_of_a_number_of_steps_may_be_the_best(begin, go_on, given):
    given([2.0, 1.0, 1.5], "lower")
    run = begin(steps=7, evaluate_every=1, metrics=("given",))
    run.train()
    assert load_checkpoint(run.run_dir.best_checkpoint).progress["step"] == 7
    go_on(run, steps=9)
    assert load_checkpoint(run.run_dir.best_checkpoint).progress["step"] == 7


def test_scores_that_nobody_asked_for_are_left_out_if_they_fail(begin, monkeypatch, capsys):
    def fail(samples, real):
        raise ValueError("no digits")

    monkeypatch.setitem(METRICS, "failing", Metric(fail, "always fails", {}, when="training"))
    run = begin(2)
    run.callbacks.insert(-2, Evaluation(1, unasked=True))
    run.train()
    said = capsys.readouterr().err
    assert run.finished and said.count("no scores (ValueError: no digits): training goes on") == 1
    asked = begin(1, "asked", evaluate_every=1)
    with pytest.raises(ValueError, match="no digits"):
        asked.train()


def test_only_data_called_mnist_are_scored_unasked_as_the_help_says(begin):
    def scored(run):
        return [each.every for each in standard_callbacks(run) if isinstance(each, Evaluation)]

    assert "(default: 1 for data called mnist, else 0)" in options_of(RunOptions)["evaluate_every"].help
    run, unscored = begin(1), begin(1, "unscored", evaluate_every=0)
    assert scored(run) == scored(unscored) == []
    for each in (run, unscored):
        object.__setattr__(each.data, "name", "mnist")
    assert scored(run) == [1] and scored(unscored) == []

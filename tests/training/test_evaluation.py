"""Scores as a run goes: when, of what, and that they change nothing."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

from minigan.metrics import METRICS, sliced_wasserstein
from minigan.training import Interrupted
from minigan.training.callbacks import Evaluation


def scores_of(run) -> list[dict]:
    return list(run.run_dir.lines("scores.jsonl"))


@pytest.fixture
def counting(monkeypatch):
    """A score "shape", which tells what it was given."""
    given = []
    monkeypatch.setitem(METRICS, "shape", lambda samples, real: given.append((samples, real)) or float(len(given)))
    return given


def test_scores_are_of_fresh_samples_against_the_data(begin, counting, capsys):
    run = begin(2, evaluate_every=1)
    run.train()
    assert [(line["step"], line["epoch"], line["n"]) for line in scores_of(run)] == [(5, 1, 70), (10, 2, 70)]
    samples, real = counting[-1]
    assert len(samples) == len(real) == 70, "all there are, as they are fewer than 2000"
    np.testing.assert_array_equal(samples, run.sample(70, seed=1))  # of the averaged weights
    assert abs(samples - run.algorithm.generate(70, 1)).max() > 1e-3
    np.testing.assert_array_equal(real, run.data[slice(None)].x)
    last = scores_of(run)[-1]
    assert last["sliced_wasserstein"] == sliced_wasserstein(samples, real) and last["shape"] == 2.0
    line = f"scores at step 10  sliced_wasserstein {last['sliced_wasserstein']:.4g}  shape 2"
    assert f"{line}  (70 samples)\n" in capsys.readouterr().err
    log = (run.run_dir.path / "log.txt").read_text()
    assert f"\n{line}\n" in log and log.index(line) < log.index("epoch 2/2 done")


def test_a_part_of_the_data_is_chosen_without_repeats_the_same_each_time(begin, counting):
    run = begin(2, seed=3)
    run.callbacks.insert(-1, Evaluation(1, ["shape"], samples=20))
    run.train()
    reals = [real for _, real in counting]
    assert all(len(samples) == len(real) == 20 for samples, real in counting)
    np.testing.assert_array_equal(reals[0], reals[1])
    assert len({image.tobytes() for image in reals[0]}) == 20
    assert set(scores_of(run)[0]) == {"step", "epoch", "n", "shape"}, "only those that were named"
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


def test_they_change_nothing_of_the_run(begin, left_by):
    run, plain = begin(2, evaluate_every=1), begin(2, "plain")
    run.train(), plain.train()
    of_both = [{k: v for k, v in left_by(r).items() if k not in ("config", "config.json")} for r in (run, plain)]
    assert of_both[0].pop("scores.jsonl") and of_both[0] == of_both[1]


def test_a_resumed_run_writes_the_same_lines_and_drops_those_of_what_is_done_again(begin, go_on, left_by, at_step):
    whole, run = begin(3, "whole", evaluate_every=1), begin(3, "stopped", evaluate_every=1)
    whole.train()
    at_step(7, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        run.train()
    assert [line["step"] for line in scores_of(run)] == [5], "a stop is no end"
    # Of a run that was lost:
    run.run_dir.add_line("scores.jsonl", {"step": 10, "epoch": 2, "n": 70, "sliced_wasserstein": 0.0})
    with open(run.run_dir.path / "scores.jsonl", "a") as file:
        file.write('{"step": 15, "ep')
    go_on(run)
    assert left_by(run) == left_by(whole)


def test_how_often_and_which_can_be_changed_when_a_run_is_resumed(begin, go_on):
    run = begin(1)
    run.train()
    run = go_on(run, epochs=3, evaluate_every=2, metrics=("sliced_wasserstein",))
    assert [line["epoch"] for line in scores_of(run)] == [2, 3]
    assert json.loads((run.run_dir.path / "config.json").read_text())["evaluate_every"] == 2

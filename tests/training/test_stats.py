"""Lines of stats: means of whatever figures the steps since the line before gave, each over the steps that gave it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minigan.autograd import Tensor
from minigan.training import NonFiniteError
from minigan.training.callbacks import Stats, stats


@pytest.fixture
def told(begin, monkeypatch):
    """told(steps): what a run's Stats make of steps with these figures; (the callback, lines of stats.jsonl)."""
    monkeypatch.setattr(stats, "LOG_EVERY", 3)

    def make(steps: list[dict], callback: Stats | None = None, first: int = 1):
        run, callback = begin(1), callback or Stats()
        for step, figures in enumerate(steps, first):
            run.step = step
            callback.on_step(run, {name: Tensor(np.array(value, "float32")) for name, value in figures.items()})
        callback.on_stop(run)
        return callback, [{k: v for k, v in line.items() if k != "seconds"} for line in run.run_dir.lines()]

    return make


def test_each_figure_is_a_mean_over_the_steps_that_have_it(told):
    callback, lines = told([
        {"k": 1.0, "loss": 2.0}, {"k": 3.0}, {"rare": 7.0, "k": 5.0, "loss": 4.0},
        {"k": 0.0}, {"k": 1.0}, {"k": 0.5},
        {"other": 1.0},
    ])  # fmt: skip
    assert lines == [
        {"step": 3, "epoch": 1, "loss": 3.0, "k": 3.0, "rare": 7.0}, {"step": 6, "epoch": 1, "k": 0.5},
    ]  # fmt: skip
    assert list(lines[0])[2:] == ["loss", "k", "rare"], "losses first"
    assert callback.latest == {"k": 0.5}
    assert callback.state_dict() == {"stats.sums": {"other": 1.0}, "stats.counts": {"other": 1}}


def test_a_half_made_line_goes_on_from_its_sums(told):
    steps = [{"k": 1.0, "loss": 2.0}, {"k": 4.0}, {"rare": 7.0, "k": 1.0}]
    _, whole = told(steps)
    before, none = told(steps[:2])
    assert none == []
    after = Stats()
    after.load_state_dict(before.state_dict())
    assert told(steps[2:], after, first=3)[1] == whole == [
        {"step": 3, "epoch": 1, "loss": 2.0, "k": 2.0, "rare": 7.0}
    ]  # fmt: skip


def test_single_numbers_of_any_shape_and_dtype_go_together(begin, monkeypatch):
    run, callback = begin(1), Stats()
    run.step, run.at_epoch_end = 1, True
    figures = {"a": np.ones((1, 1), "float64"), "b": np.array(2, "float32"), "c": np.full((1,), 3, "int64")}
    callback.on_step(run, {name: Tensor(value) for name, value in figures.items()})
    assert callback.latest == {"a": 1.0, "b": 2.0, "c": 3.0}


@pytest.mark.parametrize("name, value", [("loss", math.nan), ("loss_Q", math.inf), ("loss_G", -math.inf)])
def test_a_loss_that_is_not_finite_is_named_with_its_step(name, value, told):
    with pytest.raises(NonFiniteError) as caught:
        told([{name: 1.0}, {name: value}, {name: 1.0}])
    assert str(caught.value) == f"{name} became {value} at step 2 (epoch 1), as was seen at step 3"
    assert (caught.value.step, caught.value.in_step) == (2, False)


def test_other_figures_may_be_what_they_are_and_become_null(told):
    callback, lines = told([{"score": math.inf, "loss": 1.0}] * 3)
    assert lines == [{"step": 3, "epoch": 1, "loss": 1.0, "score": None}] and callback.latest["score"] == math.inf


def test_the_time_is_in_seconds(begin):
    run = begin(1)
    run.train()
    (line,) = run.run_dir.lines()
    assert 0 < line["seconds"] == round(run.seconds, 3) < 100


def test_lines_are_of_every_so_many_steps_and_of_each_epochs_last(begin, monkeypatch):
    monkeypatch.setattr(stats, "LOG_EVERY", 4)
    run = begin(2)
    run.train()
    assert [(line["step"], line["epoch"]) for line in run.run_dir.lines()] == [(4, 1), (5, 1), (8, 2), (10, 2)]

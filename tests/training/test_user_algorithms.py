"""A user's own algorithm has from the trainer what minigan's own have: above all, runs that resume bit for bit."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from minigan import backend
from minigan.training import Config, Interrupted, images, start
from minigan.training.callbacks import stats
from minigan.training.checkpoint import load_checkpoint

FILE = Path(__file__).with_name("user_gans.py")


@pytest.fixture
def begin_own(tmp_path, data):
    """begin_own(class, runs, **choices): a new run of an algorithm in user_gans.py."""

    def make(name: str, runs: str = "runs", **choices):
        defaults = {"batch_size": 16, "grid": 4, "ema_decay": 0.9, "device": str(backend.get_default_device())}
        defaults["data"] = data() if name == "Balanced" else "plane"
        return start(Config.choose(defaults, algorithm=f"{FILE}:{name}", **choices), tmp_path / runs)

    return make


@pytest.mark.parametrize("step", range(1, 10))
def test_state_of_all_kinds_and_a_stream_of_its_own_go_on_exactly_from_any_step(
    step, begin_own, go_on, left_by, at_step, monkeypatch
):
    monkeypatch.setattr(stats, "LOG_EVERY", 4)  # so that sums are half made, of some figures only
    whole, stopped = begin_own("Balanced", "whole", epochs=2), begin_own("Balanced", "stopped", epochs=2)
    whole.train()
    at_step(step, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted, match=f"step {step} "):
        stopped.train()
    state = load_checkpoint(stopped.run_dir.last_checkpoint).state
    assert 0 < state["state.k"] < 1 and state["state.k"] != 0.1
    assert state["state.pool"].any() and state["state.mean"].any()
    assert json.loads(state["streams.pool"]) != json.loads(state["streams.noise"])
    go_on(stopped)
    assert left_by(stopped) == left_by(whole)


def test_figures_are_told_by_whatever_names_they_have(begin_own, capsys, monkeypatch):
    monkeypatch.setattr(images, "save_curves", real_save_curves)
    monkeypatch.setattr(stats, "LOG_EVERY", 2)
    run = begin_own("Balanced", epochs=2)
    run.train()
    lines = list(run.run_dir.lines())
    names = [["step", "epoch", "loss_D", "loss_G", "k", *rare, "seconds"] for rare in ([], ["rare"])]
    assert [list(line) for line in lines] == names * 3
    assert [line["step"] for line in lines] == [2, 4, 5, 6, 8, 10]
    # Means over the steps that have the figure: of steps 3 and 4 it is that of step 3.
    assert [line.get("rare") for line in lines] == [None, 3.0, None, 6.0, None, 9.0]
    assert "epoch 2/2 done  loss_D " in (err := capsys.readouterr().err) and "  k 0." in err and "  rare 9.000  " in err
    assert images.load_png(run.run_dir.path / "losses.png").size


real_save_curves = images.save_curves


def test_points_of_the_plane_are_shown_and_averaged_over_all_generators(begin_own, go_on, left_by, capsys):
    whole, run = begin_own("Points", "whole", epochs=2), begin_own("Points", "half", epochs=1)
    whole.train(), run.train()
    assert "  σ " in capsys.readouterr().err and run.run_dir.path.name == "00000-Points-plane-s0"
    assert run.sample(7).shape == (7, 2) and run.config.channels is None
    names = {p.name for p in (run.run_dir.path / "samples").iterdir()}
    assert names == {"reals.png", "e000.png", "e001.png"}
    assert {"G_ema.weight", "H_ema.weight"} <= load_checkpoint(run.run_dir.last_checkpoint).arrays.keys()
    go_on(run, epochs=2)
    assert left_by(run) == left_by(whole)


def test_samples_that_no_picture_shows_are_kept_as_numbers(begin_own):
    run = begin_own("Points", epochs=1, data="space", grid=3)
    run.train()
    folder = run.run_dir.path / "samples"
    assert sorted(p.name for p in folder.iterdir()) == ["e000.npy", "e001.npy", "reals.npy"]
    np.testing.assert_array_equal(np.load(folder / "e001.npy"), run.sample(3))
    np.testing.assert_array_equal(np.load(folder / "reals.npy"), run.data[slice(0, 3)].x)


def test_a_step_without_figures_is_a_step(begin_own, go_on, left_by, capsys, monkeypatch):
    monkeypatch.setattr(images, "save_curves", real_save_curves)
    whole, run = (begin_own("Silent", name, epochs=n, data="space") for name, n in (("whole", 2), ("half", 1)))
    whole.train(), run.train()
    go_on(run, epochs=2)
    assert left_by(run) == left_by(whole) and not (run.run_dir.path / "losses.png").exists()
    assert [list(line) for line in run.run_dir.lines()] == [["step", "epoch", "seconds"]] * 2
    assert "epoch 2/2 done  0:0" in capsys.readouterr().err


def test_more_batches_in_a_step_than_in_an_epoch(begin_own, go_on, left_by):
    """Of 40 points in batches of 16: 3 an epoch, and 7 a step. Two epochs and a batch pass at once."""
    more = {"data": "space", "per_step": 7}  # of which no pictures need be drawn
    whole, run = begin_own("Points", "whole", steps=3, **more), begin_own("Points", "half", steps=1, **more)
    whole.train(), run.train()
    state = load_checkpoint(run.run_dir.last_checkpoint).progress
    assert (state["epoch"], state["position"], state["closed_epochs"]) == (2, 1, 2)
    assert (run.run_dir.path / "samples" / "e002.npy").exists()
    go_on(run, steps=3)
    assert left_by(run) == left_by(whole)
    assert [line["epoch"] for line in whole.run_dir.lines()] == [2, 4, 7]


def test_two_runs_in_two_threads_are_each_as_it_is_alone(begin_own, begin, left_by):
    def runs(folder):
        return [begin_own("Balanced", f"{folder}-0", epochs=2), begin(2, f"{folder}-1", seed=1, trace_every=4)]

    alone = runs("alone")
    for run in alone:
        run.train()
    both, meet = runs("both"), threading.Barrier(2, timeout=60)
    for run in both:  # both are in a step at once: each waits with its first loss for the other
        run.algorithm.loss_hooks.append(lambda name, loss: name == "loss_D" and meet.wait())
    errors = []

    def train(run):
        try:
            run.train()
        except BaseException as error:
            errors.append(error)
            meet.abort()

    threads = [threading.Thread(target=train, args=(run,)) for run in both]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not errors and [left_by(run) for run in both] == [left_by(run) for run in alone]
    assert list(both[1].run_dir.traces()) == [4, 8] and not both[0].run_dir.traces()


def test_data_that_only_the_algorithm_knows_keeps_its_name(begin_own, go_on, tmp_path, monkeypatch):
    run = begin_own("Points", epochs=1)
    run.train()
    monkeypatch.chdir(tmp_path)
    again = go_on(run, epochs=2)
    assert again.config.data == "plane" and again.config.algorithm == f"{FILE}:Points"

"""A row that is a training: it goes on where it was stopped, and is scored at its stops."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minigan.experiments import Training
from minigan.experiments.training_row import scores_of_samples, undisturbed_seconds
from minigan.options import ConfigError
from minigan.training import Config, Interrupted
from minigan.training.checkpoint import load_checkpoint
from minigan.training.sampling import load_algorithm
from minigan.training.trainer import Trainer

TINY = {"recipe": "ring", "steps": 4, "batch_size": 16, "grid": 10}


def weight_sum(algorithm, config, seed):
    return {"sum": sum(float(abs(p.data).sum()) for p in algorithm.networks["G"].parameters()), "seed": seed}


@pytest.fixture
def steps(monkeypatch):
    """The steps that trainers take, by number; one in `stop_before` is not taken: the run is stopped there."""
    taken, take = [], Trainer.take_step
    stop_before = set()

    def counted(trainer):
        if trainer.step in stop_before:
            stop_before.remove(trainer.step)
            raise Interrupted("stopped")
        taken.append(trainer.step)
        return take(trainer)

    monkeypatch.setattr(Trainer, "take_step", counted)
    taken_and_stops = type("Steps", (), {"taken": taken, "stop_before": stop_before})
    return taken_and_stops


def test_it_trains_by_its_choices_and_seed_and_is_scored(tmp_path):
    outcome = Training(TINY, weight_sum)(3, tmp_path / "row")
    (last,) = (tmp_path / "row").glob("*/ckpt/last.safetensors")
    assert load_checkpoint(last).config.seed == 3 and outcome.scores["seed"] == 3
    assert outcome.steps == 4 and outcome.seconds > 0
    assert outcome.scores != Training(TINY, weight_sum)(4, tmp_path / "other").scores


def test_a_stopped_one_goes_on_and_ends_as_one_that_was_not(tmp_path, steps):
    whole = Training(TINY, weight_sum)(0, tmp_path / "whole")
    steps.taken.clear()
    steps.stop_before.add(2)
    with pytest.raises(Interrupted):
        Training(TINY, weight_sum)(0, tmp_path / "row")
    assert steps.taken == [0, 1]
    assert Training(TINY, weight_sum)(0, tmp_path / "row").scores == whole.scores
    assert steps.taken == [0, 1, 2, 3]
    assert Training(TINY, weight_sum)(0, tmp_path / "row").scores == whole.scores and len(steps.taken) == 4


def test_the_scores_at_stops_are_those_of_runs_that_end_there(tmp_path, steps):
    stopped = Training(TINY, weight_sum, stops={1: 10, 3: 30, 4: 40})
    steps.stop_before.add(2)
    with pytest.raises(Interrupted):
        stopped(0, tmp_path / "stops")
    scores = stopped(0, tmp_path / "stops").scores
    assert steps.taken == [0, 1, 2, 3] and list(scores) == [
        "sum@10", "seed@10", "sum@30", "seed@30", "sum@40", "seed@40",
    ]  # fmt: skip
    for stop in (1, 4):
        ended = Training(TINY | {"steps": stop}, weight_sum)(0, tmp_path / str(stop)).scores
        assert ended["sum"] == scores[f"sum@{10 * stop}"]


def test_a_run_beyond_a_stop_that_was_not_scored_is_refused(tmp_path):
    Training(TINY, weight_sum, stops={3: 30})(0, tmp_path)
    with pytest.raises(ConfigError, match="the run is at step 3, beyond 1, where it is scored: remove it"):
        Training(TINY, weight_sum, stops={1: 10, 3: 30})(0, tmp_path)


def test_epochs_are_gone_on_with_too(tmp_path, steps):
    np.savez(tmp_path / "x.npz", x=np.arange(12 * 784, dtype="uint8").reshape(12, 28, 28))
    choices = {"recipe": "mlp", "data": str(tmp_path / "x.npz"), "epochs": 1, "batch_size": 4, "grid": 4}
    steps.stop_before.add(1)
    with pytest.raises(Interrupted):
        Training(choices, weight_sum)(0, tmp_path / "row")
    assert Training(choices, weight_sum)(0, tmp_path / "row").steps == 3 == len(steps.taken)


def test_scores_of_samples_are_against_the_data_it_learned_from(tmp_path):
    (last,) = [Training(TINY, weight_sum)._trained(0, tmp_path)]
    algorithm, config = load_algorithm(last, "cpu")
    scores = scores_of_samples(200, ["modes"])(algorithm, config, 0)
    assert set(scores) == {"modes", "good_share", "modes_kl"} and scores["good_share"] < 0.5
    perfect = algorithm.load_data("ring", None)
    algorithm.sample = lambda n, rng: algorithm.tensor(perfect[slice(0, n)].x)
    assert scores_of_samples(200, ["modes"])(algorithm, config, 0)["modes"] == 8
    assert config == Config.choose(TINY, evaluate_every=0, checkpoint_every=10_000, grid_every=5000, device="cpu")


def test_the_scores_at_stops_survive_in_a_file(tmp_path):
    Training(TINY, weight_sum, stops={1: 10, 4: 40})(0, tmp_path)
    assert set(json.loads((tmp_path / "stops.json").read_text())) == {"sum@10", "seed@10", "sum@40", "seed@40"}


def lines_of(paces, every=10):
    """Lines of figures, every ten steps, of a run with these paces."""
    seconds = np.cumsum(np.multiply(paces, every))
    figures = [{"step": every * (i + 1), "seconds": s} for i, s in enumerate(seconds)]
    return [*figures[:7], {"step": 70, "fid": 2.0}, *figures[7:]]  # scores have a line of their own


def test_a_pause_and_other_work_do_not_count_but_a_growing_network_does():
    pace = np.full(400, 0.5)
    steady = undisturbed_seconds(lines_of(pace), 2000.0)
    assert steady == pytest.approx(2000)
    pace[37], pace[100:108], pace[399] = 3600, 4, 60  # it slept, was slowed down, and waited for a disk
    assert undisturbed_seconds(lines_of(pace), 1e5) == pytest.approx(2000)
    grown = np.repeat([0.1, 0.5, 2.0, 4.0], 100)
    assert undisturbed_seconds(lines_of(grown), 1e5) == pytest.approx(6600)


def test_it_is_no_longer_than_the_clock_says_and_without_lines_it_is_that():
    assert undisturbed_seconds(lines_of([0.5] * 40), 150.0) == 150
    assert undisturbed_seconds([], 12.5) == 12.5
    assert undisturbed_seconds(lines_of([0.5] * 5), 1e5) == pytest.approx(25)  # fewer lines than parts
    of_resumed = [*lines_of([0.5] * 40), {"step": 400, "seconds": 999.0}]  # a step that was taken again
    assert undisturbed_seconds(of_resumed, 1e5) == pytest.approx(200)

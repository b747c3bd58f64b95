"""How long a run is: so many steps or epochs, of steps that take one batch or several, wherever epochs end."""

from __future__ import annotations

import os
import signal

import pytest
from PIL import Image

from minigan.training import ConfigError, Interrupted, resume
from minigan.training.callbacks import Callback, stats
from minigan.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.host_only("which device computes is no matter here")

FIVE = {"n_critic": 5, "objective": "wasserstein", "penalties": ("gradient",), "model": "tiny-critic"}


class Watch(Callback):
    """Where the loader is after each step, and when an epoch was closed."""

    def __init__(self) -> None:
        self.places, self.closed = [], []

    def on_step(self, trainer, figures):
        self.places.append((trainer.loader.epoch, trainer.loader.position))

    def on_epoch(self, trainer):
        self.closed.append((trainer.step, trainer.loader.epoch))


def watched(run) -> Watch:
    run.callbacks.append(watch := Watch())
    run.train()
    return watch


def samples_of(run) -> list[str]:
    return sorted(p.stem for p in (run.run_dir.path / "samples").iterdir())


# --- steps -----------------------------------------------------------------------------------------


def test_a_run_of_so_many_steps_ends_in_the_middle_of_an_epoch(begin):
    run = begin(steps=7)
    watch = watched(run)
    assert watch.places == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1), (1, 2)] and watch.closed == [(5, 1)]
    state = load_checkpoint(run.run_dir.last_checkpoint).progress
    assert (state["step"], state["epoch"], state["position"], state["closed_epochs"]) == (7, 1, 2, 1)
    assert samples_of(run) == ["e000", "e001", "reals", "s000007"]
    assert (run.run_dir.path / "samples" / "s000007.png").read_bytes() != (
        run.run_dir.path / "samples" / "e001.png"
    ).read_bytes()
    assert (run.run_dir.path / "losses.png").exists() and (run.run_dir.path / "samples.gif").exists()


@pytest.mark.parametrize("steps, grids", [(5, ["e000", "e001", "reals"]), (3, ["e000", "reals", "s000003"])])
def test_the_end_is_shown_once(steps, grids, begin):
    run = begin(steps=steps)
    run.train()
    assert samples_of(run) == grids
    kept = [p.name for p in sorted(run.run_dir.last_checkpoint.parent.iterdir())]
    assert kept == (["e001.safetensors"] if steps == 5 else []) + ["last.safetensors"]


@pytest.mark.parametrize("choices", [{}, {"n_critic": 3}], ids=str)
@pytest.mark.parametrize("first", [1, 5, 7, 11])
def test_more_steps_equal_as_many_at_once(first, choices, begin, go_on, left_by, monkeypatch):
    monkeypatch.setattr(stats, "LOG_EVERY", 4)
    whole, run = begin(runs="whole", steps=12, **choices), begin(runs="parts", steps=first, **choices)
    whole.train(), run.train()
    go_on(run, steps=12)
    end = run.run_dir.path / "samples" / f"s{first:06d}.png"
    if end.exists():
        end.unlink()  # it shows where the run ended once
    assert left_by(run) == left_by(whole)


def test_steps_and_epochs_may_follow_each_other(begin, go_on, left_by):
    whole, run = begin(2, "whole"), begin(runs="parts", steps=3)
    whole.train(), run.train()
    run = go_on(run, epochs=2)
    assert (run.step, run.config.steps) == (10, None)
    (run.run_dir.path / "samples" / "s000003.png").unlink()
    assert left_by(run) == left_by(whole)
    assert go_on(run, steps=12).step == 12


def test_a_run_that_has_done_its_steps_says_how_to_train_on(begin):
    run = begin(steps=7)
    run.train()
    with pytest.raises(ConfigError, match=r"has done 7 steps, and 7 in all were asked for: .* for example --steps 14$"):
        resume(run.run_dir.last_checkpoint)
    with pytest.raises(ConfigError, match=r"and 6 in all"):
        resume(run.run_dir.last_checkpoint, steps=6)
    with pytest.raises(ConfigError, match=r"has done 1 epochs, and 1 in all .* --epochs 2$"):
        resume(run.run_dir.last_checkpoint, epochs=1)


# --- several batches a step ------------------------------------------------------------------------


def test_a_step_takes_five_batches_and_epochs_are_closed_wherever_they_end(begin):
    run = begin(3, images=100, **FIVE)  # 7 batches an epoch
    watch = watched(run)
    assert watch.places == [(0, 5), (1, 3), (2, 1), (2, 6), (3, 4)], "the last step goes beyond the last epoch's end"
    assert watch.closed == [(2, 1), (3, 2), (5, 3)] and run.step == 5
    assert samples_of(run) == ["e000", "e001", "e002", "e003", "reals"]
    assert [line["epoch"] for line in run.run_dir.lines()] == [1, 2, 3], "a step that ends an epoch is of that epoch"
    assert [line["step"] for line in run.run_dir.lines()] == [2, 3, 5]
    assert "penalty_gradient" in next(run.run_dir.lines())


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_stopped_at_any_of_these_steps_it_goes_on_exactly(step, begin, go_on, left_by, at_step):
    whole, stopped = (begin(3, name, images=100, **FIVE) for name in ("whole", "stopped"))
    whole.train()
    at_step(step, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    if step < 5:
        with pytest.raises(Interrupted, match=rf"step {step} \(epoch {[1, 2, 3, 3][step - 1]}\)"):
            stopped.train()
        go_on(stopped)
    else:
        stopped.train()  # it had come to its end
    assert left_by(stopped) == left_by(whole)


def test_a_broken_pipe_in_a_step_that_straddles_two_epochs(begin, go_on, left_by, at_step):
    def broken_pipe(trainer):
        raise BrokenPipeError

    whole, stopped = (begin(3, name, images=100, **FIVE) for name in ("whole", "stopped"))
    whole.train()
    for step in (2, 5):
        at_step(step, broken_pipe)
        with pytest.raises(BrokenPipeError):
            stopped.train() if step == 2 else go_on(stopped)
    go_on(stopped)
    assert left_by(stopped) == left_by(whole)


def test_batches_beyond_the_last_epoch_are_those_that_more_epochs_begin_with(begin, go_on, left_by):
    whole, run = (begin(epochs, name, images=100, **FIVE) for epochs, name in ((4, "whole"), (2, "half")))
    whole.train(), run.train()
    assert (run.loader.epoch, run.loader.position) == (2, 1)
    go_on(run, epochs=4)
    assert left_by(run) == left_by(whole)


@pytest.mark.parametrize(("epochs", "last"), [(1, ["s000005"]), (2, ["s000008", "s000010"])])
def test_a_grid_every_so_many_steps_in_place_of_every_epoch(begin, epochs, last):
    """And one of the end; the animation has them all, in order."""
    run = begin(epochs, grid_every=4)
    run.train()
    names = ["e000", "s000004", *last]
    assert samples_of(run) == sorted([*names, "reals"])
    with Image.open(run.run_dir.path / "samples.gif") as film:
        assert film.n_frames == len(names)

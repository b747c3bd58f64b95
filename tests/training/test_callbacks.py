"""Callbacks: each is told of every moment that was promised, in the order in which the trainer has them."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest

from minigan import backend
from minigan.autograd import Tensor
from minigan.training import Interrupted, TrainingError, resume
from minigan.training.callbacks import Callback, Checkpoints, SampleGrid
from minigan.training.checkpoint import load_checkpoint


class Diary(Callback):
    """Writes down what it is told, into a list that it may share with others."""

    def __init__(self, lines: list | None = None, name: str = "") -> None:
        self.lines, self.name = [] if lines is None else lines, name

    def note(self, trainer, moment):
        self.lines.append(f"{self.name}{moment} {trainer.step}")

    def on_start(self, trainer):
        self.note(trainer, "start")

    def around_step(self, trainer):
        return self.during(trainer)

    @contextmanager
    def during(self, trainer):
        self.note(trainer, "before")
        yield
        self.note(trainer, "after")

    def on_step(self, trainer, figures):
        assert trainer.batches is not None and trainer.step_batches
        self.note(trainer, "step")

    def on_epoch(self, trainer):
        self.note(trainer, f"epoch {trainer.loader.epoch} at")

    def on_stop(self, trainer):
        self.note(trainer, "stop")

    def on_error(self, trainer, error):
        self.note(trainer, type(error).__name__)


def steps(first: int, last: int) -> list[str]:
    """A step is counted when it was taken: what is around it still sees the count before."""
    return [line for n in range(first, last + 1) for line in (f"before {n - 1}", f"after {n - 1}", f"step {n}")]


def test_all_moments_of_a_run_and_of_one_that_goes_on(begin, monkeypatch):
    run = begin(2)
    run.callbacks.append(diary := Diary())
    run.train()
    assert diary.lines == ["start 0", *steps(1, 5), "epoch 1 at 5", *steps(6, 10), "epoch 2 at 10", "stop 10"]


def test_a_run_that_was_stopped_goes_on_with_its_next_moment(begin, at_step):
    run = begin(2)
    run.callbacks.append(diary := Diary())
    at_step(5, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        run.train()
    assert diary.lines == ["start 0", *steps(1, 5), "epoch 1 at 5", "stop 5", "Interrupted 5"]
    run = resume(run.run_dir.last_checkpoint)
    run.callbacks.append(diary := Diary())
    run.train()
    assert diary.lines == ["start 5", *steps(6, 10), "epoch 2 at 10", "stop 10"]


@pytest.mark.parametrize(("step", "shown"), [(3, "stopped"), (5, "e001"), (7, "stopped")])
def test_ctrl_c_leaves_a_grid_of_what_was_learnt_so_far_until_the_run_goes_on(step, shown, begin, at_step, capsys):
    run = begin(2)
    at_step(step, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        run.train()
    samples = run.run_dir.path / "samples"
    assert capsys.readouterr().err.splitlines()[-1] == f"what it draws so far: {samples / shown}.png"
    run.run_dir.save_grid("now", run.sample(4))
    assert (samples / "now.png").read_bytes() == (samples / f"{shown}.png").read_bytes()
    (samples / "now.png").unlink()
    run = resume(run.run_dir.last_checkpoint)
    run.train()
    assert {path.name for path in samples.iterdir()} == {"reals.png", "e000.png", "e001.png", "e002.png"}


def interrupted(*_):
    os.kill(os.getpid(), signal.SIGINT)
    raise AssertionError("it was not heard")


def test_a_second_ctrl_c_while_the_checkpoint_is_written_insists(begin, at_step, monkeypatch):
    run = begin(2)
    at_step(3, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    monkeypatch.setattr(Checkpoints, "on_stop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    assert load_checkpoint(run.run_dir.last_checkpoint).progress["step"] == 0


def test_a_second_ctrl_c_leaves_the_pictures_and_nothing_else(begin, at_step, monkeypatch):
    run = begin(2)
    at_step(3, lambda trainer: os.kill(os.getpid(), signal.SIGINT))
    run.callbacks.append(diary := Diary())
    monkeypatch.setattr(SampleGrid, "save", lambda self, trainer, name: trainer.step and interrupted())
    with pytest.raises(Interrupted, match="stopped at step 3 .*all is saved"):
        run.train()
    assert diary.lines[-2:] == ["stop 3", "Interrupted 3"]
    assert load_checkpoint(run.run_dir.last_checkpoint).progress["step"] == 3


def test_of_an_epoch_whose_end_nobody_was_told_the_resumed_run_tells_first(begin, at_step):
    def broken_pipe(trainer):
        raise BrokenPipeError

    run = begin(2)
    at_step(5, broken_pipe)
    run.callbacks.append(diary := Diary())
    with pytest.raises(BrokenPipeError):
        run.train()
    assert diary.lines == ["start 0", *steps(1, 5)[:-1], "stop 5", "BrokenPipeError 5"]
    run = resume(run.run_dir.last_checkpoint)
    run.callbacks.append(diary := Diary())
    run.train()
    assert diary.lines == ["start 5", "epoch 1 at 5", *steps(6, 10), "epoch 2 at 10", "stop 10"]


def test_an_error_in_a_step_is_told_and_is_no_stop(begin):
    class Fails(Callback):
        def on_step(self, trainer, figures):
            if trainer.step == 2:
                raise ZeroDivisionError("by a user's own")

    run = begin(1)
    run.callbacks += [Fails(), diary := Diary()]
    with pytest.raises(ZeroDivisionError, match="by a user's own"):
        run.train()
    assert diary.lines == ["start 0", *steps(1, 2)[:-1], "ZeroDivisionError 2"]


def test_callbacks_are_called_in_their_order_and_contexts_are_left_in_reverse(begin):
    lines: list[str] = []
    run = begin(1, images=16)
    run.callbacks = [Diary(lines, "a "), *run.callbacks, Diary(lines, "b ")]
    run.train()
    assert lines == [
        "a start 0", "b start 0", "a before 0", "b before 0", "b after 0", "a after 0", "a step 1", "b step 1",
        "a epoch 1 at 1", "b epoch 1 at 1", "a stop 1", "b stop 1",
    ]  # fmt: skip


def test_each_may_put_a_better_error_in_the_place_of_the_one_before(begin, at_step):
    class Better(Callback):
        def __init__(self, text):
            self.text = text

        def on_error(self, trainer, error):
            return RuntimeError(f"{error}{self.text}") if self.text else None

    def fail(trainer):
        raise OSError(28, "No space left on device", "disk")

    run = begin(1)
    run.callbacks += [Better(", one"), Better(""), Better(", two"), diary := Diary()]
    at_step(2, fail)
    with pytest.raises(RuntimeError, match="^disk could not be written .* untouched, one, two$") as caught:
        run.train()
    assert diary.lines[-1] == "RuntimeError 2"
    assert caught.value.__suppress_context__, "one error, not a chain of three"


def test_the_figures_of_a_step_are_those_that_the_algorithm_returned(begin, monkeypatch):
    returned, told = [], []

    class Listen(Callback):
        def on_step(self, trainer, figures):
            told.append(figures)

    run = begin(1)
    step = run.algorithm.step
    monkeypatch.setattr(run.algorithm, "step", lambda batches: returned.append(step(batches)) or returned[-1])
    run.callbacks.append(Listen())
    run.train()
    assert len(told) == 5 and all(type(value) is Tensor for value in told[0].values())
    numbers = [[{name: value.item() for name, value in f.items()} for f in figures] for figures in (told, returned)]
    assert numbers[0] == numbers[1]


class Rates(Callback):
    """What a user may add: rates that fall. Its count is in the checkpoint."""

    def __init__(self) -> None:
        self.calls = 0
        self.seen = np.zeros(1)

    def on_step(self, trainer, figures):
        self.calls += 1
        self.seen = self.seen + trainer.step
        for optimizer in trainer.algorithm.optimizers.values():
            optimizer.lr = 0.01 / (1 + self.calls)

    def state_dict(self):
        return {"rates.calls": self.calls, "rates.seen": self.seen}

    def load_state_dict(self, state):
        self.calls, self.seen = state["rates.calls"], backend.to_numpy(state["rates.seen"])


def test_a_users_callback_changes_the_run_and_keeps_its_own_state(begin, left_by, monkeypatch):
    from minigan.training import resume, session

    standard = session.standard_callbacks
    monkeypatch.setattr(session, "standard_callbacks", lambda *given: [*standard(*given), Rates()])
    whole, run = begin(2, "whole"), begin(1, "half")
    whole.train(), run.train()
    again = resume(run.run_dir.last_checkpoint, epochs=2)
    assert again.callbacks[-1].calls == 5 and again.callbacks[-1].seen == [15.0]
    again.train()
    assert left_by(again) == left_by(whole)
    assert again.algorithm.optimizers["G"].lr == pytest.approx(0.01 / 11)
    monkeypatch.setattr(session, "standard_callbacks", standard)
    plain = begin(2, "plain")
    plain.train()
    assert left_by(plain)["G.0.weight"] != left_by(whole)["G.0.weight"]


def test_the_standard_ones_and_their_order(begin):
    """A NaN is explained before the log says it; figures come before the grids, scores and checkpoints of an epoch,
    pictures and the last word after them."""
    run = begin(1, trace_every=2, evaluate_every=1)
    names = [type(callback).__name__ for callback in run.callbacks]
    assert names == [
        "NonFinite", "RunLog", "Traces", "Stats", "SampleGrid", "Evaluation", "Checkpoints", "Pictures",
        "SharedCores", "Progress",
    ]  # fmt: skip
    plain = begin(1, ema_decay=0.0)
    assert [type(c).__name__ for c in plain.callbacks] == [name for name in names if name != "Evaluation"]


def test_a_trainer_without_any_callback_trains(begin):
    run, plain = begin(1), begin(1, "plain", ema_decay=0.0)
    plain.callbacks = []
    run.train(), plain.train()
    assert not list((plain.run_dir.path / "samples").iterdir()) and plain.step == 5 and plain.closed_epochs == 1
    for p, q in zip(*(r.algorithm.networks["D"].parameters() for r in (run, plain)), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())


def test_a_run_without_a_folder_takes_steps_but_does_not_train(data):
    from minigan.training import Config, prepare

    run = prepare(Config.for_model("tiny", data=data(), batch_size=16))
    assert set(run.take_step()) >= {"loss_D", "loss_G"} and run.step == 1
    with pytest.raises(TrainingError, match=r"start\(\)"):
        run.train()

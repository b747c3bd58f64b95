"""A run that was stopped and resumed leaves what an uninterrupted one leaves, bit for bit."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minigan.data import DataError
from minigan.training import (
    CheckpointError,
    Config,
    ConfigError,
    Interrupted,
    TrainingError,
    atomic,
    prepare,
    resume,
    session,
)
from minigan.training import trainer as trainer_module
from minigan.training.callbacks import Traces, stats
from minigan.training.checkpoint import load_checkpoint


def ctrl_c(trainer=None):
    os.kill(os.getpid(), signal.SIGINT)


def broken_pipe(trainer=None):
    raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@pytest.mark.parametrize(
    "epochs, choices",
    [
        (4, {}),
        (4, {"algorithm": "simultaneous-gan", "objective": "minimax", "ema_decay": 0.0}),
        (4, {"model": "tiny-labelled"}),
        (4, {"model": "tiny-critic", "objective": "wasserstein", "penalties": ("gradient", "drift")}),
        (4, {"model": "tiny-critic", "objective": "wasserstein", "optimizer": "rmsprop", "weight_clip": 0.1}),
        (2, {"model": "pggan", "size": 8, "images_per_level": 9, "images": 16, "batch_size": 4, "grid_every": 4}),
        (4, {"model": "quick28", "images": 20, "ema_decay": 0.999}),
        (2, {"model": "dcgan28", "images": 12, "ema_decay": 0.0, "batch_size": 8}),
    ],
    ids=["tiny", "tiny-simultaneous", "labels", "penalties", "clipped", "pggan in mid-fade", "quick28", "dcgan28"],
)
def test_all_epochs_at_once_equal_half_and_half(epochs, choices, begin, go_on, left_by):
    # Both exist before either trains: runs in one process must not draw from one another's random numbers.
    whole, half = begin(epochs, "whole", **choices), begin(epochs // 2, "half", **choices)
    whole.train()
    half.train()
    go_on(half, epochs=epochs)
    assert left_by(half) == left_by(whole)


def test_the_checkpoint_holds_all_that_was_promised(begin):
    run = begin(1)
    run.train()
    checkpoint = load_checkpoint(run.run_dir.last_checkpoint)
    names = set(checkpoint.arrays)
    for part in ("G.1.weight", "D.0.bias", "G.1.running_mean", "D.1.running_var", "G.1.num_batches_tracked"):
        assert part in names
    assert {"opt_G.exp_avg.0", "opt_D.exp_avg_sq.5", "G_ema.0.weight", "G_ema.1.running_var"} <= names
    assert checkpoint.progress["step"] == checkpoint.progress["opt_G.step"] == checkpoint.progress["opt_D.step"] == 5
    assert (checkpoint.progress["epoch"], checkpoint.progress["position"]) == (1, 0)
    assert checkpoint.config == run.config
    # They are the run's own numbers, not zeros or those of the beginning.
    assert all(np.any(a) for name, a in checkpoint.arrays.items() if name.startswith("opt_"))
    assert not np.array_equal(checkpoint.arrays["G_ema.0.weight"], checkpoint.arrays["G.0.weight"])
    for name, parameter in run.algorithm.networks["D"].named_parameters():
        np.testing.assert_array_equal(checkpoint.arrays[f"D.{name}"], parameter.numpy())


# --- stopped in the middle -----------------------------------------------------------------------


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 7, 10])
def test_stopped_by_a_signal_at_any_step_it_goes_on_exactly(step, sign, begin, go_on, left_by, at_step, monkeypatch):
    monkeypatch.setattr(stats, "LOG_EVERY", 2)  # so that some sums are half made when it is stopped
    whole = begin(3, "whole")
    whole.train()
    before = signal.getsignal(sign)
    stopped = begin(3, "stopped")
    at_step(step, lambda trainer: os.kill(os.getpid(), sign))
    with pytest.raises(Interrupted, match=rf"step {step} .*minigan train --resume \S*00000-tiny-noise8-s0$"):
        stopped.train()
    assert load_checkpoint(stopped.run_dir.last_checkpoint).progress["step"] == step
    assert signal.getsignal(sign) == before
    go_on(stopped)
    assert left_by(stopped) == left_by(whole)


def test_stopped_twice_in_one_epoch(begin, go_on, left_by, at_step):
    whole = begin(1, "whole")
    whole.train()
    run = begin(1, "stopped")
    for step in (2, 3):
        at_step(step, ctrl_c)
        with pytest.raises(Interrupted):
            run.train() if step == 2 else go_on(run)
    go_on(run)
    assert left_by(run) == left_by(whole)


def test_a_second_ctrl_c_stops_at_once_and_keeps_what_was_saved(begin, go_on, left_by, at_step):
    def twice(trainer):
        ctrl_c(), ctrl_c()

    run = begin(2, "stopped")
    at_step(7, twice)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    assert load_checkpoint(run.run_dir.last_checkpoint).progress["step"] == 5
    go_on(run)
    whole = begin(2, "whole")
    whole.train()
    assert left_by(run) == left_by(whole)


@pytest.mark.parametrize("step", [3, 5, 10])
def test_when_the_reader_of_the_progress_has_gone_the_run_is_saved(step, begin, go_on, left_by, at_step):
    whole = begin(2, "whole")
    whole.train()
    run = begin(2, "stopped")
    at_step(step, broken_pipe)  # 5 and 10: an epoch's last step, before callbacks were told of its end
    with pytest.raises(BrokenPipeError):
        run.train()
    checkpoint = load_checkpoint(run.run_dir.last_checkpoint)
    assert (checkpoint.progress["step"], checkpoint.progress["closed_epochs"]) == (step, (step - 1) // 5)
    go_on(run)
    assert left_by(run) == left_by(whole)


def test_a_reader_that_has_gone_at_an_epochs_scores_costs_nothing(begin, go_on, left_by):
    """They are said before the epoch's checkpoint is written."""
    whole, run = (begin(2, name, evaluate_every=1, checkpoint_every=1) for name in ("whole", "stopped"))
    whole.train()
    for where in (run, None):
        run = run if where else resume(run.run_dir.last_checkpoint)
        run.callbacks[-1].line = broken_pipe  # Progress, whose line the others say things by
        with pytest.raises(BrokenPipeError):
            run.train()
    assert left_by(run) == left_by(whole)
    files = [[p.name for p in sorted((r.run_dir.path / "ckpt").iterdir())] for r in (run, whole)]
    assert files[0] == files[1] == ["best.safetensors", "e001.safetensors", "e002.safetensors", "last.safetensors"]


def test_the_time_of_all_parts_is_counted(begin, go_on, monkeypatch):
    class Clock:
        now = 0.0

        def monotonic(self):
            self.now += 1.0
            return self.now

    # It is looked at before the first step, after each, and at each line of stats.
    monkeypatch.setattr(trainer_module, "time", Clock())
    run = begin(1)
    run.train()
    run = go_on(run, epochs=3)
    assert [line["seconds"] for line in run.run_dir.lines()] == [6.0, 12.0, 18.0]
    assert run.seconds == load_checkpoint(run.run_dir.last_checkpoint).progress["seconds"] == 18.0


# --- killed, or the disk full, at every single write ----------------------------------------------


class Killed(BaseException):
    """Stands for kill -9: nothing of ours runs after it."""


def _fail_at(monkeypatch, call: str, n: int, error: BaseException) -> Callable[[], bool]:
    real, calls = getattr(os, call), 0

    def failing(*args):
        nonlocal calls
        calls += 1
        if calls == n:
            raise error
        return real(*args)

    monkeypatch.setattr(atomic.os, call, failing)
    if isinstance(error, Killed):
        monkeypatch.setattr(Path, "unlink", lambda *args, **kwargs: None)
    return lambda: calls >= n


@pytest.mark.host_only("about files")
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [Killed(), OSError(errno.ENOSPC, "No space left on device")], ids=["kill", "full"])
def test_killed_or_refused_at_any_write_it_goes_on_exactly(call, error, begin, go_on, left_by):
    whole = begin(2, "whole")
    whole.train()
    wanted, saved = left_by(whole), False
    for n in range(1, 100):
        run = begin(2, f"{call}-{n}")
        with pytest.MonkeyPatch.context() as patch:
            fired = _fail_at(patch, call, n, error)
            try:
                run.train()
            except Killed:
                pass
            except TrainingError as refused:
                assert "No space left on device" in str(refused) and "untouched" in str(refused)
                assert (
                    str(run.run_dir.path) in str(refused)
                    and "\n" not in str(refused)
                    and atomic.TEMPORARY not in str(refused)
                )
            else:
                if not fired():
                    break
                continue  # a picture that is refused is told, and the run goes on
        assert run.run_dir.last_checkpoint.exists() >= saved, "a checkpoint was there, and is lost"
        saved = run.run_dir.last_checkpoint.exists()
        if saved and load_checkpoint(run.run_dir.last_checkpoint).progress["epoch"] < 2:
            go_on(run)
            assert left_by(run) == wanted, f"{call} number {n}"
            assert not list(run.run_dir.path.rglob("*" + atomic.TEMPORARY))
    assert saved and n > 10


def test_temporary_files_of_a_killed_process_are_removed(begin, go_on):
    run = begin(1)
    run.train()
    left = run.run_dir.path / "ckpt" / f".last.safetensors.4711{atomic.TEMPORARY}"
    mine = run.run_dir.path / "samples" / "notes.tmp"
    left.touch(), mine.touch()
    go_on(run, epochs=2)
    assert not left.exists() and mine.exists()


def test_a_line_of_stats_cut_short_is_written_again(begin, go_on, left_by):
    whole, run = begin(2, "whole"), begin(1, "cut")
    whole.train()
    run.train()
    with open(run.run_dir.path / "stats.jsonl", "a") as file:
        file.write('{"step": 7, "epoch": 2, "loss')
    go_on(run, epochs=2)
    assert left_by(run)["stats"] == left_by(whole)["stats"]


# --- from another checkpoint, place, or length ----------------------------------------------------


def test_an_earlier_checkpoint_is_refused_as_long_as_a_later_one_would_be_lost(begin, left_by):
    run = begin(3, checkpoint_every=1)
    run.train()
    wanted = left_by(run)
    before = {path: path.read_bytes() for path in run.run_dir.path.rglob("*") if path.is_file()}
    for later in (run.run_dir.last_checkpoint, run.run_dir.checkpoint(3), run.run_dir.checkpoint(2)):
        with pytest.raises(ConfigError, match=rf"is at step 5, but {later.name} .* at step 1[05], .*: resume {later},"):
            resume(run.run_dir.checkpoint(1), epochs=9)
        assert before == {path: path.read_bytes() for path in before}
        later.write_bytes(b"damaged")
        before[later] = b"damaged"
    again = resume(run.run_dir.checkpoint(1))  # the later ones are no use to anyone
    assert again.step == 5
    again.train()
    assert left_by(run) == wanted


def test_an_earlier_checkpoint_goes_on_in_a_new_folder_as_the_refusal_says(begin, go_on, tmp_path):
    run = begin(2, checkpoint_every=1)
    run.train()
    new = tmp_path / "runs" / "again"
    (new / "ckpt").mkdir(parents=True)
    shutil.copy(run.run_dir.path / "config.json", new)
    shutil.copy(run.run_dir.checkpoint(1), new / "ckpt" / "last.safetensors")
    go_on(new)
    ends = [load_checkpoint(path / "ckpt" / "last.safetensors").arrays for path in (run.run_dir.path, new)]
    assert all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_the_animation_shows_only_what_belongs_to_the_run(begin, at_step):
    from PIL import Image

    run = begin(3, checkpoint_every=1)
    run.train()
    for lost in (run.run_dir.last_checkpoint, run.run_dir.checkpoint(2), run.run_dir.checkpoint(3)):
        lost.unlink()
    at_step(7, ctrl_c)
    with pytest.raises(Interrupted):
        resume(run.run_dir.checkpoint(1)).train()
    with Image.open(run.run_dir.path / "samples.gif") as film:
        assert film.n_frames == 2  # e000 and e001, though e002 and e003 still lie there


def test_a_moved_run_and_moved_data_go_on(begin, go_on, left_by, data, tmp_path):
    whole = begin(2, "whole")
    whole.train()
    run = begin(1, "half")
    run.train()
    moved = tmp_path / "elsewhere" / "my run"
    shutil.move(run.run_dir.path, moved)
    Path(run.config.data).rename(tmp_path / "moved.npz")
    go_on(moved, epochs=2, data=str(tmp_path / "moved.npz"))
    assert left_by(moved).keys() == left_by(whole).keys()
    assert left_by(moved)["G.0.weight"] == left_by(whole)["G.0.weight"]


def test_data_named_from_the_folder_one_is_in_is_found_from_any_other(begin, go_on, data, tmp_path, monkeypatch):
    file = Path(data())
    monkeypatch.chdir(file.parent)
    run = begin(1, data=file.name)
    assert run.config.data == str(file)
    run.train()
    file.rename(tmp_path / "moved.npz")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=rf"^{file}, .* is not there: --data may name its new place$"):
        go_on(run, epochs=2)
    assert go_on(run, epochs=2, data="../moved.npz").config.data == str(tmp_path / "moved.npz")
    monkeypatch.chdir(tmp_path)
    go_on(run, epochs=3)


def test_the_embedded_data_set_is_no_path():
    assert prepare(Config.for_model("quick28")).config.data == "mnist"


def test_a_checkpoint_outside_of_a_run_is_refused_and_nothing_is_written_around_it(begin, tmp_path):
    run = begin(1)
    run.train()
    away = tmp_path / "a" / "b"
    away.mkdir(parents=True)
    shutil.copy(run.run_dir.last_checkpoint, away / "last.safetensors")
    with pytest.raises(CheckpointError, match="does not lie in the ckpt folder"):
        resume(away / "last.safetensors", epochs=2)
    assert [p.name for p in sorted((tmp_path / "a").rglob("*"))] == ["b", "last.safetensors"]


def test_other_images_are_refused(begin, data):
    run = begin(1)
    run.train()
    data(n=71, name="noise8")
    with pytest.raises(CheckpointError, match="was trained on other data than"):
        resume(run.run_dir.last_checkpoint, epochs=2)


@pytest.mark.parametrize("epochs", [None, 1, 2])
def test_a_finished_run_says_how_to_train_on(epochs, begin):
    run = begin(2)
    run.train()
    with pytest.raises(ConfigError, match=r"has done 2 epochs.*--epochs 4"):
        resume(run.run_dir.last_checkpoint, **({"epochs": epochs} if epochs else {}))


def test_only_some_choices_can_be_changed(begin):
    run = begin(1)
    run.train()
    with pytest.raises(ConfigError, match=r"^lr_G, seed cannot be changed"):
        resume(run.run_dir.last_checkpoint, seed=1, lr_G=1.0, model="tiny")
    with pytest.raises(ConfigError, match=r"^colour cannot be changed"):
        resume(run.run_dir.last_checkpoint, colour=1)
    assert resume(run.run_dir.last_checkpoint, epochs=2, model="tiny", lr_G=0.01, seed=0).step == 5


MAY_CHANGE = {
    "checkpoint_every", "data", "device", "epochs", "evaluate_every", "grid", "grid_every", "key", "max_bytes",
    "metrics", "skip_broken", "steps", "sync_batch_norm", "tf32", "value_range",
}  # fmt: skip


def test_every_choice_that_would_make_another_run_of_it_is_refused(begin):
    run = begin(1)
    run.train()
    own = run.config.choices()
    for name in own:
        if name in MAY_CHANGE:
            session._check_changes({name: object()}, run.config)
            continue
        with pytest.raises(ConfigError, match=f"^{name} cannot be changed when a run is resumed"):
            resume(run.run_dir.last_checkpoint, **{name: "another"})
    assert own.keys() > MAY_CHANGE and "batch_size" in own


def test_a_run_that_goes_on_is_watched_and_traced_as_asked(begin):
    run = begin(1)
    run.train()
    for watched, every in ((False, 0), (True, 3)):
        again = resume(run.run_dir.last_checkpoint, epochs=2, detect_anomaly=watched, trace_every=every)
        first, *others = again.callbacks
        assert first.detect == watched and [c.every for c in others if isinstance(c, Traces)] == [every]

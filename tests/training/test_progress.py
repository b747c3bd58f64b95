"""What a run says: plain lines when piped, a bar on a terminal."""

from __future__ import annotations

import io
import shutil
import sys

import pytest

from minigan.training.callbacks import Progress, Stats
from minigan.training.callbacks import progress as progress_module
from minigan.training.commands import program

FIGURES = {"loss_D": 1.25, "D_x": 0.6, "D_G_z": 0.4, "loss_G": 0.75, "border_norm": 0.125}
SHOWN = "loss_D 1.250  loss_G 0.750  D(x) 0.600  D(G(z)) 0.400  ‖∂L/∂G(z)‖ 0.125"


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def progress_of(run, step, epoch):
    """The callback at the start of a run that has come so far."""
    run.step, run.loader.epoch = step, epoch
    progress = Progress(Stats())
    progress.on_start(run)
    return progress


def take_step(run, progress, figures=None):
    run.step += 1
    progress.stats.new = figures is not None
    progress.stats.latest = figures or progress.stats.latest
    progress.on_step(run, {})


def test_piped_it_says_something_every_ten_seconds_even_between_two_lines_of_figures(clock, begin, capsys):
    run = begin(5, images=320)
    progress = progress_of(run, step=40, epoch=2)
    for k in range(12):
        clock.now += 4.0
        take_step(run, progress, FIGURES if k == 5 else None)
    progress.on_stop(run)
    out, err = capsys.readouterr()
    assert out == "" and "\r" not in err
    assert err.splitlines() == [
        "epoch 3/5  step 43/100  0.2 steps/s  3:48 left",
        f"epoch 3/5  step 46/100  {SHOWN}  0.2 steps/s  3:36 left",
        f"epoch 3/5  step 49/100  {SHOWN}  0.2 steps/s  3:24 left",
        f"epoch 3/5  step 52/100  {SHOWN}  0.2 steps/s  3:12 left",
    ]


def test_the_pace_is_that_of_the_last_two_minutes(clock, begin, capsys):
    """After an hour in which the computer slept."""
    progress = progress_of(run := begin(5, images=3200), step=0, epoch=0)
    clock.now += 3600.0
    for _ in range(13):
        clock.now += 11.0
        take_step(run, progress)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.endswith("step 1/1000  0.0 steps/s  60123:09 left") and last.endswith("0.1 steps/s  180:57 left")


@pytest.mark.parametrize(
    "choices, said", [({"steps": 50}, "step 43/50"), ({"epochs": 2, "n_critic": 3}, "epoch 1/2  step 43/14")]
)
def test_how_long_a_run_is_is_said_in_steps(choices, said, clock, begin, capsys):
    """Of 2 epochs of 20 batches, three a step: 13 and a third, which takes 14."""
    run = begin(images=320, **choices)
    progress = progress_of(run, step=42, epoch=0)
    clock.now += 11.0
    take_step(run, progress)
    assert capsys.readouterr().err.startswith(f"{said}  0.1 steps/s")


def test_an_epochs_last_step_is_still_of_that_epoch(clock, begin, capsys):
    run = begin(5, images=320)
    progress = progress_of(run, step=39, epoch=2)
    run.at_epoch_end = True
    clock.now += 11.0
    take_step(run, progress)
    assert capsys.readouterr().err.startswith("epoch 2/5  step 40/100")


def test_piped_a_run_says_a_line_an_epoch_on_stderr(begin, capsys):
    begin(epochs=2).train()
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and "\r" not in err and len(lines) == 2
    for k, line in enumerate(lines, 1):
        assert line.startswith(f"epoch {k}/2 done  loss_D ") and line.endswith(f"e00{k}.png")


def test_the_epochs_of_a_run_that_counts_steps_are_told_in_its_log_alone(begin, capsys):
    """They may be short: a table of such runs would drown in them."""
    run = begin(steps=10)
    run.train()
    assert "epoch" not in capsys.readouterr().err
    log = (run.run_dir.path / "log.txt").read_text(encoding="utf-8")
    assert "epoch 1 done" in log and "epoch 2 done" in log


def test_a_run_that_ends_within_an_epoch_says_what_its_last_steps_gave(begin, capsys):
    run = begin(steps=7)  # five of them are told as an epoch's
    run.train()
    stats = next(callback for callback in run.callbacks if isinstance(callback, Stats))
    last = progress_module.describe_figures(stats.means(), run.algorithm.figure_labels)
    grid = run.run_dir.path / "samples" / "s000007.png"
    assert stats.counts["loss_D"] == 2 and stats.means() != stats.latest
    assert capsys.readouterr().err.splitlines()[-1] == f"step 7 done  {last}  samples: {grid}"


def test_where_there_are_no_figures_none_are_said(begin, capsys):
    run = begin()
    run.seconds = 61.5
    progress_of(run, step=0, epoch=0).on_epoch(run)
    assert capsys.readouterr().err == "epoch 0/2 done  1:01 so far\n"


def test_on_a_terminal_a_bar_shows_all_the_figures(begin, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.stderr", screen)
    run = begin(2, images=64)
    progress = progress_of(run, step=4, epoch=1)
    progress.bar.mininterval = 0
    take_step(run, progress, FIGURES)
    take_step(run, progress)
    run.say("a line of its own")
    progress.on_error(run, KeyboardInterrupt())
    last = screen.getvalue().split("\r")[-1]
    assert "epoch 2/2" in last and "6/8" in last and "75%" in last and SHOWN in last and "step/s" in last
    assert "<" in last  # the time that is left
    assert "a line of its own\n" in screen.getvalue()
    assert progress.bar.disable, "it was closed"


@pytest.mark.parametrize(
    "called, on_path, hint",
    [
        (".venv/bin/minigan", None, ".venv/bin/minigan"),
        ("/my tools/bin/minigan", None, "'/my tools/bin/minigan'"),
        ("/tools/bin/minigan", "/other/bin/minigan", "/tools/bin/minigan"),
        ("/tools/bin/minigan", "/tools/bin/minigan", "minigan"),
        ("minigan", None, "minigan"),
        ("/site-packages/minigan/__main__.py", None, ".venv/bin/python -m minigan"),
        ("/site-packages/pytest/__main__.py", None, "minigan"),
        ("my_training.py", None, "minigan"),
        ("", None, "minigan"),
    ],
)
def test_hints_name_the_program_as_it_was_called(called, on_path, hint, monkeypatch):
    monkeypatch.setattr(sys, "argv", [called, "train"])
    monkeypatch.setattr(sys, "orig_argv", [".venv/bin/python", "-m", "minigan", "train"])
    monkeypatch.setattr(shutil, "which", lambda name: on_path)
    assert program() == hint

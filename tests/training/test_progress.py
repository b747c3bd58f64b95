"""What a run says: plain lines when piped, a bar on a terminal."""

from __future__ import annotations

import io
import shutil
import sys

import pytest

from minigan.training import progress as progress_module
from minigan.training.progress import Progress, program

FIGURES = {"loss_D": 1.25, "loss_G": 0.75, "D_x": 0.6, "D_G_z": 0.4, "border_norm": 0.125}
SHOWN = "loss_D 1.250  loss_G 0.750  D(x) 0.60  D(G(z)) 0.40  ‖∂L/∂G(z)‖ 0.125"


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress_module, "time", clock)
    return clock


def test_piped_it_says_something_every_ten_seconds_even_between_two_lines_of_figures(clock, capsys):
    progress = Progress(total=100, done=40, epochs=5)
    for k in range(12):
        clock.now += 4.0
        progress.step(3, FIGURES if k == 5 else None)
    progress.close()
    out, err = capsys.readouterr()
    assert out == "" and "\r" not in err
    assert err.splitlines() == [
        "epoch 3/5  step 43/100  0.2 steps/s  3:48 left",
        f"epoch 3/5  step 46/100  {SHOWN}  0.2 steps/s  3:36 left",
        f"epoch 3/5  step 49/100  {SHOWN}  0.2 steps/s  3:24 left",
        f"epoch 3/5  step 52/100  {SHOWN}  0.2 steps/s  3:12 left",
    ]


def test_piped_a_run_says_a_line_an_epoch_on_stderr(begin, capsys):
    begin(2).train()
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and "\r" not in err and len(lines) == 2
    for k, line in enumerate(lines, 1):
        assert line.startswith(f"epoch {k}/2 done  loss_D ") and line.endswith(f"e00{k}.png")


def test_on_a_terminal_a_bar_shows_all_the_figures(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.stderr", screen)
    progress = Progress(total=8, done=4, epochs=2)
    progress.bar.mininterval = 0
    progress.step(2, FIGURES)
    progress.step(2, None)
    progress.line("a line of its own")
    progress.close()
    last = screen.getvalue().split("\r")[-1]
    assert "epoch 2/2" in last and "6/8" in last and "75%" in last and SHOWN in last and "step/s" in last
    assert "<" in last  # the time that is left
    assert "a line of its own\n" in screen.getvalue()


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

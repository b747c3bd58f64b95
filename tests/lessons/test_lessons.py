"""Every lesson runs from a clean start; unsolved, its exercise fails its check; its solution passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minigan import lesson

FOLDER = Path(__file__).resolve().parents[2] / "lessons"
LESSONS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Pictures go to a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@every_lesson
def test_it_runs_and_its_exercise_is_unsolved(path):
    assert lesson.check(path).startswith("not solved yet: ")


@every_lesson
def test_its_solution_passes(path):
    assert lesson.check(path, FOLDER / "solutions" / path.name) is None


@every_lesson
def test_it_has_all_its_parts(path):
    cells = lesson.cells(path)
    text = "\n".join(cell.text for cell in cells if cell.markdown)
    headings = [line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("##")]
    for part in ("predict", "picture", "exercise", "check", "what would break it"):
        assert any(h.startswith(part) for h in headings), f"{path.name} has no part {part!r}"
    assert "**Goal.**" in text and text.startswith(f"# {int(path.stem[:2])}. ")
    assert any(len(cell.text) > 20 for cell in cells if not cell.markdown)
    assert (FOLDER / "solutions" / path.name).is_file()


def test_a_lesson_runs_as_a_script(tmp_path):
    environment = os.environ | {"MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, FOLDER / "04_dense.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "picture: " in done.stdout and (tmp_path / "04_dense.png").stat().st_size > 5000


# --- wrong attempts: each says what is wrong ------------------------------------------------------

ATTEMPTS = {
    "04": {
        "return dy @ weight, dy.T @ x, F.mean(dy, axis=0)": "input 2.*times too small",
        "return dy @ weight, dy @ x, F.sum(dy, axis=0)": "matmul",
        "return dy @ weight, dy.T @ x": "returned 2 gradients for 3 inputs",
        "return dy @ weight, (dy.T @ x).detach(), F.sum(dy, axis=0)": "constant",
        "return nonsense": "NameError.*nonsense",
    },
}


@pytest.mark.parametrize(("number", "attempt"), [(n, a) for n, attempts in ATTEMPTS.items() for a in attempts])
def test_wrong_attempts_are_told_what_is_wrong(number, attempt, tmp_path):
    (path,) = FOLDER.glob(f"{number}_*.py")
    mine = tmp_path / path.name
    text = path.read_text(encoding="utf-8")
    mine.write_text(re.sub(r"raise Unsolved\(.*\)", lambda m: attempt, text), encoding="utf-8")
    trouble = lesson.check(mine)
    assert trouble and re.search(ATTEMPTS[number][attempt], trouble, re.DOTALL), trouble

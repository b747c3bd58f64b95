"""The exercises of a lesson: a warm-up, the exercise itself, and a stretch, each with a check and hints of its own.

A lesson has those whose check it defines: `check_warm_up()`, `check()`, `check_stretch()`.
"""

from __future__ import annotations

import re
from pathlib import Path

from minigan.lesson.cells import SOLVED, LessonError, cells, text_of
from minigan.lesson.checking import check_lesson
from minigan.lesson.places import shipped

CHECKS = {"warm-up": "check_warm_up", "exercise": "check", "stretch": "check_stretch"}
NOT_BEGUN = "not solved yet: "


def exercises(path: Path) -> list[str]:
    """The names of a lesson's exercises, in order; of a file that defines no check, "exercise"."""
    code = "\n".join(cell.text for cell in cells(path) if not cell.markdown)
    found = [name for name, check in CHECKS.items() if re.search(rf"^def {check}\(", code, re.MULTILINE)]
    return found or ["exercise"]


def verdicts(path: Path, names: list[str] | None = None, solution: Path | None = None) -> dict[str, str]:
    """What the check of each exercise finds, or of those that are named."""
    return {name: check_lesson(path, solution, check=CHECKS[name]) for name in names or exercises(path)}


def is_done(found: dict[str, str]) -> bool:
    """Whether a lesson is solved: a stretch may be left out, but not be wrong."""
    return all(v == SOLVED or (name == "stretch" and v.startswith(NOT_BEGUN)) for name, v in found.items())


def hints(path: Path, exercise: str) -> list[str]:
    """The hints for an exercise of a lesson, from the first to the one that nearly is the answer."""
    file = shipped() / "hints" / f"{path.stem}.md"
    if not file.is_file():
        raise LessonError(f"there are no hints for {path.stem}: no lesson of minigan's has that name")
    section = re.search(rf"^## {exercise}\n(.*?)(?=^## |\Z)", text_of(file), re.MULTILINE | re.DOTALL)
    if not section:
        raise LessonError(f"there are no hints for the {exercise} of {path.stem}")
    return [" ".join(item.split()) for item in re.split(r"^\d\. ", section[1], flags=re.MULTILINE)[1:]]

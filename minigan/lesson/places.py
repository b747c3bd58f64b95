"""Where lessons lie: in the package, as they are shipped, and in a folder of the learner's own."""

from __future__ import annotations

from pathlib import Path

from minigan.lesson.cells import LessonError
from minigan.training.commands import program

NUMBERED = "[0-9][0-9]_*.py"  # the files that are lessons


def shipped() -> Path:
    """The folder of the lessons as they come with the package; in a checkout, its `lessons/`."""
    here = Path(__file__).resolve().parent
    return here / "course" if holds_lessons(here / "course") else here.parents[1] / "lessons"


def holds_lessons(place: Path) -> bool:
    """Whether a folder has lessons in it."""
    return any(place.glob(NUMBERED))


def own_folder() -> Path | None:
    """The learner's folder of lessons: the one we are in, or `lessons/` here, or the same of a folder above."""
    for place in (Path.cwd(), *Path.cwd().parents):
        for found in (place / "lessons", place):
            if holds_lessons(found):
                return found
    return None


def folder() -> Path:
    """The learner's folder of lessons. Raises LessonError where there is none."""
    found = own_folder()
    if found is None:
        raise LessonError(
            f"there are no lessons in {Path.cwd()} or above: {program()} lesson init copies them to lessons/ here; or "
            "change into the folder that has yours"
        )
    return found


def lessons(place: Path | None = None) -> list[Path]:
    """All lessons, in order: the learner's, or those of a place; where the learner has none, as they are shipped."""
    return sorted((place or own_folder() or shipped()).glob(NUMBERED))


def find(which: str, place: Path | None = None) -> Path:
    """A lesson by its number ("4", "04"), a part of its name ("dense"), or as a file or notebook."""
    if which.endswith((".py", ".ipynb")):
        if not Path(which).is_file():
            raise LessonError(f"there is no file {which!r}")
        return Path(which)
    if not which.strip():
        raise LessonError(f"lesson {which!r}: give its number, a part of its name, or a file")
    known = lessons(place)
    wanted = which.zfill(2) if which.isdecimal() else which
    matching = [p for p in known if (p.name.startswith(f"{wanted}_") if which.isdecimal() else wanted in p.stem)]
    if len(matching) != 1:
        found = "several are" if matching else "none is"
        raise LessonError(f"lesson {which!r}: {found} called so; there are {', '.join(p.stem for p in known)}")
    return matching[0]


def solution_of(path: Path) -> Path:
    """The solution of the lesson that a file, or a notebook, is called as."""
    for place in (path.parent, own_folder(), shipped()):
        if place and (solution := place / "solutions" / f"{path.stem}.py").is_file():
            return solution
    raise LessonError(f"there is no solution of {path.stem}: no lesson of minigan's has that name")

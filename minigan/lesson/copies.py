"""A folder of lessons of the learner's own: made, brought up to a new version, and one of them begun anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from minigan.lesson.cells import LessonError, text_of
from minigan.lesson.language import is_asked_for, language
from minigan.lesson.places import NUMBERED, shipped
from minigan.lesson.progress import Progress, fingerprint, fingerprint_of
from minigan.lesson.translation import laid_over

# Solutions and hints stay in the package, where the commands find them.
COPIED = (NUMBERED, "tiny.py", "glossary.md", "your-own-*.md")
NEW, OLD = ".new", ".old"  # end the names of what is laid beside a lesson


def copy_lessons(to: Path) -> Iterator[tuple[str, Path]]:
    """Copy the lessons that come with the package, in the language that is asked for, which the folder keeps; for each
    file what was done, and where it is now:

    "copied"    it was not there
    "renewed"   it was as an earlier version of minigan had copied it, and is now as this version has it
    "same"      nothing has changed here
    "kept"      it was changed here, so it stays; this version has another one, which lies beside it, named .new
    """
    if to.exists() and not to.is_dir():
        raise LessonError(f"{to} is a file: name a folder for the lessons")
    if to.resolve() == shipped().resolve():
        raise LessonError(f"{to} holds the lessons that would be copied: name another folder")
    to.mkdir(parents=True, exist_ok=True)
    progress = Progress(to)
    if is_asked_for() or language() != "en":
        progress.chose(language())
    for pattern in COPIED:
        for source in sorted(shipped().glob(pattern)):
            path = to / source.name
            content = _content(source)
            now, before = fingerprint_of(content), progress.copied_from(path.name)
            if not path.exists():
                done = "copied"
            elif fingerprint(path) == now or before == now:
                done = "same"
            else:
                done = "renewed" if fingerprint(path) == before else "kept"
            if done in ("copied", "renewed"):
                path.write_bytes(content)
                progress.copied(path)
            elif done == "kept":
                progress.offered(path, now)
                path = path.with_name(path.name + NEW)
                path.write_bytes(content)
            yield done, path


def _content(source: Path) -> bytes:
    """What a learner's copy of a file holds: of a lesson, text in their language and the same code."""
    return laid_over(text_of(source)).encode() if source.match(NUMBERED) else source.read_bytes()


def reset(lesson: Path) -> Path:
    """Put a lesson back to the form it is shipped in; the answers that stood in it lie beside it, in the file that is
    returned."""
    source = shipped() / lesson.name
    if not source.is_file():
        raise LessonError(f"{lesson.name} is no lesson that comes with minigan: there is nothing to put it back to")
    if source.resolve() == lesson.resolve():
        raise LessonError(f"{lesson} is the repository's own: git restore {lesson} puts it back")
    old, number = lesson.with_name(lesson.name + OLD), 1
    while old.exists():
        number += 1
        old = lesson.with_name(f"{lesson.name}{OLD}-{number}")
    shutil.copyfile(lesson, old)
    lesson.write_bytes(_content(source))
    Progress(lesson.parent).copied(lesson)
    return old

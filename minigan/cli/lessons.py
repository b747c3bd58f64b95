"""`minigan lesson | check-lesson | lessons build`."""

from __future__ import annotations

import argparse
from pathlib import Path

from minigan.cli.common import DONE, FAILED, say
from minigan.lesson.cells import find, lessons, solution_of, title
from minigan.lesson.checking import SOLVED, check_lesson
from minigan.lesson.pages import build
from minigan.lesson.stepping import play
from minigan.terminal import styled


def lesson(arguments: argparse.Namespace) -> None:
    """Step through a lesson, or list them."""
    if arguments.which is not None:
        play(find(arguments.which), arguments.start - 1)
        return
    for path in lessons():
        print(f"{styled(path.stem[:2], 'bold')}  {title(path)}")
    say("minigan lesson 01 begins; minigan check-lesson 01 checks its exercise")


def check(arguments: argparse.Namespace) -> int:
    """Check the exercise; the exit code."""
    path = find(arguments.which)
    found = check_lesson(path, solution_of(path) if arguments.solution else None)
    print(f"{path.stem}: {found}")
    return DONE if found == SOLVED else FAILED


def build_lessons(arguments: argparse.Namespace) -> None:
    """Make notebooks and pages of all lessons."""
    from tqdm import tqdm

    written = build(Path(arguments.out))
    for path in tqdm(written, "building", total=2 * len(lessons()), disable=None):
        tqdm.write(str(path))

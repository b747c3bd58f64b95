"""`minigan lesson | check-lesson | lessons build`."""

from __future__ import annotations

import argparse
from pathlib import Path

from minigan.cli.common import DONE, FAILED, say


def lesson(arguments: argparse.Namespace) -> int:
    """Step through a lesson, or list them."""
    from minigan import lesson
    from minigan.terminal import styled

    if arguments.which:
        lesson.play(lesson.find(arguments.which), arguments.start - 1)
        return DONE
    for path in lesson.lessons():
        print(f"{styled(path.stem[:2], 'bold')}  {lesson.title(path)}")
    say("minigan lesson 01 begins; minigan check-lesson 01 judges its exercise")
    return DONE


def check_lesson(arguments: argparse.Namespace) -> int:
    """Judge the exercise; the exit code."""
    from minigan import lesson

    path = lesson.find(arguments.which)
    solution = path.parent / "solutions" / path.name if arguments.solution else None
    trouble = lesson.check(path, solution)
    print(f"{path.stem}: {trouble or 'solved'}")
    return FAILED if trouble else DONE


def build_lessons(arguments: argparse.Namespace) -> int:
    """Make notebooks and pages of all lessons."""
    from tqdm import tqdm

    from minigan import lesson

    out = Path(arguments.out)
    for path in tqdm(lesson.build(out), "building", total=2 * len(lesson.lessons()), disable=None):
        tqdm.write(str(path))
    return DONE

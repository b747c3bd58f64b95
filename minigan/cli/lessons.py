"""`minigan lesson | check-lesson | lessons build`."""

from __future__ import annotations

import argparse
from pathlib import Path

from minigan.cli.common import DONE, FAILED, say
from minigan.lesson import build, check, find, lessons, play, title
from minigan.terminal import styled


def lesson(arguments: argparse.Namespace) -> None:
    """Step through a lesson, or list them."""
    if arguments.which:
        play(find(arguments.which), arguments.start - 1)
        return
    for path in lessons():
        print(f"{styled(path.stem[:2], 'bold')}  {title(path)}")
    say("minigan lesson 01 begins; minigan check-lesson 01 checks its exercise")


def check_lesson(arguments: argparse.Namespace) -> int:
    """Check the exercise; the exit code."""
    path = find(arguments.which)
    solution = path.parent / "solutions" / path.name if arguments.solution else None
    trouble = check(path, solution)
    print(f"{path.stem}: {trouble or 'solved'}")
    return FAILED if trouble else DONE


def build_lessons(arguments: argparse.Namespace) -> None:
    """Make notebooks and pages of all lessons."""
    from tqdm import tqdm

    written = build(Path(arguments.out))
    for path in tqdm(written, "building", total=2 * len(lessons()), disable=None):
        tqdm.write(str(path))

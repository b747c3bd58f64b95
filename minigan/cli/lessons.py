"""`minigan lesson | check-lesson | lessons build`."""

from __future__ import annotations

import argparse
from pathlib import Path

from minigan.cli.common import DONE, FAILED, say
from minigan.lesson.cells import find, lessons, solution_of, title
from minigan.lesson.checking import SOLVED, check_lesson
from minigan.lesson.pages import build
from minigan.lesson.stepping import play
from minigan.options import COUNT
from minigan.terminal import styled

WHICH = "its number, part of its name, or file (.py, .ipynb)"


def add_lesson_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan lesson`."""
    parser.add_argument("which", nargs="?", metavar="NN", help=WHICH)
    parser.add_argument("--start", type=COUNT.read, default=1, metavar="CELL", help="where to begin (default: 1)")


def lesson(arguments: argparse.Namespace) -> None:
    """Step through a lesson, or list them."""
    if arguments.which is not None:
        play(find(arguments.which), arguments.start - 1)
        return
    for path in lessons():
        print(f"{styled(path.stem[:2], 'bold')}  {title(path)}")
    say("minigan lesson 01 begins; minigan check-lesson 01 checks its exercise")


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan check-lesson`."""
    parser.add_argument("which", metavar="NN", help=WHICH)
    parser.add_argument("--solution", action="store_true", help="check the solution that comes with it instead")


def check(arguments: argparse.Namespace) -> int:
    """Check the exercise; the exit code."""
    path = find(arguments.which)
    found = check_lesson(path, solution_of(path) if arguments.solution else None)
    print(f"{path.stem}: {found}")
    return DONE if found == SOLVED else FAILED


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan lessons`."""
    parser.add_argument("action", choices=["build"], help="make them")
    parser.add_argument("--out", default="build/lessons", help="the folder to write (default: build/lessons)")


def build_lessons(arguments: argparse.Namespace) -> None:
    """Make notebooks and pages of all lessons."""
    from tqdm import tqdm

    written = build(Path(arguments.out))
    for path in tqdm(written, "building", total=2 * len(lessons()), disable=None):
        tqdm.write(str(path))

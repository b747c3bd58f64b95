"""The options of every command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from minigan import __version__
from minigan.cli.common import USAGE
from minigan.cli.train_options import add_train_options
from minigan.models import MODELS
from minigan.options import COUNT, NATURAL
from minigan.training.run_options import DEVICE


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)  # by its whole name an option is found before all are known

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def make_parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the command line; `name` is the command's. argv tells which algorithm's options `train` has."""
    parser = _Parser(prog="minigan", description="A GAN you can see through, on NumPy and CuPy.")
    parser.add_argument("--version", action="version", version=f"minigan {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="name")

    train = commands.add_parser("train", help="train a GAN; without options: digits on a CPU in minutes")
    add_train_options(train, argv)

    sample = commands.add_parser("sample", help="draw from a trained generator: a grid, arrays, a way between noises")
    sample.add_argument("checkpoint", nargs="?", default="last", help="a run's folder, a checkpoint, or last (default)")
    sample.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    sample.add_argument("--n", type=COUNT.read, default=64, help="how many samples (default: 64)")
    sample.add_argument("--seed", type=NATURAL.read, default=0, help="of the noise (default: 0)")
    sample.add_argument("--algorithm", metavar="FILE.py:CLASS", help="where a run's own algorithm lies now")
    sample.add_argument("--label", type=NATURAL.read, help="of a conditional model: what the samples shall show")
    sample.add_argument(
        "--out", action="append", metavar="FILE",
        help=".png a grid, .npz the bytes of the images, .gif a way between noises; may be given several times",
    )  # fmt: skip

    recipes = commands.add_parser("recipes", help="the names that train --recipe knows: papers, choices, numbers")
    recipes.add_argument("recipe", nargs="?", metavar="NAME", help="show one, with all its choices")

    trace = commands.add_parser("trace", help="record one training step: every layer's values and gradients")
    trace.add_argument(
        "checkpoint", nargs="?", metavar="RUN|FILE",
        help="a run's folder, a checkpoint, or last (default: last, or a fresh model if none); or a saved trace.json",
    )  # fmt: skip
    trace.add_argument("--model", choices=list(MODELS), help="a fresh one, that has learnt nothing yet")
    trace.add_argument("--recipe", help="a fresh one of a recipe: see minigan recipes")
    trace.add_argument("--algorithm", metavar="FILE.py:CLASS", help="a fresh one of your own; or where a run's lies")
    trace.add_argument("--data", help="a batch of these images instead of the run's own")
    trace.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    trace.add_argument("--seed", type=NATURAL.read, default=0, help="of the batch and the noise (default: 0)")
    trace.add_argument("--text", action="store_true", help="step through it in the terminal; a file only with --out")
    trace.add_argument("--html", metavar="FILE", help="write it as a page to step through in a browser")
    trace.add_argument("--out", metavar="FILE", help="write the trace as JSON (default: trace.json)")

    check = commands.add_parser(
        "check", help="check backward passes: the engine's, or your own", formatter_class=argparse.RawTextHelpFormatter,
        description="Check derivatives and invariants of every function, or of those named.",
    )  # fmt: skip
    check.add_argument(
        "targets", nargs="*", metavar="TARGET",
        help="a function of minigan (conv2d), or your own: module:MyFunction or file.py:MyFunction,\n"
        "a module or file alone for all Functions in it (default: the whole engine)",
    )  # fmt: skip
    check.add_argument("--order", type=int, choices=(1, 2, 3), help="of the derivatives (default: 2; some 3)")
    check.add_argument("--cases", type=COUNT.read, default=10, help="random calls of each function (default: 10)")
    check.add_argument("--seed", type=NATURAL.read, default=0, help="of the random calls (default: 0)")
    check.add_argument("--device", type=DEVICE.read, help="where they are checked: cpu (default), gpu or gpu:N")

    functions = commands.add_parser("functions", help="the table of derivatives; with a name, one with its source")
    functions.add_argument("function", nargs="?", metavar="NAME", help="a function (conv2d) or a class (Conv2d)")
    functions.add_argument("--json", action="store_true", help="print the rows as JSON")

    lesson = commands.add_parser("lesson", help="step through a lesson in the terminal; without a number, list them")
    lesson.add_argument("which", nargs="?", metavar="NN", help="its number, a part of its name, or a file")
    lesson.add_argument("--start", type=COUNT.read, default=1, metavar="CELL", help="where to begin (default: 1)")
    check_lesson = commands.add_parser("check-lesson", help="check the exercise in a lesson's file")
    check_lesson.add_argument("which", metavar="NN", help="the lesson's number, a part of its name, or a file")
    check_lesson.add_argument("--solution", action="store_true", help="check the solution that comes with it instead")
    lessons = commands.add_parser("lessons", help="make all lessons notebooks and pages")
    lessons.add_argument("action", choices=["build"])
    lessons.add_argument("--out", default="build/lessons", help="the folder to write (default: build/lessons)")

    doctor = commands.add_parser("doctor", help="versions, BLAS, devices, and a self-check of the engine")
    for command in (sample, trace, doctor):
        command.add_argument("--device", type=DEVICE.read, help="auto (default), cpu, gpu or gpu:N")
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser

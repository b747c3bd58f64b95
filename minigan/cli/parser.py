"""The options of every command."""

from __future__ import annotations

import argparse
from typing import NoReturn

from minigan.cli.common import USAGE


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line; `name` is the command's."""
    from minigan import __version__
    from minigan.models import MODELS

    parser = _Parser(prog="minigan", description="A GAN you can see through, on NumPy and CuPy.")
    parser.add_argument("--version", action="version", version=f"minigan {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="name")

    train = commands.add_parser("train", help="train a GAN; without options: digits on a CPU in minutes")
    _add_train_options(train)

    sample = commands.add_parser("sample", help="draw from a trained generator: a grid, arrays, a walk")
    sample.add_argument("checkpoint", nargs="?", default="last", help="a run's folder, a checkpoint, or last (default)")
    sample.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    sample.add_argument("--n", type=_count, default=64, help="how many samples (default: 64)")
    sample.add_argument("--seed", type=_natural, default=0, help="of the noise (default: 0)")
    sample.add_argument(
        "--out", action="append", metavar="FILE",
        help=".png a grid, .npz the bytes of the images, .gif a walk between noises; may be given several times",
    )  # fmt: skip

    trace = commands.add_parser("trace", help="record one training step: every layer's values and gradients")
    trace.add_argument(
        "checkpoint", nargs="?", metavar="RUN|FILE",
        help="a run's folder, a checkpoint, or last (default: last, or a fresh model if none); or a saved trace.json",
    )  # fmt: skip
    trace.add_argument("--model", choices=list(MODELS), help="a fresh one, that has learnt nothing yet")
    trace.add_argument("--data", help="a batch of these images instead of the run's own")
    trace.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    trace.add_argument("--seed", type=_natural, default=0, help="of the batch and the noise (default: 0)")
    trace.add_argument("--text", action="store_true", help="step through it in the terminal; a file only with --out")
    trace.add_argument("--html", metavar="FILE", help="write it as a page to step through in a browser")
    trace.add_argument("--out", metavar="FILE", help="write the trace as JSON (default: trace.json)")

    check = commands.add_parser(
        "check", help="judge backward passes: the engine's, or your own", formatter_class=argparse.RawTextHelpFormatter,
        description="Check derivatives and invariants of every function, or of those named.",
    )  # fmt: skip
    check.add_argument(
        "targets", nargs="*", metavar="TARGET",
        help="a function of minigan (conv2d), or your own: module:MyFunction or file.py:MyFunction,\n"
        "a module or file alone for all Functions in it (default: the whole engine)",
    )  # fmt: skip
    check.add_argument("--order", type=int, choices=(1, 2, 3), help="of the derivatives (default: 2; some 3)")
    check.add_argument("--cases", type=_count, default=10, help="random calls of each function (default: 10)")
    check.add_argument("--seed", type=_natural, default=0, help="of the random calls (default: 0)")
    check.add_argument("--device", type=_device, help="where they are judged: cpu (default), gpu or gpu:N")
    check.add_argument("--debug", action="store_true", help="show the traceback of an error")

    lesson = commands.add_parser("lesson", help="step through a lesson in the terminal; without a number, list them")
    lesson.add_argument("which", nargs="?", metavar="NN", help="its number, a part of its name, or a file")
    lesson.add_argument("--start", type=_count, default=1, metavar="CELL", help="where to begin (default: 1)")
    check_lesson = commands.add_parser("check-lesson", help="judge the exercise in a lesson's file")
    check_lesson.add_argument("which", metavar="NN", help="the lesson's number, a part of its name, or a file")
    check_lesson.add_argument("--solution", action="store_true", help="judge the solution that comes with it instead")
    lessons = commands.add_parser("lessons", help="make all lessons notebooks and pages")
    lessons.add_argument("action", choices=["build"])
    lessons.add_argument("--out", default="build/lessons", help="the folder to write (default: build/lessons)")
    for command in (lesson, check_lesson, lessons):
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")

    doctor = commands.add_parser("doctor", help="versions, BLAS, devices, and a self-check of the engine")
    for command in (train, sample, trace, doctor):
        command.add_argument("--device", type=_device, help="auto (default), cpu, gpu or gpu:N")
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_train_options(train: argparse.ArgumentParser) -> None:
    from minigan.models import MODELS
    from minigan.objectives import OBJECTIVES
    from minigan.training.steps import STEPS

    what = train.add_argument_group("what to train (each model has its own defaults)")
    what.add_argument("--model", choices=list(MODELS), help="architecture (default: quick28)")
    what.add_argument("--data", help="mnist (default), a folder of IDX files, .npz, .npy, a folder or zip of images")
    what.add_argument("--channels", type=int, choices=(1, 3), help="1 grey, 3 colour (default: as the data)")
    what.add_argument("--objective", choices=list(OBJECTIVES), help="what is minimised (default: non-saturating)")
    what.add_argument("--step", choices=list(STEPS), help="who moves when (default: the model's own)")
    how = train.add_argument_group("how (default: the model's own; --dry-run shows them)")
    how.add_argument("--epochs", type=_count, help="how often to go through the data, in all")
    how.add_argument("--batch-size", type=_count, help="images a step")
    how.add_argument("--lr", type=float, help="Adam's rate for both players")
    how.add_argument("--lr-G", type=float, help="for the generator only")
    how.add_argument("--lr-D", type=float, help="for the discriminator only")
    how.add_argument("--averaging", type=float, help="how much of G's averaged weights is kept a step; 0: no average")
    how.add_argument("--seed", type=_natural, help="of weights, noise, order and dropout (default: 0)")
    run = train.add_argument_group("the run")
    run.add_argument("--out", default="runs", help="where run folders are, and are made (default: runs)")
    run.add_argument("--checkpoint-every", type=_count, metavar="EPOCHS", help="how often one stays (default: 5)")
    run.add_argument("--resume", metavar="last|PATH", help="go on with the last run, a run's folder, or a checkpoint")
    run.add_argument("--config", metavar="FILE", help="choices as JSON (a run's config.json); options go on top")
    run.add_argument(
        "--detect-anomaly", action="store_true", help="stop at the first NaN or Inf and say where it arose; slow"
    )
    run.add_argument(
        "--trace-every", type=_count, metavar="STEPS", help="save what happens in every so-many-th step (default: none)"
    )
    run.add_argument(
        "--tf32", action=argparse.BooleanOptionalAction, default=None,
        help="on a GPU, make float32 products in TF32, faster and coarser (default: off)",
    )  # fmt: skip
    run.add_argument(
        "--data-parallel", action="store_true",
        help="all processes that mpiexec started train one run together, each on its own device: each takes its share "
        "of a batch, so --batch-size and all else mean what they mean to one process, and a run can be resumed by any "
        "number of them",
    )  # fmt: skip
    run.add_argument(
        "--sync-batch-norm", action=argparse.BooleanOptionalAction, default=None,
        help="with --data-parallel: BatchNorm normalises by the whole batch, not by a process' share (default: off)",
    )  # fmt: skip
    run.add_argument("--dry-run", action="store_true", help="show the configuration as JSON, and do nothing")


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()  # "²" is a digit too, but no number to int()


def _count(text: str) -> int:
    if not _is_whole(text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _natural(text: str) -> int:
    if not _is_whole(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def _device(text: str) -> str:
    from minigan.backend import parse_device

    try:
        return text if text == "auto" else str(parse_device(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None

"""The options of every command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from minigan import __version__
from minigan.cli.common import USAGE
from minigan.cli.help import HelpFormatter
from minigan.cli.train_options import add_reading_options, add_train_options
from minigan.experiments import EXPERIMENTS
from minigan.metrics import METRICS
from minigan.models import MODELS
from minigan.options import COUNT, NATURAL
from minigan.recipes import RECIPES
from minigan.terminal import printable
from minigan.training.run_options import DEVICE


def _seeds(text: str) -> tuple[int, ...]:
    """0,1,2"""
    return tuple(NATURAL.read(part) for part in text.split(","))


RUN = "a run's folder, a checkpoint, or last"


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        # By its whole name an option is found before all are known.
        super().__init__(**options, allow_abbrev=False, formatter_class=HelpFormatter)
        self._negative_number_matcher = re.compile(r"-\.?\d")  # as of Python 3.14: -1e3 is a number too

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> argparse.Namespace:  # type: ignore[override]
        """A word that no option is, is told by the command it was given to, with the option that was meant."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command = self.commands[found.name]
            near = get_close_matches(unknown[0], command._option_string_actions, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            command.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        return found

    commands: Mapping[str, argparse.ArgumentParser] = {}

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")


def make_parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the command line; `name` is the command's. argv tells which algorithm's options `train` has."""
    parser = _Parser(
        prog="minigan", usage="minigan COMMAND [options]", description="A GAN you can see through, on NumPy and CuPy.",
        epilog=_examples("minigan train", "minigan sample", "minigan lesson 01", "minigan train --help"),
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"minigan {__version__}")
    commands = parser.add_subparsers(title="commands", prog="minigan", metavar="COMMAND", required=True, dest="name")
    parser.commands = commands.choices

    def add(name: str, does: str, *examples: str, usage: str | None = None) -> argparse.ArgumentParser:
        description = f"{does[0].upper()}{does[1:]}."
        return commands.add_parser(name, help=does, description=description, epilog=_examples(*examples), usage=usage)

    train = add(
        "train", "train a GAN; without options: digits on a CPU in minutes",
        "minigan train --epochs 2",
        "minigan train --model dcgan64 --data photos/ --epochs 50",
        "minigan train --recipe wgan-gp --dry-run",
        "minigan train --resume last --epochs 20",
        usage="minigan train [options]",
    )  # fmt: skip
    add_train_options(train, argv)

    sample = add(
        "sample", "draw from a trained generator: a grid, arrays, a way between noises",
        "minigan sample",
        "minigan sample runs/00000-quick28-mnist-s0 --n 16 --out digits.png",
        "minigan sample --out digits.npz --out way.gif",
        "minigan sample --labels --n 100 --out labels.png",
        usage="minigan sample [options] [RUN]",
    )  # fmt: skip
    sample.add_argument("checkpoint", nargs="?", default="last", metavar="RUN", help=f"{RUN} (default: last)")
    sample.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    sample.add_argument("--n", type=COUNT.read, default=64, help="how many samples (default: 64)")
    sample.add_argument("--seed", type=NATURAL.read, default=0, help="of the noise (default: 0)")
    sample.add_argument("--algorithm", metavar="FILE.py:CLASS", help="where a run's own algorithm lies now")
    labels = sample.add_mutually_exclusive_group()
    labels.add_argument("--label", type=NATURAL.read, help="of a conditional model: what the samples shall show")
    labels.add_argument(
        "--labels", action="store_true", help="of a conditional model: a column for each label, one noise along a row"
    )
    sample.add_argument(
        "--out", action="append", metavar="FILE",
        help=".png a grid, .npz the bytes of the images, .gif a way between noises; may be given several times "
        "(default: samples-s0.png, 0 being the seed)",
    )  # fmt: skip

    evaluate = add(
        "evaluate", "score samples beside real ones: of runs, checkpoints, files",
        "minigan evaluate",
        "minigan evaluate runs/00000-quick28-mnist-s0 runs/00001-wgan-gp-mnist-s0",
        "minigan evaluate digits.npz --data mnist --json",
        usage="minigan evaluate [options] [RUN|SAMPLES ...]",
    )  # fmt: skip
    evaluate.add_argument(
        "sources", nargs="*", default="last", metavar="RUN|SAMPLES",
        help=f"{RUN}; or samples: an .npz, .npy, .zip or a folder of images (default: last)",
    )  # fmt: skip
    evaluate.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    evaluate.add_argument("--n", type=COUNT.read, default=10_000, help="samples a draw (default: 10000)")
    evaluate.add_argument("--draws", type=COUNT.read, default=3, help="how often samples are drawn (default: 3)")
    evaluate.add_argument("--seed", type=NATURAL.read, default=0, help="of the first draw (default: 0)")
    evaluate.add_argument("--data", help="the real samples (default: what the run learned from, or mnist)")
    evaluate.add_argument(
        "--metrics", action="append", choices=list(METRICS), metavar="NAME",
        help=f"a score, may be given several times: {', '.join(METRICS)} (default: all that fit and take seconds)",
    )  # fmt: skip
    evaluate.add_argument(
        "--features", metavar="NAME|FILE.py:FUNCTION",
        help="what scores compare images by: digits, pixels, or a function of your own, which makes numbers (N, d) of "
        "images (N, C, H, W) (default: digits for grey images of 28 by 28 or 32 by 32, else pixels)",
    )  # fmt: skip
    evaluate.add_argument("--algorithm", metavar="FILE.py:CLASS", help="where a run's own algorithm lies now")
    evaluate.add_argument("--json", action="store_true", help="print the scores as JSON")
    evaluate.add_argument("--out", metavar="FILE", help="write a picture of the worst, middle and best samples (.png)")

    recipes = add(
        "recipes", "list the names that train --recipe knows: papers, choices, numbers; run a table",
        "minigan recipes", "minigan recipes wgan-gp", "minigan recipes run ring --row gan --row lsgan",
        usage="minigan recipes [[run] NAME] [options]",
    )  # fmt: skip
    recipes.add_argument(
        "words", nargs="*", metavar="[run] NAME",
        help="show a recipe, with all its choices (default: list all); or, after run, compute a table or a recipe's "
        f"own figure: {', '.join(EXPERIMENTS)}",
    )  # fmt: skip
    recipes.add_argument(
        "--row", action="append", metavar="NAME", help="of the table, may be given several times (default: all)"
    )
    recipes.add_argument(
        "--seeds", type=_seeds, default=(0, 1, 2), metavar="A,B,…", help="each row once under each (default: 0,1,2)"
    )
    recipes.add_argument("--out", default="results", help="where results and runs are kept (default: results)")

    trace = add(
        "trace", "record one training step: every layer's values and gradients",
        "minigan trace --text",
        "minigan trace runs/00000-quick28-mnist-s0 --html step.html",
        "minigan trace --recipe wgan-gp --out trace.json",
        usage="minigan trace [options] [RUN|FILE]",
    )  # fmt: skip
    trace.add_argument(
        "checkpoint", nargs="?", metavar="RUN|FILE",
        help=f"{RUN}; or a saved trace.json (default: last, or a fresh model if there is no run)",
    )  # fmt: skip
    trace.add_argument(
        "--model", choices=list(MODELS), metavar="NAME",
        help=f"a fresh one, that has learnt nothing yet: {', '.join(MODELS)}",
    )  # fmt: skip
    trace.add_argument("--recipe", metavar="NAME", help=f"a fresh one of a recipe: {', '.join(RECIPES)}")
    trace.add_argument("--algorithm", metavar="FILE.py:CLASS", help="a fresh one of your own; or where a run's lies")
    trace.add_argument("--data", help="a batch of these images instead of the run's own")
    trace.add_argument("--size", type=COUNT.read, help="a fresh one's, height and width of its images")
    trace.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    trace.add_argument("--seed", type=NATURAL.read, default=0, help="of the batch and the noise (default: 0)")
    trace.add_argument("--text", action="store_true", help="step through it in the terminal; a file only with --out")
    trace.add_argument("--html", metavar="FILE", help="write it as a page to step through in a browser")
    trace.add_argument(
        "--out", metavar="FILE", help="write it as JSON (default: trace.json, if neither --text nor --html is given)"
    )

    add_reading_options(trace)

    lab = add(
        "lab", "open a page to train and watch a GAN in, live, in the browser",
        "minigan lab", "minigan lab --html lab.html",
    )  # fmt: skip
    lab.add_argument("--html", metavar="FILE", help="write it there, and open nothing (default: opened in a browser)")

    check = add(
        "check", "check backward passes: the engine's, or your own",
        "minigan check", "minigan check conv2d tanh --order 3", "minigan check mine.py:MyFunction",
        usage="minigan check [options] [TARGET ...]",
    )  # fmt: skip
    check.add_argument(
        "targets", nargs="*", metavar="TARGET",
        help="a function of minigan (conv2d), or your own: module:MyFunction or file.py:MyFunction; a module or file "
        "alone for all Functions in it (default: the whole engine)",
    )  # fmt: skip
    check.add_argument("--order", type=int, choices=(1, 2, 3), help="of the derivatives (default: 2; some 3)")
    check.add_argument("--cases", type=COUNT.read, default=10, help="random calls of each function (default: 10)")
    check.add_argument("--seed", type=NATURAL.read, default=0, help="of the random calls (default: 0)")
    check.add_argument("--device", type=DEVICE.read, help="where they are checked: cpu, gpu or gpu:N (default: cpu)")

    functions = add(
        "functions", "print the table of derivatives; with a name, one function with its source",
        "minigan functions", "minigan functions conv2d", "minigan functions --json",
    )  # fmt: skip
    functions.add_argument(
        "function", nargs="?", metavar="NAME", help="a function (conv2d) or a class (Conv2d) (default: all)"
    )
    functions.add_argument("--json", action="store_true", help="print the rows as JSON")

    lesson = add(
        "lesson", "step through a lesson in the terminal; without a number, list them",
        "minigan lesson", "minigan lesson 01", "minigan lesson chain --start 5",
    )  # fmt: skip
    which = "its number, part of its name, or file (.py, .ipynb)"
    lesson.add_argument("which", nargs="?", metavar="NN", help=which)
    lesson.add_argument("--start", type=COUNT.read, default=1, metavar="CELL", help="where to begin (default: 1)")
    check_lesson = add(
        "check-lesson", "check the exercise in a lesson's file",
        "minigan check-lesson 01", "minigan check-lesson 01 --solution",
    )  # fmt: skip
    check_lesson.add_argument("which", metavar="NN", help=which)
    check_lesson.add_argument("--solution", action="store_true", help="check the solution that comes with it instead")
    lessons = add("lessons", "make all lessons notebooks and pages", "minigan lessons build --out pages")
    lessons.add_argument("action", choices=["build"], help="make them")
    lessons.add_argument("--out", default="build/lessons", help="the folder to write (default: build/lessons)")

    doctor = add(
        "doctor", "show versions, BLAS and devices, and check the engine in seconds",
        "minigan doctor", "minigan doctor --device gpu",
    )  # fmt: skip
    for command in (sample, evaluate, trace, doctor):
        command.add_argument("--device", type=DEVICE.read, help="auto, cpu, gpu or gpu:N (default: auto)")
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _examples(*lines: str) -> str:
    """The last part of a help text."""
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])

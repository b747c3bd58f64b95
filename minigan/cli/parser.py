"""The parser of the command line; a command's options are beside what it does, in a file of its name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, NoReturn

from minigan import __version__
from minigan.cli import check, evaluate, functions, lab, lessons, recipes, sample, trace, watch
from minigan.cli.common import USAGE, add_device
from minigan.cli.help import HelpFormatter
from minigan.cli.train_options import add_train_options
from minigan.terminal import printable

Arguments = Callable[[argparse.ArgumentParser], None]  # what adds a command's options to its parser


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

    def add(
        name: str, add_arguments: Arguments, does: str, *examples: str, usage: str | None = None, more: str = ""
    ) -> None:
        description = f"{does[0].upper()}{does[1:]}." + (f"\n\n{more}" if more else "")
        add_arguments(
            commands.add_parser(name, help=does, description=description, epilog=_examples(*examples), usage=usage)
        )

    add(
        "train", partial(add_train_options, argv=argv),
        "train a GAN; without options: digits on a CPU in minutes",
        "minigan train --epochs 2",
        "minigan train --model dcgan64 --data photos/ --epochs 50",
        "minigan train --recipe wgan-gp --dry-run",
        "minigan train --resume last --epochs 20",
        usage="minigan train [options]",
    )  # fmt: skip
    add(
        "watch", watch.add_arguments,
        "show runs in a browser, as they train and as they were",
        "minigan watch",
        "minigan watch runs/00000-quick28-mnist-s0 runs/00001-wgan-gp-mnist-s0",
        "minigan watch last --open",
        usage="minigan watch [options] [RUN ...]",
    )  # fmt: skip
    add(
        "sample", sample.add_arguments,
        "draw from a trained generator: a grid, arrays, a way between noises",
        "minigan sample",
        "minigan sample runs/00000-quick28-mnist-s0 --n 16 --out digits.png",
        "minigan sample --out digits.npz --out way.gif",
        "minigan sample --labels --n 100 --out labels.png",
        usage="minigan sample [options] [RUN]",
    )  # fmt: skip
    add(
        "evaluate", evaluate.add_arguments,
        "score samples beside real ones: of runs, checkpoints, files",
        "minigan evaluate",
        "minigan evaluate runs/00000-quick28-mnist-s0 runs/00001-wgan-gp-mnist-s0",
        "minigan evaluate digits.npz --data mnist --json",
        usage="minigan evaluate [options] [RUN|SAMPLES ...]",
    )  # fmt: skip
    add(
        "recipes", recipes.add_arguments,
        "list the names that train --recipe knows: papers, choices, numbers; run a table",
        "minigan recipes", "minigan recipes wgan-gp", "minigan recipes run ring --row gan --row lsgan",
        usage="minigan recipes [[run] NAME] [options]",
    )  # fmt: skip
    add(
        "trace", trace.add_arguments,
        "record one training step: every layer's values and gradients",
        "minigan trace --text",
        "minigan trace runs/00000-quick28-mnist-s0 --html step.html",
        "minigan trace --recipe wgan-gp --out trace.json",
        usage="minigan trace [options] [RUN|FILE]",
    )  # fmt: skip
    add(
        "lab", lab.add_arguments,
        "open a page to train and watch a GAN in, live, in the browser",
        "minigan lab", "minigan lab --html lab.html",
    )  # fmt: skip
    add(
        "check", check.add_arguments,
        "check backward passes: the engine's, or your own",
        "minigan check", "minigan check conv2d tanh --order 3", "minigan check mine.py:MyFunction",
        usage="minigan check [options] [TARGET ...]",
    )  # fmt: skip
    add(
        "functions", functions.add_arguments,
        "print the table of derivatives; with a name, one function with its source",
        "minigan functions", "minigan functions conv2d", "minigan functions --json",
    )  # fmt: skip
    add(
        "lesson", lessons.add_lesson_arguments,
        "step through a lesson in the terminal; check its exercises; hints",
        "minigan lesson init", "minigan lesson next", "minigan lesson 01", "minigan lesson chain --start 5",
        "minigan lesson check 01", "minigan lesson hint 01 stretch", "minigan lesson build --out pages",
        usage="minigan lesson [NN | ACTION] [options]", more=lessons.DESCRIPTION,
    )  # fmt: skip
    add(
        "check-lesson", lessons.add_check_arguments,
        "check the exercises in a lesson's file: as lesson check",
        "minigan check-lesson 01", "minigan check-lesson 01 --solution",
    )  # fmt: skip
    add(
        "lessons",
        lessons.add_build_arguments,
        "make all lessons notebooks and pages: as lesson build",
        "minigan lessons build --out pages",
    )
    add(
        "doctor", add_device,
        "show versions, BLAS and devices, and check the engine in seconds",
        "minigan doctor", "minigan doctor --device gpu",
    )  # fmt: skip
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _examples(*lines: str) -> str:
    """The last part of a help text."""
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])

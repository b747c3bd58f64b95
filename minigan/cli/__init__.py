"""The command line: `minigan train | watch | recipes | sample | evaluate | trace | lab | check | functions | lesson |
check-lesson | lessons | doctor`.

Exit codes: 0 done, 1 the work failed or was stopped, 2 bad usage. An error is one sentence on
stderr; `--debug` shows the traceback instead.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from minigan import startup
from minigan.algorithms import AlgorithmError, NoSamplesError, registry
from minigan.autograd import AnomalyError
from minigan.backend import DeviceError
from minigan.backend.cupy_backend import is_out_of_memory, out_of_memory
from minigan.backend.distributed import ProcessGroupError
from minigan.cli import check, evaluate, functions, lab, lessons, recipes, sample, trace, train, watch
from minigan.cli.common import DONE, FAILED, USAGE, say
from minigan.cli.parser import make_parser
from minigan.data import DataError
from minigan.doctor import examine
from minigan.formatting import last_frame, one_line
from minigan.lesson.cells import LessonError
from minigan.terminal import prepare_streams, printable
from minigan.testing.check import TargetError
from minigan.training import ConfigError, Interrupted, TrainingError, launch
from minigan.training.signals import terminated_as_interrupted

COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {  # the exit code, if it is not DONE
    "train": train.train,
    "watch": watch.watch,
    "recipes": recipes.recipes,
    "sample": sample.sample,
    "evaluate": evaluate.evaluate,
    "trace": trace.trace,
    "lab": lab.lab,
    "check": check.check,
    "functions": functions.functions,
    "lesson": lessons.lesson,
    "check-lesson": lessons.check,
    "lessons": lessons.build_lessons,
    "doctor": lambda arguments: DONE if examine(arguments.device) else FAILED,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    startup.begun()
    prepare_streams()
    try:
        with terminated_as_interrupted():
            try:
                return _run(list(sys.argv[1:] if argv is None else argv))
            finally:
                _flush()
    except BrokenPipeError:
        code, message = FAILED, "nobody reads on"
    except OSError as error:  # a full disk, at the end of a pipe
        code, message = FAILED, f"minigan: the output could not be written ({error.strerror or error})"
    for stream in (1, 2) if message == "nobody reads on" else (1,):
        _discard(stream)
    launch.end(say, message, code)
    return code


def _flush() -> None:
    """Write what was printed; that messages cannot be written is no failure of what was done."""
    print(end="", flush=True)
    try:
        sys.stderr.flush()
    except OSError:
        _discard(2)


def _discard(stream: int) -> None:
    """Let what is left of a stream go nowhere: Python's own last flush must find a reader."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def _run(argv: list[str]) -> int:
    try:
        parser = make_parser(argv)
        if not argv:  # somebody asks what there is
            parser.print_help()
            return DONE
        arguments = parser.parse_args(argv)
        return COMMANDS[arguments.name](arguments) or DONE
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, OSError) and error.filename is None and error.errno in (errno.EPIPE, errno.ENOSPC):
            raise  # of the output: `main` says it
        command = next((word for word in argv if word in COMMANDS), "")
        code, message = exit_code_and_message(error, command)
        lines = traceback.format_exc() if "--debug" in argv else ""
        launch.end(say, f"{lines}minigan {command}: {message}", code)
        return code


_SMALLER = {"train": ": try a smaller --batch-size", "sample": ": try a smaller --n", "evaluate": ": try a smaller --n"}


def exit_code_and_message(error: BaseException, command: str) -> tuple[int, str]:
    """The exit code, and what is said to the user."""
    match error:
        case ConfigError() | TargetError() | LessonError():
            return USAGE, printable(str(error))
        case AlgorithmError() | DataError() | DeviceError() | NoSamplesError() | ProcessGroupError() | TrainingError():
            return FAILED, "\n".join(map(printable, str(error).split("\n  ")))
        case AnomalyError() | Interrupted():
            return FAILED, str(error)
        case KeyboardInterrupt():
            return FAILED, "stopped"
        case _ if is_out_of_memory(error):
            return FAILED, f"out of memory ({out_of_memory(error)}){_SMALLER.get(command, '')}"
        case OSError():
            return FAILED, printable(f"{error.filename or 'the system'}: {error.strerror or error}")
        case _ if type(error).__module__.startswith("cupy"):
            told = f"the GPU failed ({type(error).__name__}: {one_line(error)})"
            return FAILED, f"{told}: minigan doctor --device gpu tells whether it computes rightly"
    if at := last_frame(error, lambda file: file in registry.files()):
        place = f"{at.filename}, line {at.lineno}, in {at.name}"
        return FAILED, f"{place}: {type(error).__name__}: {error} (--debug shows the whole way there)"
    # The last resort, so that no user meets a traceback unasked.
    return FAILED, f"unexpected {type(error).__name__}: {one_line(error)} (--debug shows where)"

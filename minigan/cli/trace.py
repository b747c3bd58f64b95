"""`minigan trace`: one step of a run, of a fresh model, or of the example, as text, a page, or data."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from minigan.cli.common import DONE, RUN, add_device, say
from minigan.cli.train_options import add_reading_options
from minigan.models import MODELS
from minigan.options import COUNT, NATURAL
from minigan.recipes import RECIPES

if TYPE_CHECKING:
    from minigan.trace import Trace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan trace`."""
    parser.add_argument(
        "checkpoint", nargs="?", metavar="RUN|FILE",
        help=f"{RUN}; or a saved trace.json (default: last, or the small GAN that comes with minigan)",
    )  # fmt: skip
    parser.add_argument(
        "--model", choices=list(MODELS), metavar="NAME",
        help=f"a fresh one, that has learnt nothing yet: {', '.join(MODELS)}",
    )  # fmt: skip
    parser.add_argument("--recipe", metavar="NAME", help=f"a fresh one of a recipe: {', '.join(RECIPES)}")
    parser.add_argument("--algorithm", metavar="FILE.py:CLASS", help="a fresh one of your own; or where a run's lies")
    parser.add_argument("--data", help="a batch of these images instead of the run's own")
    parser.add_argument("--size", type=COUNT.read, help="a fresh one's, height and width of its images")
    parser.add_argument("--runs", default="runs", help="where 'last' looks for runs (default: runs)")
    parser.add_argument("--seed", type=NATURAL.read, default=0, help="of the batch and the noise (default: 0)")
    parser.add_argument("--text", action="store_true", help="step through it in the terminal; a file only with --out")
    parser.add_argument("--html", metavar="FILE", help="write it as a page to step through in a browser")
    parser.add_argument(
        "--out", metavar="FILE", help="write it as JSON (default: trace.json, if neither --text nor --html is given)"
    )

    add_reading_options(parser, "how --data is read (default: as the run's own)")
    add_device(parser)


def trace(arguments: argparse.Namespace) -> int:
    """Record the step, and show or write it; the exit code."""
    from minigan.training import ConfigError

    trace = _traced(arguments)
    try:
        _show(trace, arguments)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        if (arguments.checkpoint or "").endswith(".json"):  # its numbers name what is not there
            what = f"the trace is damaged: {type(error).__name__}: {error}"
            raise ConfigError(f"{arguments.checkpoint}: {what}") from None
        raise
    return DONE


def _show(trace: Trace, arguments: argparse.Namespace) -> None:
    from minigan.training.atomic import write_atomically

    if arguments.text:
        from minigan.trace.views.terminal import step_through

        step_through(trace)
    if arguments.html:
        from minigan.trace import trace_page

        write_atomically(Path(arguments.html), trace_page(trace).encode())
        say(f"wrote {arguments.html}: open it in a browser")
    if arguments.out or not (arguments.text or arguments.html):
        out = Path(arguments.out or "trace.json")
        write_atomically(out, trace.to_json().encode())
        say(f"wrote {out}: {len(trace.frames)} frames")


def _traced(arguments: argparse.Namespace) -> Trace:
    """The step of a checkpoint; without one, of a fresh model if one is asked for or other data is, else of the trained
    example."""
    from minigan.files import read_file
    from minigan.trace import Trace, TraceError
    from minigan.training import Config, ConfigError
    from minigan.training.checkpoint import find_checkpoint
    from minigan.training.example import EPOCHS, MODEL
    from minigan.training.recording import trace_checkpoint, trace_example, trace_fresh
    from minigan.training.run_options import READING

    warnings.filterwarnings("ignore", category=RuntimeWarning)  # what is not finite is in the trace
    changes = {name: value for name in ("data", "device", *READING) if (value := getattr(arguments, name)) is not None}
    runs = Path(arguments.runs)
    names = ("model", "recipe", "size", *(() if arguments.checkpoint else ("algorithm",)))
    fresh = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if fresh and arguments.checkpoint:
        name = next(iter(fresh))
        raise ConfigError(f"--{name} makes a fresh model, so it excludes a checkpoint: a checkpoint has its own")
    has_runs = arguments.checkpoint or list(runs.glob("*/ckpt/last.safetensors"))
    if not fresh and not has_runs and not changes.keys() - {"device"}:
        say(f"a step of the small GAN that comes with minigan ({MODEL}, trained for {EPOCHS} epochs)")
        return trace_example(arguments.seed, **changes)
    if fresh or not has_runs:
        config = Config.choose(fresh, changes)
        say(f"a step of a fresh {config.name}, which has learnt nothing yet")
        return trace_fresh(config, arguments.seed)
    if (arguments.checkpoint or "").endswith(".json"):
        try:
            return Trace.from_json(read_file(arguments.checkpoint).decode("utf-8"))
        except (TraceError, UnicodeDecodeError) as error:
            raise ConfigError(f"{arguments.checkpoint}: {error}") from None
    path = find_checkpoint(arguments.checkpoint or "last", runs)
    say(f"a step from {path}")
    return trace_checkpoint(path, arguments.seed, arguments.algorithm, **changes)

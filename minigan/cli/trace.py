"""`minigan trace`: one step of a run, or of a fresh model, as text, a page, or data."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from minigan.cli.common import DONE, say

if TYPE_CHECKING:
    from minigan.trace import Trace


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
    """The step of a checkpoint; without one, of a fresh model."""
    from minigan.files import read_file
    from minigan.trace import Trace, TraceError
    from minigan.training import Config, ConfigError
    from minigan.training.checkpoint import find_checkpoint
    from minigan.training.recording import trace_checkpoint, trace_fresh
    from minigan.training.run_options import READING

    warnings.filterwarnings("ignore", category=RuntimeWarning)  # what is not finite is in the trace
    changes = {name: value for name in ("data", "device", *READING) if (value := getattr(arguments, name)) is not None}
    runs = Path(arguments.runs)
    names = ("model", "recipe", "size", *(() if arguments.checkpoint else ("algorithm",)))
    fresh = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if fresh and arguments.checkpoint:
        name = next(iter(fresh))
        raise ConfigError(f"--{name} makes a fresh model, so it excludes a checkpoint: a checkpoint has its own")
    if fresh or not (arguments.checkpoint or list(runs.glob("*/ckpt/last.safetensors"))):
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

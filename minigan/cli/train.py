"""`minigan train`: begin a run, or go on with one, alone or as one of several processes."""

from __future__ import annotations

import argparse
import shlex
import warnings
from pathlib import Path
from typing import Any

from minigan.cli.common import DONE, say


def train(arguments: argparse.Namespace) -> int:
    """Train, or with --dry-run show what would be done; the exit code."""
    from minigan.backend.cupy_backend import is_out_of_memory
    from minigan.training.commands import program

    group = _process_group(arguments.data_parallel)
    run = _resumed(arguments, group) if arguments.resume else _started(arguments, group)
    if arguments.dry_run:
        say("dry run: nothing is trained or written")
        print(run.config.to_json(), end="")
        return DONE
    # The run looks for what is not finite itself, and says more than NumPy's warnings (of whichever module).
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    try:
        run.train()
    except Exception as error:
        if is_out_of_memory(error):
            raise _too_much(run, error) from error
        raise
    say(f"Done in {_clock(run.seconds)}. Look at {run.run_dir.path / 'samples'}")
    say(f"Draw more with: {program()} sample {shlex.quote(str(run.run_dir.path))}")
    return DONE


def _process_group(wanted: bool) -> Any:
    """The processes to train with: those that mpiexec started, if it is wanted. Only the first one speaks."""
    from minigan.backend.distributed import SINGLE_PROCESS
    from minigan.training import ConfigError, launch

    rank, launched = launch.launched_as()
    if wanted:
        group = launch.join()
        group.share_cores()
        return group
    if launched == 1:
        return SINGLE_PROCESS
    if rank:
        launch.fall_silent()  # the first one says it
    raise ConfigError(
        f"mpiexec started {launched} processes, which would all train the same run: with --data-parallel they train "
        "one run together"
    )


def _started(arguments: argparse.Namespace, group: Any) -> Any:
    from minigan.cli.train_options import chosen_options
    from minigan.training import Config, prepare, start

    choices = chosen_options(arguments)
    config = Config.load(arguments.config, **choices) if arguments.config else Config.choose(choices)
    if arguments.dry_run:
        run = prepare(config, group)
    else:
        run = start(config, arguments.out, group, arguments.detect_anomaly, arguments.trace_every or 0)
    _announce(run)
    if run.run_dir is not None:
        say(f"run folder {run.run_dir.path}")
    return run


def _resumed(arguments: argparse.Namespace, group: Any) -> Any:
    from minigan.cli.train_options import chosen_options
    from minigan.training import ConfigError, resume
    from minigan.training.checkpoint import find_checkpoint

    if arguments.config:
        raise ConfigError("--config and --resume exclude each other: a run goes on with its own configuration")
    path = find_checkpoint(arguments.resume, Path(arguments.out))
    choices = chosen_options(arguments)
    run = resume(path, group, arguments.detect_anomaly, arguments.trace_every or 0, **choices)
    _announce(run)
    say(f"going on in {run.run_dir.path} from {run.place(run.step)}")
    return run


def _too_much(run: Any, error: Exception) -> Exception:
    """The error of a run that found no memory. The step it fell in is half done, so what it learnt since the last
    checkpoint is not saved."""
    from minigan.backend.cupy_backend import out_of_memory
    from minigan.training import TrainingError
    from minigan.training.commands import resume_command

    half = max(2, run.config.batch_size // 2)
    text = f"out of memory on {run.device} at step {run.step + 1} ({out_of_memory(error)})"
    text += f": start again with --batch-size {half}"
    if run.run_dir.last_checkpoint.is_file():
        command = resume_command(run.run_dir.path, run.process_group.size)
        text += f", or go on with this run where there is more: {command} (--device names another)"
    return TrainingError(text)


def _announce(run: Any) -> None:
    from minigan.training.describe import describe

    for line in describe(run):
        say(line)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

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
    from minigan.gpu import is_out_of_memory
    from minigan.training.progress import program

    team = _team(arguments.data_parallel)
    run = _resumed(arguments, team) if arguments.resume else _started(arguments, team)
    if arguments.dry_run:
        say("dry run: nothing is trained or written")
        print(run.config.to_json(), end="")
        return DONE
    # The run looks for what is not finite itself, and says more than NumPy's warnings (of whichever module).
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    try:
        run.train(arguments.detect_anomaly, arguments.trace_every or 0)
    except Exception as error:
        if is_out_of_memory(error):
            raise _too_much(run, error) from error
        raise
    say(f"Done in {_clock(run.seconds)}. Look at {run.folder.path / 'samples'}")
    say(f"Draw more with: {program()} sample {shlex.quote(str(run.folder.path))}")
    return DONE


def _team(wanted: bool) -> Any:
    """The processes to train with: those that mpiexec started, if it is wanted. Only the first one speaks."""
    from minigan.training import ConfigError, mpi
    from minigan.training.team import ALONE

    rank, launched = mpi.launched_as()
    if wanted:
        team = mpi.join()
        team.share_cores()
        return team
    if launched == 1:
        return ALONE
    if rank:
        mpi.fall_silent()  # the first one says it
    raise ConfigError(
        f"mpiexec started {launched} processes, which would all train the same run: with --data-parallel they train "
        "one run together"
    )


def _started(arguments: argparse.Namespace, team: Any) -> Any:
    from minigan.training import Config, prepare, start

    choices = _choices(arguments)
    config = Config.load(arguments.config, **choices) if arguments.config else Config.for_model(**choices)
    run = prepare(config, team) if arguments.dry_run else start(config, arguments.out, team)
    _announce(run)
    if run.folder is not None:
        say(f"run folder {run.folder.path}")
    return run


def _resumed(arguments: argparse.Namespace, team: Any) -> Any:
    from minigan.training import ConfigError, resume
    from minigan.training.checkpoint import find_checkpoint

    if arguments.config:
        raise ConfigError("--config and --resume exclude each other: a run goes on with its own configuration")
    run = resume(find_checkpoint(arguments.resume, Path(arguments.out)), team, **_choices(arguments))
    _announce(run)
    say(f"going on in {run.folder.path} from step {run.step} (epoch {run.epoch + 1})")
    return run


_CHOICES = (
    "model", "data", "channels", "objective", "step", "epochs", "batch_size", "lr", "lr_G", "lr_D", "averaging",
    "seed", "checkpoint_every", "device", "tf32", "sync_batch_norm",
)  # fmt: skip


def _choices(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was chosen on the command line: it goes on top of a file's choices, and these on the model's defaults."""
    choices = {name: value for name in _CHOICES if (value := getattr(arguments, name)) is not None}
    lr = choices.pop("lr", None)
    return choices if lr is None else {"lr_G": lr, "lr_D": lr} | choices


def _too_much(run: Any, error: Exception) -> Exception:
    """The error of a run that found no memory. The step it fell in is half done, so what it learnt since the last
    checkpoint is not saved."""
    from minigan.gpu import out_of_memory
    from minigan.training import TrainingError

    half = max(2, run.config.batch_size // 2)
    text = f"out of memory on {run.device} at step {run.step + 1} ({out_of_memory(error)})"
    text += f": start again with --batch-size {half}"
    if run.folder.last_checkpoint.is_file():
        text += f", or go on with this run where there is more: {run.resuming} (--device names another)"
    return TrainingError(text)


def _announce(run: Any) -> None:
    for line in run.describe():
        say(line)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

"""`minigan train`: begin a run, or go on with one, alone or as one of several processes."""

from __future__ import annotations

import argparse
import shlex
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from minigan.backend import CPU, choose_device
from minigan.backend.cupy_backend import is_out_of_memory, out_of_memory
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.cli.common import say
from minigan.cli.train_options import chosen_options
from minigan.cli.watch import watched
from minigan.lesson.cells import LessonError
from minigan.lesson.mine import Judged, computing_with, judge
from minigan.lesson.translation import in_their_language, translated
from minigan.options import Choices
from minigan.training import Config, ConfigError, Trainer, TrainingError, launch, prepare, resume, start
from minigan.training.checkpoint import find_checkpoint
from minigan.training.commands import program, resume_command
from minigan.training.describe import describe
from minigan.training.initial_weights import choices_of


def train(arguments: argparse.Namespace) -> None:
    """Train, or with --dry-run show what would be done."""
    mine = _judged(arguments) if arguments.mine else []
    group = _process_group(arguments.data_parallel)
    trainer = _resumed(arguments, group) if arguments.resume else _started(arguments, group)
    for line in _whose(mine):
        say(line)
        if trainer.has_run_dir:
            trainer.run_dir.log(line)
    if arguments.dry_run:
        say("dry run: nothing is trained or written")
        print(trainer.config.to_json(), end="")
        return
    # The run looks for what is not finite itself, and says more than NumPy's warnings (of whichever module).
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    with (
        watched(trainer) if arguments.watch and group.is_main else nullcontext(),
        computing_with([part for part in mine if part.is_right]),
    ):
        _train(trainer)


def _train(trainer: Trainer) -> None:
    try:
        trainer.train()
    except Exception as error:
        if is_out_of_memory(error):
            raise _too_much(trainer, error) from error
        raise
    minutes, seconds = divmod(int(trainer.seconds), 60)
    grids = trainer.run_dir.path / "samples"
    drawn = any(grids.iterdir())
    say(f"Done in {minutes}:{seconds:02d}." + (f" Look at {grids}" if drawn else ""))
    if drawn:
        say(f"Draw more with: {program()} sample {shlex.quote(str(trainer.run_dir.path))}")


def _judged(arguments: argparse.Namespace) -> list[Judged]:
    """What the checks of the lessons say of the backward passes that the run is to compute with.
    Raises: LessonError where none can be used."""
    with in_their_language():
        if arguments.data_parallel:
            raise LessonError("--mine and --data-parallel exclude each other: the lessons' answers know one process")
        device, _ = choose_device(arguments.device)
        if device != CPU:
            raise LessonError(f"--mine computes with NumPy, not on {device}: add --device cpu")
        found = judge()
        if not any(part.is_right for part in found):
            raise LessonError(f"--mine: none of your backward passes is right yet; {program()} lesson next goes on")
    return found


def _whose(judged: list[Judged]) -> list[str]:
    """Which backward passes are the learner's, and why the others are not, in their language."""
    if not judged:
        return []
    return [
        translated("backward passes: yours where they passed their check, the engine's for the rest"),
        *(f"  {part}" for part in judged),
        "  " + translated("yours are loops in Python: a step of the default model takes some six times as long"),
    ]


def _process_group(wanted: bool) -> ProcessGroup:
    """The processes to train with: those that mpiexec started, if it is wanted. Only the first one speaks."""
    rank, launched = launch.launched_as()
    if wanted:
        group = launch.join()
        group.share_cores()
        return group
    if launched == 1:
        return SINGLE_PROCESS
    if rank:
        launch.silence_output()  # the first one says it
    raise ConfigError(
        f"mpiexec started {launched} processes, which would all train the same run: with --data-parallel they train "
        "one run together"
    )


def _started(arguments: argparse.Namespace, group: ProcessGroup) -> Trainer:
    choices = chosen_options(arguments)
    if arguments.config:
        config = Config.load(arguments.config, **choices)
    else:
        config = Config.choose(_choices_to_begin_with(choices, Path(arguments.out)), choices)
    if arguments.dry_run:
        trainer = prepare(config, group, arguments.out)
    else:
        trainer = start(config, arguments.out, group, **_beside(arguments))
    say("\n".join(describe(trainer)))
    if trainer.has_run_dir:
        say(f"run folder {trainer.run_dir.path}")
    return trainer


def _beside(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the run shall do beside training, which is none of its choices."""
    return {
        "detect_anomaly": arguments.detect_anomaly,
        "trace_every": arguments.trace_every or 0,
        "tensorboard": arguments.tensorboard,
    }


def _choices_to_begin_with(choices: Choices, runs: Path) -> Choices:
    """Those of the run whose weights are taken, unless it is said what to train."""
    if "init_from" not in choices or choices.keys() & {"algorithm", "model", "recipe"}:
        return {}
    path = find_checkpoint(choices["init_from"], runs)
    base = dict(choices_of(path))
    if base:
        say(f"choices as in {path}, but for those named here")
    return base | ({"steps": None} if "epochs" in choices else {})


def _resumed(arguments: argparse.Namespace, group: ProcessGroup) -> Trainer:
    if arguments.config:
        raise ConfigError("--config and --resume exclude each other: a run goes on with its own configuration")
    if arguments.init_from:
        raise ConfigError("--init-from and --resume exclude each other: a run goes on with its own weights")
    path = find_checkpoint(arguments.resume, Path(arguments.out))
    choices = chosen_options(arguments)
    trainer = resume(path, group, **_beside(arguments), **choices)
    say("\n".join(describe(trainer)))
    say(f"going on in {trainer.run_dir.path} from {trainer.place(trainer.step)}")
    return trainer


def _too_much(trainer: Trainer, error: Exception) -> Exception:
    """The error of a run that found no memory. The step it fell in is half done, so what it learnt since the last
    checkpoint is not saved."""
    half = max(2, trainer.config.batch_size // 2)
    text = f"out of memory on {trainer.device} at step {trainer.step + 1} ({out_of_memory(error)})"
    text += f": start again with --batch-size {half}"
    if trainer.run_dir.last_checkpoint.is_file():
        command = resume_command(trainer.run_dir.path, trainer.process_group.size)
        text += f", or go on with this run where there is more: {command} (--device names another)"
    return TrainingError(text)

"""From a configuration or a checkpoint to a `Trainer` that can train: `prepare`, `start`, `resume`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigan.algorithms import AlgorithmError, State
from minigan.algorithms.registry import absolute, is_file
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.data import DataError, Dataset, is_name
from minigan.files import expanded
from minigan.options import ConfigError
from minigan.training import callbacks
from minigan.training.callbacks.checkpoints import checkpoint_of
from minigan.training.checkpoint import Checkpoint, find_checkpoint, load_checkpoint
from minigan.training.config import Config
from minigan.training.errors import CheckpointError
from minigan.training.initial_weights import take_weights
from minigan.training.run_dir import RunDir
from minigan.training.run_options import reading_options
from minigan.training.trainer import Callback, Trainer

# What may be other than it was when a run is resumed.
CHANGEABLE = {
    "algorithm", "checkpoint_every", "data", "device", "epochs", "evaluate_every", "grid", "grid_every", "key",
    "max_bytes", "metrics", "skip_broken", "steps", "sync_batch_norm", "tf32", "value_range",
}  # fmt: skip


def prepare(config: Config, process_group: ProcessGroup = SINGLE_PROCESS, runs: str | Path = "runs") -> Trainer:
    """A new run that has no folder yet: nothing is written. runs: where the last one is looked for, if it is to begin
    with the weights of that."""
    return _prepared(config, process_group, Path(runs))[0]


def _prepared(config: Config, process_group: ProcessGroup, runs: Path) -> tuple[Trainer, list[str]]:
    """The run, and what was said of its initial weights."""
    path = find_checkpoint(config.init_from, runs) if config.init_from else None
    data = load_data(config)
    config = with_channels_of(data, config).with_choices(**_from_anywhere(config))
    if path is not None:
        config = config.with_choices(init_from=os.path.abspath(path))
    trainer = _checked(Trainer(config, data, None, process_group))
    said = take_weights(trainer, path) if path is not None else []
    for line in said if process_group.is_main else ():
        trainer.say(line)
    return trainer, said


def start(
    config: Config,
    runs: str | Path = "runs",
    process_group: ProcessGroup = SINGLE_PROCESS,
    detect_anomaly: bool = False,
    trace_every: int = 0,
    tensorboard: bool = False,
) -> Trainer:
    """A new run in a new folder under `runs`.
    detect_anomaly: take every step under `minigan.detect_anomaly`, slowly, up to the first NaN or Inf.
    trace_every: save a trace of every so-many-th step (0: of none). The run is the same to the bit.
    tensorboard: write TensorBoard's event files too."""
    if tensorboard:
        callbacks.tensorboard.require_writer()  # before there is a folder
    trainer, said = _prepared(config, process_group, Path(runs))
    path = process_group.broadcast(lambda: RunDir.create(Path(runs), trainer.config, trainer.data.name).path)
    trainer.run_dir = RunDir(path)
    trainer.callbacks = standard_callbacks(trainer, detect_anomaly, trace_every, tensorboard)
    for line in said if process_group.is_main else ():
        trainer.run_dir.log(line)
    _agree(trainer)
    return trainer


def resume(
    path: str | Path,
    process_group: ProcessGroup = SINGLE_PROCESS,
    detect_anomaly: bool = False,
    trace_every: int = 0,
    tensorboard: bool = False,
    **changes: Any,
) -> Trainer:
    """The run whose checkpoint lies at `path`, to go on in its own folder. It can be given more `epochs` or `steps`,
    another `device`, and another place where the same `data` lies now: most other choices are its own.
    It may have been trained by more or fewer processes than go on with it."""
    path = Path(path)
    checkpoint = load_checkpoint(path, changes.get("algorithm"))
    _check_changes(changes, checkpoint.config)
    run_dir = RunDir.around(path)
    _check_nothing_is_lost(path, checkpoint, run_dir)
    if "epochs" in changes:
        changes.setdefault("steps", None)
    config = checkpoint.config.with_choices(**changes)
    is_path = not is_name(config.data) and os.path.sep in config.data  # else a name that an algorithm may know
    if "data" not in changes and is_path and not expanded(config.data).exists():
        raise DataError(f"{config.data}, which this run learns from, is not there: --data may name its new place")
    data = load_data(config)
    if checkpoint.progress.get("data") != data.fingerprint:
        raise CheckpointError(
            f"{path} was trained on other data than {data.source} now holds: resume with the same data, or begin a new "
            "run with its weights: --init-from in place of --resume"
        )
    config = config.with_choices(**_from_anywhere(config))
    trainer = _checked(Trainer(config, data, run_dir, process_group))
    trainer.callbacks = standard_callbacks(trainer, detect_anomaly, trace_every, tensorboard)
    restore(trainer.load_state_dict, checkpoint, path)
    if trainer.finished and trainer.loader.epoch == trainer.closed_epochs:
        if process_group.is_main and run_dir.pictures_are_missing():
            trainer.callbacks = [callbacks.Pictures()]  # it was killed after its last checkpoint: all else is there
            return trainer
        what, done = ("epochs", trainer.loader.epoch) if config.steps is None else ("steps", trainer.step)
        asked = f"{getattr(config, what)} in all were asked for"
        raise ConfigError(
            f"{path} has done {done} {what}, and {asked}: to train on, name more, for example --{what} {done * 2}"
        )
    _agree(trainer)
    return trainer


def restore(load: Callable[[State], None], checkpoint: Checkpoint, path: Path) -> None:
    """Hand a checkpoint's state to `load`, with one sentence if it does not fit."""
    try:
        load(checkpoint.state)
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} does not fit a run of {checkpoint.config.name}: {error}") from None


def standard_callbacks(
    trainer: Trainer, detect_anomaly: bool = False, trace_every: int = 0, tensorboard: bool = False
) -> list[Callback]:
    """What `minigan train` does beside training. Only the first of several processes writes and speaks."""
    config, is_main = trainer.config, trainer.process_group.is_main
    stats, grids, evaluation = callbacks.Stats(), callbacks.SampleGrid(config.grid, config.grid_every), None
    every = config.evaluate_every if config.evaluate_every is not None else int(trainer.data.name == "mnist")
    if is_main and every:
        evaluation = callbacks.Evaluation(every, config.metrics, unasked=config.evaluate_every is None)
    standard: list[tuple[object, Callback]] = [
        (True, callbacks.NonFinite(detect_anomaly)),
        (is_main, callbacks.RunLog()),
        (True, callbacks.Traces(trace_every)),
        (True, stats),
        (is_main, grids),
        (is_main, callbacks.Checkpoints(config.checkpoint_every, evaluation)),
        (is_main, callbacks.Pictures(grids)),
        (is_main and trainer.process_group.size == 1, callbacks.SharedCores()),
        (is_main, callbacks.Progress(stats, grids)),
    ]
    chosen = [callback for wanted, callback in standard if wanted]
    if is_main and tensorboard:  # it is told of each line from the first on
        chosen.insert(chosen.index(stats), callbacks.TensorBoard())
    if evaluation is not None:  # its scores are of what the checkpoint after it holds
        chosen.insert(chosen.index(grids) + 1, evaluation)
    return chosen


def with_channels_of(data: Dataset, config: Config) -> Config:
    """The configuration with the images' channels, if the data are images."""
    return config.with_choices(channels=data.info.channels) if len(data.info.shapes.get("x", ())) == 3 else config


def load_data(config: Config) -> Dataset:
    """The configured data, as the algorithm reads it."""
    algorithm, options = config.make_algorithm(), reading_options(config)
    try:  # one of a user's own may read its data itself, and know no options
        if options:
            inspect.signature(algorithm.load_data).bind(config.data, config.channels, **options)
    except TypeError:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in options)
        raise ConfigError(f"{names}: {type(algorithm).__name__}.load_data knows no such option") from None
    return algorithm.load_data(config.data, config.channels, **options)


def _checked(trainer: Trainer) -> Trainer:
    """The trainer; AlgorithmError if there is nothing to train, ConfigError if a process would get too little of the
    smallest batch."""
    algorithm = trainer.algorithm
    for what, example in (("networks", '{"G": G, "D": D}'), ("optimizers", '{"G": optim.Adam(G.parameters())}')):
        if not getattr(algorithm, what):
            name = type(algorithm).__name__
            raise AlgorithmError(f"{name}.setup made no {what}: set self.{what}, a dict by name, such as {example}")
    multiple = algorithm.batch_multiple
    for size in {trainer.config.batch_size, trainer.loader.smallest_batch}:
        if size % multiple:
            raise ConfigError(
                f"a batch of {size} samples is no multiple of {multiple}, as {type(algorithm).__name__} with these "
                f"options needs all batches to be, an epoch's last one too: use another --batch-size"
            )
    group, smallest, synchronised = trainer.process_group, trainer.loader.smallest_batch, trainer.config.sync_batch_norm
    least = multiple * (1 if synchronised else 2)
    if group.size > 1 and smallest < least * group.size:
        why = "" if synchronised else " (one has no variance; with --sync-batch-norm it would do)"
        raise ConfigError(
            f"an epoch's smallest batch has {smallest} samples, but {group.size} processes need {least} or more each"
            f"{why}: use another --batch-size, or fewer processes"
        )
    return trainer


def _agree(trainer: Trainer) -> None:
    """See to it that all processes go on from the same state: the first one's."""
    group = trainer.process_group
    if group.size == 1:
        return
    own = {"device", "data", "init_from"}  # where they are may differ
    choices = {name: value for name, value in trainer.config.choices().items() if name not in own}
    group.check_equal({"the data": trainer.data.fingerprint, "the configuration": choices})
    trainer.load_state_dict(group.broadcast(lambda: checkpoint_of(trainer).state))


def _check_changes(changes: dict[str, Any], config: Config) -> None:
    own = config.choices()
    if "lr" in changes and own.get("lr_G") == own.get("lr_D") == changes["lr"]:
        del changes["lr"]
    refused = sorted(name for name in changes.keys() - CHANGEABLE if name not in own or changes[name] != own[name])
    if "algorithm" in changes and not (is_file(changes["algorithm"]) and is_file(config.algorithm)):
        refused += ["algorithm"] if changes["algorithm"] != config.algorithm else []
    if refused:
        raise ConfigError(
            f"{', '.join(refused)} cannot be changed when a run is resumed; only {', '.join(sorted(CHANGEABLE))} can; "
            "--init-from, in place of --resume, begins a new run with its weights and other choices"
        )


def _check_nothing_is_lost(path: Path, checkpoint: Checkpoint, run_dir: RunDir) -> None:
    """Refuse to go on from an earlier checkpoint: that would write over what was saved after it."""
    last = run_dir.last_checkpoint
    if path.resolve() == last.resolve():
        return
    for later in (last, *sorted(last.parent.glob("e*.safetensors"), reverse=True)):
        try:
            step = load_checkpoint(later, checkpoint.config.algorithm).progress["step"]
        except CheckpointError:
            continue  # missing or damaged: there is nothing to lose
        if step > checkpoint.progress["step"]:
            raise ConfigError(
                f"{path} is at step {checkpoint.progress['step']}, but {later.name} beside it is further on, at step "
                f"{step}, and would be written over: resume {later}, or copy config.json and this checkpoint, "
                "as ckpt/last.safetensors, into a new folder and resume that"
            )


def _from_anywhere(config: Config) -> dict[str, str]:
    """The configuration's files as they can be found from any folder."""
    data = expanded(config.data)
    is_file = not is_name(config.data) and data.exists()
    return {"data": os.path.abspath(data) if is_file else config.data, "algorithm": absolute(config.algorithm)}

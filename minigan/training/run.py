"""A training run: its networks, its place in the data, and the loop that moves both on."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from minigan import backend, models
from minigan.autograd import AnomalyError, Tensor
from minigan.autograd.anomaly import is_finite
from minigan.data import Batches, DataError, Dataset, load
from minigan.trace import Recorder, remembered, step_recorder
from minigan.training.ahead import sent_ahead
from minigan.training.averaging import averaged_copy, update_average
from minigan.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from minigan.training.config import Config, ConfigError
from minigan.training.diagnosis import first_nonfinite, watch
from minigan.training.errors import CheckpointError, Interrupted, NonFiniteLossError, TrainingError
from minigan.training.folder import RunFolder, SilentFolder
from minigan.training.players import players_of
from minigan.training.progress import Progress, describe
from minigan.training.sampling import draw_noise, generate
from minigan.training.steps import STEPS, StepReport
from minigan.training.team import ALONE, Team

CHANGEABLE = {"data", "device", "epochs", "sync_batch_norm", "tf32"}  # when a run is resumed
LOG_EVERY = 20  # steps between two lines of stats, for which figures are fetched from the device
FIGURES = tuple(field.name for field in dataclasses.fields(StepReport))
LOSSES = ("loss_D", "loss_G")
NORMS = [FIGURES.index("border_norm")]


class Run:
    """Everything that changes while training. Make one with `start` or `resume`, then call `train`.

    team: the processes that train together; each makes a Run of its own, and calls the same methods of it.
    """

    def __init__(self, config: Config, data: Dataset, folder: RunFolder | None = None, team: Team = ALONE) -> None:
        if len(data) < 2:
            raise DataError(f"{data.source} holds {len(data)} image, but training needs 2 or more")
        self.config, self.data, self.folder, self.team = config, data, folder, team
        self.device, self.device_reason = device, _ = backend.choose_device(team.own_device(config.device), config.tf32)
        backend.manual_seed(config.seed)
        self.players = players_of(config, device)
        self.average = averaged_copy(self.players.G) if config.averaging else None
        team.employ(self.players, device, config.sync_batch_norm)
        self.noise = backend.new_rng(config.seed, "noise")
        # Dropout draws from minigan's one default generator: what it would draw next in this run is kept here.
        self.dropout = backend.default_rng().bit_generator.state
        # A last batch of one image has no variance to normalise by.
        keep_last = len(data) % config.batch_size != 1
        self.batches = Batches(len(data), config.batch_size, config.seed, keep_last)
        team.check_enough(self.batches.size(len(self.batches) - 1), config.sync_batch_norm)
        self.epoch = self.position = self.step = 0  # epochs and batches done; steps in all
        self.seconds = 0.0
        self.pending: list[tuple[StepReport, float]] = []  # figures not yet fetched from the device, and their weights
        self.sums = dict.fromkeys((*FIGURES, "steps"), 0.0)  # since the last line of stats
        self.last_figures: dict[str, float] = {}
        self.progress: Progress | None = None  # while training
        self.detect_anomaly = False  # whether every step is taken under watch
        self.trace_every = 0  # steps between two that are recorded; 0: none

    @property
    def generator(self) -> Any:
        """The generator that samples are drawn from: the averaged one, if there is one."""
        return self.players.G if self.average is None else self.average

    @property
    def resuming(self) -> str:
        """The command that goes on with this run, with as many processes."""
        return self.team.command(f"--resume {shlex.quote(str(self.folder.path))}")

    def sample(self, n: int, seed: int | None = None) -> Any:
        """n images (n, C, H, W) in [−1, 1] on the host; without a seed, those of the run's grids."""
        z = draw_noise(n, self.players.G.z_dim, self.config.seed if seed is None else seed)
        return generate(self.generator, z)

    def describe(self) -> list[str]:
        """The run in a few lines, for people."""
        c, data = self.config, self.data
        G, D = (sum(p.size for p in network.parameters()) for network in (self.players.G, self.players.D))
        kind = "grey" if data.channels == 1 else "colour"
        images = f"{len(data):,} {kind} images {data.size[0]}×{data.size[1]}"
        return [
            f"{c.model} (G {G:,} weights, D {D:,}) on {data.source}: {images}",
            *(f"  {note}" for note in data.notes),
            f"{c.epochs} × {len(self.batches)} {c.step} steps (epochs × batches), batch {c.batch_size}, seed {c.seed}",
            f"device {self.device} ({self.device_reason})",
            *self.team.describe(c.batch_size, c.sync_batch_norm),
        ]

    # Training.

    def train(self, detect_anomaly: bool = False, trace_every: int = 0) -> None:
        """Go on to the configured number of epochs. Ctrl-C saves, and raises `Interrupted`.

        detect_anomaly: take every step under `minigan.detect_anomaly`, slowly, up to the first NaN or Inf.
        trace_every: save a trace of every so-many-th step (0: of none). The run is the same to the bit.
        """
        self.detect_anomaly, self.trace_every = detect_anomaly, trace_every
        if self.folder is None:
            raise TrainingError("this run was prepared without a folder: make it with start() to train it")
        self.device.use()  # by this thread
        if self.device == backend.CPU:
            backend.keep_freed_memory()
        self._agree()
        try:
            with backend.products_in_tf32(self.device, self.config.tf32):
                self._train()
        except (Exception, KeyboardInterrupt) as error:
            told = isinstance(error, (TrainingError, AnomalyError, Interrupted))
            with suppress(OSError):  # the disk may be what it ended on
                self.folder.log(str(error) if told else f"ended by {type(error).__name__}: {error}".rstrip(": "))
            raise

    def _agree(self) -> None:
        """See to it that all processes of a team go on from the same state: the first one's."""
        if self.team.size == 1:
            return
        own = {"device", "data"}  # where they are may differ
        config = {k: v for k, v in dataclasses.asdict(self.config).items() if k not in own}
        self.team.check_same({"the images": self.data.fingerprint, "the configuration": config})
        self.restore(self.team.from_first(self.checkpoint), self.folder.last_checkpoint)

    def _train(self) -> None:
        self.progress = Progress(self.config.epochs * len(self.batches), self.step, self.config.epochs)
        try:
            with _stop_requests() as stopped:
                self.folder.open(self.config, self.step)
                if self.step:
                    self.folder.log(f"resumed at {self._place(self.step)}")
                for line in self.describe():
                    self.folder.log(line)
                if self.step == 0:
                    self.folder.save_grid("reals", self.data.batch(slice(0, self.config.grid)))
                    self._finish_epoch()
                while self.epoch < self.config.epochs:
                    self._train_epoch(stopped)
            self.folder.finish_pictures(self.epoch)
        except (Interrupted, BrokenPipeError) as error:  # a broken pipe: whoever read the progress has gone
            if self.team.size == 1 or isinstance(error, Interrupted):  # the others know of no pipe
                self._save(self.folder.last_checkpoint, self._good_checkpoint())
                self.folder.finish_pictures(self.epoch)
                self.team.wait()
            raise
        except AnomalyError as error:
            message = f"{self._place(self.step + 1)}: {error}\n  {self._advice()}"
            raise AnomalyError(message, error.source, error.cause, error.arose_here) from error
        except OSError as error:
            raise TrainingError(
                f"{error.filename or self.folder.path} could not be written ({error.strerror or error}); "
                "what was saved before is untouched"
            ) from None
        finally:
            self.progress.close()

    def _train_epoch(self, stopped: Callable[[], bool]) -> None:
        began = time.monotonic() - self.seconds
        batches = (self.data.batch(b[self.team.share(len(b))]) for b in self.batches.epoch(self.epoch, self.position))
        for images in sent_ahead(batches, self.device):
            if self.team.any(stopped()):
                raise Interrupted(f"stopped at {self._place(self.step)}; all is saved. Go on with: {self.resuming}")
            self._train_step(images)
            last = self.position == len(self.batches)
            logging = self.step % LOG_EVERY == 0 or last
            if logging:
                self._fetch_figures()  # to wait for the device is part of the time
            self.seconds = time.monotonic() - began
            self.progress.step(self.epoch + 1, self._log_figures() if logging else None)
        self.epoch, self.position = self.epoch + 1, 0
        self._finish_epoch()

    def _train_step(self, images: Any) -> None:
        config, n = self.config, self.batches.size(self.position)
        share = self.team.begin(n)
        x = Tensor(images, device=self.device)
        z = self.noise.standard_normal((n, self.players.G.z_dim), "float32")[share]
        z = Tensor(z, device=self.device)
        backend.default_rng().bit_generator.state = self.dropout
        take_step = STEPS[config.step]
        try:
            with watch(self.players) if self.detect_anomaly else nullcontext():
                if self.trace_every and (self.step + 1) % self.trace_every == 0:
                    report = self._take_recorded(take_step, x, z)
                else:
                    report = take_step(self.players, x, z, self._check)
        except NonFiniteLossError as error:
            backend.default_rng().bit_generator.state = self.dropout
            with self.team.apart():
                first = first_nonfinite(lambda: take_step(self.players, x, z), self.players)
            raise self._not_finite(f"{error} at {self._place(self.step + 1)}", first, self.step + 1) from None
        self.dropout = backend.default_rng().bit_generator.state
        if self.average is not None:
            # An average of few steps is an average over those steps: early on less is kept.
            update_average(self.average, self.players.G, min(config.averaging, (1 + self.step) / (10 + self.step)))
        self.step, self.position = self.step + 1, self.position + 1
        self.pending.append((report, self.team.weight))

    def _take_recorded(self, take_step: Callable[..., StepReport], x: Tensor, z: Tensor) -> StepReport:
        """A step, and its trace into the run's folder."""
        with remembered(self.players.G, self.players.D) as meeting, self.recorder(x, z) as recorder:
            report = take_step(self.players, x, z, recorder.naming(self._check), watched=True)
        self.folder.save_trace(self.step + 1, recorder.trace.with_comparisons(meeting.compare(z)))
        return report

    def recorder(self, x: Tensor, z: Tensor) -> Recorder:
        """A recorder for the next step."""
        c = self.config
        about = {"model": c.model, "data": self.data.name, "objective": c.objective, "step": c.step}
        return step_recorder(self.players, x, z, **about, at=self.step + 1)

    def _check(self, name: str, loss: Tensor) -> None:
        """Raise if a loss is not finite. On a GPU to look is to wait: there `_fetch_figures` looks at them."""
        if backend.can_look(loss.data) and not is_finite(loss):
            raise NonFiniteLossError(f"{name} became {loss.item()}")

    def _not_finite(self, what: str, first: AnomalyError | None, step: int) -> NonFiniteLossError:
        """The error that says where a NaN or Inf came from. If it did not arise in `first`, the steps since
        the last checkpoint, up to `step`, are taken again under watch: they are the same to the bit."""
        again = self.team.size == 1 and self.folder.last_checkpoint.is_file()  # a team would all have to
        if not (first and first.arose_here) and again:
            self.progress.line(f"{what}: looking for its source in the steps since the last checkpoint")
            again = Run(self.config, self.data, self.folder)
            again.restore(load_checkpoint(self.folder.last_checkpoint), self.folder.last_checkpoint)
            first = first_nonfinite(lambda: again.take_steps(step - again.step), again.players) or first
        source = "its source was not found (with --detect-anomaly a run stops there)"
        if first:
            source = f"the first to produce a NaN or Inf was {first.source}: {first.cause}"
        return NonFiniteLossError(f"{what}; {source}. {self._advice()}")

    def _place(self, step: int) -> str:
        return f"step {step} (epoch {self.epoch + 1})"

    def _advice(self) -> str:
        return (
            f"The last good checkpoint is {self.folder.last_checkpoint}: start again with lower learning rates (--lr)"
        )

    def take_steps(self, n: int) -> None:
        """The next n steps, or those that are left of the epoch, and nothing else: for who looks at them himself."""
        self._check = lambda name, loss: None
        batches = map(self.data.batch, itertools.islice(self.batches.epoch(self.epoch, self.position), n))
        for images in sent_ahead(batches, self.device):
            self._train_step(images)

    # Figures.

    def _fetch_figures(self) -> None:
        """Bring the pending figures to the host, all in one copy, and add them up."""
        if not self.pending:
            return
        figures = [getattr(report, name).data for report, _ in self.pending for name in FIGURES]
        figures = backend.to_numpy(backend.get_array_module(*figures).stack(figures)).reshape(-1, len(FIGURES))
        figures = self.team.average_figures(figures, [weight for _, weight in self.pending], NORMS)
        first = self.step + 1 - len(self.pending)
        self.pending.clear()
        for step, values in enumerate(figures.tolist(), first):
            for name, value in zip(FIGURES, values, strict=True):
                if name in LOSSES and not math.isfinite(value):
                    seen = f", as was seen at step {self.step}" if step < self.step else ""
                    raise self._not_finite(f"{name} became {value} at {self._place(step)}{seen}", None, step)
                self.sums[name] += value
            self.sums["steps"] += 1

    def _log_figures(self) -> dict[str, float]:
        """Write a line of stats: means since the last one."""
        steps = self.sums["steps"]
        means = {name: self.sums[name] / steps for name in FIGURES}
        self.sums = dict.fromkeys(self.sums, 0.0)
        self.last_figures = means
        line = {"step": self.step, "epoch": self.epoch + 1, **means, "seconds": round(self.seconds, 3)}
        self.folder.add_stats(line)
        return means

    # Saving.

    def _finish_epoch(self) -> None:
        """After an epoch, and once before the first: save, and show what G draws now.

        The checkpoint that a run is resumed from comes last: whoever is killed before does it all again.
        """
        checkpoint = self._good_checkpoint()
        if not self.team.leads:
            return
        grid = self.folder.save_grid(f"e{self.epoch:03d}", self.sample(self.config.grid))
        if self.epoch and (self.epoch % self.config.checkpoint_every == 0 or self.epoch == self.config.epochs):
            self._save(self.folder.checkpoint(self.epoch), checkpoint)
        self._save(self.folder.last_checkpoint, checkpoint)
        if self.epoch:
            minutes, seconds = divmod(int(self.seconds), 60)
            figures = describe(self.last_figures) + "  " if self.last_figures else ""
            text = f"epoch {self.epoch}/{self.config.epochs} done  {figures}"
            text += f"{minutes}:{seconds:02d} so far  samples: {grid}"
            self.folder.log(text)
            self.progress.line(text)

    def _save(self, path: Path, checkpoint: Checkpoint) -> None:
        if self.team.leads:
            save_checkpoint(path, checkpoint)

    def _good_checkpoint(self) -> Checkpoint:
        """The run's state, if all of it is finite."""
        self._fetch_figures()
        checkpoint = self.checkpoint()
        for name, array in checkpoint.arrays.items():
            if not is_finite(array):
                slot, _, index = name.rpartition(".")
                if name.startswith("opt_"):
                    name = f"{slot} of {self._parts()[name[:5]].params[int(index)].name}"
                what = f"{name} held NaN or Inf at step {self.step}, so no checkpoint was written"
                raise self._not_finite(what, None, self.step)
        return checkpoint

    def checkpoint(self) -> Checkpoint:
        """All of the run's state, on the host."""
        arrays: dict[str, Any] = {}
        progress: dict[str, Any] = {
            "epoch": self.epoch,
            "position": self.position,
            "step": self.step,
            "seconds": self.seconds,
            "sums": self.sums,
            # As text: their integers have more bits than JSON readers keep.
            "noise": json.dumps(self.noise.bit_generator.state),
            "dropout": json.dumps(self.dropout),
            "data": self.data.fingerprint,
        }
        for name, part in self._parts().items():
            for key, value in part.state_dict().items():
                if backend.is_array(value):
                    arrays[f"{name}.{key}"] = backend.to_numpy(value)
                else:
                    progress[f"{name}.{key}"] = value
        return Checkpoint(arrays, progress, self.config)

    def restore(self, checkpoint: Checkpoint, path: Path) -> None:
        """Take over the state in a checkpoint of the same configuration."""
        progress = checkpoint.progress
        if progress.get("data") != self.data.fingerprint:
            raise CheckpointError(
                f"{path} was trained on other images than {self.data.source} now holds: resume with the same data"
            )
        self.restore_parts(checkpoint, path)
        try:
            self.epoch, self.position = progress["epoch"], progress["position"]
            self.seconds, self.sums = progress["seconds"], progress["sums"]
            self.noise.bit_generator.state = json.loads(progress["noise"])
            self.dropout = json.loads(progress["dropout"])
        except (KeyError, ValueError, TypeError) as error:
            raise CheckpointError(f"{path} does not fit a run of {self.config.model}: {error}") from None

    def restore_parts(self, checkpoint: Checkpoint, path: Path) -> None:
        """Take over the networks and optimisers in a checkpoint, and the step they are at."""
        progress = checkpoint.progress
        try:
            for name, part in self._parts().items():
                numbers = {k[len(name) + 1 :]: v for k, v in progress.items() if k.startswith(f"{name}.")}
                part.load_state_dict(checkpoint.part(name) | numbers)
            self.step = progress["step"]
        except (KeyError, ValueError, TypeError) as error:
            raise CheckpointError(f"{path} does not fit a run of {self.config.model}: {error}") from None

    def _parts(self) -> dict[str, Any]:
        p = self.players
        parts = {"G": p.G, "D": p.D, "opt_G": p.opt_G, "opt_D": p.opt_D}
        return parts if self.average is None else parts | {"G_avg": self.average}


def prepare(config: Config, team: Team = ALONE) -> Run:
    """A new run that has no folder yet: nothing is written."""
    data = load_data(config)
    return Run(config.with_choices(channels=data.channels, data=_from_anywhere(config.data)), data, team=team)


def start(config: Config, runs: str | Path = "runs", team: Team = ALONE) -> Run:
    """A new run in a new folder under `runs`."""
    run = prepare(config, team)
    path = team.from_first(lambda: RunFolder.create(Path(runs), run.config, run.data.name).path)
    run.folder = _folder_for(team)(path)
    return run


def _folder_for(team: Team) -> type[RunFolder]:
    return RunFolder if team.leads else SilentFolder


def resume(path: str | Path, team: Team = ALONE, **changes: Any) -> Run:
    """The run whose checkpoint lies at `path`, to go on in its own folder. It can be given more `epochs`,
    another `device`, and another place where the same `data` lies now: the other choices are its own.
    It may have been trained by more or fewer processes than go on with it."""
    path = Path(path)
    checkpoint = load_checkpoint(path)
    own = dataclasses.asdict(checkpoint.config)
    refused = sorted(name for name in changes.keys() - CHANGEABLE if name not in own or changes[name] != own[name])
    if refused:
        raise ConfigError(
            f"{', '.join(refused)} cannot be changed when a run is resumed; only {', '.join(sorted(CHANGEABLE))} can"
        )
    folder = _folder_for(team).around(path)
    _check_nothing_is_lost(path, checkpoint, folder)
    config = checkpoint.config.with_choices(**changes)
    if "data" not in changes and not (_is_mnist(config.data) or Path(config.data).expanduser().exists()):
        raise DataError(f"{config.data}, which this run learns from, is not there: --data may name its new place")
    data = load_data(config)
    run = Run(config.with_choices(data=_from_anywhere(config.data)), data, folder, team)
    run.restore(checkpoint, path)
    if run.epoch >= config.epochs:
        raise ConfigError(
            f"{path} has done {run.epoch} epochs, and {config.epochs} in all were asked for: "
            f"to train on, name more, for example --epochs {run.epoch * 2}"
        )
    return run


def _check_nothing_is_lost(path: Path, checkpoint: Checkpoint, folder: RunFolder) -> None:
    """Refuse to go on from an earlier checkpoint: that would write over what was saved after it."""
    last = folder.last_checkpoint
    if path.resolve() == last.resolve():
        return
    for later in (last, *sorted(last.parent.glob("e*.safetensors"), reverse=True)):
        try:
            step = load_checkpoint(later).progress["step"]
        except CheckpointError:
            continue  # missing or damaged: there is nothing to lose
        if step > checkpoint.progress["step"]:
            raise ConfigError(
                f"{path} is at step {checkpoint.progress['step']}, but {later.name} beside it is further on, at step "
                f"{step}, and would be written over: resume {later}, or copy config.json and this checkpoint, "
                "as ckpt/last.safetensors, into a new folder and resume that"
            )


def _is_mnist(data: str) -> bool:
    return data.lower() == "mnist"  # as `load` has it: the embedded images, not a path


def _from_anywhere(data: str) -> str:
    """The configuration's `data` as it can be found from any folder."""
    return data if _is_mnist(data) else os.path.abspath(Path(data).expanduser())


def load_data(config: Config) -> Dataset:
    """The configured images, of the model's size."""
    return load(config.data, models.MODELS[config.model].Generator.image_size, config.channels)


@contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Meanwhile Ctrl-C (and a polite kill) only asks to stop, after the step at hand; a second Ctrl-C insists."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(signum: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)

"""`Trainer`: the loop. All else that a run does is done by its callbacks: `Callback`s that are told of its moments."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import Any

from minigan import backend
from minigan.algorithms import Algorithm, Figures, State
from minigan.algorithms.state import random_state
from minigan.autograd import AnomalyError
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.data import Batch, Dataset, Loader
from minigan.formatting import one_line
from minigan.training.commands import resume_command
from minigan.training.config import Config
from minigan.training.ema import EMA
from minigan.training.errors import Interrupted, TrainingError
from minigan.training.run_dir import RunDir
from minigan.training.signals import stop_requests


class Trainer:
    """Trains an algorithm on data. Make one with `start` or `resume`, then call `train`.
    run_dir: the run's folder. callbacks: what happens beside training, in their order; `start` and `resume` set them.
    process_group: the processes that train together; each makes a Trainer of its own, and calls its same methods."""

    def __init__(
        self, config: Config, data: Dataset, run_dir: RunDir | None = None, process_group: ProcessGroup = SINGLE_PROCESS
    ) -> None:
        self.config, self.data, self._run_dir, self.process_group = config, data, run_dir, process_group
        spec = process_group.own_device(config.device)
        self.device, self.device_reason = backend.choose_device(spec, config.tf32)
        self.places = process_group.places(self.device)  # asked of all processes; told by the first alone
        self.algorithm: Algorithm = config.make_algorithm().build(
            data.info, config.seed, self.device, "float32", process_group, config.sync_batch_norm
        )
        self.loader = Loader(data, config.batch_size, config.seed, self.algorithm.reads, self.device, process_group)
        self.ema = EMA(self.algorithm, config.ema_decay)
        self.callbacks: Sequence[Callback] = []
        self.step = 0  # how many were taken
        self.closed_epochs = 0  # whose end the callbacks were told
        self.at_epoch_end = False  # whether the last step was an epoch's last
        self.seconds = 0.0  # that training has taken, those before it was resumed included
        self.elapsed: Callable[[], float] = lambda: self.seconds  # the same at this moment
        self.say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)
        self.batches: Iterator[Batch] | None = None
        self.step_batches: list[Batch] = []  # that the last step took
        self.random_state: State = {}  # before the last step

    @property
    def has_run_dir(self) -> bool:
        """Whether the run has a folder: `prepare` makes it without."""
        return self._run_dir is not None

    @property
    def run_dir(self) -> RunDir:
        """The run's folder. Raises TrainingError if it has none."""
        if self._run_dir is None:
            raise TrainingError("this run was prepared without a folder: make it with start() to train it")
        return self._run_dir

    @run_dir.setter
    def run_dir(self, run_dir: RunDir) -> None:
        self._run_dir = run_dir

    # The loop.

    def train(self) -> None:
        """Go on until the configured end, in the run's folder. Ctrl-C saves, and raises `Interrupted`."""
        run_dir = self.run_dir
        self.device.use()  # by this thread
        if self.device == backend.CPU:
            backend.keep_freed_memory()
        try:
            with backend.products_in_tf32(self.device, self.config.tf32), stop_requests() as stopped:
                self._loop(run_dir, stopped)
        except (Exception, KeyboardInterrupt) as error:
            better = self._explained(error)
            if better is error:
                raise
            raise better from (error if isinstance(error, AnomalyError) else None)

    def _loop(self, run_dir: RunDir, stopped: Callable[[], bool]) -> None:
        began = time.monotonic() - self.seconds
        self.elapsed = lambda: time.monotonic() - began
        self._call("on_start")
        try:
            while True:
                asked = self.config.epochs if self.config.steps is None else self.loader.epoch
                while self.closed_epochs < min(self.loader.epoch, asked):
                    self.closed_epochs += 1
                    self._call("on_epoch")
                if self.finished:
                    break
                if self.process_group.any(stopped()):
                    command = resume_command(run_dir.path, self.process_group.size)
                    raise Interrupted(f"stopped at {self.place(self.step)}; all is saved. Go on with: {command}")
                figures = self.take_step()
                self.seconds = self.elapsed()
                self._call("on_step", figures)
        except BrokenPipeError:  # whoever read the progress has gone, of which other processes know nothing
            if self.process_group.size == 1:
                self._call("on_stop")
            raise
        except Interrupted:
            self._call("on_stop")
            self.process_group.barrier()
            raise
        self._call("on_stop")

    @property
    def finished(self) -> bool:
        """Whether all steps, or else all epochs, were done."""
        if self.config.steps is not None:
            return self.step >= self.config.steps
        return self.loader.epoch >= self.config.epochs

    def take_step(self) -> Figures:
        """One step of the algorithm, in the contexts that callbacks want; its figures."""
        if self.batches is None:
            self.batches = iter(self.loader)
        epoch = self.loader.epoch
        self.step_batches, self.random_state = [], random_state(self.algorithm)
        with ExitStack() as stack:
            for callback in self.callbacks:
                context = callback.around_step(self)
                if context is not None:
                    stack.enter_context(context)
            figures = self.algorithm(self._taking(self.batches))
        if not self.step_batches and self.config.steps is None:
            raise TrainingError(
                f"{type(self.algorithm).__name__}.step took no batch, so no epoch would ever end: call next(batches) "
                "in it, or train for a number of --steps"
            )
        self.step += 1
        self.ema.update(self.step)
        self.at_epoch_end = self.loader.epoch > epoch
        return figures

    def place(self, step: int) -> str:
        """A step in words, and the epoch that is under way."""
        return f"step {step} (epoch {self.closed_epochs + 1})"

    def _taking(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, each remembered: a step that gives a NaN is taken again."""
        for batch in batches:
            self.step_batches.append(batch)
            yield batch

    def _call(self, moment: str, *what: Figures) -> None:
        for callback in self.callbacks:
            try:
                getattr(callback, moment)(self, *what)
            except KeyboardInterrupt:  # a second Ctrl-C, which a picture is left for
                if moment != "on_stop" or not callback.may_fail:
                    raise
            except Exception as error:
                if not callback.may_fail or isinstance(error, (BrokenPipeError, TrainingError)):
                    raise
                with suppress(OSError, ValueError):  # the terminal may be what failed
                    self.say(f"{callback.what} ({type(error).__name__}: {one_line(error)}): training goes on")

    def _explained(self, error: BaseException) -> BaseException:
        """What is raised in an error's place."""
        if isinstance(error, OSError) and not isinstance(error, (BrokenPipeError, FileNotFoundError)):
            error = TrainingError(
                f"{error.filename or self.run_dir.path} could not be written ({error.strerror or error}); "
                "what was saved before is untouched"
            )
        for callback in self.callbacks:
            error = callback.on_error(self, error) or error
        return error

    def sample(self, n: int, seed: int | None = None, **condition: Any) -> backend.Array:
        """n samples on the host, images (n, C, H, W) in [−1, 1]; without a seed, those of the run's grids.
        condition: what the algorithm can be asked for, such as label=7."""
        with self.ema.applied():
            return self.algorithm.generate(n, self.config.seed if seed is None else seed, **condition)

    # Its state.

    def state_dict(self) -> State:
        """All that a checkpoint must hold, by dotted names: arrays, numbers and texts."""
        found: State = {"step": self.step, "seconds": self.seconds, "closed_epochs": self.closed_epochs}
        found["data"] = self.data.fingerprint
        for part in self._parts():
            found |= part.state_dict()
        return found

    def _parts(self) -> list[Algorithm | Loader | EMA | Callback]:
        """What has a state of its own."""
        return [self.algorithm, self.loader, self.ema, *self.callbacks]

    def load_state_dict(self, state: State) -> None:
        """Go on from such a state. Raises KeyError, TypeError or ValueError for what does not fit."""
        for part in self._parts():
            part.load_state_dict(state)
        self.step, self.seconds, self.closed_epochs = state["step"], state["seconds"], state["closed_epochs"]
        self.at_epoch_end = self.loader.epoch > self.closed_epochs  # it was stopped before callbacks were told
        self.batches = None  # they begin where the loader is now


class Callback:
    """What happens beside training at the moments of a run: the base of all callbacks, whose methods do nothing.
    The trainer calls its callbacks in their order. A trainer has `algorithm`, `loader`, `config`, `run_dir`,
    `process_group`, and `step`: how many steps were taken."""

    may_fail = False  # a picture that cannot be made, say, is told, and no reason to end a run
    what = ""  # failed then

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step of this process; trainer.step is 0 unless the run was resumed."""

    def around_step(self, trainer: Trainer) -> AbstractContextManager[object] | None:
        """A context in which the next step is taken, if one is wanted."""

    def on_step(self, trainer: Trainer, figures: Figures) -> None:
        """After a step, which trainer.step counts already. Figures lie on the device."""

    def on_epoch(self, trainer: Trainer) -> None:
        """After the last step of an epoch; trainer.closed_epochs counts it already."""

    def on_stop(self, trainer: Trainer) -> None:
        """At the end: after the last step, or as the user stopped the run."""

    def on_error(self, trainer: Trainer, error: BaseException) -> BaseException | None:
        """An error ends the run: a better one to raise in its place, if there is one."""

    def state_dict(self) -> State:
        """What must be in a checkpoint, by names that no other part of the run uses."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Take it over from the state of a whole run."""

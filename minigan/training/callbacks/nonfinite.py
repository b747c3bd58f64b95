"""NaN and Inf: noticed before they are used, and the function or optimiser found that was the first to give one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from minigan import backend
from minigan.algorithms import State
from minigan.algorithms.state import entry_name
from minigan.autograd import AnomalyError, Tensor, detect_anomaly, observe
from minigan.autograd.anomaly import is_finite
from minigan.optim import Optimizer
from minigan.training.checkpoint import load_checkpoint
from minigan.training.errors import NonFiniteError
from minigan.training.stepping import retake_step, take_steps
from minigan.training.trainer import Callback, Trainer


class NonFinite(Callback):
    """Ends a run at the first loss that is not finite, and says where that came from. detect: take every step under
    `minigan.detect_anomaly`, slowly, up to the first NaN or Inf anywhere."""

    def __init__(self, detect: bool = False) -> None:
        self.detect = detect

    def on_start(self, trainer: Trainer) -> None:
        def check(name: str, loss: Tensor) -> None:
            # On a GPU to look is to wait: there the figures are looked at when they are fetched.
            if not backend.is_on_gpu(loss.data) and not is_finite(loss):
                step = trainer.step + 1
                raise NonFiniteError(f"{name} became {loss.item()} at {trainer.place(step)}", step, in_step=True)

        trainer.algorithm.loss_hooks.append(check)

    def around_step(self, trainer: Trainer) -> AbstractContextManager[None] | None:
        return watch() if self.detect else None

    def on_epoch(self, trainer: Trainer) -> None:
        """What comes next would show and score weights that are NaN: look at them on all processes."""
        check_state(trainer, trainer.state_dict())

    def on_error(self, trainer: Trainer, error: BaseException) -> Exception | None:
        """The same error with its source, and what to do."""
        last = trainer.run_dir.last_checkpoint
        advice = f"The last good checkpoint is {last}: start again with lower learning rates (--lr)"
        if isinstance(error, AnomalyError):
            message = f"{trainer.place(trainer.step + 1)}: {error}\n  {advice}"
            return AnomalyError(message, error.source, error.cause, error.arose_here)
        if not isinstance(error, NonFiniteError):
            return None
        source = "its source was not found (with --detect-anomaly a run stops there)"
        if first := self._search(trainer, error):
            source = f"the first to produce a NaN or Inf was {first.source}: {first.cause}"
        return NonFiniteError(f"{error}; {source}. {advice}", error.step)

    def _search(self, trainer: Trainer, error: NonFiniteError) -> AnomalyError | None:
        """Take the step again under watch. If the NaN did not arise in it, all steps since the last checkpoint: they
        are the same to the bit."""
        trainer.algorithm.loss_hooks.clear()
        first = None
        if error.in_step:
            with trainer.process_group.alone():
                first = first_nonfinite(lambda: retake_step(trainer))
        last = trainer.run_dir.last_checkpoint
        alone = trainer.process_group.size == 1  # all processes would have to take the steps again
        if (first and first.arose_here) or not (alone and last.is_file()):
            return first
        trainer.say(f"{error}: looking for its source in the steps since the last checkpoint")
        again = Trainer(trainer.config, trainer.data)
        again.load_state_dict(load_checkpoint(last).state)
        return first_nonfinite(lambda: take_steps(again, error.step - again.step)) or first


def check_state(trainer: Trainer, state: State) -> None:
    """Raise NonFiniteError for the first array of a run's state that is not finite."""
    for name, value in state.items():
        if backend.is_array(value) and not is_finite(value):
            entry = entry_name(trainer.algorithm, name)
            what = f"{entry} held NaN or Inf at step {trainer.step}, so no checkpoint was written"
            raise NonFiniteError(what, trainer.step)


def first_nonfinite(steps: Callable[[], object]) -> AnomalyError | None:
    """Take steps under watch, up to the first NaN or Inf; None if there was none."""
    try:
        with watch():
            steps()
    except AnomalyError as error:
        return error
    return None


@contextmanager
def watch() -> Iterator[None]:
    """`detect_anomaly`, and a look at what optimisers leave: their steps are no functions."""
    with detect_anomaly(), observe(_OptimizerWatch()):
        yield


class _OptimizerWatch:
    """An observer of optimisers' steps: raises if one leaves anything that is not finite."""

    def after_forward(self, *what: object) -> None: ...

    def after_backward(self, *what: object) -> None: ...

    def before_step(self, optimizer: Optimizer) -> None:
        self.before = _nonfinite_in(optimizer)

    def after_step(self, optimizer: Optimizer) -> None:
        after = _nonfinite_in(optimizer)
        if after:
            source = f"{type(optimizer).__name__}'s step, in {after}"
            cause = f"it came in with {self.before}" if self.before else "it arose here, as all that went in was finite"
            raise AnomalyError(f"{source}, gave NaN or Inf\n  {cause}", source, cause, not self.before)


def _nonfinite_in(optimizer: Optimizer) -> str | None:
    """The first moment or weight that is not finite."""
    for p, moments in zip(optimizer.params, optimizer.state, strict=True):
        for slot, array in moments.items():
            if not is_finite(array):
                return f"its moment {slot} of {p.name}"
        if not is_finite(p):
            return str(p.name)
    return None

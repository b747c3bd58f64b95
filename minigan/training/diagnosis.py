"""When a loss is no longer a number: which function or optimiser was the first to produce one that is not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from minigan.autograd import AnomalyError, detect_anomaly
from minigan.autograd.anomaly import is_finite
from minigan.optim import Optimizer
from minigan.training.steps import Players


def first_nonfinite(steps: Callable[[], object], players: Players) -> AnomalyError | None:
    """Take `steps` of the players again under watch, up to the first NaN or Inf; None if there was none."""
    try:
        with watch(players):
            steps()
    except AnomalyError as error:
        return error
    return None


@contextmanager
def watch(players: Players) -> Iterator[None]:
    """`detect_anomaly`, and a look at what the players' optimisers leave: their steps are no functions."""
    optimizers = players.opt_G, players.opt_D
    players.opt_G, players.opt_D = map(_WatchedOptimizer, optimizers)
    try:
        with detect_anomaly():
            yield
    finally:
        players.opt_G, players.opt_D = optimizers


class _WatchedOptimizer:
    """Stands in for an optimiser: its step, and a look at what it leaves."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def step(self) -> None:
        before = self._spoilt()
        self.optimizer.step()
        after = self._spoilt()
        if after:
            source = f"{type(self.optimizer).__name__}'s step, in {after}"
            cause = f"it came in with {before}" if before else "it arose here, as all that went in was finite"
            raise AnomalyError(f"{source}, gave NaN or Inf\n  {cause}", source, cause, not before)

    def _spoilt(self) -> str | None:
        """The first moment or weight that is not finite."""
        for p, moments in zip(self.optimizer.params, self.optimizer.state, strict=True):
            for slot, array in moments.items():
                if not is_finite(array):
                    return f"its moment {slot} of {p.name}"
            if not is_finite(p):
                return str(p.name)
        return None

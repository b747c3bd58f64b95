"""When a loss is no longer a number: which function or optimiser was the first to produce one that is not finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from minigan.autograd import Function, Tensor, observe
from minigan.backend import Array, get_array_module
from minigan.optim import Optimizer
from minigan.training.steps import Players


@dataclass(frozen=True)
class Finding:
    """what: the function and the weights it was called with, or the optimiser and the array it spoilt, and
    the cause, in words. at_source: whether the NaN or Inf arose there, rather than in something given to it."""

    what: str
    at_source: bool


def is_finite(tensor: Tensor) -> bool:
    """Whether no element is NaN or infinite."""
    return _all_finite(tensor._data)


def _all_finite(array: Array) -> bool:
    return bool(get_array_module(array).isfinite(array).all())


def first_nonfinite(steps: Callable[[], object], players: Players) -> Finding | None:
    """Take `steps` of the players again under watch, up to the first NaN or Inf; None if there was none."""
    watch = _Watch()
    optimizers = players.opt_G, players.opt_D
    players.opt_G, players.opt_D = (_WatchedOptimizer(optimizer, watch) for optimizer in optimizers)
    try:
        with observe(watch):
            steps()
    except _Found as found:
        return found.finding
    finally:
        players.opt_G, players.opt_D = optimizers
    return None


class _Found(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


class _Watch:
    """An observer that stops at the first NaN or Inf.

    A backward pass is itself made of functions, called without a graph. What is found in one of
    those is kept, and told of the function whose backward pass it is, if it comes out of there.
    So are the functions that compute a step's report: what is found in those, nothing comes out of.
    """

    inner: Finding | None = None

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None:
        finding = _look(node, "forward", inputs, outputs, inputs)
        if not any(node.needs_input_grad):
            self.inner = self.inner or finding
        elif finding:
            raise _Found(finding)
        else:  # the next forward pass has begun: what was kept from before came to nothing
            self.inner = None

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        leaves = [edge for edge in node.edges if isinstance(edge, Tensor)]
        finding = _look(node, "backward", cotangents, gradients, leaves)
        if finding and not finding.at_source and self.inner:  # cotangents that were added up on the way here
            finding = self.inner
        if finding:
            raise _Found(finding)
        self.inner = None


class _WatchedOptimizer:
    """Stands in for an optimiser: its step, and a look at what it is given and what it leaves."""

    def __init__(self, optimizer: Optimizer, watch: _Watch) -> None:
        self.optimizer, self.watch = optimizer, watch

    def step(self) -> None:
        for p in self.optimizer.params:
            if p.grad is not None and not is_finite(p.grad):  # two finite gradients, added up
                raise _Found(self.watch.inner or Finding(f"the gradient of {p.name}", True))
        before = self._spoilt()
        self.optimizer.step()
        after = self._spoilt()
        if after:
            cause = f"{before} was not finite already" if before else "all it was given was finite"
            raise _Found(Finding(f"{type(self.optimizer).__name__}'s step, in {after}: {cause}", not before))

    def _spoilt(self) -> str | None:
        """The first moment or weight that is not finite."""
        for p, moments in zip(self.optimizer.params, self.optimizer.state, strict=True):
            for slot, array in moments.items():
                if not _all_finite(array):
                    return f"its moment {slot} of {p.name}"
            if not is_finite(p):
                return str(p.name)
        return None


def _look(node: Function, way: str, given: list, made: list, named: list) -> Finding | None:
    if all(t is None or is_finite(t) for t in made):
        return None
    names = [t.name for t in named if t is not None and t.name]
    where = f"{node.name}'s {way} pass" + (f" (with {', '.join(names)})" if names else "")
    bad = [t.name or f"an input of shape {t.shape}" for t in given if t is not None and not is_finite(t)]
    cause = f"it was given {bad[0]}, which was not finite already" if bad else "all it was given was finite"
    return Finding(f"{where}: {cause}", not bad)

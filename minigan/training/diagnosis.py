"""When a loss is no longer a number: which function was the first to produce one that is not finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from minigan.autograd import Function, Tensor, observe
from minigan.backend import get_array_module


@dataclass(frozen=True)
class Finding:
    """what: the function, the weights it was called with, and the cause, in words. at_source: whether
    the NaN or Inf arose there, rather than in something the function was given."""

    what: str
    at_source: bool


def is_finite(tensor: Tensor) -> bool:
    """Whether no element is NaN or infinite."""
    return bool(get_array_module(tensor._data).isfinite(tensor._data).all())


def first_nonfinite(steps: Callable[[], object]) -> Finding | None:
    """Take `steps` again under watch, up to the first function with a NaN or Inf; None if there was none."""
    watch = _Watch()
    try:
        with observe(watch):
            steps()
    except _Found as found:
        return found.finding
    return watch.inner


class _Found(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


class _Watch:
    """An observer that stops at the first NaN or Inf.

    A backward pass is itself made of functions, called without a graph. What is found in one of
    those is kept, and told of the function whose backward pass it is, if it comes out of there.
    """

    inner: Finding | None = None

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None:
        finding = _look(node, "forward", inputs, outputs, inputs)
        if finding and any(node.needs_input_grad):
            raise _Found(finding)
        self.inner = self.inner or finding

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        leaves = [edge for edge in node.edges if isinstance(edge, Tensor)]
        finding = _look(node, "backward", cotangents, gradients, leaves)
        if finding and not finding.at_source and self.inner:  # cotangents that were added up on the way here
            finding = self.inner
        if finding:
            raise _Found(finding)
        self.inner = None


def _look(node: Function, way: str, given: list, made: list, named: list) -> Finding | None:
    if all(t is None or is_finite(t) for t in made):
        return None
    names = [t.name for t in named if t is not None and t.name]
    where = f"{node.name}'s {way} pass" + (f" (with {', '.join(names)})" if names else "")
    bad = [t.name or f"an input of shape {t.shape}" for t in given if t is not None and not is_finite(t)]
    cause = f"it was given {bad[0]}, which was not finite already" if bad else "all it was given was finite"
    return Finding(f"{where}: {cause}", not bad)

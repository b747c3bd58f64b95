"""Whether a graph is recorded, who watches, and what is going on: in which layer, in whose backward pass."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from minigan.autograd.function import Function
    from minigan.autograd.tensor import Tensor


class _Mode(threading.local):
    enabled = True  # whether a graph is recorded
    layer: Any = None  # the innermost call of a module; see `in_layer`
    differentiating: Any = None  # see `in_backward_of`


_mode = _Mode()


@contextmanager
def _grad_mode(enabled: bool, differentiating: Any = None) -> Iterator[None]:
    """Record a graph or not. What a backward pass says meanwhile about its place is forgotten at the end."""
    before = _mode.enabled, _mode.layer, _mode.differentiating
    _mode.enabled, _mode.differentiating = enabled, differentiating
    try:
        yield
    finally:
        _mode.enabled, _mode.layer, _mode.differentiating = before


def is_grad_enabled() -> bool:
    """Whether a graph is recorded now."""
    return _mode.enabled


class no_grad:
    """`with no_grad():` or `@no_grad()`: compute without recording a graph."""

    def __init__(self) -> None:
        self._before: list[bool] = []  # one for each time it was entered and not left

    def __enter__(self) -> None:
        self._before.append(_mode.enabled)
        _mode.enabled = False

    def __exit__(self, *exc: Any) -> None:
        _mode.enabled = self._before.pop()

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def without_graph(*args: Any, **kwargs: Any) -> Any:
            with no_grad():
                return function(*args, **kwargs)

        return without_graph


class Observer(Protocol):
    """What `observe` calls: after each forward, and after each backward of a node.

    Where this happens, `node.called_in` and `in_backward_of` say. A backward pass is itself made of
    functions: their forwards are seen too, before the `after_backward` of the node they work for.

    An observer that has them is told more:

        before_module(call, inputs)     a module is called (`nn.module.ModuleCall`): its inputs, before it sees them
        after_module(call, output)      and what it returned
        before_walk(outputs, cotangents, wanted, create_graph)
                                        a backward pass begins. wanted: None for all leaves, or a set of what its
                                        gradients are keyed by: leaves, or (function, number of its output). What
                                        an observer adds to it is computed too, and handed to nobody.
        before_step(optimizer), after_step(optimizer)
        on_loss(name, loss)             an algorithm names a loss, before it is used
    """

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None: ...

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None: ...


# Of all threads, each with its thread's number: whether the list is empty is quickly asked.
_observers: list[tuple[int, Observer]] = []


def _observers_here() -> list[Observer]:
    """This thread's observers, in the order they came."""
    here = threading.get_ident()
    return [observer for thread, observer in _observers if thread == here]


def notify(event: str, *what: Any) -> None:
    """Call the method `event` of this thread's observers, of those that have it."""
    if _observers:
        for observer in _observers_here():
            getattr(observer, event, _ignore)(*what)


def _ignore(*what: Any) -> None: ...


@contextmanager
def observe(observer: Observer) -> Iterator[None]:
    """Let `observer` see every function call and every step of a backward pass that this thread makes meanwhile."""
    entry = threading.get_ident(), observer
    _observers.append(entry)
    try:
        yield
    finally:
        _observers.remove(entry)


@contextmanager
def unobserved() -> Iterator[None]:
    """Record graphs, and let no observer of this thread see what is computed: for an observer's own computations."""
    here = threading.get_ident()
    entries = [entry for entry in _observers if entry[0] == here]
    for entry in entries:
        _observers.remove(entry)
    try:
        with _grad_mode(True):
            yield
    finally:
        _observers.extend(entries)


@contextmanager
def in_layer(layer: Any) -> Iterator[None]:
    """Functions called meanwhile are called in `layer`: they keep it as `called_in`, if somebody observes.

    autograd knows no layers: to it one is an object whose text is its path. A module makes them
    (`nn.module.ModuleCall`).
    """
    before, _mode.layer = _mode.layer, layer
    try:
        yield
    finally:
        _mode.layer = before


def in_backward_of() -> Function | tuple[Function, int] | Tensor | None:
    """What the functions called now are called for: to walk back a node; to add up the gradients
    of a leaf, or of a node's output (the node, and the output's number); or for no gradient: None."""
    return _mode.differentiating

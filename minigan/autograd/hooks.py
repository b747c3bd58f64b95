"""Observers (traces, anomaly mode): objects that are told of every function call and every step of a backward pass in
their thread. Where nobody observes, a call pays one look at an empty tuple."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from minigan.autograd.grad_mode import set_grad_enabled
from minigan.autograd.tensor import Key, Node, Tensor


class Observer(Protocol):
    """What `observe` calls: after each forward, and after each backward of a node.

    Where this happens, `node.called_in` and `in_backward_of` say. A backward pass is itself made of
    functions: their forwards are seen too, before the `after_backward` of the node they work for.

    An observer that has them is told more:

        before_module(call, inputs), after_module(call, output)     of each `nn.module.ModuleCall`
        before_backward_pass(outputs, cotangents, wanted, create_graph)
                            wanted: None for all leaves, or a set of keys: leaves, or (node, number of its output).
                            What an observer adds to it is computed too, and handed to nobody.
        before_step(optimizer), after_step(optimizer)
        on_loss(name, loss)     an algorithm names a loss, before it is used
    """

    def after_forward(self, node: Node, inputs: list[Tensor | None], outputs: list[Tensor]) -> None: ...

    def after_backward(self, node: Node, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None: ...


class _Context(threading.local):
    observers: tuple[Observer, ...] = ()
    layer: object | None = None  # the innermost call of a module: see `in_layer`
    backward_of: Node | Key | None = None  # see `in_backward_of`


context = _Context()  # of this thread


def notify(event: str, *arguments: Any) -> None:
    """Call the method `event` of this thread's observers, of those that have it."""
    for observer in context.observers:
        method = getattr(observer, event, None)
        if method is not None:
            method(*arguments)


@contextmanager
def meanwhile(**values: Any) -> Iterator[None]:
    """Let the context have these values, and afterwards all that it had before."""
    own = vars(context)  # this thread's
    before = own.copy()
    own.update(values)
    try:
        yield
    finally:
        own.clear()
        own.update(before)


def observe(observer: Observer) -> AbstractContextManager[None]:
    """Let `observer` see every function call and every step of a backward pass that this thread makes meanwhile."""
    return meanwhile(observers=(*context.observers, observer))


@contextmanager
def unobserved() -> Iterator[None]:
    """Record graphs, and let no observer see what is computed: for an observer's own computations."""
    with set_grad_enabled(True), meanwhile(observers=(), backward_of=None):
        yield


def in_layer(layer: object) -> AbstractContextManager[None]:
    """Functions called meanwhile are called in `layer`: they keep it as `called_in`, if somebody observes.

    autograd knows no layers: to it one is an object whose text is its path (`nn.module.ModuleCall`).
    """
    return meanwhile(layer=layer)


def in_backward_of() -> Node | Key | None:
    """What the functions called now are called for: the backward of a node; adding up the gradients of a leaf, or of
    a node's output (the node, and the output's number); or no gradient: None."""
    return context.backward_of

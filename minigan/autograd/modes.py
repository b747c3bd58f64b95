"""Whether a graph is recorded, and who watches."""

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
    enabled = True


_mode = _Mode()


@contextmanager
def _grad_mode(enabled: bool) -> Iterator[None]:
    before, _mode.enabled = _mode.enabled, enabled
    try:
        yield
    finally:
        _mode.enabled = before


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
    """What `observe` calls: after each forward, and after each backward of a node."""

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None: ...

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None: ...


_observers: list[Observer] = []


@contextmanager
def observe(observer: Observer) -> Iterator[None]:
    """Let `observer` see every function call and every step of a backward pass meanwhile."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)

"""Whether functions record a graph."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P, R = ParamSpec("P"), TypeVar("R")


class _GradMode(threading.local):
    enabled = True


grad_mode = _GradMode()  # of this thread


def is_grad_enabled() -> bool:
    """Whether a graph is recorded now, in this thread."""
    return grad_mode.enabled


@contextmanager
def set_grad_enabled(enabled: bool) -> Iterator[None]:
    """Record a graph meanwhile, or do not."""
    before, grad_mode.enabled = grad_mode.enabled, enabled
    try:
        yield
    finally:
        grad_mode.enabled = before


class no_grad:
    """`with no_grad():` or `@no_grad()`: compute without recording a graph."""

    def __init__(self) -> None:
        self._before: list[bool] = []  # one for each time it was entered and not left

    def __enter__(self) -> None:
        self._before.append(grad_mode.enabled)
        grad_mode.enabled = False

    def __exit__(self, *exc: object) -> None:
        grad_mode.enabled = self._before.pop()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def without_graph(*args: P.args, **kwargs: P.kwargs) -> R:
            with no_grad():
                return function(*args, **kwargs)

        return without_graph

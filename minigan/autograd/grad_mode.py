"""Whether functions record a graph."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class _GradMode(threading.local):
    enabled = True


grad_mode = _GradMode()  # of this thread


def is_grad_enabled() -> bool:
    """Whether a graph is recorded now, in this thread."""
    return grad_mode.enabled


class set_grad_enabled:
    """`with set_grad_enabled(False):`: record a graph meanwhile, or do not; as a decorator, in the function's calls."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._before: list[bool] = []  # one for each time it was entered and not left

    def __enter__(self) -> None:
        self._before.append(grad_mode.enabled)
        grad_mode.enabled = self.enabled

    def __exit__(self, *exc: object) -> None:
        grad_mode.enabled = self._before.pop()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called_meanwhile(*args: P.args, **kwargs: P.kwargs) -> R:
            with set_grad_enabled(self.enabled):
                return function(*args, **kwargs)

        return called_meanwhile


def no_grad() -> set_grad_enabled:
    """`with no_grad():` or `@no_grad()`: compute without recording a graph."""
    return set_grad_enabled(False)

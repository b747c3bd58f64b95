"""The choice between a kernel in array functions and its version for CUDA: it is made here and nowhere else.

For CuPy's arrays the function of the same name in `kernels/cuda/FAMILY.py` is asked first. It returns NotImplemented
for what it does not take (a dtype, an order in memory), and then the array functions run: they run on CuPy too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from typing import ParamSpec, TypeVar

import numpy as np

from minigan.backend import is_on_gpu

P = ParamSpec("P")
R = TypeVar("R")


def has_cuda_kernel(kernel: Callable[P, R]) -> Callable[P, R]:
    """`kernel`, or its CUDA version where the first argument is a CuPy array, or a sequence that begins with one."""
    package, _, family = kernel.__module__.rpartition(".")

    @cache
    def cuda_version() -> Callable[P, R]:
        return getattr(import_module(f"{package}.cuda.{family}"), kernel.__name__)  # not before a GPU is in use

    @wraps(kernel)
    def chosen(*arguments: P.args, **options: P.kwargs) -> R:
        first = arguments[0]
        if isinstance(first, (tuple, list)) and first:
            first = first[0]
        if type(first) is not np.ndarray and is_on_gpu(first):
            result = cuda_version()(*arguments, **options)
            if result is not NotImplemented:
                return result
        return kernel(*arguments, **options)

    return chosen

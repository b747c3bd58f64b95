"""A stand-in for CuPy on a machine without one: it computes with NumPy, and fails as and where it is told to."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minigan import extras
from minigan.backend import cupy_backend


class CUDARuntimeError(RuntimeError):
    """As CuPy's: its message begins with the error's name."""


class CompileException(Exception):
    """As CuPy's."""


class OutOfMemoryError(MemoryError):
    """As CuPy's, with its message."""

    def __init__(self, size: int, total: int) -> None:
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes).")


class Array(np.ndarray):
    def get(self) -> np.ndarray:
        return np.asarray(self)


class FakeCupy(ModuleType):
    """count: how many devices; `fails`: what asking for them raises; `stumbles`: what the first sum raises."""

    def __init__(self) -> None:
        super().__init__("cupy")
        self.__version__ = "14.2.0"
        self.ndarray = Array
        self.count, self.fails, self.stumbles, self.wrong = 1, None, None, 0.0
        self.driver = self.runtime = 13000
        self.capability = (9, 0)
        self.free, self.whole = 2 << 30, 80 << 30
        self.used: list[int] = []  # the devices made current, in order
        fake = self

        class Device:
            def __init__(self, index: int) -> None:
                self.index = index

            def __enter__(self) -> Device:
                return self

            def __exit__(self, *error: object) -> None: ...

            def use(self) -> None:
                fake.used.append(self.index)

        self.cuda = SimpleNamespace(
            Device=Device,
            runtime=SimpleNamespace(
                getDeviceCount=self._count,
                driverGetVersion=lambda: self.driver,
                runtimeGetVersion=lambda: self.runtime,
                memGetInfo=lambda: (self.free, self.whole),
                getDeviceProperties=lambda index: {
                    "name": b"Fake Card", "totalGlobalMem": self.whole, "major": self.capability[0],
                    "minor": self.capability[1],
                },
            ),
        )  # fmt: skip
        self.in_tf32 = bool(int(os.environ.get("CUPY_TF32", "0")))
        self.linalg = SimpleNamespace(
            COMPUTE_TYPE_DEFAULT=False, COMPUTE_TYPE_TF32=True, set_compute_type=self._set_compute_type,
            get_compute_type=lambda dtype: dtype == "float32" and self.in_tf32,
        )  # fmt: skip

    def _count(self) -> int:
        if self.fails:
            raise self.fails
        return self.count

    def _set_compute_type(self, dtype: str, value: bool) -> None:
        assert dtype == "float32"
        self.in_tf32 = value

    def ones(self, shape: Any, dtype: str) -> Array:
        if self.stumbles:
            raise self.stumbles
        return (np.ones(shape, dtype) + self.wrong).view(Array)


def pretend(patch: pytest.MonkeyPatch) -> FakeCupy:
    """Let the fake be what `import cupy` finds, on a machine whose driver is for CUDA 13."""
    fake = FakeCupy()
    patch.setitem(sys.modules, "cupy", fake)
    patch.setitem(sys.modules, "cupy._core._routines_linalg", fake.linalg)
    patch.setattr(extras, "ROOT", Path("/nowhere"))  # minigan is an installed package
    patch.setattr(cupy_backend, "_ready", {})
    patch.setattr(cupy_backend, "wheels", lambda: ["cupy-cuda13x"])
    patch.setattr(cupy_backend, "driver_cuda", lambda: 13000)
    patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    patch.delenv("MINIGAN_DEVICE", raising=False)
    return fake


def take_away(patch: pytest.MonkeyPatch, driver: int = 0) -> None:
    """Let there be no CuPy, and a driver for so new a CUDA."""
    pretend(patch)
    patch.setitem(sys.modules, "cupy", None)  # importing it raises ModuleNotFoundError
    patch.setattr(cupy_backend, "wheels", lambda: [])
    patch.setattr(cupy_backend, "driver_cuda", lambda: driver)

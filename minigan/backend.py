"""The one place that knows about devices: array modules, moves between host and device, random draws.

Everything else asks an array which module it belongs to (`get_array_module`) and works with what
it gets, so the same code runs on NumPy and on CuPy. CuPy is imported only when a GPU is asked
for, or when the array at hand is a CuPy array already.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # a numpy.ndarray or a cupy.ndarray


class DeviceError(RuntimeError):
    """The device asked for cannot be used; the message says why and what mends it."""


def get_array_module(*arrays: Array) -> ModuleType:
    """`cupy` if any argument is a CuPy array, else `numpy`."""
    cupy = sys.modules.get("cupy")
    if cupy is not None and any(isinstance(a, cupy.ndarray) for a in arrays):
        return cupy
    return np


def is_array(value: Any) -> bool:
    """Whether `value` is an array of NumPy or CuPy (NumPy scalars are not)."""
    return isinstance(value, np.ndarray) or is_on_gpu(value)


def is_on_gpu(value: Any) -> bool:
    """Whether `value` is an array of CuPy."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(value, cupy.ndarray)


def to_numpy(array: Array) -> np.ndarray:
    """The array on the host; no copy if it is there already."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


def as_array(value: Any) -> Array:
    """`value` as an array; an array (of NumPy or CuPy) or a Tensor's array as it is."""
    value = getattr(value, "_data", value)
    return value if is_array(value) else np.asarray(value)


# --- devices -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Device:
    """Where arrays live: `Device("cpu")` or `Device("gpu", 1)`."""

    kind: str
    index: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"


CPU = Device("cpu")


def device_of(array: Array) -> Device:
    """The device an array lives on."""
    return CPU if isinstance(array, np.ndarray) else Device("gpu", array.device.id)


def parse_device(spec: str | Device) -> Device:
    """`"cpu"`, `"gpu"` or `"gpu:1"` as a `Device`."""
    if isinstance(spec, Device):
        return spec
    kind, _, index = str(spec).partition(":")
    if kind == "cpu" and not index:
        return CPU
    if kind in ("gpu", "cuda") and (not index or index.isdigit()):
        return Device("gpu", int(index or 0))
    raise ValueError(f"device {spec!r} is not known: use 'cpu', 'gpu' or 'gpu:N'")


_default_device = CPU


def get_default_device() -> Device:
    """Where tensors are made of numbers, lists and NumPy's arrays, and where layers are made: the CPU, unless set."""
    return _default_device


def set_default_device(device: str | Device) -> None:
    """Make what is made from now on without a word about its device on `device`. What is there stays where it is."""
    global _default_device
    device = parse_device(device)
    if device.kind == "gpu":
        import_cupy()
    _default_device = device


def import_cupy() -> ModuleType:
    """CuPy, if it is installed and a device answers; a `DeviceError` that says what to do if not."""
    try:
        import cupy
    except ImportError as error:
        raise DeviceError(
            f"a GPU was asked for, but CuPy cannot be imported ({error}): "
            "pip install 'minigan[gpu-cuda12]' (or gpu-cuda13, as `nvidia-smi` says), or use --device cpu"
        ) from None
    if not cupy.cuda.is_available():
        raise DeviceError(
            "a GPU was asked for and CuPy is installed, but no CUDA device answers: "
            "check the driver with `nvidia-smi`, or use --device cpu"
        )
    return cupy


def choose_device(spec: str | None = None) -> tuple[Device, str]:
    """The device for `spec` ("cpu", "gpu", "gpu:1", or "auto": `$MINIGAN_DEVICE`, else what answers) and why."""
    if spec in (None, "auto"):
        spec = os.environ.get("MINIGAN_DEVICE") or "auto"
    if spec != "auto":
        try:
            device = parse_device(spec)
        except ValueError as error:
            raise DeviceError(str(error)) from None
        if device.kind == "gpu":
            count = import_cupy().cuda.runtime.getDeviceCount()
            if device.index >= count:
                raise DeviceError(f"device {device} was asked for, but only gpu:0 to gpu:{count - 1} are there")
        return device, "as asked"
    try:
        import_cupy()
    except DeviceError as error:
        reason = "no CUDA device answers" if "no CUDA device" in str(error) else "CuPy is not installed"
        return CPU, reason
    return Device("gpu", 0), "a CUDA device answers"


def to_device(array: Array, device: Device) -> Array:
    """The array on `device`; no copy if it is there already."""
    if device.kind == "cpu":
        return to_numpy(array)
    cupy = import_cupy()
    with cupy.cuda.Device(device.index):
        return cupy.asarray(array)


def zeros(shape: tuple[int, ...], dtype: Any = "float32", device: Device | None = None) -> Array:
    """Zeros, made where they shall live (None: on the default device)."""
    device = device or _default_device
    if device.kind == "cpu":
        return np.zeros(shape, dtype)
    cupy = import_cupy()
    with cupy.cuda.Device(device.index):
        return cupy.zeros(shape, dtype)


def keep_freed_memory() -> None:
    """Ask the C library to keep freed memory for the next array instead of returning it to the system.

    A training step frees all it used, and the next one would meet every page afresh, one fault at a
    time. glibc only; elsewhere nothing happens. For the process, and for good: for programs that train.
    """
    trim_threshold, mmap_threshold, most = -1, -3, 32 << 20  # from malloc.h; 32 MiB is the most glibc takes
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(mmap_threshold, most)


# --- random draws --------------------------------------------------------------------------------
# All draws are made on the host with NumPy's generator and moved, so that a CPU and a GPU run with
# one seed start from the same weights and see the same noise, order and dropout masks.

_default_rng = np.random.default_rng(0)


def default_rng() -> np.random.Generator:
    """The generator that layers use when they are given none (initial weights, dropout)."""
    return _default_rng


def manual_seed(seed: int) -> None:
    """Restart the default generator from `seed`."""
    _default_rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state


_STREAMS = {"noise": 1, "samples": 2}


def new_rng(seed: int, stream: str) -> np.random.Generator:
    """A generator of its own for one use ("noise" in training, "samples"), so that none disturbs another."""
    return np.random.default_rng([seed, 0, _STREAMS[stream]])

"""Devices. A program computes on one GPU at a time, the one that `Device.use` made current in its thread:
`choose_device` and `set_default_device` do, a thread of its own must. Several GPUs take several programs."""

from __future__ import annotations

import os
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from minigan.backend import cupy_backend
from minigan.backend.arrays import Array, is_on_gpu, memory_order, to_numpy
from minigan.backend.cupy_backend import DeviceError


@dataclass(frozen=True)
class Device:
    """Where arrays live: `Device("cpu")` or `Device("gpu", 1)`."""

    kind: str
    index: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"

    def use(self) -> None:
        """Compute on it from now on, in this thread: arrays on gpu:1 are no use to a thread that computes on gpu:0."""
        if self.kind == "gpu":
            cupy_backend.ready(self.index).cuda.Device(self.index).use()

    def wait(self) -> None:
        """Wait until it has done all that it was given; the CPU always has."""
        if self.kind == "gpu":
            cupy_backend.ready(self.index).cuda.Device(self.index).synchronize()


CPU = Device("cpu")


def device_of(array: Array) -> Device:
    """The device an array lives on."""
    return CPU if isinstance(array, np.ndarray) else Device("gpu", array.device.id)


def check_here(name: str, *values: object) -> None:
    """DeviceError if an array among these, which `name` was given, lies on another GPU than this thread computes on:
    CuPy would compute on the one in use all the same, if the cards can read each other's memory."""
    cupy = sys.modules.get("cupy")
    if cupy is None or not any(isinstance(value, cupy.ndarray) for value in values):
        return  # CuPy may be there without a driver to ask
    here = cupy.cuda.runtime.getDevice()
    for value in values:
        if isinstance(value, cupy.ndarray) and value.data.device_id != here:
            there = f"gpu:{value.data.device_id}"
            raise DeviceError(
                f"{name}: an array of shape {value.shape} is on {there}, but this thread computes on gpu:{here}: move "
                f"it with .to('gpu:{here}'), or say mg.set_default_device('{there}') before you compute"
            )


def parse_device(spec: str | Device) -> Device:
    """`"cpu"`, `"gpu"` or `"gpu:1"` as a `Device`."""
    if isinstance(spec, Device):
        return spec
    if spec == "cpu":
        return CPU
    if named := re.fullmatch(r"(?:gpu|cuda)(?::([0-9]+))?", str(spec)):
        return Device("gpu", int(named[1] or 0))
    raise ValueError(f"device {spec!r} is not known: use 'cpu', 'gpu' or 'gpu:N'")


_default_device = CPU


def get_default_device() -> Device:
    """Where tensors are made of numbers, lists and NumPy's arrays, and where layers are made: the CPU, unless set."""
    return _default_device


def set_default_device(device: str | Device) -> None:
    """Make what is made from now on without a word about its device on `device`. What is there stays where it is."""
    global _default_device
    device = parse_device(device)
    device.use()
    _default_device = device


def choose_device(spec: str | None = None, tf32: bool = False) -> tuple[Device, str]:
    """The device for `spec`, made current, and why it is that one.

    spec: "cpu", "gpu", "gpu:1", or "auto": what `$MINIGAN_DEVICE` says, else a GPU if one computes, else the
    CPU. tf32: whether `products_in_tf32` is wanted on it, so that what becomes of it is said too.
    """
    variable = os.environ.get("MINIGAN_DEVICE") if spec in (None, "auto") else None
    spec = variable or spec or "auto"
    try:
        device, why = _chosen(spec, f"as MINIGAN_DEVICE={variable} says" if variable else "as asked")
    except DeviceError as error:
        if variable:
            raise DeviceError(f"MINIGAN_DEVICE={variable}: {error}") from error
        raise
    device.use()
    return device, f"{why}; {_about_tf32(device)}" if tf32 else why


def _chosen(spec: str, asked: str) -> tuple[Device, str]:
    if spec == "auto":
        try:
            return Device("gpu"), f"{cupy_backend.card(0)}: it answers"
        except cupy_backend.NoGPU as error:
            wanting = f", but there is an NVIDIA driver: {error.remedy}" if cupy_backend.driver_cuda() else ""
            return CPU, error.fact + wanting
    try:
        device = parse_device(spec)
    except ValueError as error:
        raise DeviceError(str(error)) from None
    return device, asked if device == CPU else f"{asked}: {cupy_backend.card(device.index)}"


def _about_tf32(device: Device) -> str:
    if device == CPU:
        return "no TF32: a CPU has none"
    if not cupy_backend.has_tf32(device.index):
        return "no TF32: cards have it from compute capability 8.0 on"
    cupy_backend.tf32_switch()  # what is said must come true
    return "products in TF32"


def products_in_tf32(device: Device, on: bool) -> AbstractContextManager[None]:
    """Meanwhile float32 products on a GPU may be made in TF32, or must not: in the whole process."""
    return nullcontext() if device == CPU else cupy_backend.tf32(on)


def to_device(array: Array, device: Device) -> Array:
    """The array on `device`; no copy if it is there already. Without gaps, it lies in memory in the order it had."""
    order = memory_order(array)
    here = is_on_gpu(array) == (device.kind == "gpu")
    if here or array.flags.c_contiguous or not array.transpose(order).flags.c_contiguous:
        return _moved(array, device)
    # CuPy would lay it out anew, and a convolution's weight then be turned around at every step.
    return _moved(array.transpose(order), device).transpose([order.index(axis) for axis in range(array.ndim)])


def _moved(array: Array, device: Device) -> Array:
    if device.kind == "cpu":
        return to_numpy(array)
    cupy = cupy_backend.ready(device.index)
    with cupy.cuda.Device(device.index):
        return cupy.asarray(array)


def zeros(shape: tuple[int, ...], dtype: DTypeLike = "float32", device: Device | None = None) -> Array:
    """Zeros, made where they shall live (None: on the default device)."""
    device = device or _default_device
    if device.kind == "cpu":
        return np.zeros(shape, dtype)
    cupy = cupy_backend.ready(device.index)
    with cupy.cuda.Device(device.index):
        return cupy.zeros(shape, dtype)

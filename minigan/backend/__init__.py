"""What lies under the engine: NumPy and CuPy arrays, devices, random streams, and the processes of a run."""

from minigan.backend.arrays import Array, as_array, get_array_module, is_array, is_on_gpu, memory_order, to_numpy
from minigan.backend.cupy_backend import DeviceError
from minigan.backend.devices import (
    CPU,
    Device,
    check_here,
    choose_device,
    device_of,
    get_default_device,
    parse_device,
    products_in_tf32,
    set_default_device,
    to_device,
    zeros,
)
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup, ProcessGroupError
from minigan.backend.host import keep_freed_memory
from minigan.backend.random import Generator, default_rng, drawing_from, manual_seed, new_rng

__all__ = [
    "CPU", "SINGLE_PROCESS", "Array", "Device", "DeviceError", "Generator", "ProcessGroup", "ProcessGroupError",
    "as_array", "check_here", "choose_device", "default_rng", "device_of",
    "drawing_from", "get_array_module", "get_default_device", "is_array", "is_on_gpu", "keep_freed_memory",
    "manual_seed", "memory_order", "new_rng", "parse_device", "products_in_tf32", "set_default_device", "to_device",
    "to_numpy", "zeros",
]  # fmt: skip

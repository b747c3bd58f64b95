"""What is installed and what computes here, line by line."""

from __future__ import annotations

import os
import platform
import subprocess
import timeit
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

import numpy as np

import minigan
from minigan.backend import cupy_backend
from minigan.formatting import gibibytes, home_as_tilde, one_line

PACKAGES = ("numpy", "matplotlib", "pillow", "tqdm", "safetensors", "mpi4py", "mpich")  # and CuPy, by whatever name
VARIABLES = (  # that change what is found, what comes out, or how fast
    "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE",
    "CUPY_ACCELERATORS", "CUPY_TF32", "CUPY_CACHE_DIR", "CUPY_GPU_MEMORY_LIMIT", "CUPY_CUDA_PER_THREAD_DEFAULT_STREAM",
)  # fmt: skip
UNITS = "multiProcessorCount"
TF32 = {True: "known to the card, and off but for a line below", False: "not known to the card"}


def of_host() -> Iterator[str]:
    """Versions, and the linear algebra of the CPU."""
    yield f"minigan {minigan.__version__}, Python {platform.python_version()}, {platform.platform()}"
    for package in (*PACKAGES, *(cupy_backend.wheels() or ["cupy"])):
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            version = "not installed"
        yield f"  {package:<14}{version}"
    yield f"BLAS    {_blas()}"
    yield f"cores   {_cores()} usable of {os.cpu_count()}"


def of_gpu(index: int) -> Iterator[str]:
    """The driver, CUDA as CuPy has it, and the card's memory. What cannot be told takes no other line along."""
    cupy = cupy_backend.import_cupy()
    runtime = cupy.cuda.runtime
    tells: dict[str, Callable[[], str]] = {
        "card": lambda: f"{cupy_backend.card(index)}, {runtime.getDeviceProperties(index)[UNITS]} multiprocessors",
        "memory": lambda: " of ".join(map(gibibytes, runtime.memGetInfo())) + " free",
        "driver": lambda: f"{_driver_version()}, for CUDA {_dotted(runtime.driverGetVersion())}",
        "CUDA": lambda: _cuda(cupy, index),
        "TF32": lambda: TF32[cupy_backend.has_tf32(index)],
    }
    for label, tell in tells.items():
        try:
            with cupy.cuda.Device(index):
                told = tell()
        except Exception as error:  # of CuPy's own classes, or of the system's: a report is to be had all the same
            told = f"not known ({type(error).__name__}: {one_line(error)})"
        yield f"{label:<8}{told}"
    variables = [f"{name}={home_as_tilde(os.environ[name])}" for name in VARIABLES if name in os.environ]
    if variables:
        yield f"set     {', '.join(variables)}"


def _cuda(cupy: ModuleType, index: int) -> str:
    runtime = _dotted(cupy.cuda.runtime.runtimeGetVersion())
    cublas = cupy.cuda.cublas.getVersion(cupy.cuda.Device(index).cublas_handle)
    nvrtc = ".".join(map(str, cupy.cuda.nvrtc.getVersion()))
    return f"runtime {runtime}, NVRTC {nvrtc}{_loaded('libnvrtc.so')}, cuBLAS {cublas}, under CuPy {cupy.__version__}"


def _loaded(library: str) -> str:
    """Where a shared library that this process has loaded lies: " (/usr/lib/…)"; nothing where Linux does not tell."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    paths = (line[line.index("/") :] for line in lines if "/" in line and library in line)
    path = next(paths, "")
    return path and f" ({home_as_tilde(path)})"


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def _driver_version() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split()
    except (OSError, subprocess.SubprocessError):
        found = []
    return found[0] if found else "unknown (no nvidia-smi)"


def _blas() -> str:
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    limits = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    threads = f"threads limited by {', '.join(limits)}" if limits else f"{_cores()} threads (no limit set)"
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}, {threads}, {_product_speed()}"


def _product_speed() -> str:
    """How fast a large float32 matrix product runs: training can be no faster."""
    a = np.ones((1024, 1024), "float32")
    seconds = min(timeit.repeat(lambda: a @ a, repeat=6, number=1))
    return f"{2 * 1024**3 / seconds / 1e9:.0f} GFLOP/s in a matrix product"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

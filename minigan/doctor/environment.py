"""What is installed and what computes here, line by line."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from importlib import metadata

import numpy as np

import minigan
from minigan import gpu

PACKAGES = ("numpy", "matplotlib", "pillow", "tqdm", "safetensors", "cupy-cuda12x", "cupy-cuda13x")
VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUPY_ACCELERATORS", "CUPY_TF32", "NVIDIA_TF32_OVERRIDE")  # that change results


def of_host() -> Iterator[str]:
    """Versions, and the linear algebra of the CPU."""
    yield f"minigan {minigan.__version__}, Python {platform.python_version()}, {platform.platform()}"
    for package in PACKAGES:
        yield f"  {package:<14}{_version(package)}"
    yield f"BLAS    {_blas()}"
    yield f"cores   {_cores()} usable of {os.cpu_count()}"


def of_gpu(index: int) -> Iterator[str]:
    """The driver, CUDA as CuPy has it, and the card's memory."""
    cupy = gpu.import_cupy()
    runtime = cupy.cuda.runtime
    with cupy.cuda.Device(index) as device:
        free, whole = runtime.memGetInfo()
        cublas = cupy.cuda.cublas.getVersion(device.cublas_handle)
    units = runtime.getDeviceProperties(index)["multiProcessorCount"]
    nvrtc = ".".join(map(str, cupy.cuda.nvrtc.getVersion()))
    versions = f"runtime {_dotted(runtime.runtimeGetVersion())}, NVRTC {nvrtc}, cuBLAS {cublas}"
    yield f"card    {gpu.card(index)}, {units} multiprocessors, {gpu.gibibytes(free)} of {gpu.gibibytes(whole)} free"
    yield f"driver  {_driver()}, for CUDA {_dotted(runtime.driverGetVersion())}"
    yield f"CUDA    {versions}, under CuPy {cupy.__version__}"
    yield f"TF32    {'known to the card' if gpu.has_tf32(index) else 'not known to the card'}, and off in this report"
    variables = [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    if variables:
        yield f"set     {', '.join(variables)}"


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split()
    except (OSError, subprocess.SubprocessError):
        found = []
    return found[0] if found else "unknown (no nvidia-smi)"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _blas() -> str:
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    limits = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    threads = f"threads limited by {', '.join(limits)}" if limits else f"{_cores()} threads (no limit set)"
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}, {threads}, {_product_speed()}"


def _product_speed() -> str:
    """How fast a large float32 matrix product runs: training can be no faster."""
    a = np.ones((1024, 1024), "float32")
    a @ a
    times = []
    for _ in range(5):
        began = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - began)
    return f"{2 * 1024**3 / min(times) / 1e9:.0f} GFLOP/s in a matrix product"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

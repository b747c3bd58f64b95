"""A simulator of a GPU for tests: the real, unmodified CuPy, with a CPU in the place of CUDA.

    import cusim; cusim.install(); import cupy

or `pytest -p cusim.plugin`. See README.md.
"""

from __future__ import annotations

import os

from . import kernels, libraries, redirect, sorting
from .libraries import Unavailable

__all__ = ["Unavailable", "counters", "install"]

NAMES = "launch", "h2d", "d2h", "d2d", "sync", "cudaMalloc"  # of host/host.h's counters
_loaded: dict[str, libraries.Library] = {}


def install(nvrtc_check: bool = False) -> None:
    """Have CuPy run on the CPU, in this process. It must not have been imported yet.

    nvrtc_check: compile every kernel by NVIDIA's compiler too, to see that it is valid CUDA.

    Raises Unavailable, in one sentence, where the simulator cannot run.
    """
    if _loaded:
        return
    folder = libraries.cache()
    os.environ.setdefault("CUPY_ACCELERATORS", "")  # no sums by CUB, which is not simulated
    os.environ.setdefault("CUDA_CACHE_DISABLE", "1")
    os.environ.setdefault("CUPY_CACHE_DIR", str(folder / "kernels"))
    _loaded.update(libraries.load(folder))
    redirect.runtime(_loaded["libcuda.so.1"])
    kernels.install(folder, nvrtc_check)
    sorting.install()


def counters() -> dict[str, int]:
    """What has been asked of the device so far.

    Kernel launches ("launch"), copies to the device, from it and on it ("h2d", "d2h", "d2d"), waits for it ("sync"),
    blocks of memory ("cudaMalloc") and matrix products ("gemm"). Take the difference of two.
    """
    counts = dict(zip(NAMES, _loaded["libcuda.so.1"].cusim_counters()[: len(NAMES)], strict=True))
    return counts | {"gemm": _loaded["libcublas.so.13"].cusim_products()}

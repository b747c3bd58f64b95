"""The stand-ins for CUDA's libraries: compiled when they are first needed, kept in a cache, and loaded before CuPy."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy

Library = ctypes.CDLL
HERE = Path(__file__).parent
INSTALL = f"pip install -r {HERE / 'requirements.txt'}"
SOURCES = {
    "libcuda.so.1": ["memory.cpp", "runtime.cpp", "driver.cpp", "generator.cpp"],
    "libcublasLt.so.13": ["cublaslt.cpp"],
    "libcublas.so.13": ["blas.cpp", "blas_unsupported.cpp"],
    "libcurand.so.10": ["curand.cpp"],
}
FLAGS = "-O2 -std=c++17 -fPIC -shared -fvisibility=hidden -mf16c".split()


class Unavailable(RuntimeError):
    """The simulator cannot run here: says in one sentence what is missing."""


def cache() -> Path:
    """The folder of what is compiled: in $CUSIM_CACHE or ~/.cache/cusim, another for each version of the sources."""
    version = check()
    digest = hashlib.sha256(version.encode())
    for path in sorted(p for p in HERE.rglob("*") if p.suffix in (".cpp", ".h", ".py")):
        digest.update(path.read_bytes())
    folder = Path(os.environ.get("CUSIM_CACHE") or Path.home() / ".cache" / "cusim") / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check() -> str:
    """CuPy's version. Raises Unavailable where the simulator cannot run."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Unavailable("the simulator of a GPU runs on Linux on x86-64 only")
    if not shutil.which("g++"):
        raise Unavailable("the simulator of a GPU compiles with g++, which is not installed")
    try:
        return metadata.version("cupy-cuda13x")
    except metadata.PackageNotFoundError:
        raise Unavailable(f"the simulator of a GPU runs CuPy, which is not installed: {INSTALL}") from None


def load(folder: Path) -> dict[str, Library]:
    """The stand-ins by name, loaded: whoever asks the system for a library of that name, CuPy does, is given ours."""
    loaded = {}
    for name, sources in SOURCES.items():
        path = folder / name
        if not path.exists():
            build(path, sources)
        loaded[name] = ctypes.CDLL(str(path))
    loaded["libcuda.so.1"].cusim_counters.restype = ctypes.POINTER(ctypes.c_long)
    loaded["libcublas.so.13"].cusim_products.restype = ctypes.c_long
    _lend_openblas(loaded["libcublas.so.13"])
    return loaded


def build(path: Path, sources: list[str]) -> None:
    """Compile a stand-in. Several processes may do so at once: each puts a whole file in its place."""
    command = ["g++", *FLAGS, f"-I{_cuda_headers()}", *(str(HERE / "host" / source) for source in sources)]
    # CuPy asks for cuBLAS's and cuRAND's functions with a version, which is the library's name.
    versions = path.with_suffix(".map")
    versions.write_text(f"{path.name} {{ global: *; }};\n")
    if path.name != "libcuda.so.1":
        command.append(f"-Wl,--version-script={versions}")
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    subprocess.run([*command, "-o", str(unfinished), f"-Wl,-soname,{path.name}", "-ldl"], check=True)
    unfinished.replace(path)


def _cuda_headers() -> Path:
    """The folder of CUDA's headers: from wheels, or of a toolkit."""
    spec = importlib.util.find_spec("nvidia")
    wheels = [Path(place) / "cu13" / "include" for place in (spec.submodule_search_locations if spec else [])]
    for folder in [*wheels, Path(os.environ.get("CUDA_PATH", "/usr/local/cuda")) / "include"]:
        if (folder / "crt" / "host_defines.h").exists():
            return folder
    raise Unavailable(f"the simulator of a GPU needs CUDA's headers, which are not installed: {INSTALL}")


def _lend_openblas(cublas: Library) -> None:
    """Have NumPy's OpenBLAS compute the products, if its wheel has one; else they are computed by loops, slowly."""
    for path in (Path(numpy.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        openblas = ctypes.CDLL(str(path))
        cublas.cusim_set_blas(*(ctypes.cast(openblas[f"scipy_{t}gemm_64_"], ctypes.c_void_p) for t in "sd"))

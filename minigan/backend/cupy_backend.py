"""CuPy, imported here alone and when a GPU is asked for; what the card is called, and how to fix it where there is
none."""

from __future__ import annotations

import ctypes
import importlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from types import ModuleType

from minigan.extras import install_command
from minigan.formatting import gibibytes, home_as_tilde, one_line

OLDEST_CUPY = 14
OLDEST_DRIVER = {12: 525, 13: 580}  # of each CUDA: NVIDIA's table of minor version compatibility
WHEELS = ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x", "cupy-rocm-7-0", "cupy-rocm-7-1")


class DeviceError(RuntimeError):
    """The device asked for cannot be used; the message says why and how to fix it."""


class NoGPU(DeviceError):
    """There is no GPU to compute on. fact: why not; remedy: how to fix it."""

    def __init__(self, fact: str, remedy: str) -> None:
        super().__init__(f"a GPU was asked for, but {fact}: {remedy}, or go without: --device cpu")
        self.fact, self.remedy = fact, remedy


_ready: dict[int, ModuleType] = {}  # the devices that were seen to compute


def ready(index: int = 0) -> ModuleType:
    """CuPy, once device `index` has been seen to compute; `NoGPU` that says what to do if it does not."""
    cupy = _ready.get(index)
    if cupy is None or cupy is not sys.modules.get("cupy"):
        cupy = _imported()
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except Exception as error:  # of CuPy's own classes, which differ from version to version
            raise _trouble(error, cupy) from error
        if count == 0:
            raise _no_device()
        if not 0 <= index < count:
            there = "gpu:0 is" if count == 1 else f"gpu:0 to gpu:{count - 1} are"
            raise NoGPU(f"there is no gpu:{index}, only {there} there", "use --device gpu:0")
        _try_out(cupy, index)
        if cupy not in _ready.values():  # it is for the whole process: not under the hands of a run on another device
            _without_tf32(cupy)
        _ready[index] = cupy
    return cupy


def import_cupy() -> ModuleType:
    """CuPy, for whoever works on the device that was chosen: any that computes, or else the first."""
    return next((cupy for cupy in _ready.values() if cupy is sys.modules.get("cupy")), None) or ready()


def count() -> int:
    """How many devices there are, without touching one; 0 where CuPy or a driver is missing."""
    try:
        return _imported().cuda.runtime.getDeviceCount()
    except Exception:  # of CuPy's own classes; whoever then asks for a device is told
        return 0


def card(index: int) -> str:
    """What it is: "NVIDIA H100 80GB HBM3, 79.2 GiB, compute capability 9.0"."""
    properties, (major, minor) = ready(index).cuda.runtime.getDeviceProperties(index), capability(index)
    name, memory = properties["name"].decode(errors="replace"), gibibytes(properties["totalGlobalMem"])
    return f"{name}, {memory}, compute capability {major}.{minor}"


def capability(index: int) -> tuple[int, int]:
    """What it can do, as NVIDIA numbers it: (9, 0)."""
    properties = ready(index).cuda.runtime.getDeviceProperties(index)
    return properties["major"], properties["minor"]


# --- TF32 ----------------------------------------------------------------------------------------


def has_tf32(index: int) -> bool:
    """Whether the card knows TF32 (from compute capability 8.0 on); others compute in float32."""
    return capability(index) >= (8, 0)


def tf32_switch() -> ModuleType:
    """Where CuPy keeps for the whole process in what float32 products are made; `DeviceError` if it does no more.
    (None of CuPy's public names: its public way is a variable of the environment that is read once.)"""
    cupy = _imported()
    try:
        linalg = importlib.import_module("cupy._core._routines_linalg")
        for name in ("get_compute_type", "set_compute_type", "COMPUTE_TYPE_DEFAULT", "COMPUTE_TYPE_TF32"):
            getattr(linalg, name)
    except (ImportError, AttributeError) as error:
        raise DeviceError(f"CuPy {cupy.__version__} cannot be told to use TF32: go without --tf32") from error
    return linalg


@contextmanager
def tf32(on: bool) -> Iterator[None]:
    """Meanwhile float32 products of matrices (2-d ones) may round their factors to TF32's 10 bits, or must not."""
    linalg = tf32_switch()
    before = linalg.get_compute_type("float32")
    linalg.set_compute_type("float32", linalg.COMPUTE_TYPE_TF32 if on else linalg.COMPUTE_TYPE_DEFAULT)
    try:
        yield
    finally:
        linalg.set_compute_type("float32", before)


def _without_tf32(cupy: ModuleType) -> None:
    """TF32 off, whatever `CUPY_TF32` says: minigan has it where a run asks for it, and nowhere else."""
    try:
        linalg = tf32_switch()
    except DeviceError as error:
        if os.environ.get("CUPY_TF32", "0") != "0":
            fact = f"CUPY_TF32 is set, and CuPy {cupy.__version__} cannot be told to leave TF32 alone"
            raise NoGPU(fact, "unset CUPY_TF32") from error
        return  # it is off
    linalg.set_compute_type("float32", linalg.COMPUTE_TYPE_DEFAULT)


# --- what is wrong, and how to fix it --------------------------------------------------------------


def driver_cuda() -> int:
    """The newest CUDA that the driver here can run, as 1000·major + 10·minor; 0 without a driver."""
    version = ctypes.c_int(0)
    try:
        if sys.platform == "win32":
            library = ctypes.WinDLL("nvcuda.dll")
        else:
            library = ctypes.CDLL("libcuda.so.1")
        library.cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return 0
    return version.value


def wheels() -> list[str]:
    """The CuPy packages that are installed: more than one is one too many."""
    found = []
    for name in WHEELS:
        with suppress(metadata.PackageNotFoundError):
            metadata.distribution(name)
            found.append(name)
    return found


def _imported() -> ModuleType:
    """CuPy, if it is installed, by itself, and new enough."""
    installed = wheels()
    if len(installed) > 1:
        raise NoGPU(f"{' and '.join(installed)} are installed at once and overwrite each other's files", _install())
    try:
        import cupy
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "cupy":
            raise NoGPU("CuPy is not installed", _install()) from None
        fault = _of_cache(error)
        raise fault or NoGPU(f"CuPy cannot be imported ({one_line(error)})", _install("--force-reinstall")) from error
    if int(re.findall(r"^\d*", cupy.__version__)[0] or 0) < OLDEST_CUPY:
        fact = f"CuPy {cupy.__version__} is installed, and {OLDEST_CUPY} or newer is needed"
        raise NoGPU(fact, _install("--upgrade"))
    return cupy


def _install(anew: str = "") -> str:
    """The command that installs CuPy with all it needs: for the CUDA of the one here, or of the driver. anew: pip's
    option, where that CuPy itself must be replaced (it would have pip replace minigan too)."""
    installed = wheels()
    here = re.fullmatch(r"cupy-cuda(1[23])x", installed[0]) if len(installed) == 1 else None
    if here:
        return f"pip install {anew} '{here[0]}[ctk]>={OLDEST_CUPY}'" if anew else _extra(int(here[1]))
    command = f"pip uninstall -y {' '.join(installed)} && " * bool(installed)
    newest = driver_cuda() // 1000
    if newest >= 12:
        return command + _extra(min(newest, 13))
    if newest:
        return f"update the NVIDIA driver to {OLDEST_DRIVER[12]} or newer, then {command}{_extra(12)}"
    older = f"(gpu-cuda12 for a driver older than {OLDEST_DRIVER[13]})"
    return f"install NVIDIA's driver, then {command}{_extra(13)} {older}"


def _extra(cuda: int) -> str:
    return install_command(f"gpu-cuda{cuda}")


def _try_out(cupy: ModuleType, index: int) -> None:
    """A product and a sum on the device: they need all that the engine needs of CUDA."""
    try:
        with cupy.cuda.Device(index):
            x = cupy.ones((2, 3), "float32")
            sums = (x @ x.T + 1).get()  # a product of cuBLAS, a kernel compiled by NVRTC
    except Exception as error:
        raise _trouble(error, cupy) from error
    if not (sums == 4).all():
        raise NoGPU(f"gpu:{index} computes wrongly: 1·1 + 1·1 + 1·1 + 1 is {sums[0, 0]}", "look at it with nvidia-smi")


def _no_device() -> NoGPU:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    hidden = "" if visible is None else f" (CUDA_VISIBLE_DEVICES is {visible!r})"
    return NoGPU(
        f"no CUDA device answers{hidden}",
        "unset CUDA_VISIBLE_DEVICES" if hidden else "check with nvidia-smi that the card and its driver are there",
    )


def _trouble(error: Exception, cupy: ModuleType) -> NoGPU:
    if is_out_of_memory(error):
        return NoGPU("the GPU's memory is full", "see with nvidia-smi who uses it")
    if no_cache := _of_cache(error):
        return no_cache
    text = f"{type(error).__name__}: {error}"
    if re.search(r"InsufficientDriver|UnsupportedPtxVersion|UNSUPPORTED_PTX|RequiresNewerDriver", text):
        return _old_driver(cupy)
    if re.search(r"cudaErrorNoDevice|CUDA_ERROR_NO_DEVICE", text):
        return _no_device()
    if re.search(r"SystemDriverMismatch|CompatNotSupported", text):
        return NoGPU("the driver's parts are of different versions, as after an update", "restart the machine")
    if re.search(r"DevicesUnavailable|DeviceAlreadyInUse", text):
        return NoGPU("another program has the GPU to itself", "see with nvidia-smi who uses it")
    if re.search(r"NoKernelImage|NO_BINARY_FOR_GPU|invalid value for --gpu-arch|ArchMismatch", text):
        return NoGPU(f"the card and the CUDA of CuPy {cupy.__version__} do not know each other", _install("--upgrade"))
    if re.search(r"cannot open source file|could not open source file|CUDA headers|CUDA_PATH", text):
        return NoGPU("the headers of CUDA are missing, which CuPy compiles with", _install())
    if re.search(r"ailed to load|ailure finding|cannot open shared object|DynamicLibNotFound|DLL load", text):
        missing = re.search(r"lib\w+\.so[.\d]*|\w+\.dll", text)
        return NoGPU(f"a library of CUDA is missing ({missing[0] if missing else one_line(error)})", _install())
    return NoGPU(f"the GPU fails at its first sum ({one_line(error)})", "check it with nvidia-smi")


def _old_driver(cupy: ModuleType) -> NoGPU:
    newest, needed = cupy.cuda.runtime.driverGetVersion(), cupy.cuda.runtime.runtimeGetVersion() // 1000
    oldest = OLDEST_DRIVER.get(needed, f"of CUDA {needed}")
    if not newest:
        return NoGPU("there is no NVIDIA driver", f"install NVIDIA's driver {oldest} or newer")
    major, minor = newest // 1000, newest % 1000 // 10
    remedy = f"update the NVIDIA driver to {oldest} or newer"
    if 12 <= major < needed:
        remedy += f", or pip uninstall -y {' '.join(wheels()) or 'cupy'} && {_extra(major)}"
    return NoGPU(f"the driver is too old: it is for CUDA {major}.{minor}, and CuPy is for CUDA {needed}", remedy)


def _of_cache(error: Exception) -> NoGPU | None:
    """The `NoGPU`, if the system refused the folder of CuPy's compiled kernels, one around it, or a file in it."""
    cache = os.environ.get("CUPY_CACHE_DIR") or os.path.expanduser("~/.cupy/kernel_cache")
    if not isinstance(error, OSError) or not isinstance(error.filename, str):
        return None
    refused, folder = os.path.join(error.filename, ""), os.path.join(cache, "")
    if not (refused.startswith(folder) or folder.startswith(refused)):
        return None
    fact = f"CuPy cannot write the kernels that it compiles to {home_as_tilde(cache)} ({error.strerror})"
    return NoGPU(fact, "set CUPY_CACHE_DIR to a folder that can be written")


# --- memory --------------------------------------------------------------------------------------


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory, on the host or on a device, whichever of CUDA's libraries says so."""
    says = r"cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY|_STATUS_ALLOC(ATION)?_FAILED"
    return isinstance(error, MemoryError) or bool(re.search(says, str(error)))


def out_of_memory(error: BaseException) -> str:
    """What it says; if it is CuPy's, in plain words and sizes, of the device in use."""
    numbers = [int(n.replace(",", "")) for n in re.findall(r"([\d,]*\d) bytes", str(error))]
    if len(numbers) < 2:
        return one_line(error)
    size, total = numbers[:2]
    text = f"{gibibytes(size)} more {'was' if size == 1 else 'were'} needed, {gibibytes(total)} are in use"
    try:
        free, whole = import_cupy().cuda.runtime.memGetInfo()
    except Exception:  # this is about an error already: it must not bring another
        return text
    others = whole - free - total
    if others > whole / 20:  # the driver and CUDA's own code take a little themselves
        text += f" here and {gibibytes(others)} by others"
    return f"{text}, of {gibibytes(whole)}"

"""Redirect the CUDA runtime, which is linked into CuPy's own libraries, to the stand-in for it.

Each of its functions begins with a jump then, written over its first bytes in this process' memory: the files stay
as they are.
"""

from __future__ import annotations

import ctypes
import importlib.util
import mmap
import os
import struct
from pathlib import Path

LIBRARIES = "cupy_backends/cuda/api/runtime", "cupy/cuda/cub", "cupy/cuda/thrust", "cupy/random/_generator_api"
MANGLED = {  # C++ functions, as the compiler names them
    "init_curand_generator": "_Z21init_curand_generatorilmll",
    "random_uniform": "_Z14random_uniformilllll",
    "random_uniform_float": "_Z20random_uniform_floatilllll",
    "standard_normal": "_Z15standard_normalilllll",
    "standard_normal_float": "_Z21standard_normal_floatilllll",
    "interval_32": "_Z11interval_32illllljj",
    "interval_64": "_Z11interval_64illlllmm",
}
PREFIX = "sim_"
JUMP = b"\xff\x25\0\0\0\0"  # jmp [rip + 0]: to the address in the 8 bytes that follow


def runtime(stand_in: ctypes.CDLL) -> None:
    """Redirect every function NAME in CuPy's libraries for which the stand-in has a sim_NAME."""
    (cupy,) = importlib.util.find_spec("cupy").submodule_search_locations
    targets = {}
    for symbol in functions(Path(stand_in._name)):
        if symbol.startswith(PREFIX) and "." not in symbol:  # "sim_x.cold" is a part of sim_x
            name = symbol.removeprefix(PREFIX)
            targets[MANGLED.get(name, name)] = ctypes.cast(stand_in[symbol], ctypes.c_void_p).value
    for library in LIBRARIES:
        (path,) = Path(cupy).parent.glob(f"{library}.*.so")
        redirect(path, targets)


def redirect(path: Path, targets: dict[str, int]) -> None:
    """Load a library, and redirect the functions named to these addresses."""
    ctypes.CDLL(str(path), mode=os.RTLD_LAZY)  # Python's import, later, is given the same
    base = loaded_at(path)
    for name, (offset, size) in functions(path).items():
        if name in targets:
            jump = JUMP + struct.pack("<Q", targets[name])
            if size < len(jump):
                raise RuntimeError(f"{path.name}: {name} is too short to be redirected ({size} bytes)")
            overwrite(base + offset, jump)


def overwrite(address: int, code: bytes) -> None:
    """Write machine code into this process' memory."""
    page = address // mmap.PAGESIZE * mmap.PAGESIZE
    anything = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), ctypes.c_size_t(address + len(code) - page), anything):
        raise OSError("mprotect: the system does not let code be written")
    ctypes.memmove(address, code, len(code))


def loaded_at(path: Path) -> int:
    """The address at which a library was loaded."""
    real = os.path.realpath(path)
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(real):
            return int(line.split("-")[0], 16)
    raise RuntimeError(f"{path} is not loaded")


def functions(path: Path) -> dict[str, tuple[int, int]]:
    """{name: (offset, size)} of the functions that a library defines, the local ones too: of a 64-bit ELF file."""
    data = path.read_bytes()
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    # name, type, flags, address, offset, size, link, info, alignment, entry's size
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    found = {}
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind not in (2, 11):  # SHT_SYMTAB, SHT_DYNSYM
            continue
        names = sections[link][4]
        for name, info, _, section, value, extent in struct.iter_unpack("<IBBHQQ", data[offset : offset + length]):
            if info & 15 == 2 and section:  # STT_FUNC, defined here
                end = data.index(b"\0", names + name)
                found[data[names + name : end].decode()] = value, extent
    return found

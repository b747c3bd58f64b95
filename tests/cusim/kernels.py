"""CUDA kernels, compiled for the CPU: in the place of NVRTC, or after it has looked at them.

A compiled kernel is a shared library with a table of its kernels, `cusim_kernels`, which host/driver.cpp loads.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import tempfile
from pathlib import Path

from .libraries import HERE

MAGIC = b"CUSIM1\0\0"
# A test run on a new machine compiles some thousands of kernels. With -fwhole-program g++ leaves out the functions of
# CuPy's headers that a kernel does not call (a third of the time); linking without what g++ adds of its own takes a
# fourth of the time of linking with it.
FLAGS = "g++ -Og -fwhole-program -march=native -ffp-contract=fast -fPIC -w -fpermissive".split()
LIBRARIES = "-nostdlib -lm -lc -lgcc".split()
STANDARD = "-std=c++17"

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
BOUNDS = r"(?:__launch_bounds__\s*\([^)]*\)\s*)?"
KERNEL = re.compile(
    r'(?P<template>template\s*<[^{};]*?>\s*)?(?:extern\s*"C"\s*)?'
    rf"__global__\s+(?:static\s+)?{BOUNDS}void\s+{BOUNDS}(?P<name>\w+)\s*\("
)
MEETING = re.compile(r"__sync|__shfl|__ballot|__any_sync|__all_sync|cooperative_groups|cub::")
DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\s*\([^)]*\)\s*)?([\w:<>, ]+?)\s+(\w+)\s*\[\s*\]\s*;")


def install(folder: Path, nvrtc_check: bool) -> None:
    """Have CuPy compile by this module; what is compiled for all kernels lies in `folder`."""
    from cupy.cuda import compiler

    program = compiler._NVRTCProgram
    by_nvrtc = program.compile

    def compile(self, options=(), log_stream=None):
        image, names = b"", None
        if nvrtc_check or self.name_expressions or not self.src:  # NVRTC alone knows the name of an expression
            image, names = by_nvrtc(self, options, log_stream)
        if self.src:
            try:
                image = compiled(self.src, options, names or {}, folder)
            except subprocess.CalledProcessError as error:
                text = f"g++ does not take this kernel:\n{error.stderr[:3000]}"
                raise compiler.CompileException(text, self.src, "kernel.cu", options, "cusim") from None
        return image, names

    program.compile = compile


def compiled(source: str, options: tuple[str, ...], names: dict[str, str], folder: Path) -> bytes:
    """What cuModuleLoadData takes: the kernels of a source in CUDA C++, compiled for the CPU.

    names: {expression: name} of instances of templates.
    """
    includes = [o for o in options if o.startswith(("-I", "-D", "--define", "--include")) and not _of_cuda(o)]
    standard = [re.sub("^-+", "-", o) for o in options if re.match("-+std=", o)] or [STANDARD]
    flags = [*FLAGS, f"-I{folder}", f"-I{HERE / 'kernel'}", *includes, *standard]
    if standard == [STANDARD]:
        _precompile(flags, folder)
    with tempfile.TemporaryDirectory() as temporary:
        code, library = Path(temporary, "kernel.cpp"), Path(temporary, "kernel.so")
        code.write_text(for_cpu(source, names))
        command = [*flags, "-shared", str(code), "-o", str(library), *LIBRARIES]
        command += os.environ.get("CUSIM_CXXFLAGS", "").split()
        subprocess.run(command, check=True, capture_output=True, text=True)
        binary = library.read_bytes()
    return MAGIC + struct.pack("<Q", len(binary)) + binary


def for_cpu(source: str, names: dict[str, str]) -> str:
    """A CUDA source as C++, with a table of its kernels."""
    bare = COMMENT.sub("", source)
    found = {name: expression for expression, name in names.items()}
    found |= {m["name"]: m["name"] for m in KERNEL.finditer(bare) if not m["template"]}
    waits = "true" if MEETING.search(bare) else "false"  # whether threads meet: if so, each needs a stack
    table = "".join(
        f'{{"{name}", [](const cusim::Launch *launch, void **arguments) '
        f"{{ return cusim::run<{waits}>(&{expression}, launch, arguments); }}}},\n"
        for name, expression in found.items()
    )
    return (
        "#include <cusim_pch.h>\n"
        '#line 1 "kernel.cu"\n'
        + DYNAMIC.sub(r"\1 *\2 = (\1 *)cusim::dynamic_shared_memory;", source)
        + f'\nextern "C" {{ [[gnu::externally_visible]] cusim::Kernel cusim_kernels[] = {{\n{table}{{0, 0}}}}; }}\n'
    )


def _of_cuda(option: str) -> bool:
    """Whether an option is a folder of CUDA's own headers, in whose place are ours."""
    return "/nvidia/cu1" in option or "/usr/local/cuda" in option


def _precompile(flags: list[str], folder: Path) -> None:
    """Compile the headers that all kernels begin with; g++ finds the result in `folder`."""
    header = folder / "cusim_pch.h.gch"
    if not header.exists():
        unfinished = header.with_name(f"{header.name}.{os.getpid()}")
        source = str(HERE / "kernel" / "cusim_pch.h")
        flags = [flag for flag in flags if not flag.startswith(("-D", "--"))]
        subprocess.run([*flags, "-x", "c++-header", source, "-o", str(unfinished)], check=True)
        unfinished.replace(header)

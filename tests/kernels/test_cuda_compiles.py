"""NVIDIA's compiler takes every kernel in CUDA C++, for every GPU from Turing to Blackwell. No GPU is needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import minigan
from minigan.kernels import cuda

nvrtc = pytest.importorskip("cupy").cuda.nvrtc
try:
    VERSION = ".".join(map(str, nvrtc.getVersion()))
except Exception as error:  # CuPy loads the library when it is first called
    pytest.skip(f"NVRTC cannot be loaded: {error}", allow_module_level=True)

CARDS = {
    75: "T4, RTX 20", 80: "A100", 86: "RTX 30", 89: "RTX 40, L4", 90: "H100, H200", 100: "B200", 120: "RTX 50",
}  # fmt: skip
FILES = sorted({path.stem for path in cuda.FOLDER.glob("*.cu")} - {"common"})  # which is part of each


def compiled(code: str, capability: int) -> str:
    """What the compiler has to say, for GPUs of this compute capability; an error if it refuses."""
    architecture = f"sm_{capability}"
    if capability not in nvrtc.getSupportedArchs():
        pytest.fail(f"NVRTC {VERSION} does not know {architecture} ({CARDS[capability]}): install a newer one")
    program = nvrtc.createProgram(code, "kernel.cu", (), ())
    try:
        nvrtc.compileProgram(program, (f"--gpu-architecture={architecture}", *cuda.OPTIONS))
    except nvrtc.NVRTCError:
        pytest.fail(f"for {architecture} ({CARDS[capability]}):\n{nvrtc.getProgramLog(program)}")
    finally:
        log = nvrtc.getProgramLog(program)
        nvrtc.destroyProgram(program)
    return log


@pytest.mark.parametrize("capability", CARDS, ids="sm_{}".format)
@pytest.mark.parametrize("letter", cuda.TYPES, ids=cuda.TYPES.get)
@pytest.mark.parametrize("file", FILES)
def test_it_compiles_without_a_warning(file, letter, capability):
    assert not compiled(cuda.source(file, letter), capability).strip("\0\n ")


def test_there_are_no_kernels_elsewhere():
    """In Python files, where the test above would not find them."""
    package = Path(minigan.__file__).parent
    made = re.compile(r"ElementwiseKernel|ReductionKernel|RawKernel|RawModule|cupy\.fuse|cupyx\.jit")
    files = [p.relative_to(package).as_posix() for p in package.rglob("*.py") if made.search(p.read_text("utf-8"))]
    assert files == ["kernels/cuda/__init__.py"] and FILES

"""The simulator of a GPU, tests/cusim: it computes as CUDA does, counts, and refuses what CUDA forbids."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

simulated = pytest.mark.skipif("cusim" not in sys.modules, reason="no simulated device: pytest -p cusim.plugin")
TESTS = Path(__file__).parent


@pytest.mark.skipif(sys.platform != "linux", reason="the simulator runs on Linux")
def test_without_a_compiler_it_says_so_in_one_sentence(tmp_path):
    environment = os.environ | {"PATH": str(tmp_path), "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
    command = [sys.executable, "-m", "pytest", "-p", "cusim.plugin", "--device", "gpu", __file__]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.strip() == "ERROR: the simulator of a GPU compiles with g++, which is not installed"


# --- memory ------------------------------------------------------------------------------------------


@simulated
def test_fresh_memory_is_not_a_number(cupy):
    memory = cupy.cuda.MemoryPointer(cupy.cuda.Memory(4000), 0)  # not from CuPy's pool, which gives what was used
    assert cupy.isnan(cupy.ndarray(1000, "float32", memory)).all()


@simulated
@pytest.mark.parametrize("kind, way", [("HostToDevice", "hd"), ("DeviceToHost", "dh"), ("DeviceToDevice", "dd")])
def test_a_copy_in_another_direction_is_refused(cupy, kind, way):
    runtime, host, device = cupy.cuda.runtime, np.zeros((2, 4)), cupy.zeros((2, 4))
    address = {"h": host.ctypes.data, "d": device.data.ptr}
    refused = []
    for source, to in ("hh", "hd", "dh", "dd"):
        try:
            runtime.memcpy(address[to] + 32, address[source], 32, getattr(runtime, f"memcpy{kind}"))
        except runtime.CUDARuntimeError:
            refused.append(source + to)
    assert refused == [other for other in ("hh", "hd", "dh", "dd") if other != way]


@simulated
def test_what_is_asked_is_counted(cupy):
    from cusim import counters

    def counted(work):
        before = counters()
        work()
        return {name: count - before[name] for name, count in counters().items() if count != before[name]}

    x = cupy.ones((3, 3), "float32")
    assert counted(lambda: x + 1) == {"launch": 1}
    assert counted(lambda: x @ x) == {"gemm": 1}
    assert counted(lambda: cupy.asarray(np.ones(3))) == {"h2d": 1}
    y = cupy.empty_like(x)
    assert counted(lambda: y.data.copy_from_device(x.data, x.nbytes)) == {"d2d": 1}
    assert counted(x.get) == {"d2h": 1, "sync": 1}
    host, runtime = np.zeros((3, 3), "float32"), cupy.cuda.runtime
    copy = host.ctypes.data, x.data.ptr, x.nbytes, runtime.memcpyDeviceToHost
    assert counted(lambda: runtime.memcpy(*copy)) == {"d2h": 1, "sync": 1}, "CUDA's own copy waits by itself"
    assert counted(cupy.cuda.Device().synchronize) == {"sync": 1}


# --- kernels -----------------------------------------------------------------------------------------

TOGETHER = r"""
extern "C" __global__ void together(const int *x, int *sum, int *down, unsigned *odd) {
    extern __shared__ int shared[];
    int i = threadIdx.x;
    shared[i] = x[i];
    for (int half = blockDim.x / 2; half; half /= 2) {
        __syncthreads();
        if (i < half) shared[i] += shared[i + half];
    }
    if (i == 0) *sum = shared[0];
    down[i] = __shfl_down_sync(0xffffffff, x[i], 1, 16);
    odd[i] = __ballot_sync(0xffffffff, x[i] % 2);
}
"""
APART = r"""
extern "C" __global__ void apart() {
    if (threadIdx.x % 2) __syncthreads();
    else __syncwarp();
}
"""


@simulated
def test_threads_of_a_block_meet(cupy):
    x = np.random.default_rng(0).integers(0, 100, 64).astype("int32")
    total, down, odd = cupy.zeros(1, "int32"), cupy.zeros(64, "int32"), cupy.zeros(64, "uint32")
    cupy.RawKernel(TOGETHER, "together")((1,), (64,), (cupy.asarray(x), total, down, odd), shared_mem=256)
    assert int(total[0]) == x.sum()
    last = np.arange(64) % 16 == 15
    np.testing.assert_array_equal(down.get(), np.where(last, x, np.roll(x, -1)))
    ballots = [sum(1 << lane for lane in range(32) if warp[lane] % 2) for warp in x.reshape(2, 32)]
    np.testing.assert_array_equal(odd.get(), np.repeat(np.array(ballots, "uint32"), 32))


@simulated
def test_barriers_that_do_not_match_are_an_error(cupy):
    with pytest.raises(cupy.cuda.driver.CUDADriverError, match="LAUNCH_FAILED"):
        cupy.RawKernel(APART, "apart")((1,), (32,), ())


@simulated
def test_a_block_of_too_many_threads_is_refused(cupy):
    with pytest.raises(cupy.cuda.driver.CUDADriverError):
        cupy.RawKernel(APART, "apart")((1,), (1025,), ())


@simulated
def test_a_kernel_that_is_no_cpp_gives_the_compilers_words(cupy):
    wrong = cupy.RawKernel('extern "C" __global__ void wrong() { undeclared = 1; }', "wrong")
    with pytest.raises(cupy.cuda.compiler.CompileException, match="kernel.cu:1:.*undeclared"):
        wrong((1,), (1,), ())


# --- CUDA's libraries --------------------------------------------------------------------------------


@simulated
@pytest.mark.parametrize("batch", [(), (2,)], ids=["one", "batch"])
@pytest.mark.parametrize("transposed", [False, True], ids=["as it is", "transposed"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_products_are_numpys(cupy, dtype, transposed, batch):
    rng = np.random.default_rng(0)

    def drawn(*shape):
        real, imaginary = rng.standard_normal((2, *batch, *shape))
        return (real + 1j * imaginary if dtype[0] == "c" else real).astype(dtype)

    a, b = drawn(3, 4), drawn(5, 4) if transposed else drawn(4, 5)
    there = cupy.asarray(a) @ (cupy.asarray(b).swapaxes(-1, -2) if transposed else cupy.asarray(b))
    wide = "complex128" if dtype[0] == "c" else "float64"
    expected = a.astype(wide) @ (b.swapaxes(-1, -2) if transposed else b).astype(wide)
    assert there.dtype == dtype
    eps = np.finfo(dtype).eps
    # float16 is computed in float32 and rounded once, to nearest.
    rtol, atol = (0.51 * eps, 1e-6) if dtype == "float16" else (8 * eps, 8 * eps)
    np.testing.assert_allclose(there.get(), expected, rtol=rtol, atol=atol)


@simulated
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_numbers_have_their_distribution(cupy, dtype):
    generator = cupy.random.default_rng(0)
    normal, uniform = generator.standard_normal(10_000, dtype=dtype), generator.random(10_000, dtype=dtype)
    assert abs(float(normal.mean())) < 0.05 and abs(float(normal.std()) - 1) < 0.05
    assert 0 <= float(uniform.min()) < 0.01 and 0.99 < float(uniform.max()) < 1
    integers = generator.integers(0, 5, 1000)
    np.testing.assert_array_equal(np.unique(integers.get()), np.arange(5))


@simulated
def test_arrays_are_sorted(cupy):
    x = np.random.default_rng(0).integers(0, 9, (3, 20))
    np.testing.assert_array_equal(cupy.sort(cupy.asarray(x)).get(), np.sort(x))
    np.testing.assert_array_equal(cupy.argsort(cupy.asarray(x)).get(), np.argsort(x, kind="stable"))
    np.testing.assert_array_equal(cupy.lexsort(cupy.asarray(x)).get(), np.lexsort(x))

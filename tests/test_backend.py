"""Devices: which one is chosen and why, and the one sentence that says what is wrong and what mends it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from importlib import metadata

import numpy as np
import pytest
from fake_cupy import CompileException, CUDARuntimeError, OutOfMemoryError, pretend, take_away

import minigan as mg
from minigan import backend
from minigan.backend import CPU, Device, DeviceError, cupy_backend
from minigan.formatting import one_line

NO_DEVICE = CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
OLD_DRIVER = CUDARuntimeError(
    "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
)
WITHOUT = ", or go without: --device cpu"


@pytest.fixture
def fake(monkeypatch):
    return pretend(monkeypatch)


def message(spec="gpu"):
    with pytest.raises(DeviceError) as caught:
        backend.choose_device(spec)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 400
    return text


# --- the choice ----------------------------------------------------------------------------------


@pytest.mark.parametrize("spec, device", [
    ("cpu", CPU), ("gpu", Device("gpu", 0)), ("gpu:1", Device("gpu", 1)), ("cuda:12", Device("gpu", 12)),
    (Device("gpu", 2), Device("gpu", 2)),
])  # fmt: skip
def test_a_device_is_named(spec, device):
    assert backend.parse_device(spec) == device
    assert backend.parse_device(str(device)) == device


@pytest.mark.parametrize(
    "spec", ["tpu", "cpu:0", "gpu:", "gpu:x", "gpu:-1", "gpu:²", "GPU", "", "auto", "gpu:1:2", "cpu:", None]
)
def test_what_is_no_device_is_refused(spec):
    with pytest.raises(ValueError, match="is not known: use 'cpu', 'gpu' or 'gpu:N'"):
        backend.parse_device(spec)


def test_auto_takes_a_gpu_that_answers_and_says_which(fake):
    assert backend.choose_device("auto") == backend.choose_device(None)
    assert backend.choose_device() == (Device("gpu"), "Fake Card, 80.0 GiB, compute capability 9.0: it answers")


def test_a_gpu_that_is_asked_for_is_described_too(fake):
    fake.count = 2
    assert backend.choose_device("gpu:1") == (Device("gpu", 1), "as asked: Fake Card, 80.0 GiB, compute capability 9.0")
    assert backend.choose_device("cpu") == (CPU, "as asked")


@pytest.mark.parametrize("driver, why", [
    (0, "CuPy is not installed"),
    (12040, "CuPy is not installed, but there is an NVIDIA driver: pip install 'minigan[gpu-cuda12]'"),
])  # fmt: skip
def test_auto_without_cupy_is_the_cpu_and_a_driver_is_mentioned(driver, why, monkeypatch):
    take_away(monkeypatch, driver)
    assert backend.choose_device("auto") == (CPU, why)


def test_auto_with_a_gpu_that_does_not_compute_is_the_cpu(fake, monkeypatch):
    monkeypatch.setattr(cupy_backend, "driver_cuda", lambda: 0)
    fake.fails = NO_DEVICE
    assert backend.choose_device("auto") == (CPU, "no CUDA device answers")
    fake.fails, fake.wrong = None, 1.0
    assert backend.choose_device("auto")[1] == "gpu:0 computes wrongly: 1·1 + 1·1 + 1·1 + 1 is 13.0"


def test_the_environment_decides_where_nothing_was_asked_for(fake, monkeypatch):
    monkeypatch.setenv("MINIGAN_DEVICE", "cpu")
    assert backend.choose_device(None) == backend.choose_device("auto") == (CPU, "as MINIGAN_DEVICE=cpu says")
    assert backend.choose_device("gpu")[0] == Device("gpu")
    monkeypatch.setenv("MINIGAN_DEVICE", "gpu:0")
    assert backend.choose_device("cpu")[0] == CPU
    assert backend.choose_device()[1].startswith("as MINIGAN_DEVICE=gpu:0 says: Fake Card")
    for nothing in ("", "auto"):
        monkeypatch.setenv("MINIGAN_DEVICE", nothing)
        assert backend.choose_device()[1].startswith("Fake Card")


@pytest.mark.parametrize("value, says", [("tpu", "device 'tpu' is not known"), ("gpu:7", "there is no gpu:7")])
def test_what_is_wrong_in_the_environment_is_said_of_it(value, says, fake, monkeypatch):
    monkeypatch.setenv("MINIGAN_DEVICE", value)
    assert message("auto").startswith(f"MINIGAN_DEVICE={value}: ") and says in message("auto")


def test_the_gpu_chosen_is_the_one_that_is_computed_on(fake):
    fake.count = 3
    backend.choose_device("gpu:2")
    assert fake.used == [2]
    Device("gpu", 1).use()
    assert fake.used == [2, 1]
    CPU.use()
    assert fake.used == [2, 1]


def test_the_default_device_is_computed_on_and_stays_where_it_was_if_it_cannot_be(fake, monkeypatch):
    monkeypatch.setattr(backend.devices, "_default_device", CPU)
    fake.count = 2
    mg.set_default_device("gpu:1")
    assert fake.used == [1] and mg.get_default_device() == Device("gpu", 1)
    with pytest.raises(DeviceError, match="there is no gpu:2"):
        mg.set_default_device("gpu:2")
    assert mg.get_default_device() == Device("gpu", 1)


def test_a_device_is_tried_out_once(fake):
    backend.choose_device("gpu")
    fake.stumbles = RuntimeError("a second time")
    backend.choose_device("gpu")
    assert cupy_backend.import_cupy() is fake


# --- TF32 ----------------------------------------------------------------------------------------


def test_tf32_is_off_whatever_cupys_own_variable_says_and_on_for_no_longer_than_asked_for(monkeypatch):
    monkeypatch.setenv("CUPY_TF32", "1")
    fake = pretend(monkeypatch)
    assert fake.in_tf32
    assert "TF32" not in backend.choose_device("gpu")[1] and not fake.in_tf32
    device, why = backend.choose_device("gpu", tf32=True)
    assert why.endswith("; products in TF32") and not fake.in_tf32
    with pytest.raises(ZeroDivisionError), backend.products_in_tf32(device, True):
        assert fake.in_tf32
        with backend.products_in_tf32(device, False):
            assert not fake.in_tf32
        assert fake.in_tf32
        fake.count = 2
        for other in ("gpu", "gpu:1"):  # as whoever draws samples meanwhile does
            backend.choose_device(other)
        assert fake.in_tf32
        raise ZeroDivisionError
    assert not fake.in_tf32
    with backend.products_in_tf32(CPU, True):
        assert not fake.in_tf32


def test_a_cupy_that_cannot_be_told_of_tf32_computes_without(fake, monkeypatch):
    del fake.linalg.COMPUTE_TYPE_TF32
    assert backend.choose_device("gpu")[0] == Device("gpu")
    with pytest.raises(DeviceError, match=r"^CuPy 14\.2\.0 cannot be told to use TF32: go without --tf32$"):
        backend.choose_device("gpu", tf32=True)
    fake.capability = (7, 5)
    assert "no TF32" in backend.choose_device("gpu", tf32=True)[1]


def test_nor_is_it_left_on_by_a_cupy_that_cannot_be_told(fake, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy._core._routines_linalg", None)  # importing it raises
    monkeypatch.setenv("CUPY_TF32", "1")
    says = "CUPY_TF32 is set, and CuPy 14.2.0 cannot be told to leave TF32 alone: unset CUPY_TF32"
    assert message() == f"a GPU was asked for, but {says}{WITHOUT}"
    monkeypatch.setenv("CUPY_TF32", "0")
    assert backend.choose_device("gpu")[0] == Device("gpu")


def test_where_there_is_no_tf32_it_is_said(fake):
    assert backend.choose_device("cpu", tf32=True) == (CPU, "as asked; no TF32: a CPU has none")
    fake.capability = (7, 5)
    assert backend.choose_device("gpu", tf32=True)[1].endswith(
        "; no TF32: cards have it from compute capability 8.0 on"
    )


def test_tf32_sets_cupys_own_switch():
    cupy = pytest.importorskip("cupy")
    if not cupy.cuda.is_available():
        pytest.skip("no CUDA device answers")
    from cupy._core._routines_linalg import COMPUTE_TYPE_DEFAULT, COMPUTE_TYPE_TF32, get_compute_type

    device, _ = backend.choose_device("gpu", tf32=True)
    assert get_compute_type("float32") == COMPUTE_TYPE_DEFAULT
    with backend.products_in_tf32(device, True):
        assert get_compute_type("float32") == COMPUTE_TYPE_TF32 != get_compute_type("float64")
    assert get_compute_type("float32") == COMPUTE_TYPE_DEFAULT


# --- what is wrong, and what mends it ------------------------------------------------------------


@pytest.mark.parametrize("driver, mends", [
    (12040, "pip install 'minigan[gpu-cuda12]'"),
    (13000, "pip install 'minigan[gpu-cuda13]'"),
    (14010, "pip install 'minigan[gpu-cuda13]'"),
    (11080, "update the NVIDIA driver to 525 or newer, then pip install 'minigan[gpu-cuda12]'"),
    (0, "install NVIDIA's driver, then pip install 'minigan[gpu-cuda13]' (gpu-cuda12 for a driver older than 580)"),
])  # fmt: skip
def test_without_cupy_the_command_suits_the_driver(driver, mends, monkeypatch):
    take_away(monkeypatch, driver)
    assert message() == f"a GPU was asked for, but CuPy is not installed: {mends}{WITHOUT}"


def test_no_device(fake, monkeypatch):
    fake.fails = NO_DEVICE
    mends = "check with nvidia-smi that the card and its driver are there"
    assert message() == f"a GPU was asked for, but no CUDA device answers: {mends}{WITHOUT}"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "no CUDA device answers (CUDA_VISIBLE_DEVICES is ''): unset CUDA_VISIBLE_DEVICES" in message()
    fake.fails, fake.count = None, 0
    assert "no CUDA device answers" in message()


def test_a_device_that_is_not_there(fake):
    says = "a GPU was asked for, but there is no gpu:1, only gpu:0 is there: use --device gpu:0"
    assert message("gpu:1") == says + WITHOUT
    fake.count = 4
    assert "there is no gpu:9, only gpu:0 to gpu:3 are there" in message("gpu:9")


@pytest.mark.parametrize("driver, runtime, says", [
    (12040, 13000, "it is for CUDA 12.4, and CuPy is for CUDA 13: update the NVIDIA driver to 580 or newer, "
                   "or pip uninstall -y cupy-cuda13x && pip install 'minigan[gpu-cuda12]'"),
    (11080, 12000, "it is for CUDA 11.8, and CuPy is for CUDA 12: update the NVIDIA driver to 525 or newer, or go"),
])  # fmt: skip
@pytest.mark.parametrize("name", [
    "cudaErrorInsufficientDriver", "cudaErrorUnsupportedPtxVersion", "cudaErrorCallRequiresNewerDriver",
])  # fmt: skip
def test_a_driver_too_old(name, driver, runtime, says, fake):
    fake.stumbles, fake.driver, fake.runtime = CUDARuntimeError(f"{name}: …"), driver, runtime
    assert f"a GPU was asked for, but the driver is too old: {says}" in message()


def test_no_driver_at_all_is_told_by_cuda_as_one_too_old(fake):
    fake.fails, fake.driver = OLD_DRIVER, 0
    assert (
        message()
        == f"a GPU was asked for, but there is no NVIDIA driver: install NVIDIA's driver 580 or newer{WITHOUT}"
    )


def test_an_old_cupy(fake):
    fake.__version__ = "13.6.0"
    says = "CuPy 13.6.0 is installed, and 14 or newer is needed: pip install --upgrade 'cupy-cuda13x[ctk]>=14'"
    assert says in message()
    fake.__version__ = "14.0.0rc1"
    assert backend.choose_device("gpu")[0].kind == "gpu"


def test_two_cupys_at_once(fake, monkeypatch):
    monkeypatch.setattr(cupy_backend, "wheels", lambda: ["cupy-cuda12x", "cupy-cuda13x"])
    says = "pip uninstall -y cupy-cuda12x cupy-cuda13x && pip install 'minigan[gpu-cuda13]'"
    assert f"cupy-cuda12x and cupy-cuda13x are installed at once and overwrite each other's files: {says}" in message()


def test_the_installed_cupys_are_those_that_pip_knows_of(monkeypatch):
    def distribution(name):
        if name not in ("cupy", "cupy-cuda12x", "numpy"):
            raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", distribution)
    assert cupy_backend.wheels() == ["cupy", "cupy-cuda12x"]


def test_the_command_is_for_the_cupy_that_is_there_already_not_a_second_one_beside_it(fake, monkeypatch):
    fake.stumbles = CompileException('error: cannot open source file "vector_types.h"')
    monkeypatch.setattr(cupy_backend, "wheels", lambda: ["cupy-cuda12x"])
    assert "headers of CUDA are missing, which CuPy compiles with: pip install 'minigan[gpu-cuda12]'" in message()
    monkeypatch.setattr(cupy_backend, "wheels", lambda: ["cupy-cuda11x"])
    assert ": pip uninstall -y cupy-cuda11x && pip install 'minigan[gpu-cuda13]'" in message()


def test_a_cupy_without_a_driver_does_not_disturb_the_cpu(fake):
    def refuse():
        raise OLD_DRIVER

    fake.cuda.runtime.getDevice = refuse
    w = mg.Tensor(np.ones(2, "float32"), requires_grad=True, device="cpu")
    (w * w).sum().backward()
    mg.optim.SGD([w], lr=0.25).step()
    assert w.numpy().tolist() == [0.5, 0.5]


@pytest.mark.parametrize("error, says", [
    (CompileException('error: could not open source file "cuda_fp16.h"'), "the headers of CUDA are missing"),
    (RuntimeError("CuPy failed to load libnvrtc.so.12: OSError: libnvrtc.so.12: cannot open shared object file"),
     "a library of CUDA is missing (libnvrtc.so.12): pip install"),
    (ImportError('Failure finding "libcublas.so.13": No such file'), "a library of CUDA is missing (libcublas.so.13)"),
    (CUDARuntimeError("cudaErrorSystemDriverMismatch: …"), "the driver's parts are of different versions"),
    (CUDARuntimeError("cudaErrorDevicesUnavailable: the device is busy"), "another program has the GPU"),
    (CUDARuntimeError("cudaErrorNoKernelImageForDevice: no kernel image is available"), "do not know each other"),
    (CUDARuntimeError("cudaErrorMemoryAllocation: out of memory"), "the GPU's memory is full: see with nvidia-smi"),
    (OutOfMemoryError(512, 0), "the GPU's memory is full"),
    (CUDARuntimeError("cudaErrorUnknown: unknown error\n  a second line"),
     "the GPU fails at its first sum (cudaErrorUnknown: unknown error): check it with nvidia-smi"),
])  # fmt: skip
def test_what_fails_at_the_first_sum(error, says, fake):
    fake.stumbles = error
    assert says in message()


def test_a_cupy_that_cannot_be_imported_is_not_one_that_is_missing(monkeypatch, tmp_path):
    pretend(monkeypatch)
    frame = "=" * 60
    text = f"\n{frame}\nFailed to import CuPy.\n\nOriginal error:\n  ImportError: libstdc++.so.6: too old\n{frame}\n"
    (tmp_path / "cupy.py").write_text(f"raise ImportError({text!r})")
    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.syspath_prepend(str(tmp_path))
    mends = "pip install --force-reinstall 'cupy-cuda13x[ctk]>=14'"
    assert f"CuPy cannot be imported (ImportError: libstdc++.so.6: too old): {mends}" in message()
    (tmp_path / "cupy.py").write_text("import a_part_that_is_not_there")
    assert "CuPy cannot be imported (No module named 'a_part_that_is_not_there')" in message()


@pytest.mark.parametrize("variable", [None, "gpu"])
def test_what_cupy_said_itself_is_kept_as_the_cause(variable, fake, monkeypatch):
    fake.stumbles = CompileException("nvrtc: error: something")
    if variable:
        monkeypatch.setenv("MINIGAN_DEVICE", variable)
    with pytest.raises(DeviceError) as caught:
        backend.choose_device(None if variable else "gpu")
    causes = [caught.value]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    assert causes[-1] is fake.stumbles


CACHE = "set CUPY_CACHE_DIR to a folder that can be written"


@pytest.mark.parametrize("cache, refused", [
    ("/cache", "/cache"),  # it cannot be made
    ("/cache", "/cache/tmp1234"),  # nothing can be written to it
    (None, "/home/someone"),  # there is no such home
])  # fmt: skip
def test_a_folder_for_compiled_kernels_that_cannot_be_written(cache, refused, monkeypatch, tmp_path):
    fake = pretend(monkeypatch)
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("CUPY_CACHE_DIR", cache) if cache else monkeypatch.delenv("CUPY_CACHE_DIR", raising=False)
    fake.stumbles = PermissionError(errno.EACCES, "Permission denied", refused)
    where = "/cache" if cache else "~/.cupy/kernel_cache"
    says = f"CuPy cannot write the kernels that it compiles to {where} (Permission denied): {CACHE}{WITHOUT}"
    assert message() == f"a GPU was asked for, but {says}"
    (tmp_path / "cupy.py").write_text(f"import os\nraise FileNotFoundError(2, 'No such file', {refused!r})")
    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert f"to {where} (No such file): {CACHE}" in message()


def test_what_the_system_refuses_elsewhere_is_not_said_of_the_cache(fake, monkeypatch):
    monkeypatch.setenv("CUPY_CACHE_DIR", "/cache")
    for error in (FileNotFoundError(2, "No such file", "/cached"), OSError("libx.so: undefined symbol")):
        fake.stumbles = error
        assert "the GPU fails at its first sum" in message()


def test_the_real_cupy_says_which_folder_it_could_not_write(tmp_path):
    pytest.importorskip("cupy")
    (tmp_path / "file").touch()
    program = "from minigan import backend; backend.choose_device('gpu')"
    environment = os.environ | {"CUPY_CACHE_DIR": str(tmp_path / "file" / "cache")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and CACHE in done.stderr.splitlines()[-1]


def test_an_error_in_one_line_names_no_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert one_line(OSError("/home/someone/cupy: is not there\nmore")) == "~/cupy: is not there"
    assert one_line(ValueError()) == "ValueError"


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error, is_it", [
    (MemoryError(), True),
    (OutOfMemoryError(512, 0), True),
    (CUDARuntimeError("cudaErrorMemoryAllocation: out of memory"), True),
    (RuntimeError("CUDA_ERROR_OUT_OF_MEMORY: out of memory"), True),  # the driver's own, of a module
    (RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"), True),
    (RuntimeError("CURAND_STATUS_ALLOCATION_FAILED"), True),
    (CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered"), False),
    (RuntimeError("CUBLAS_STATUS_EXECUTION_FAILED"), False),
    (OSError("out of paper"), False),
])  # fmt: skip
def test_out_of_memory_is_known_by_each_librarys_word_for_it(error, is_it, fake):
    assert cupy_backend.is_out_of_memory(error) == is_it
    fake.stumbles = error
    assert ("the GPU's memory is full" in message()) == is_it


@pytest.mark.parametrize("free, says", [
    (60 << 30, "1.5 GiB more were needed, 12.0 GiB are in use here and 8.0 GiB by others, of 80.0 GiB"),
    (66 << 30, "1.5 GiB more were needed, 12.0 GiB are in use, of 80.0 GiB"),
])  # fmt: skip
def test_out_of_memory_in_plain_sizes(free, says, fake):
    backend.choose_device("gpu")
    fake.free = free
    assert cupy_backend.out_of_memory(OutOfMemoryError(3 << 29, 12 << 30)) == says


def test_out_of_memory_in_other_words_is_told_as_it_is(fake):
    assert cupy_backend.out_of_memory(MemoryError("no more")) == "no more"
    assert cupy_backend.out_of_memory(RuntimeError("CUBLAS_STATUS_ALLOC_FAILED")) == "CUBLAS_STATUS_ALLOC_FAILED"


# --- CuPy is not imported where it is not wanted -------------------------------------------------

POISON = "raise SystemExit('CuPy was imported')"


@pytest.mark.parametrize("program", [
    "import minigan",
    "from minigan import backend; backend.choose_device('cpu', tf32=True)",
    "import minigan as mg; m = mg.nn.Dense(2, 2).to('cpu'); m(mg.Tensor([[1.0, 2.0]])).sum().backward()",
    "from minigan.cli import main; assert main(['train', '--dry-run', '--device', 'cpu']) == 0",
    "from minigan.cli import main; assert main(['check', 'relu', '--cases', '1']) == 0",
])  # fmt: skip
def test_the_cpu_needs_no_cupy(program, tmp_path):
    (tmp_path / "cupy.py").write_text(POISON)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_poison_works(tmp_path):
    (tmp_path / "cupy.py").write_text(POISON)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from minigan import backend; backend.choose_device()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1 and "CuPy was imported" in done.stderr


# --- on a device ---------------------------------------------------------------------------------


def test_arrays_go_to_the_device_and_back_and_are_not_copied_there(cupy):
    device, why = backend.choose_device("gpu")
    assert "compute capability" in why
    a = np.arange(6.0, dtype="float32").reshape(2, 3).T
    b = backend.to_device(a, device)
    assert backend.device_of(b) == device and (backend.to_numpy(b) == a).all() and b.flags.f_contiguous
    assert backend.to_device(b, device) is b
    assert backend.device_of(backend.zeros((2,), device=device)) == device
    device.wait()


def test_a_device_that_is_not_there_is_one_sentence_from_the_engine_too(cupy):
    for go in (lambda: mg.Tensor([1.0], device="gpu:99"), lambda: mg.nn.Dense(1, 1).to("gpu:99")):
        with pytest.raises(DeviceError, match="there is no gpu:99, only gpu:0"):
            go()


def test_a_thread_of_its_own_computes_on_what_it_uses(cupy):
    found = []

    def work():
        Device("gpu", 0).use()
        found.append(backend.device_of(cupy.zeros(1)))

    thread = threading.Thread(target=work)
    thread.start(), thread.join()
    assert found == [Device("gpu", 0)]


@pytest.mark.parametrize("make", [
    mg.optim.Adam, mg.optim.RMSprop, lambda params: mg.optim.SGD(params, 0.1, momentum=0.9),
])  # fmt: skip
def test_a_module_moves_in_place_and_an_optimiser_made_before_goes_with_it(cupy, make):
    def trained(moves):
        mg.manual_seed(0)
        layer = mg.nn.Dense(3, 2)
        weight, optimiser = layer.weight, make(layer.parameters())
        for n in range(4):
            if n in moves:
                assert layer.to(moves[n]) is layer
                assert layer.weight is weight and weight.grad is None
            x = mg.Tensor(np.ones((5, 3), "float32"), device=weight.device)
            optimiser.zero_grad()
            y = layer(x)
            (y * y).sum().backward()
            optimiser.step()
        return weight.numpy()

    stayed = trained({})
    for moves in ({0: "gpu"}, {2: "gpu"}, {1: "gpu", 3: "cpu"}):
        assert abs(trained(moves) - stayed).max() < 1e-6

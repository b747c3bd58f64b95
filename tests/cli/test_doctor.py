"""`minigan doctor`: what is installed, whether the engine computes rightly, and on a GPU as on the CPU."""

from __future__ import annotations

import itertools
import re
import sys
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from fake_cupy import CompileException, CUDARuntimeError, pretend, take_away

from minigan import backend, doctor
from minigan.backend import CPU, Device, cupy_backend
from minigan.data import Batch
from minigan.doctor import checks, compare, environment, timing
from minigan.functions.convolution import Conv2d
from minigan.kernels import cook_toom
from minigan.testing.cases import CASES
from minigan.training.ema import update_average

FIRST = "gradients on the CPU, finite differences"


def test_a_sound_engine_passes(minigan):
    said = minigan("doctor", "--device", "cpu")
    assert said.code == 0 and said.err == ""
    assert re.match(r"minigan \S+, Python \d+\.\d+", said.out)
    assert f"numpy         {np.__version__}" in said.out
    for line in (r"^BLAS .*thread.*GFLOP/s", r"^cores   \d+ usable of \d+$", r"^device  cpu \(as asked\)$"):
        assert re.search(line, said.out, re.MULTILINE)
    *lines, last = said.out.split("self-check\n")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * len(doctor.CHECKS)
    assert last == "PASS: minigan computes rightly on cpu"


def _only(monkeypatch, name):
    monkeypatch.setattr(doctor, "CHECKS", {name: doctor.CHECKS[name]})


def test_a_wrong_backward_pass_fails(minigan, monkeypatch):
    right = Conv2d.backward

    def wrong(self, dy):
        dx, *others = right(self, dy)
        return (dx if dx is None else dx * 1.01, *others)

    monkeypatch.setattr(Conv2d, "backward", wrong)
    monkeypatch.setattr("minigan.testing.check.CASES", {name: CASES[name] for name in ("tanh", "conv2d", "exp")})
    _only(monkeypatch, FIRST)
    said = minigan("doctor", "--device", "cpu")
    assert said.code == 1 and re.search(rf"^  FAILED  {FIRST}", said.out, re.MULTILINE)
    assert said.out.endswith(f"\nFAIL: {FIRST}\n")


@pytest.mark.parametrize("name", ["conv_forward", "conv_input_grad", "conv_weight_grad"])
def test_a_wrong_fast_convolution_fails_and_the_other_checks_are_still_made(name, minigan, monkeypatch):
    right = getattr(cook_toom, name)
    monkeypatch.setattr(cook_toom, name, lambda *args: right(*args) * 1.001)
    checks = {name: doctor.CHECKS[name] for name in ("convolution, fast against plain", "checkpoints")}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    said = minigan("doctor", "--device", "cpu")
    assert said.code == 1 and f"the fast {name} differs" in said.out
    assert [line.split()[0] for line in said.out.splitlines()[-3:]] == ["FAILED", "ok", "FAIL:"]


def test_without_the_device_asked_for_there_is_one_sentence(minigan, monkeypatch):
    take_away(monkeypatch, driver=12040)
    said = minigan("doctor", "--device", "gpu")
    assert said.code == 1 and said.out.endswith("FAIL: the device asked for cannot be used\n")
    assert "CuPy is not installed: pip install 'minigan[gpu-cuda12]'" in said.err and said.err.count("\n") == 1
    assert "self-check" not in said.out and "numpy  " in said.out and "cause" not in said.out


def test_what_cupy_said_itself_is_in_the_report(minigan, monkeypatch):
    fake = pretend(monkeypatch)
    fake.stumbles = CompileException('x.cu(1): error: could not open source file "cuda_fp16.h"\nand so on')
    said = minigan("doctor", "--device", "gpu")
    assert said.code == 1 and "the headers of CUDA are missing" in said.err
    assert '\ncause   CompileException: x.cu(1): error: could not open source file "cuda_fp16.h"\nand' in said.out


def test_the_packages_are_named_with_the_cupy_that_is_there(monkeypatch):
    monkeypatch.setattr(environment, "_product_speed", lambda: "fast")
    for wheels, name in (([], "cupy"), (["cupy-rocm-7-0"], "cupy-rocm-7-0")):
        monkeypatch.setattr(cupy_backend, "wheels", lambda wheels=wheels: wheels)
        lines = [line.split() for line in environment.of_host()]
        assert {"mpi4py", "mpich", name} <= {words[0] for words in lines}
        assert [name, "not", "installed"] in lines


def test_what_cannot_be_told_of_a_gpu_takes_no_other_line_along(monkeypatch):
    fake = pretend(monkeypatch)  # which knows nothing of multiprocessors, of NVRTC and of cuBLAS
    monkeypatch.setattr(environment, "_driver_version", lambda: "580.1")

    def forget():
        raise CUDARuntimeError("cudaErrorUnknown: unknown error\nmore")

    fake.cuda.runtime.memGetInfo = forget
    for name in environment.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("CUPY_CACHE_DIR", "/home/someone/cache")
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    lines = list(environment.of_gpu(0))
    assert lines[0] == "card    not known (KeyError: 'multiProcessorCount')"
    assert lines[1] == "memory  not known (CUDARuntimeError: cudaErrorUnknown: unknown error)"
    assert lines[2] == "driver  580.1, for CUDA 13.0"
    assert lines[3].startswith("CUDA    not known (AttributeError: ")
    assert lines[4] == "TF32    known to the card, and off but for a line below"
    assert lines[5:] == ["set     CUDA_LAUNCH_BLOCKING=1, CUPY_CACHE_DIR=~/cache"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_host_is_told_by_its_cores_and_by_how_fast_it_multiplies(monkeypatch):
    monkeypatch.setattr(environment, "_cores", lambda: 3)
    monkeypatch.setattr(environment.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(environment.timeit, "repeat", lambda call, repeat, number: [0.5, 0.01, 0.02])
    lines = list(environment.of_host())
    assert lines[-1] == "cores   3 usable of 8"
    assert lines[-2].endswith("215 GFLOP/s in a matrix product"), "2 · 1024³ operations in the shortest time"


def test_a_library_that_is_loaded_is_told_with_its_place():
    assert re.fullmatch(r" \(\S*/libc\.so\.6\)", environment._loaded("libc.so"))
    assert environment._loaded("libnone.so") == ""


def test_on_a_gpu_the_checks_are_told_it_and_it_is_compared_and_timed(minigan, monkeypatch):
    told = []
    monkeypatch.setattr(backend, "choose_device", lambda spec: (Device("gpu", 1), "as asked"))
    monkeypatch.setattr(environment, "of_gpu", lambda index: [f"card    number {index}"])
    monkeypatch.setattr(doctor, "CHECKS", {"spy": lambda device: told.append(str(device)) or "here"})
    monkeypatch.setattr(compare, "against_cpu", lambda device: ["tanh"] * (len(told) > 1))
    monkeypatch.setattr(timing, "report", lambda device: [f"speed of {device}"])
    said = minigan("doctor", "--device", "gpu:1")
    assert said.code == 0 and told == ["gpu:1"]
    assert "card    number 1\n" in said.out
    assert said.out.endswith("speed of gpu:1\nPASS: minigan computes rightly on gpu:1\n")
    said = minigan("doctor", "--device", "gpu:1")
    assert said.code == 1 and said.out.endswith("\nFAIL: tanh\n")


@pytest.mark.parametrize("name, module, attribute", [
    ("checkpoints", "minigan.training.checkpoint", "save_checkpoint"),
    ("MNIST", "minigan.data", "load_mnist"),
])  # fmt: skip
def test_a_check_that_raises_is_a_failed_check(name, module, attribute, minigan, monkeypatch):
    def fail(*args):
        raise OSError("the disk is gone")

    monkeypatch.setattr(f"{module}.{attribute}", fail)
    _only(monkeypatch, name)
    said = minigan("doctor", "--device", "cpu")
    assert said.code == 1 and "FAILED" in said.out and "OSError: the disk is gone" in said.out


# --- the CPU against a GPU -----------------------------------------------------------------------

GPU = Device("gpu")


@pytest.fixture
def no_device(monkeypatch):
    monkeypatch.setattr(compare, "made_on", lambda device: nullcontext())


def _subject(on_gpu, **settings):
    """A function that gives 2, 4 and 1e-3 on the CPU, and on a GPU what `on_gpu` makes of them."""

    def draw(rng):
        def run(device, dtype):
            results = {"output 0": np.array([2.0, 4.0], dtype), "the gradient of input 0": np.array([1e-3], dtype)}
            return on_gpu(results) if device == GPU else results

        return "(2,)", run

    return compare.Subject("spy", draw, **settings)


def test_equal_is_right(no_device):
    row = compare.compared(_subject(lambda results: results), GPU)
    assert compare.cells(row) == ["spy", "6", "0.0e+00", "0.0e+00", "ok"]


@pytest.mark.parametrize(
    "factor, wrong", [(1 + 5e-5, ""), (1 + 5e-4, "output 0 differs by 5.0e-04, in float32, on (2,)")]
)
def test_a_difference_is_judged_by_the_roundings_of_its_dtype(factor, wrong, no_device):
    def off(results):
        y = results["output 0"]
        return results | {"output 0": (y * factor).astype(y.dtype) if y.dtype == "float32" else y}

    row = compare.compared(_subject(off), GPU)
    assert row.trouble == wrong and row.differences["float64"] == 0
    assert row.differences["float32"] == pytest.approx(factor - 1, rel=0.01)


def test_a_gradient_is_judged_too_by_the_unit_of_its_terms(no_device):
    def off(results):
        return results | {"the gradient of input 0": results["the gradient of input 0"] * 1.5}

    assert "the gradient of input 0 differs by 5.0e-04, in float32" in compare.compared(_subject(off), GPU).trouble
    loose = {"float32": 0.1, "float64": 0.1}
    assert not compare.compared(_subject(off, tolerance=loose), GPU).trouble
    assert "differs by 5.0e-01" in compare.compared(_subject(off, tolerance=loose, unit=1e-6), GPU).trouble


@pytest.mark.parametrize("change, says", [
    (lambda y: y * np.nan, "output 0 differs by inf"),
    (lambda y: y[:1], "TypeError: output 0 is float32 (1,), on the CPU float32 (2,)"),
    (lambda y: y.astype("float16"), "TypeError: output 0 is float16"),
    (lambda y: 1 / 0, "ZeroDivisionError: division by zero"),
])  # fmt: skip
def test_whatever_is_wrong_is_told(change, says, no_device):
    row = compare.compared(_subject(lambda results: results | {"output 0": change(results["output 0"])}), GPU)
    assert says in row.trouble and "in float32, on (2,)" in row.trouble and compare.cells(row)[-1] == "WRONG"


def test_a_gradient_that_only_one_side_has_is_wrong(no_device):
    row = compare.compared(_subject(lambda results: {"output 0": results["output 0"]}), GPU)
    assert "LookupError: only one of the two has the gradient of input 0" in row.trouble


def test_an_error_is_told_with_its_place_in_minigan(no_device):
    import minigan.functions as F

    row = compare.compared(_subject(lambda results: F.reshape(np.ones(2), 3)), GPU)
    assert re.search(r"ValueError: .* at functions/\w+\.py:\d+, in float32", row.trouble)


def test_the_table_names_what_is_wrong_and_goes_on_but_not_on_a_lost_device(no_device, monkeypatch, capsys):
    class CUDARuntimeError(RuntimeError): ...

    def lost(results):
        raise CUDARuntimeError("cudaErrorIllegalAddress")

    right, wrong, fatal = (_subject(f) for f in (lambda r: r, lambda r: {}, lost))
    monkeypatch.setattr(compare, "subjects", lambda: [wrong, right])
    assert compare.against_cpu(GPU) == ["spy"]
    verdicts = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[2:4]]
    assert verdicts == ["WRONG", "ok"]
    monkeypatch.setattr(compare, "subjects", lambda: [fatal, right])
    assert compare.against_cpu(GPU) == ["spy"]
    out = capsys.readouterr().out
    assert "gpu:0 is lost to this program: the others are not compared" in out
    assert not any(line.endswith(" ok") for line in out.splitlines())


def test_every_function_every_optimiser_and_a_step_are_compared():
    from minigan.testing.cases import CASES

    names = [subject.name for subject in compare.subjects()]
    assert set(CASES) < set(names)
    steps = ["a training step of dcgan28", "4 steps of a run"]
    assert names[-6:] == ["SGD.step", "RMSprop.step", "Adam.step", "prefetched batches", *steps]


@pytest.mark.parametrize("name", ["conv2d", "Adam.step", "a training step of dcgan28", "4 steps of a run"])
def test_what_is_compared_is_the_same_each_time_and_leaves_the_programs_random_state_alone(name):
    subject = next(s for s in compare.subjects() if s.name == name)
    state = backend.default_rng().bit_generator.state
    about, run = subject.draw(np.random.default_rng(0))
    first = {what: array.copy() for what, array in run(CPU, "float64").items()}
    again = run(CPU, "float64")
    assert first and all((first[what] == again[what]).all() for what in first)
    assert any(word in what for what in first for word in ("gradient", "weight", "loss"))
    assert backend.default_rng().bit_generator.state == state


def test_a_batch_that_was_overwritten_before_it_was_read_is_wrong(monkeypatch):
    subject = next(s for s in compare.subjects() if s.name == "prefetched batches")
    assert not compare.compared(subject, CPU).trouble

    def too_late(batches, device):
        buffer = None
        for batch in batches:
            buffer = np.empty_like(batch.x) if buffer is None else buffer
            yield Batch(x=buffer)
            buffer[...] = batch.x

    ways = itertools.cycle([lambda batches, device: batches, too_late])
    monkeypatch.setattr(compare, "prefetch", lambda *arguments: next(ways)(*arguments))
    assert "differs by" in compare.compared(subject, CPU).trouble


def _wrongly_averaged(average, network, decay):
    update_average(average, network, 1 - decay)


def _batches_changed(batches, device):
    return (batch.map(lambda x: x[::-1] * 0.5) for batch in batches)


@pytest.fixture(scope="module")
def a_run():
    """4 steps of a run, as they are compared; how to take them, and what they give."""
    subject = next(s for s in compare.subjects() if s.name == "4 steps of a run")
    _, run = subject.draw(np.random.default_rng(0))
    return subject, run, run(CPU, "float32")


def test_a_run_that_goes_the_same_way_is_right_and_leaves_nothing(a_run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    row = compare.compared(a_run[0], CPU)
    assert (row.cases, row.differences, row.trouble) == (1, {"float32": 0.0}, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place, attribute, wrong, says", [
    ("minigan.training.ema", "update_average", _wrongly_averaged, "a sample differs"),
    ("minigan.nn.Dropout", "forward", lambda self, x: x, "differs"),
    ("minigan.data.loader", "prefetch", _batches_changed, "differs"),
    ("minigan.data.Batches", "epoch", lambda self, *place: iter([[7, 6], [5, 4], [3, 2], [1, 0]]), "differs"),
])  # fmt: skip
def test_a_run_that_goes_another_way_on_a_gpu_is_wrong(place, attribute, wrong, says, a_run, monkeypatch):
    """Here both ways are the CPU's."""
    subject, run, expected = a_run
    with monkeypatch.context() as patch:
        patch.setattr(f"{place}.{attribute}", wrong)
        ways = itertools.cycle([expected, run(CPU, "float32")])
    again = replace(subject, draw=lambda rng: ("", lambda device, dtype: next(ways)))
    assert says in compare.compared(again, CPU).trouble


def test_the_time_of_a_step_is_measured_with_as_many_images_as_there_is_time_for(monkeypatch):
    monkeypatch.setattr(
        timing, "_steps", lambda device, batch, count: [(9.0, 9.0), *[(0.01 * batch, 0.5)] * (count - 1)]
    )
    monkeypatch.setattr(timing, "SECONDS", 4 * 0.01 * 64)
    assert timing._timed(CPU) == (64, 4, 0.64, 0.5)
    monkeypatch.setattr(timing, "SECONDS", 1e9)
    assert timing._timed(CPU) == (256, 20, 2.56, 0.5)


def _failing_from(most, error):
    def steps(device, batch, count):
        if batch > most:
            raise error
        return [(0.01 * batch, 0.5)] * count

    return steps


@pytest.mark.parametrize("error", [MemoryError(), CUDARuntimeError("cudaErrorMemoryAllocation: out of memory")])
def test_the_time_is_measured_with_as_many_images_as_there_is_memory_for(error, monkeypatch):
    monkeypatch.setattr(timing, "SECONDS", 1e9)
    monkeypatch.setattr(timing, "_steps", _failing_from(32, error))
    assert timing._timed(CPU)[0] == 32


def test_what_fails_for_another_reason_is_not_tried_with_fewer(monkeypatch):
    monkeypatch.setattr(timing, "SECONDS", 1e9)
    monkeypatch.setattr(timing, "_steps", _failing_from(32, CUDARuntimeError("cudaErrorIllegalAddress")))
    with pytest.raises(CUDARuntimeError):
        timing._timed(CPU)


def test_the_speeds_are_set_beside_each_other(monkeypatch):
    monkeypatch.setattr(timing, "_timed", lambda device: (100, 5, 0.5 if device == CPU else 0.1, 0.02))
    monkeypatch.setattr(cupy_backend, "has_tf32", lambda index: False)
    lines = list(timing.report(GPU))
    assert "gpu:0     1000.0 images/s  (100.00 ms a step of 100 images, median of 5)" in lines[1]
    assert "asked for all of it after 20.00 ms" in lines[2] and len(lines) == 5  # of the GPU only
    assert lines[-1] == "  gpu:0 is 5.00 times as fast as the CPU"

    def broken(device):
        raise RuntimeError("out of order")

    monkeypatch.setattr(timing, "_timed", broken)
    assert "gpu:0: not measured (RuntimeError: out of order)" in list(timing.report(GPU))[1]


def test_tf32_is_timed_and_judged_where_the_card_has_it_and_is_off_afterwards(monkeypatch):
    fake = pretend(monkeypatch)
    cupy_backend.ready(0)
    monkeypatch.setattr(timing, "_timed", lambda device: (100, 5, 0.1, 0.02))
    monkeypatch.setattr(timing, "_steps", lambda *arguments: [(9.0, 9.0), *[(0.05 if fake.in_tf32 else 0.1, 0.01)] * 5])

    class Array(np.ndarray):
        def __matmul__(self, other):
            return np.asarray(self) @ np.asarray(other) * (1.001 if fake.in_tf32 else 1)

    monkeypatch.setattr(backend, "to_device", lambda array, device: array.view(Array))
    (line,) = (line.strip() for line in timing.report(GPU) if "TF32" in line)
    gain = "with TF32: 50.00 ms a step, 2.00 times as fast"
    assert line == f"{gain}; a product of matrices then differs by 1e-03 of its largest value" and not fake.in_tf32

    def broken(*arguments):
        assert fake.in_tf32
        raise RuntimeError("out of order")

    monkeypatch.setattr(timing, "_steps", broken)
    lines = list(timing.report(GPU))
    assert "         with TF32: not measured (RuntimeError: out of order)" in lines and not fake.in_tf32
    assert lines[-1] == "  gpu:0 is 1.00 times as fast as the CPU"
    fake.capability = (7, 5)
    assert not any("TF32" in line for line in timing.report(GPU))


# --- on a device ---------------------------------------------------------------------------------


def test_a_real_report(cupy, minigan, monkeypatch):
    """Of a few functions, one of which is wrong on the GPU only."""
    from minigan import functions as F
    from minigan.testing.cases import CASES, Case, FunctionCall

    def off(x):
        return F.tanh(x) * (1.001 if x.device.kind == "gpu" else 1.0)

    few = {name: CASES[name] for name in ("dense", "batch_norm", "cross_entropy")}
    few["off"] = Case(lambda rng: FunctionCall(off, [rng.standard_normal(3)]))
    monkeypatch.setattr(compare, "CASES", few)
    monkeypatch.setattr(doctor, "CHECKS", {"training": checks.CHECKS["training"]})
    monkeypatch.setattr(timing, "MODEL", "mlp")
    monkeypatch.setattr(timing, "SECONDS", 0.1)
    said = minigan("doctor", "--device", "gpu")
    assert said.code == 1 and said.out.endswith("\nFAIL: off\n") and said.out.count("WRONG") == 1
    for line in (
        r"^  off: (output|the gradient of input) 0 differs by \S+e-0[34], in float32, on \(3,\)$",
        r"^card    .+ multiprocessors$", r"^memory  .+ of .+ free$", r"^driver  .+ for CUDA \d+\.\d$",
        r"^CUDA    runtime .+ NVRTC .+ CuPy \d+",
        r"^TF32    .*known to the card", r"^         with TF32: .+ times as fast; ", r"^  4 steps of a run +1 .+ ok$",
        r"^  ok      training ", r"^  dense +6 +\d.+ ok$",
        r"^  a training step of dcgan28 +2 .+ ok$", r"^  gpu:0 +[\d.]+ images/s", r"^  cpu +[\d.]+ images/s",
    ):  # fmt: skip
        assert re.search(line, said.out, re.MULTILINE), line
    assert cupy_backend.import_cupy() is cupy

"""`minigan doctor`: what is installed, whether the engine computes rightly, and on a GPU as on the CPU."""

from __future__ import annotations

import itertools
import re
from contextlib import nullcontext

import numpy as np
import pytest
from fake_cupy import take_away

from minigan import backend, doctor, gpu
from minigan.backend import CPU, Device
from minigan.doctor import checks, compare, environment, timing
from minigan.functions.convolution import Conv2d
from minigan.kernels import cook_toom

FIRST = "gradients, against finite differences"


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
    assert "self-check" not in said.out and "numpy  " in said.out


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
    assert str(row).split() == ["spy", "6", "0.0e+00", "0.0e+00", "ok"]


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
    assert says in row.trouble and "in float32, on (2,)" in row.trouble and str(row).endswith("WRONG")


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
    assert names[-5:] == ["SGD.step", "RMSprop.step", "Adam.step", "batches sent ahead", "a training step of dcgan28"]


@pytest.mark.parametrize("name", ["conv2d", "Adam.step", "a training step of dcgan28"])
def test_what_is_compared_is_the_same_each_time_and_leaves_the_programs_random_state_alone(name):
    subject = next(s for s in compare.subjects() if s.name == name)
    state = backend.default_rng().bit_generator.state
    about, run = subject.draw(np.random.default_rng(0))
    first = {what: array.copy() for what, array in run(CPU, "float64").items()}
    again = run(CPU, "float64")
    assert first and all((first[what] == again[what]).all() for what in first)
    assert any("gradient" in what or "weight" in what for what in first)
    assert backend.default_rng().bit_generator.state == state


def test_a_batch_that_was_overwritten_before_it_was_read_is_wrong(monkeypatch):
    subject = next(s for s in compare.subjects() if s.name == "batches sent ahead")
    assert not compare.compared(subject, CPU).trouble

    def too_late(batches, device):
        buffer = None
        for batch in batches:
            buffer = np.empty_like(batch) if buffer is None else buffer
            yield buffer
            buffer[...] = batch

    ways = itertools.cycle([lambda batches, device: batches, too_late])
    monkeypatch.setattr(compare, "sent_ahead", lambda *arguments: next(ways)(*arguments))
    assert "differs by" in compare.compared(subject, CPU).trouble


def test_the_time_of_a_step_is_measured_with_as_many_images_as_there_is_time_for(monkeypatch):
    monkeypatch.setattr(
        timing, "_steps", lambda device, batch, count: [(9.0, 9.0), *[(0.01 * batch, 0.5)] * (count - 1)]
    )
    monkeypatch.setattr(timing, "SECONDS", 4 * 0.01 * 64)
    assert timing._timed(CPU) == (64, 4, 0.64, 0.5)
    monkeypatch.setattr(timing, "SECONDS", 1e9)
    assert timing._timed(CPU) == (256, 20, 2.56, 0.5)

    def short(device, batch, count):
        if batch > 32:
            raise MemoryError
        return [(0.01 * batch, 0.5)] * count

    monkeypatch.setattr(timing, "_steps", short)
    assert timing._timed(CPU)[0] == 32


def test_the_speeds_are_set_beside_each_other(monkeypatch):
    monkeypatch.setattr(timing, "_timed", lambda device: (100, 5, 0.5 if device == CPU else 0.1, 0.02))
    lines = list(timing.report(GPU))
    assert "gpu:0     1000.0 images/s  (100.00 ms a step of 100 images, median of 5)" in lines[1]
    assert "asked for all of it after 20.00 ms" in lines[2] and len(lines) == 5  # of the GPU only
    assert lines[-1] == "  gpu:0 is 5.00 times as fast as the CPU"

    def broken(device):
        raise RuntimeError("out of order")

    monkeypatch.setattr(timing, "_timed", broken)
    assert "gpu:0: not measured (RuntimeError: out of order)" in list(timing.report(GPU))[1]


# --- on a device ---------------------------------------------------------------------------------


@pytest.fixture
def cupy():
    module = pytest.importorskip("cupy")
    if not module.cuda.is_available():
        pytest.skip("no CUDA device answers")
    return module


def test_a_real_report(cupy, minigan, monkeypatch):
    """Of a few functions, one of which is wrong on the GPU only."""
    from minigan import functions as F
    from minigan.testing.cases import CASES, Call, Case

    def off(x):
        return F.tanh(x) * (1.001 if x.device.kind == "gpu" else 1.0)

    few = {name: CASES[name] for name in ("dense", "batch_norm", "cross_entropy")}
    few["off"] = Case(lambda rng: Call(off, [rng.standard_normal(3)]))
    monkeypatch.setattr(compare, "CASES", few)
    monkeypatch.setattr(doctor, "CHECKS", {"training": checks.CHECKS["training"]})
    monkeypatch.setattr(timing, "MODEL", "mlp")
    monkeypatch.setattr(timing, "SECONDS", 0.1)
    said = minigan("doctor", "--device", "gpu")
    assert said.code == 1 and said.out.endswith("\nFAIL: off\n") and said.out.count("WRONG") == 1
    for line in (
        r"^  off: (output|the gradient of input) 0 differs by \S+e-0[34], in float32, on \(3,\)$",
        r"^card    .+ GiB free$", r"^driver  .+ for CUDA \d+\.\d$", r"^CUDA    runtime .+ NVRTC .+ CuPy \d+",
        r"^TF32    .+ off in this report$", r"^  ok      training ", r"^  dense +6 +\d.+ ok$",
        r"^  a training step of dcgan28 +2 .+ ok$", r"^  gpu:0 +[\d.]+ images/s", r"^  cpu +[\d.]+ images/s",
    ):  # fmt: skip
        assert re.search(line, said.out, re.MULTILINE), line
    assert gpu.import_cupy() is cupy

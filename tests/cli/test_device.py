"""--device and --tf32 on the command line, and what goes wrong on a device."""

from __future__ import annotations

import gc
import json
import threading

import pytest
from fake_cupy import CUDARuntimeError, OutOfMemoryError, pretend, take_away

from minigan import backend, cli
from minigan.algorithms import GAN
from minigan.backend import cupy_backend
from minigan.cli import check
from minigan.training import Config, Trainer, recording, start


@pytest.fixture
def train(minigan, data, tmp_path):
    """train("--device", "cpu", …): one epoch on 40 images in two batches."""
    return lambda *more: minigan("train", "--data", data, "--out", tmp_path, "--epochs", 1, "--batch-size", 20, *more)


@pytest.fixture
def restored_default(monkeypatch):
    monkeypatch.setattr(backend.devices, "_default_device", backend.get_default_device())


# --- which device --------------------------------------------------------------------------------


def test_train_says_the_device_and_why(train, monkeypatch):
    take_away(monkeypatch)
    assert "\ndevice cpu (as asked)\n" in train("--dry-run", "--device", "cpu").err
    assert "\ndevice cpu (CuPy is not installed)\n" in train("--dry-run").err
    assert "\ndevice cpu (CuPy is not installed)\n" in train("--dry-run", "--device", "auto").err


def test_sample_says_the_device_and_why(minigan, trained, tmp_path):
    said = minigan("sample", trained, "--n", 1, "--out", tmp_path / "a.png", "--device", "cpu")
    assert said.code == 0 and said.err.startswith("device cpu (as asked)\n")


def test_the_environment_chooses_for_every_command_that_is_not_told(train, minigan, trained, tmp_path, monkeypatch):
    take_away(monkeypatch)
    monkeypatch.setenv("MINIGAN_DEVICE", "gpu")
    calls = (
        lambda *more: train("--dry-run", *more),
        lambda *more: minigan("sample", trained, "--n", 1, "--out", tmp_path / "a.png", *more),
    )
    for call in calls:
        said = call()
        assert said.code == 1 and "MINIGAN_DEVICE=gpu: a GPU was asked for, but CuPy is not installed: " in said.err
        assert call("--device", "cpu").code == 0


@pytest.mark.parametrize("command", ["train", "sample", "trace", "doctor"])
def test_every_command_without_cupy_gives_the_one_sentence(command, minigan, trained, data, tmp_path, monkeypatch):
    take_away(monkeypatch, driver=13000)
    where = {
        "train": ["--data", data, "--out", tmp_path / "runs"], "sample": [trained], "trace": [trained], "doctor": [],
    }  # fmt: skip
    monkeypatch.chdir(tmp_path)
    said = minigan(command, *where[command], "--device", "gpu")
    says = (
        "a GPU was asked for, but CuPy is not installed: pip install 'minigan[gpu-cuda13]', or go without: --device cpu"
    )
    assert said.code == 1 and said.err.splitlines()[-1] == f"minigan {command}: {says}"
    assert "Traceback" not in said.err and list(tmp_path.iterdir()) == []


def test_check_runs_on_the_device_that_is_named(minigan, monkeypatch, restored_default):
    fake = pretend(monkeypatch)
    seen = []
    monkeypatch.setattr(check, "run_checks", lambda checks, whole: seen.append(backend.get_default_device()) or [])
    assert minigan("check", "relu").err == ""
    said = minigan("check", "relu", "--device", "gpu")
    assert said.err == "device gpu:0 (as asked: Fake Card, 80.0 GiB, compute capability 9.0)\n"
    assert [str(device) for device in seen] == [str(backend.CPU), "gpu:0"] and fake.used[-1] == 0


# --- TF32 ----------------------------------------------------------------------------------------


def test_tf32_is_a_choice_of_the_run_and_off_unless_made(train):
    assert json.loads(train("--dry-run").out)["tf32"] is False
    said = train("--dry-run", "--tf32", "--device", "cpu")
    assert json.loads(said.out)["tf32"] is True
    assert "device cpu (as asked; no TF32: a CPU has none)" in said.err


def test_tf32_may_change_when_a_run_is_resumed(train, minigan, tmp_path):
    assert train("--tf32", "--device", "cpu").code == 0
    (run,) = tmp_path.glob("0*")
    assert Config.load(run / "config.json").tf32
    said = minigan("train", "--resume", run, "--epochs", 2, "--no-tf32")
    assert said.code == 0 and not Config.load(run / "config.json").tf32 and "TF32" not in said.err


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("wanted", [["--tf32"], []])
def test_a_run_has_tf32_while_it_trains_and_nobody_else_has(wanted, fails, train, monkeypatch):
    fake = pretend(monkeypatch)
    monkeypatch.setattr(backend, "to_device", lambda array, device: array)
    seen = []

    def look(self, run_dir, stopped):
        backend.choose_device("gpu")  # as others in the same program may
        seen.append(fake.in_tf32)
        if fails:
            raise RuntimeError("it ended")

    monkeypatch.setattr(Trainer, "_loop", look)
    said = train("--device", "gpu", *wanted)
    assert seen == [bool(wanted)] and not fake.in_tf32 and said.code == fails


def test_a_step_of_a_run_in_tf32_is_traced_in_it(monkeypatch):
    fake = pretend(monkeypatch)
    monkeypatch.setattr(backend, "to_device", lambda array, device: array)
    seen = []

    def step(self, batches):
        seen.append(fake.in_tf32)
        raise ZeroDivisionError

    monkeypatch.setattr(GAN, "step", step)
    for tf32 in (True, False):
        with pytest.raises(ZeroDivisionError):
            recording.trace_fresh(Config.for_model("mlp", device="gpu", tf32=tf32))
    assert seen == [True, False] and not fake.in_tf32


# --- threads -------------------------------------------------------------------------------------


def test_a_run_computes_on_its_device_in_the_thread_that_trains(data, tmp_path, monkeypatch):
    run = start(Config.choose(data=str(data), epochs=1, batch_size=20, device="cpu"), tmp_path)
    used = []
    monkeypatch.setattr(backend.Device, "use", lambda self: used.append((str(self), threading.current_thread())))
    thread = threading.Thread(target=run.train)
    thread.start(), thread.join()
    assert ("cpu", thread) in used and run.loader.epoch == 1


# --- what goes wrong -----------------------------------------------------------------------------


def _failing_in_step(monkeypatch, step, error):
    right = Trainer.take_step

    def fail(self):
        if self.step + 1 == step:
            raise error
        return right(self)

    monkeypatch.setattr(Trainer, "take_step", fail)


def test_out_of_memory_says_where_and_names_half_the_batch_and_the_way_on(train, monkeypatch, tmp_path):
    _failing_in_step(monkeypatch, 2, MemoryError("Unable to allocate 9 GiB"))
    said = train("--device", "cpu")
    assert said.code == 1 and "Traceback" not in said.err
    last = said.err.splitlines()[-1]
    assert last.startswith("minigan train: out of memory on cpu at step 2 (Unable to allocate 9 GiB): ")
    assert (
        "start again with --batch-size 10, or go on with this run where there is more: minigan train --resume " in last
    )
    (run,) = tmp_path.glob("0*")
    assert str(run) in last and "ended by MemoryError: Unable to allocate 9 GiB" in (run / "log.txt").read_text()


def test_out_of_memory_on_a_gpu_says_how_much_is_missing_and_in_use(train, monkeypatch):
    pretend(monkeypatch)
    cupy_backend.ready(0)
    _failing_in_step(monkeypatch, 1, OutOfMemoryError(3 << 30, 77 << 30))
    last = train("--device", "cpu").err.splitlines()[-1]
    told = "3.0 GiB more were needed, 77.0 GiB are in use, of 80.0 GiB"
    assert f"out of memory on cpu at step 1 ({told}): start again with --batch-size 10" in last


@pytest.mark.parametrize("text", [
    "cudaErrorMemoryAllocation: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
])  # fmt: skip
def test_out_of_memory_in_cudas_words_is_no_failing_gpu(text, train, minigan, monkeypatch):
    error = CUDARuntimeError(text)
    _failing_in_step(monkeypatch, 2, error)
    last = train("--device", "cpu").err.splitlines()[-1]
    assert f"out of memory on cpu at step 2 ({text}): start again with --batch-size 10" in last

    def fail(arguments):
        raise error

    monkeypatch.setitem(cli.COMMANDS, "sample", fail)
    assert minigan("sample").err == f"minigan sample: out of memory ({text}): try a smaller --n\n"


def test_what_cupy_raises_names_the_doctor(minigan, monkeypatch):
    class Lost(CUDARuntimeError):
        __module__ = "cupy_backends.cuda.api.runtime"

    def fail(arguments):
        raise Lost("cudaErrorIllegalAddress: an illegal memory access was encountered\n  and more")

    monkeypatch.setitem(cli.COMMANDS, "train", fail)
    said = minigan("train")
    says = "the GPU failed (Lost: cudaErrorIllegalAddress: an illegal memory access was encountered)"
    assert said == (1, "", f"minigan train: {says}: minigan doctor --device gpu tells whether it computes rightly\n")


# --- on a device ---------------------------------------------------------------------------------


def test_a_run_goes_on_from_device_to_device(cupy, train, minigan, tmp_path):
    said = train("--device", "gpu")
    assert said.code == 0 and "\ndevice gpu:0 (as asked: " in said.err
    (run,) = tmp_path.glob("0*")
    assert minigan("train", "--resume", run, "--epochs", 2, "--device", "cpu").code == 0
    assert minigan("train", "--resume", run, "--epochs", 3, "--device", "gpu", "--tf32").code == 0
    said = minigan("sample", run, "--n", 2, "--device", "gpu", "--out", tmp_path / "a.npz")
    assert said.code == 0 and said.err.startswith("device gpu:0 (as asked: ")


def test_the_devices_memory_may_run_out(cupy, train, tmp_path):
    pool = cupy.get_default_memory_pool()
    gc.collect()  # what earlier tests left in cycles would be freed in the run, and make room
    pool.free_all_blocks()
    before = pool.get_limit()
    pool.set_limit(size=pool.total_bytes() + (24 << 20))
    try:
        last = train("--device", "gpu", "--model", "dcgan28").err.splitlines()[-1]
    finally:
        pool.set_limit(size=before)
    assert "out of memory" in last and "more were needed" in last and "--batch-size" in last

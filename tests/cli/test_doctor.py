"""`minigan doctor`: what is installed, and whether the engine computes rightly."""

from __future__ import annotations

import re

import numpy as np
import pytest

from minigan import backend, doctor
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
    assert [line.split()[0] for line in said.out.split("self-check\n")[1].splitlines()] == ["ok"] * len(doctor.CHECKS)


def _only(monkeypatch, name):
    monkeypatch.setattr(doctor, "CHECKS", {name: doctor.CHECKS[name]})


def test_a_wrong_backward_pass_fails(minigan, monkeypatch):
    right = Conv2d.backward

    def wrong(self, dy):
        dx, *others = right(self, dy)
        return (dx if dx is None else dx * 1.01, *others)

    monkeypatch.setattr(Conv2d, "backward", wrong)
    _only(monkeypatch, FIRST)
    said = minigan("doctor")
    assert said.code == 1 and re.search(rf"^  FAILED  {FIRST}", said.out, re.MULTILINE)


@pytest.mark.parametrize("name", ["conv_forward", "conv_input_grad", "conv_weight_grad"])
def test_a_wrong_fast_convolution_fails_and_the_other_checks_are_still_made(name, minigan, monkeypatch):
    right = getattr(cook_toom, name)
    monkeypatch.setattr(cook_toom, name, lambda *args: right(*args) * 1.001)
    checks = {name: doctor.CHECKS[name] for name in ("convolution, fast against plain", "checkpoints")}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    said = minigan("doctor")
    assert said.code == 1 and f"the fast {name} differs" in said.out
    assert [line.split()[0] for line in said.out.splitlines()[-2:]] == ["FAILED", "ok"]


def test_without_the_device_asked_for_the_engine_is_checked_all_the_same(minigan, monkeypatch):
    def no_cupy():
        raise backend.DeviceError("CuPy cannot be imported")

    monkeypatch.setattr(backend, "import_cupy", no_cupy)
    said = minigan("doctor", "--device", "gpu")
    lines = said.out.split("self-check\n")[1].splitlines()
    assert said.code == 1 and said.err == ""
    assert [line.split()[0] for line in lines] == ["ok"] * len(doctor.CHECKS) + ["FAILED"]
    assert re.search(r"FAILED  device .*CuPy cannot be imported", lines[-1])


def test_the_checks_are_told_the_device(minigan, monkeypatch):
    told = []
    monkeypatch.setattr(backend, "choose_device", lambda spec: (backend.Device("gpu", 1), "as asked"))
    monkeypatch.setattr(doctor, "CHECKS", {"spy": lambda device: told.append(str(device)) or "here"})
    assert minigan("doctor", "--device", "gpu:1").code == 0 and told == ["gpu:1"]


@pytest.mark.parametrize("name, module, attribute", [
    ("checkpoints", "minigan.training.checkpoint", "save_checkpoint"),
    ("MNIST", "minigan.data", "load_mnist"),
])  # fmt: skip
def test_a_check_that_raises_is_a_failed_check(name, module, attribute, minigan, monkeypatch):
    def fail(*args):
        raise OSError("the disk is gone")

    monkeypatch.setattr(f"{module}.{attribute}", fail)
    _only(monkeypatch, name)
    said = minigan("doctor")
    assert said.code == 1 and "FAILED" in said.out and "OSError: the disk is gone" in said.out

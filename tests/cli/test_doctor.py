"""`minigan doctor`: what is installed, and whether the engine computes rightly."""

from __future__ import annotations

import re

import numpy as np
import pytest

from minigan import doctor
from minigan.functions.convolution import Conv2d
from minigan.kernels import convolution

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


def test_a_wrong_fast_convolution_fails_and_the_other_checks_are_still_made(minigan, monkeypatch):
    right = convolution.conv_forward
    monkeypatch.setattr(convolution, "conv_forward", lambda *args: right(*args) + 0.1)
    checks = {name: doctor.CHECKS[name] for name in ("convolution, fast against plain", "checkpoints")}
    monkeypatch.setattr(doctor, "CHECKS", checks)
    said = minigan("doctor")
    assert said.code == 1
    assert [line.split()[0] for line in said.out.splitlines()[-2:]] == ["FAILED", "ok"]


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

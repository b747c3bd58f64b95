"""The command line in this process, small data, and one trained run that tests may look at but not change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from minigan import backend
from minigan.cli import main
from minigan.training import images


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def as_from_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """No device chosen before the command is given, nor by the environment; no time spent on drawing curves."""
    monkeypatch.setattr(backend.devices, "_default_device", backend.CPU)
    monkeypatch.setattr(images, "save_curves", lambda path, stats, labels: path.write_bytes(b"curves"))
    monkeypatch.delenv("MINIGAN_DEVICE", raising=False)


@pytest.fixture
def minigan(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """minigan("train", …): the command, run in this process."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as exit:
            code = exit.code or 0
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def process() -> Callable[..., subprocess.Popen]:
    """process("train", …): the command in a process of its own, on one thread; stopped at the test's end.

    Runs that are to be equal to the bit must sum in the same order, so with the same number of threads.
    """
    begun = []

    def begin(*arguments: object, **options: Any) -> subprocess.Popen:
        command = [sys.executable, "-m", "minigan", *map(str, arguments)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        options["env"] = os.environ | threads
        begun.append(subprocess.Popen(command, **options))
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()
        one.wait()
        for stream in (one.stdout, one.stderr):
            stream and stream.close()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 40 random images of 28×28."""
    path = tmp_path_factory.mktemp("data") / "noise.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8))
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """The folder of a run of quick28: one epoch, averaged. Not to be changed."""
    runs = tmp_path_factory.mktemp("trained") / "runs"
    arguments = f"train --data {data} --out {runs} --epochs 1 --batch-size 20 --ema-decay 0.5"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "save_curves", lambda path, stats, labels: path.write_bytes(b"curves"))
        assert main(arguments.split()) == 0
    return runs / "00000-quick28-noise-s0"


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    """The folder of a run of the conditional GAN, on images with labels 0, 1 and 2."""
    folder = tmp_path_factory.mktemp("told")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 28, 28), "uint8")
    np.savez(folder / "labelled.npz", images=images, labels=np.arange(40) % 3)
    line = f"train --recipe cgan --data {folder / 'labelled.npz'} --out {folder} --batch-size 20 --epochs 1"
    assert main(line.split()) == 0
    return folder / "00000-cgan-labelled-s0"

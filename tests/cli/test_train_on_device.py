"""`minigan … --device gpu` from start to samples: killed, resumed, taken to the CPU, drawn from, and traced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from run_folders import left_by

from minigan import backend
from minigan.training import Config
from minigan.training.checkpoint import load_checkpoint

SMALL = ["--model", "mlp", "--batch-size", "8"]  # 5 steps an epoch
SIMULATED = "import cusim; cusim.install(); from minigan.cli import main; raise SystemExit(main())"


@pytest.fixture(scope="module", autouse=True)
def gpu() -> None:
    """Without a GPU there is nothing to test here."""
    try:
        backend.choose_device("gpu")
    except backend.DeviceError as error:
        pytest.skip(str(error))


@pytest.fixture
def process():
    """process("train", …): the command in a process of its own, on the GPU that this process has."""
    begun = []

    def begin(*arguments: object) -> subprocess.Popen:
        program = ["-c", SIMULATED] if "cusim" in sys.modules else ["-m", "minigan"]
        path = os.pathsep.join(p for p in sys.path if p)  # where the simulator was found
        command = [sys.executable, *program, *map(str, arguments)]
        begun.append(subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}))
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()
        one.wait()
        one.stderr.close()


@pytest.fixture
def says(minigan):
    """says("train", …): what it says in this process, where it ends well."""

    def call(*arguments: object) -> str:
        said = minigan(*arguments)
        assert said.code == 0 and said.out == "", said.err
        return said.err

    return call


def test_from_start_to_samples(data, tmp_path, process, says):
    whole, runs = tmp_path / "whole", tmp_path / "runs"
    train = ["train", "--data", data, *SMALL, "--epochs", 6, "--device", "gpu"]
    said = says(*train, "--out", whole)
    assert "device gpu:0 (as asked: " in said and "epoch 6/6 done" in said
    whole = left_by(whole / "00000-mlp-noise-s0")

    # Killed in the middle of an epoch after the second.
    folder = runs / "00000-mlp-noise-s0"
    last = folder / "ckpt" / "last.safetensors"
    run = process(*train, "--out", runs)
    deadline = time.monotonic() + 300
    while not last.is_file() or load_checkpoint(last).progress["epoch"] < 2:
        assert run.poll() is None and time.monotonic() < deadline, run.communicate()
        time.sleep(0.002)
    run.kill()
    run.communicate()
    killed_at = load_checkpoint(last).progress["epoch"]
    assert 2 <= killed_at < 6

    # It goes on, on the GPU without being told, and ends as if nothing had been.
    said = says("train", "--resume", "last", "--out", runs)
    assert f"from step {5 * killed_at} (epoch {killed_at + 1})" in said and "device gpu:0 (as asked: " in said
    assert left_by(folder) == whole

    # On the CPU, and back.
    for device, epochs in (("cpu", 7), ("gpu:0", 8)):
        said = says("train", "--resume", "last", "--out", runs, "--epochs", epochs, "--device", device)
        assert f"device {device} (as asked" in said and f"epoch {epochs}/{epochs} done" in said
        assert Config.load(folder / "config.json").device == device
        assert load_checkpoint(last).progress["step"] == 5 * epochs

    # What it draws is what a CPU draws.
    drawn = {}
    for device in ("cpu", "gpu"):
        outs = [tmp_path / f"{device}.png", tmp_path / f"{device}.npz"]
        says("sample", folder, "--device", device, "--n", 4, "--out", outs[0], "--out", outs[1])
        drawn[device] = np.load(outs[1])["images"].astype(int)
        assert Image.open(outs[0]).size == Image.open(tmp_path / "cpu.png").size
    assert drawn["gpu"].std() > 10 and np.abs(drawn["gpu"] - drawn["cpu"]).max() <= 1

    # A trace, as a page and as JSON, and on the way of a run under watch.
    page, traces = tmp_path / "trace.html", {}
    for device, more in (("cpu", []), ("gpu", ["--html", page])):
        says("trace", folder, "--device", device, "--out", tmp_path / "trace.json", *more)
        traces[device] = json.loads((tmp_path / "trace.json").read_text())
    assert len(traces["gpu"]["frames"]) == len(traces["cpu"]["frames"]) > 10
    assert "<html" in page.read_text()[:200]
    watched = ["--detect-anomaly", "--trace-every", 5]
    says("train", "--resume", "last", "--out", runs, "--epochs", 9, "--device", "gpu", *watched)
    assert [p.name for p in (folder / "trace").iterdir()] == ["s000045.json"]


@pytest.mark.parametrize(
    "options, says",
    [
        ([], "loss_G became nan at step 1 (epoch 1), as was seen at step 5; the first to produce a NaN or Inf was "),
        (["--detect-anomaly"], "minigan train: step 1 (epoch 1): "),
    ],
)
def test_not_a_number_is_1_and_says_where(options, says, data, tmp_path, minigan):
    said = minigan("train", "--data", data, *SMALL, "--out", tmp_path, "--device", "gpu", "--lr", "1e30", *options)
    assert said.code == 1 and said.out == "" and "Traceback" not in said.err and "Warning" not in said.err
    assert says in said.err and "it arose here, as all that went in was finite" in said.err
    assert load_checkpoint(tmp_path / "00000-mlp-noise-s0/ckpt/last.safetensors").progress["step"] == 0

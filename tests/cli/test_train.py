"""`minigan train`: from the options to a run's folder, stopped, killed, resumed."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from run_folders import left_by

from minigan.training import Config
from minigan.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.host_only("files and processes; test_train_on_device.py trains on a device")

SMALL = ["--model", "mlp", "--batch-size", "8", "--grid", "4"]  # 5 steps an epoch


def options(data, out, *more):
    return ["train", "--data", data, "--out", out, *SMALL, *more]


def test_train_resume_last_and_sample(data, tmp_path, minigan, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = minigan("train", "--data", data, *SMALL, "--epochs", 1)
    assert said.code == 0 and said.out == "" and "\r" not in said.err
    for words in (
        "mlp (GAN: G ",
        "40 grey images 28×28",
        "1 × 5 batches (epochs × batches), batch 8, seed 0",
        "device ",
    ):
        assert words in said.err
    assert "run folder runs/00000-mlp-noise-s0" in said.err
    assert "minigan sample runs/00000-mlp-noise-s0" in said.err
    said = minigan("train", "--resume", "last", "--epochs", 2)
    assert said.code == 0 and "from step 5 (epoch 2)" in said.err
    assert Config.load("runs/00000-mlp-noise-s0/config.json").epochs == 2
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert minigan("sample").code == 0 and (tmp_path / "samples-s0.png").is_file()


def test_a_dry_run_prints_the_configuration_on_stdout_and_writes_nothing(data, tmp_path, minigan, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = minigan("train", "--data", data, "--dry-run", "--lr", 0.25, "--lr-D", 0.5, "--epochs", 7, "--seed", 3)
    assert said.code == 0 and list(tmp_path.iterdir()) == []
    wanted = Config.for_model("quick28", data=str(data), channels=1, lr_G=0.25, lr_D=0.5, epochs=7, seed=3)
    assert Config.from_json(said.out) == wanted
    assert "nothing is trained or written" in said.err


def test_options_go_on_top_of_a_file(data, tmp_path, minigan):
    (tmp_path / "c.json").write_text(json.dumps({"model": "mlp", "epochs": 3, "seed": 5, "data": str(data)}))
    said = minigan("train", "--config", tmp_path / "c.json", "--seed", 6, "--dry-run")
    config = Config.from_json(said.out)
    assert (config.epochs, config.seed) == (3, 6)
    assert (config.options["model"], config.options["betas"]) == ("mlp", (0.9, 0.999))


@pytest.mark.parametrize("content", [None, "{", '{"epochs": "ten"}', '{"epoch": 3}', '{"betas": [1, 2, 3]}'])
def test_a_bad_configuration_file_is_bad_usage(content, tmp_path, minigan):
    file = tmp_path / "c.json"
    if content is not None:
        file.write_text(content)
    said = minigan("train", "--config", file, "--dry-run")
    assert said.code == 2 and str(file) in said.err and said.err.count("\n") == 1


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda p: None, "no such data set"),
        (lambda p: p.write_bytes(b"PK\x03\x04 cut"), "damaged"),
        (lambda p: np.savez(p, images=np.zeros((4, 5, 7, 2), "uint8")), "shape (4, 5, 7, 2)"),
        (lambda p: np.savez(p, images=np.zeros((1, 28, 28), "uint8")), "1 image, but training needs 2"),
        (lambda p: np.savez(p, words=np.zeros(3)), "keys words found"),
    ],
    ids=["missing", "cut", "shape", "one image", "keys"],
)
def test_bad_data_is_one_sentence_and_leaves_no_run_behind(make, says, tmp_path, minigan):
    make(tmp_path / "d.npz")
    said = minigan("train", "--data", tmp_path / "d.npz", "--out", tmp_path / "runs")
    assert said.code == 1 and says in said.err and "d.npz" in said.err and said.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_resuming_refuses_in_one_sentence(data, tmp_path, minigan, trained):
    last = trained / "ckpt" / "last.safetensors"
    (tmp_path / "cut.safetensors").write_bytes(last.read_bytes()[:5000])
    for code, says, *arguments in [
        (1, "there is no run with a checkpoint in", "last", "--out", tmp_path / "none"),
        (1, "there is no checkpoint nowhere", "nowhere"),
        (1, "no ckpt/last.safetensors", tmp_path),
        (1, "damaged", tmp_path / "cut.safetensors"),
        (1, "damaged", data),
        (1, "other data", trained, "--epochs", 2, "--data", "mnist"),
        (2, "has done 1 epochs", trained),
        (2, "has done 1 epochs", trained, "--epochs", 1),
        (2, "lr, seed cannot be changed", trained, "--lr", 1, "--seed", 2),
        (2, "objective cannot be changed", trained, "--epochs", 2, "--objective", "hinge"),
        (2, "algorithm cannot be changed", trained, "--epochs", 2, "--algorithm", "simultaneous-gan"),
        (2, "--config and --resume exclude each other", trained, "--config", trained / "config.json"),
    ]:
        said = minigan("train", "--resume", *arguments)
        assert said.code == code and says in said.err and said.err.count("\n") == 1, said.err


def test_the_runs_own_choices_may_be_named_again(tmp_path, data, minigan):
    assert minigan(*options(data, tmp_path / "runs", "--epochs", 1)).code == 0
    assert minigan(*options(data, tmp_path / "runs", "--epochs", 2, "--resume", "last")).code == 0


def test_the_hints_work_as_pasted(data, tmp_path, process):
    said = process(*options(data, tmp_path / "my runs", "--epochs", 1)).communicate(timeout=120)[1].splitlines()[-1]
    assert said.startswith(f"Draw more with: {shlex.quote(sys.executable)} -m minigan sample ")
    assert subprocess.run(said.removeprefix("Draw more with: "), shell=True, cwd=tmp_path).returncode == 0
    assert (tmp_path / "samples-s0.png").is_file()


@pytest.mark.parametrize("lr", ["1e3", "1e5", "1e15"])
def test_not_a_number_is_not_blamed_on_the_report_and_brings_no_warnings(lr, data, tmp_path, process):
    run = process(*options(data, tmp_path / "runs", "--lr", lr, "--epochs", 10))
    err = run.communicate(timeout=120)[1]
    assert "Warning" not in err and "Sum's" not in err and "Sqrt's" not in err, err
    stats = (tmp_path / "runs/00000-mlp-noise-s0/stats.jsonl").read_text()
    assert "NaN" not in stats and "Infinity" not in stats


def test_not_a_number_is_1_and_one_sentence(data, tmp_path, minigan):
    said = minigan(*options(data, tmp_path / "runs", "--lr", "1e30"))
    assert said.code == 1 and "Warning" not in said.err and "Traceback" not in said.err
    assert "the first to produce a NaN or Inf was" in said.err.splitlines()[-1]
    assert load_checkpoint(tmp_path / "runs/00000-mlp-noise-s0/ckpt/last.safetensors").progress["step"] == 0


def test_detect_anomaly_says_where_and_is_1(data, tmp_path, minigan):
    said = minigan(*options(data, tmp_path / "runs", "--lr", "1e30", "--detect-anomaly"))
    assert said.code == 1 and "Warning" not in said.err and "Traceback" not in said.err
    told = said.err[said.err.index("minigan train: ") :]
    assert re.match(r"minigan train: step \d \(epoch 1\): .+ gave .+\n  it (arose here|came in)", told)
    assert "The last good checkpoint is" in told.splitlines()[-1]


# --- in processes of their own --------------------------------------------------------------------


EPOCHS = 16


@pytest.fixture(scope="module")
def whole(tmp_path_factory, data, process):
    """What an uninterrupted run leaves."""
    out = tmp_path_factory.mktemp("whole") / "runs"
    assert process(*options(data, out, "--epochs", EPOCHS)).wait(timeout=120) == 0
    return left_by(out / "00000-mlp-noise-s0")


def _wait_for(file, process, beyond: int = 0) -> None:
    """Until a file exists that says it has come this far."""
    deadline = time.monotonic() + 120
    while not (file.is_file() and file.stat().st_size > beyond):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.005)


@pytest.mark.parametrize("sign", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_saves_and_says_how_to_go_on(sign, data, tmp_path, process, whole):
    folder = tmp_path / "my runs" / "00000-mlp-noise-s0"
    run = process(*options(data, tmp_path / "my runs", "--epochs", EPOCHS))
    _wait_for(folder / "stats.jsonl", run, beyond=300)
    run.send_signal(sign)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 1 and out == "" and "Traceback" not in err
    assert err.splitlines()[-1].endswith(f"Go on with: {sys.executable} -m minigan train --resume '{folder}'")
    assert process("train", "--resume", folder).wait(timeout=120) == 0
    assert left_by(folder) == whole


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_if_it_had_not_been(data, tmp_path, process, whole):
    folder = tmp_path / "runs" / "00000-mlp-noise-s0"
    run = process(*options(data, tmp_path / "runs", "--epochs", EPOCHS))
    done = -1
    for wait in (0.0, 0.013, 0.037, 0.071):
        _wait_for(folder / "ckpt" / "last.safetensors", run)
        while load_checkpoint(folder / "ckpt" / "last.safetensors").progress["epoch"] <= done:
            assert run.poll() is None
            time.sleep(0.005)
        time.sleep(wait)
        run.kill()
        run.communicate()
        done = load_checkpoint(folder / "ckpt" / "last.safetensors").progress["epoch"]
        run = process("train", "--resume", folder)
    assert run.wait(timeout=120) == 0
    assert left_by(folder) == whole
    assert not list(folder.rglob("*.tmp"))


def test_a_full_disk_is_one_sentence_and_keeps_what_was_saved(data, tmp_path, process, minigan):
    """The kernel refuses files beyond a size, as a full disk or a quota would."""
    assert minigan(*options(data, tmp_path / "runs", "--epochs", 1)).code == 0
    folder = tmp_path / "runs" / "00000-mlp-noise-s0"
    before = (folder / "ckpt" / "last.safetensors").read_bytes()
    run = process(
        "train", "--resume", folder, "--epochs", 2,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)),
    )  # fmt: skip
    out, err = run.communicate(timeout=120)
    assert run.returncode == 1 and "Traceback" not in err
    assert "could not be written (File too large); what was saved before is untouched" in err.splitlines()[-1]
    assert (folder / "ckpt" / "last.safetensors").read_bytes() == before
    assert minigan("train", "--resume", folder, "--epochs", 2).code == 0


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of its own")
def test_on_a_terminal_there_is_a_bar_and_stdout_stays_clean(data, tmp_path, process):
    import fcntl
    import pty
    import struct
    import termios

    screen, its_end = pty.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    run = process(*options(data, tmp_path / "runs", "--epochs", 8), stderr=its_end)
    os.close(its_end)
    shown = b""
    try:
        while part := os.read(screen, 65536):
            shown += part
    except OSError:  # the other end was closed
        pass
    os.close(screen)
    assert run.communicate()[0] == "" and run.returncode == 0
    text = shown.decode()
    assert "\r" in text and "40/40" in text and "epoch 8/8" in text
    for words in ("loss_D ", "loss_G ", "D(x) ", "D(G(z)) ", "‖∂L/∂G(z)‖ ", "00:00<", "step/s"):
        assert words in text

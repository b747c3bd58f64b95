"""Checkpoint files: what is read is what was written, or a sentence."""

from __future__ import annotations

import json
import os
import stat

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from minigan.data import DataInfo
from minigan.training import CheckpointError, Config, load_algorithm, resume
from minigan.training.callbacks import stats
from minigan.training.checkpoint import Checkpoint, _digest, find_checkpoint, load_checkpoint, save_checkpoint

CONFIG = Config.for_model("mlp", epochs=3)
INFO = DataInfo({"x": (1, 28, 28), "y": ()}, classes=10)
ARRAYS = {
    "G.weight": np.arange(12, dtype="float32").reshape(3, 4).T,  # not in C order
    "G.count": np.array(7, "int64"),
    "D.empty": np.zeros((0, 3), "float32"),
    "D.nan": np.array([np.nan, -0.0, np.inf]),
}
PROGRESS = {"step": 2**70, "loss": 0.1 + 0.2, "state": "{}"}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("ckpt") / "last.safetensors"
    save_checkpoint(path, Checkpoint(ARRAYS, PROGRESS, CONFIG, INFO))
    return path


def same(a: Checkpoint, b: Checkpoint) -> bool:
    bits = [{n: (x.dtype.str, x.shape, x.tobytes()) for n, x in c.arrays.items()} for c in (a, b)]
    return bits[0] == bits[1] and (a.progress, a.config, a.info) == (b.progress, b.config, b.info)


def test_what_is_read_is_what_was_written(file):
    assert same(load_checkpoint(file), Checkpoint(ARRAYS, PROGRESS, CONFIG, INFO))


def test_a_checkpoint_can_be_read_by_whoever_can_read_the_folder(tmp_path):
    before = os.umask(0o027)
    try:
        save_checkpoint(tmp_path / "a.safetensors", Checkpoint(ARRAYS, PROGRESS, CONFIG, INFO))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) == 0o640


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(place=st.one_of(st.floats(0, 1), st.integers(0, 400)), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(file, tmp_path_factory, place, bit):
    content = bytearray(file.read_bytes())
    at = place if isinstance(place, int) else int(place * (len(content) - 1))
    content[at] ^= 1 << bit
    damaged = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    damaged.write_bytes(content)
    try:
        assert same(load_checkpoint(damaged), load_checkpoint(file))  # blanks between the header's words
    except CheckpointError as error:
        assert str(damaged) in str(error) and "\n" not in str(error)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_noticed(file, tmp_path_factory, share):
    cut = tmp_path_factory.getbasetemp() / "cut.safetensors"
    content = file.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match="cut.safetensors"):
        load_checkpoint(cut)


def _file_with(path, **header):
    save_file({"G.a": np.zeros(2, "float32")}, path, header)
    return path


def test_what_is_not_a_checkpoint_of_ours_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    for header, says in [
        ({}, "not a checkpoint of minigan's"),
        ({"format": "pt"}, "not a checkpoint of minigan's"),
        ({"format": "minigan-checkpoint", "version": "3"}, "has format version 3, but this minigan reads 1 and 2$"),
        ({"format": "minigan-checkpoint"}, "has format version None"),
        ({"format": "minigan-checkpoint", "version": "1"}, "checksum"),
        ({"format": "minigan-checkpoint", "version": "2"}, "checksum"),
    ]:
        with pytest.raises(CheckpointError, match=says):
            load_checkpoint(_file_with(path, **header))
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "nothing.safetensors")
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("change", ["missing", "extra", "shape", "position"])
def test_a_checkpoint_of_another_architecture_is_refused(change, begin):
    run = begin(2)
    run.train()
    checkpoint = load_checkpoint(run.run_dir.last_checkpoint)
    if change == "missing":
        del checkpoint.arrays["D.1.running_var"]
    elif change == "extra":
        checkpoint.arrays["G.9.weight"] = np.zeros(3, "float32")
    elif change == "shape":
        checkpoint.arrays["opt_G.exp_avg.0"] = np.zeros((1, 1), "float32")
    else:
        del checkpoint.progress["position"]
    save_checkpoint(run.run_dir.last_checkpoint, checkpoint)
    with pytest.raises(CheckpointError, match="does not fit"):
        resume(run.run_dir.last_checkpoint, epochs=3)


def test_a_generator_of_another_architecture_is_refused(begin):
    run = begin(1)
    run.train()
    checkpoint = load_checkpoint(run.run_dir.last_checkpoint)
    checkpoint.config = checkpoint.config.with_choices(model="mlp")
    save_checkpoint(run.run_dir.last_checkpoint, checkpoint)
    with pytest.raises(CheckpointError, match="does not fit mlp"):
        load_algorithm(run.run_dir.last_checkpoint)


# --- of minigan 0.1 --------------------------------------------------------------------------------


def as_version_1(path, **progress):
    """Make the checkpoint at `path`, and config.json of its run, what minigan 0.1 would have written."""
    checkpoint = load_checkpoint(path)
    old = dict(checkpoint.progress) | progress
    for stream in ("noise", "dropout"):
        old[stream] = old.pop(f"streams.{stream}")
    sums, counts = old.pop("stats.sums"), old.pop("stats.counts")
    names = ("loss_D", "loss_G", "D_x", "D_G_z", "border_norm")
    old["sums"] = {name: sums.get(name, 0.0) for name in names} | {"steps": float(counts.get("loss_D", 0))}
    del old["closed_epochs"]
    own = {"model", "objective", "lr_G", "lr_D", "betas", "eps", "epsilon_hat"}
    run = {"data", "channels", "epochs", "batch_size", "seed", "device", "tf32", "grid", "checkpoint_every"}
    choices = {name: value for name, value in checkpoint.config.choices().items() if name in own | run}
    choices["averaging"] = checkpoint.config.ema_decay
    choices["step"] = {"gan": "alternating", "simultaneous-gan": "simultaneous"}[checkpoint.config.algorithm]
    arrays = {name.replace("G_ema.", "G_avg."): array for name, array in checkpoint.arrays.items()}
    config = json.dumps(choices, indent=2) + "\n"
    header = {"format": "minigan-checkpoint", "version": "1", "progress": json.dumps(old), "config": config}
    save_file(arrays, path, header | {"sha256": _digest(arrays, header)})
    (path.parent.parent / "config.json").write_text(config)


@pytest.mark.parametrize("choices", [{}, {"algorithm": "simultaneous-gan", "ema_decay": 0.0}], ids=str)
@pytest.mark.parametrize("steps", [5, 7])
def test_a_run_of_minigan_0_1_goes_on_bit_for_bit(steps, choices, begin, go_on, left_by, monkeypatch):
    monkeypatch.setattr(stats, "LOG_EVERY", 5)
    whole, run = begin(2, "whole", **choices), begin(runs="old", steps=steps, **choices)
    whole.train(), run.train()
    path = run.run_dir.last_checkpoint
    as_version_1(path)
    before = path.read_bytes()
    config = load_checkpoint(path).config
    assert config == run.config.with_choices(steps=None) and path.read_bytes() == before
    assert load_checkpoint(path).info == DataInfo({"x": (1, 8, 8)})
    np.testing.assert_array_equal(load_algorithm(path)[0].generate(3), run.sample(3, 0))
    go_on(run, epochs=2)
    (run.run_dir.path / "samples" / f"s{steps:06d}.png").unlink(missing_ok=True)
    assert left_by(run) == left_by(whole)
    with open(path, "rb") as file:
        assert b'"version":"2"' in file.read(4000)


def test_a_run_of_minigan_0_1_that_was_saved_between_an_epochs_last_batch_and_its_end(begin, left_by):
    """As it was when the reader of its progress had gone: position 5 of 5, and the epoch not yet counted."""
    whole, run = begin(2, "whole"), begin(runs="old", steps=5)
    whole.train(), run.train()
    as_version_1(run.run_dir.last_checkpoint, epoch=0, position=5)
    (run.run_dir.path / "samples" / "e001.png").unlink()
    again = resume(run.run_dir.last_checkpoint, epochs=2)
    assert (again.loader.epoch, again.loader.position, again.closed_epochs) == (1, 0, 0)
    again.train()
    assert left_by(run) == left_by(whole)


# --- which is the last -----------------------------------------------------------------------------


def test_last_is_the_newest_run_that_has_a_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="no run with a checkpoint"):
        find_checkpoint("last", tmp_path)
    for name in ("00009-mlp-x-s0", "00010-mlp-x-s0", "100000-mlp-x-s0", "99999-mlp-x-s0", "2030-backup", "zoo"):
        (tmp_path / name / "ckpt").mkdir(parents=True)
        (tmp_path / name / "ckpt" / "last.safetensors").touch()
    (tmp_path / "100001-mlp-x-s0").mkdir()
    newest = tmp_path / "100000-mlp-x-s0"
    assert find_checkpoint("last", tmp_path) == newest / "ckpt" / "last.safetensors"
    assert find_checkpoint(newest, tmp_path) == find_checkpoint(newest / "ckpt", tmp_path)
    with pytest.raises(CheckpointError, match=r"no ckpt/last\.safetensors in"):
        find_checkpoint(tmp_path / "100001-mlp-x-s0", tmp_path)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        find_checkpoint("nowhere", tmp_path)

"""Checkpoint files: what is read is what was written, or a sentence."""

from __future__ import annotations

import os
import stat

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from minigan.training import CheckpointError, Config, load_generator, resume
from minigan.training.checkpoint import Checkpoint, find_checkpoint, load_checkpoint, save_checkpoint

CONFIG = Config.for_model("mlp", epochs=3)
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
    save_checkpoint(path, Checkpoint(ARRAYS, PROGRESS, CONFIG))
    return path


def same(a: Checkpoint, b: Checkpoint) -> bool:
    bits = [{n: (x.dtype.str, x.shape, x.tobytes()) for n, x in c.arrays.items()} for c in (a, b)]
    return bits[0] == bits[1] and (a.progress, a.config) == (b.progress, b.config)


def test_what_is_read_is_what_was_written(file):
    assert same(load_checkpoint(file), Checkpoint(ARRAYS, PROGRESS, CONFIG))


def test_a_checkpoint_can_be_read_by_whoever_can_read_the_folder(tmp_path):
    before = os.umask(0o027)
    try:
        save_checkpoint(tmp_path / "a.safetensors", Checkpoint(ARRAYS, PROGRESS, CONFIG))
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
        ({"format": "minigan-checkpoint", "version": "2"}, "has format version 2, but this minigan reads 1"),
        ({"format": "minigan-checkpoint", "version": "1"}, "checksum"),
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
    with pytest.raises(CheckpointError, match="does not fit the model mlp"):
        load_generator(run.run_dir.last_checkpoint)


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

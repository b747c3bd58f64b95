"""Each option of each command arrives where it is meant to, and each default is the one that the help tells."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from minigan import backend
from minigan.algorithms import GAN
from minigan.cli import main, sample, train
from minigan.cli.parser import make_parser
from minigan.options import options_of
from minigan.training import ConfigError, Trainer, draw_noise, images
from minigan.training.run_options import RunOptions

# --- defaults ------------------------------------------------------------------------------------


def test_the_defaults_that_the_help_tells_are_those_of_the_commands():
    told = {}
    for name, command in make_parser().commands.items():
        for action in command._actions:
            if (match := re.search(r"\(default: ([\w/.]+)\)", action.help or "")) and action.default is not None:
                told[name, action.dest] = (match[1], str(action.default))
    assert len(told) >= 10 and {key: said for key, (said, _) in told.items()} == {
        key: d for key, (_, d) in told.items()
    }


# --- train ---------------------------------------------------------------------------------------

CHOSEN = {
    "channels": (["3"], 3), "key": (["pictures"], "pictures"), "skip_broken": ([], True), "flip": ([], True),
    "value_range": (["-1", "300"], [-1, 300]), "max_bytes": (["2M"], 2 * 2**20), "epochs": (["7"], 7),
    "batch_size": (["5"], 5), "ema_decay": (["0.25"], 0.25), "seed": (["9"], 9), "device": (["cpu"], "cpu"),
    "tf32": ([], True), "grid": (["6"], 6), "grid_every": (["7"], 7), "checkpoint_every": (["8"], 8),
    "evaluate_every": (["4"], 4),
    "metrics": (["sliced_wasserstein"], ["sliced_wasserstein"]), "sync_batch_norm": ([], True), "steps": (["11"], 11),
    "algorithm": (["simultaneous-gan"], "simultaneous-gan"), "model": (["mlp"], "mlp"),
    "objective": (["minimax"], "minimax"), "penalties": (["drift:0.5"], ["drift:0.5"]),
    "weight_clip": (["0.125"], 0.125), "n_critic": (["3"], 3), "pac": (["2"], 2), "optimizer": (["sgd"], "sgd"),
    "lr_G": (["0.5"], 0.5), "lr_D": (["0.75"], 0.75), "betas": (["0.1,0.2"], [0.1, 0.2]), "eps": (["0.25"], 0.25),
    "epsilon_hat": ([], True), "recipe": (["lsgan"], "lsgan"),
}  # fmt: skip
ELSEWHERE = {"data", "init_from", "size"}  # tested with what they need


def test_every_choice_of_train_is_tried_here():
    assert CHOSEN.keys() | ELSEWHERE == {*options_of(RunOptions), *options_of(GAN)}


def test_every_choice_of_train_is_that_choice_and_no_other(minigan, monkeypatch):
    monkeypatch.setattr(train, "prepare", lambda config, *_: SimpleNamespace(config=config, has_run_dir=False))
    monkeypatch.setattr(train, "describe", lambda trainer: [])

    def choices(*line):
        said = minigan("train", *line, "--dry-run")
        assert said.code == 0, said.err
        return json.loads(said.out)

    usual = choices()
    for name, (values, wanted) in CHOSEN.items():
        found = choices(f"--{name.replace('_', '-')}", *values)
        assert found[name] == wanted != usual[name], name
        if name not in ("recipe", "model"):  # which bring others along
            assert found == usual | {name: wanted}


def test_what_is_no_choice_of_the_run_arrives_too(minigan, trained, monkeypatch):
    """--resume, --out, --detect-anomaly, --trace-every and --tensorboard, of a new run and of one that goes on."""
    told = []

    def noted(*arguments, **choices):
        told.append((arguments, choices))
        raise ConfigError("noted")

    monkeypatch.setattr(train, "start", noted)
    monkeypatch.setattr(train, "resume", noted)
    monkeypatch.setattr(train, "prepare", noted)
    assert minigan("train", "--model", "mlp", "--init-from", "last", "--out", "here", "--dry-run").code == 2
    assert told.pop()[0][2] == "here", "where the last run is looked for"
    more = ["--detect-anomaly", "--trace-every", 7, "--tensorboard"]
    for line in ([], more):
        assert minigan("train", "--out", "here", "--epochs", 3, *line).code == 2
        assert minigan("train", "--resume", "last", "--out", trained.parent, "--epochs", 3, *line).code == 2
    last = trained / "ckpt" / "last.safetensors"
    for (new, of_new), (old, of_old), asked, every in zip(told[::2], told[1::2], (False, True), (0, 7), strict=True):
        beside = {"detect_anomaly": asked, "trace_every": every, "tensorboard": asked}
        assert (new[0].epochs, str(new[1])) == (3, "here") and of_new == beside
        assert old[0] == last and of_old == beside | {"epochs": 3}


def test_a_run_says_how_long_it_took_in_minutes_and_seconds(data, minigan, tmp_path, monkeypatch):
    monkeypatch.setattr(Trainer, "train", lambda self: setattr(self, "seconds", 3725.9))
    assert "\nDone in 62:05.\n" in minigan("train", "--data", data, "--out", tmp_path, "--model", "mlp").err


# --- sample --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, seed", [(2, 0), (17, 3)])
def test_a_film_goes_a_way_between_the_seed_s_noises_for_each_of_up_to_16_images(
    n, seed, trained, minigan, monkeypatch
):
    films, noises = [], []
    monkeypatch.setattr(sample.images, "save_gif", lambda path, grids, seconds: films.append((grids, seconds)))

    def drawn(algorithm, z):
        noises.append(z)
        return np.full((len(z), 1, 28, 28), len(noises) / 100, "float32")

    monkeypatch.setattr(sample, "decode", drawn)
    assert minigan("sample", trained, "--n", n, "--seed", seed, "--out", "w.gif").code == 0
    ((grids, seconds),), cells = films, min(n, 16)
    assert (len(grids), seconds) == (4 * 12, 0.06)
    points = draw_noise(4 * cells, noises[0].shape[1], seed).reshape(cells, 4, -1)
    for k in range(4):  # at each twelfth moment all are at a point of their own
        np.testing.assert_allclose(noises[12 * k], points[:, k], rtol=1e-5, atol=1e-6)
        wanted = images.grid(np.full((cells, 1, 28, 28), (12 * k + 1) / 100))
        np.testing.assert_array_equal(grids[12 * k], wanted)


def test_a_picture_is_called_after_its_seed_and_it_is_said_how_far_the_run_had_come(
    trained, minigan, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    said = minigan("sample", trained, "--n", 1, "--seed", 12)
    assert said.err.endswith("\nwrote samples-s12.png\n") and [p.name for p in tmp_path.iterdir()] == [
        "samples-s12.png"
    ]
    assert f"\nquick28 from {trained / 'ckpt' / 'last.safetensors'}, after 2 steps\n" in said.err
    with Image.open("samples-s12.png") as picture:
        assert picture.size == (64, 64)


def test_samples_are_drawn_on_the_device_that_is_named(trained, minigan, tmp_path, monkeypatch):
    asked, choose = [], backend.choose_device

    def noted(spec=None, tf32=False):
        asked.append(spec)
        return choose("cpu", tf32)

    monkeypatch.setattr(backend, "choose_device", noted)
    monkeypatch.setattr("minigan.cli.common.choose_device", noted)
    assert minigan("sample", trained, "--n", 1, "--device", "gpu:1", "--out", tmp_path / "a.png").code == 0
    assert asked == ["gpu:1", "cpu"], "and then on the one that was found"


# --- trace ---------------------------------------------------------------------------------------


def test_what_is_asked_of_a_trace_arrives(trained, minigan, monkeypatch):
    told = []

    def noted(*arguments, **changes):
        told.append((*arguments, changes))
        raise ConfigError("noted")

    monkeypatch.setattr("minigan.training.recording.trace_fresh", noted)
    monkeypatch.setattr("minigan.training.recording.trace_checkpoint", noted)
    read = {"data": "d.npz", "device": "gpu:1", "value_range": [-1.0, 5.0], "key": "k", "flip": True,
            "skip_broken": True, "max_bytes": 4096}  # fmt: skip
    more = ["--data", "d.npz", "--device", "gpu:1", "--value-range", -1, 5, "--key", "k", "--flip", "--skip-broken",
            "--max-bytes", "4K", "--seed", 3]  # fmt: skip
    for line in (["--recipe", "lsgan"], ["--model", "mlp"], ["--size", 64, "--model", "dcgan64"]):
        assert minigan("trace", *line, *more).code == 2
        config, seed, _ = told.pop()
        wanted = {line[i].strip("-"): line[i + 1] for i in range(0, len(line), 2)}
        found = config.choices()
        assert seed == 3 and {name: found[name] for name in wanted} == wanted
        assert {n: list(found[n]) if n == "value_range" else found[n] for n in read} == read
    assert minigan("trace", trained, "--algorithm", "mine.py:Mine", *more).code == 2
    assert minigan("trace", "last", "--runs", trained.parent).code == 2
    last = trained / "ckpt" / "last.safetensors"
    assert told == [(last, 3, "mine.py:Mine", read), (last, 0, None, {})]


def test_a_page_alone_is_all_that_is_written(data, minigan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert minigan("trace", "--model", "mlp", "--data", data, "--html", "a.html").code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]


# --- the others ----------------------------------------------------------------------------------


def test_what_is_asked_of_a_check_arrives(minigan, monkeypatch):
    told = []

    def noted(*asked):
        told.append(asked)
        raise ConfigError("noted")

    monkeypatch.setattr("minigan.cli.check.checks_of", noted)
    assert minigan("check", "tanh", "relu", "--order", 3, "--cases", 4, "--seed", 5).code == 2
    assert minigan("check").code == 2
    assert told == [(["tanh", "relu"], 3, 4, 5), ([], None, 10, 0)]


@pytest.mark.parametrize("line, passed", [([], True), (["--device", "cpu"], False), (["--device", "gpu:1"], True)])
def test_the_doctor_is_told_the_device_and_tells_whether_all_is_well(line, passed, minigan, monkeypatch):
    told = []
    monkeypatch.setattr("minigan.cli.examine", lambda device: told.append(device) or passed)
    assert minigan("doctor", *line).code == (0 if passed else 1)
    assert told == [line[1] if line else None]


def test_lessons_are_built_in_the_folder_that_is_named(minigan, monkeypatch, tmp_path):
    folders = []
    monkeypatch.setattr("minigan.cli.lessons.lessons", list)
    monkeypatch.setattr("minigan.cli.lessons.build", lambda out: folders.append(str(out)) or [])
    assert main(["lessons", "build"]) == main(["lessons", "build", "--out", "there"]) == 0
    assert folders == ["build/lessons", "there"]

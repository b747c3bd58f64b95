"""`--algorithm file.py:Class`: an algorithm that minigan has never seen is trained, resumed and drawn from."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from run_folders import left_by

from minigan.training import Config
from minigan.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

MINE = '''
"""One network whose samples shall have the data's mean image, and no opponent."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

from minigan import functions as F
from minigan import nn, optim
from minigan.algorithms import Algorithm
from minigan.options import COUNT, FRACTION, option

Path(__file__).with_suffix(".was-run").touch()


@dataclass(eq=False)
class Mean(Algorithm):
    width: int = option(4, "units of the hidden layer", COUNT)
    keep: float = option(0.5, "how much of the noise is kept", FRACTION)
    biased: bool = True

    def setup(self, data):
        shape = data.shapes["x"]
        layers = nn.Dense(8, self.width), nn.Tanh(), nn.Dense(self.width, prod(shape), bias=self.biased)
        self.networks = {"G": nn.Sequential(*layers, nn.Tanh(), nn.Reshape(*shape))}
        self.optimizers = {"G": optim.Adam(self.networks["G"].parameters(), 1e-2)}
        self.state = {"seen": 0}

    def step(self, batches):
        batch = next(batches)
        G = self.networks["G"]
        loss = F.mean((F.mean(G(self.normal(batch, 8) * self.keep), axis=0) - F.mean(batch.x, axis=0)) ** 2)
        G.zero_grad()
        self.name_loss("loss", loss).backward()
        self.optimizers["G"].step()
        self.state["seen"] += len(batch)
        return {"loss": loss, "seen": self.state["seen"]}

    def sample(self, n, rng):
        return self.networks["G"](self.tensor(rng.standard_normal((n, 8), "float32")))
'''


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """mine.py in the folder that the commands are given in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path / "mine.py"


def test_its_options_are_among_train_s_and_the_gan_s_are_not(mine, minigan):
    said = minigan("train", "--algorithm", "mine.py:Mean", "--help")
    own = said.out[said.out.index("\noptions of Mean:") :]
    assert said.code == 0 and said.err == ""
    for words in (
        "--width WIDTH", "units of the hidden layer (default: 4)", "--keep KEEP", "is kept (default: 0.5)",
        "--biased, --no-biased\n", "(default: on)",
    ):  # fmt: skip
        assert words in own
    assert "--epochs" in said.out and "--objective" not in said.out
    assert "--objective" in minigan("train", "--help").out


@pytest.mark.parametrize("option, says", [
    (["--width", 0], "argument --width: '0' is not a whole number of 1 or more"),
    (["--keep", 1], "argument --keep: '1' is not a number in [0, 1)"),
    (["--objective", "hinge"], "--objective"),
    (["--lr", 1], "--lr"),
    (["--model", "mlp"], "--model"),
])  # fmt: skip
def test_its_options_are_checked_and_no_others_taken(option, says, mine, data, minigan):
    said = minigan("train", "--algorithm", "mine.py:Mean", "--data", data, *option)
    assert said.code == 2 and says in said.err and said.err.count("\n") == 1
    assert not (mine.parent / "runs").exists()


@pytest.mark.parametrize("name, says", [
    ("mine.py:Nobody", "there is no such class in mine.py"),
    ("mine.py:prod", "it is no subclass of minigan.algorithms.Algorithm in mine.py"),
    ("broken.py:Mean", "broken.py cannot be run: ZeroDivisionError: division by zero (broken.py, line 2)"),
    ("unclosed.py:Mean", "unclosed.py cannot be run: SyntaxError: '(' was never closed (unclosed.py, line 2)"),
    ("needy.py:Mean", "cannot be run: ModuleNotFoundError: No module named 'nothing_there' (needy.py, line 1)"),
])  # fmt: skip
def test_a_file_that_has_none_is_one_sentence(name, says, mine, data, minigan):
    mine.with_name("broken.py").write_text("\n1 / 0")
    mine.with_name("unclosed.py").write_text("\nx = (\n")
    mine.with_name("needy.py").write_text("import nothing_there")
    said = minigan("train", "--algorithm", name, "--data", data)
    assert said.code == 2 and says in said.err and said.err.count("\n") == 1


NETWORKS = 'self.networks = {"G": nn.Sequential(*layers, nn.Tanh(), nn.Reshape(*shape))}'
OPTIMIZERS = 'self.optimizers = {"G": optim.Adam(self.networks["G"].parameters(), 1e-2)}'
STEP = 'return {"loss": loss, "seen": self.state["seen"]}'


@pytest.mark.parametrize(("old", "new", "code", "says"), [
    (f"{NETWORKS}\n        {OPTIMIZERS}", "", 1, "Mean.setup made no networks: set self.networks, a dict by name"),
    (OPTIMIZERS, "", 1, "Mean.setup made no optimizers: set self.optimizers, a dict by name, such as "),
    (OPTIMIZERS, f"{OPTIMIZERS}\n        return 3", 1, "Mean.setup returned int: set self.networks and self.optimi"),
    (OPTIMIZERS, "self.optimizers = [1]", 1, "Mean.setup: self.optimizers must be a dict of Optimizers, by name"),
    ("setup(self, data)", "setup(self)", 2, "other arguments than it is given: write def setup(self, data)"),
    ("step(self, batches)", "step(self)", 2, "other arguments than it is given: write def step(self, batches)"),
    ("sample(self, n, rng)", "sample(self, n)", 2, "other arguments than it is given: write def sample(self, n, rng)"),
    (STEP, "", 1, 'Mean.step must return a dict of figures, such as {"loss": loss}, not NoneType'),
    (STEP, "return loss", 1, 'Mean.step must return a dict of figures, such as {"loss": loss}, not Tensor'),
    (STEP, "return {'loss': 'high'}", 1, "Mean.step returned loss of str: a figure is a single number"),
    (STEP, "return {1: loss}", 1, "Mean.step returned a figure 1: call it otherwise, a name is a text"),
])  # fmt: skip
def test_what_its_methods_must_do_is_one_sentence(old, new, code, says, mine, data, minigan):
    from minigan.algorithms import registry

    registry._loaded.clear()  # as in a new process
    assert old in MINE
    mine.write_text(MINE.replace(old, new))
    said = minigan("train", "--algorithm", "mine.py:Mean", "--data", data, "--epochs", 1)
    assert said.code == code and said.err.splitlines()[-1].startswith(
        ("minigan train: Mean", "minigan train: algorithm")
    )
    assert says in said.err.splitlines()[-1] and "Traceback" not in said.err


def test_samples_that_are_no_tensor_are_said(mine, data, minigan):
    mine.write_text(MINE.replace('return self.networks["G"](self.tensor(rng', 'self.networks["G"](self.tensor(rng'))
    said = minigan("train", "--algorithm", "mine.py:Mean", "--data", data, "--epochs", 1)
    assert (
        said.code == 0 and "Mean: samples must be a Tensor, as G returns it, not NoneType): training goes" in said.err
    )
    says = "minigan sample: Mean: samples must be a Tensor, as G returns it, not NoneType\n"
    assert minigan("sample").err.endswith(says)


def test_it_trains_and_goes_on_as_if_it_had_never_stopped(mine, data, minigan, tmp_path, monkeypatch):
    line = ["train", "--algorithm", "mine.py:Mean", "--data", data, "--batch-size", 8, "--width", 3, "--ema-decay", 0.9]
    assert minigan(*line, "--epochs", 4, "--out", "whole").code == 0
    said = minigan(*line, "--epochs", 2)
    assert said.code == 0 and "Mean (Mean: G 3,163 weights) on " in said.err and "  loss 0." in said.err
    folder = tmp_path / "runs" / "00000-Mean-noise-s0"
    config = Config.load(folder / "config.json")
    assert config.algorithm == f"{mine}:Mean"  # as it is found from any folder
    assert config.options == {"width": 3, "keep": 0.5, "biased": True}

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert minigan("train", "--resume", folder, "--epochs", 4).code == 0
    whole, resumed = left_by(tmp_path / "whole" / folder.name), left_by(folder)
    assert resumed == whole and resumed["state.seen"] == 4 * 40
    assert {"G.2.weight", "G_ema.2.weight", "opt_G.exp_avg.0", "streams.noise"} <= resumed.keys()
    losses = [line["loss"] for line in resumed["stats"]]
    assert losses[-1] < losses[0]


def test_the_guide_s_gan_trains_and_goes_on_as_if_it_had_never_stopped(data, minigan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    guide = (Path(__file__).resolve().parents[2] / "lessons" / "your-own-gan.md").read_text(encoding="utf-8")
    Path("mine.py").write_text(re.search(r"<!-- file: mine.py -->\n```python\n(.*?)```", guide, re.DOTALL)[1])
    name = re.search(r"--algorithm (mine.py:\w+)", guide)[1]
    line = ["train", "--algorithm", name, "--data", data, "--batch-size", 8, "--ema-decay", 0.9, "--out"]
    assert minigan(*line, "whole", "--epochs", 3).code == 0
    assert minigan(*line, "runs", "--epochs", 1).code == 0
    assert minigan("train", "--resume", "last", "--epochs", 3).code == 0
    (whole,), (resumed,) = Path("whole").iterdir(), Path("runs").iterdir()
    assert left_by(whole) == left_by(resumed)
    kinds = {key.partition(".")[0] for key in left_by(resumed)}
    assert kinds >= {"G", "D", "opt_G", "opt_D", "G_ema", "streams", "state"}
    assert minigan("sample", "--out", "digits.png", "--out", "way.gif").code == 0
    assert minigan("trace", "--html", "step.html").code == 0


def test_what_it_learnt_is_drawn_and_traced(mine, data, minigan):
    line = ["train", "--algorithm", "mine.py:Mean", "--data", data, "--batch-size", 8, "--epochs", 1]
    assert minigan(*line).code == 0
    assert minigan("sample", "--n", 5, "--out", "a.npz", "--out", "a.png").code == 0
    with np.load("a.npz") as file:
        assert file["images"].shape == (5, 1, 28, 28)
    assert minigan("trace", "--out", "step.json").code == 0
    for option, says in (
        (["--label", 1], "--label: Mean takes no labels"),
        (["--out", "a.gif"], "Mean has no z_dim, so there is no noise to go a way in"),
    ):
        said = minigan("sample", *option)
        assert said.code == 2 and said.err.splitlines()[-1].endswith(says)


def test_a_moved_file_is_named_again(mine, data, minigan, tmp_path):
    line = ["train", "--algorithm", "mine.py:Mean", "--data", data, "--batch-size", 8]
    assert minigan(*line, "--epochs", 1).code == 0
    mine.rename(tmp_path / "moved.py")
    from minigan.algorithms import registry

    registry._loaded.clear()  # as in a new process
    said = minigan("train", "--resume", "last", "--epochs", 2)
    assert said.code == 1 and f"there is no file {mine}" in said.err and said.err.count("\n") == 1
    said = minigan("train", "--resume", "last", "--epochs", 2, "--algorithm", "moved.py:Mean")
    assert said.code == 0, said.err
    assert Config.load("runs/00000-Mean-noise-s0/config.json").algorithm == f"{tmp_path / 'moved.py'}:Mean"


@pytest.mark.parametrize(
    "place", ["{run}/mine.py", "{run}/ckpt/../mine.py", "{run}/ckpt/mine.py", "mine.py", "link.py"]
)
def test_an_algorithm_that_came_with_the_checkpoint_is_never_run(place, mine, data, minigan, tmp_path):
    assert minigan("train", "--algorithm", "mine.py:Mean", "--data", data, "--batch-size", 8, "--epochs", 1).code == 0
    folder = tmp_path / "runs" / "00000-Mean-noise-s0"
    for inside in (folder / "mine.py", folder / "ckpt" / "mine.py"):
        shutil.copy(mine, inside)
    if place == "link.py":
        (tmp_path / place).symlink_to(folder / "mine.py")
        place = str(tmp_path / place)
    last = folder / "ckpt" / "last.safetensors"
    saved = load_checkpoint(last)
    planted = f"{place.format(run=folder)}:Mean"
    text = saved.config.to_json().replace(f"{mine}:Mean", planted)
    assert planted in text
    save_checkpoint(last, Checkpoint(saved.arrays, saved.progress, SimpleNamespace(to_json=lambda: text), saved.info))
    for mark in tmp_path.rglob("*.was-run"):
        mark.unlink()
    for command in (["sample", folder], ["trace", folder], ["train", "--resume", folder, "--epochs", 2]):
        said = minigan(*command)
        assert said.code == 1 and f"{planted}, which lies in the run's own folder" in said.err and "trust" in said.err
    assert not list(tmp_path.rglob("*.was-run"))

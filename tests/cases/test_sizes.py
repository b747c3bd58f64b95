"""Models of other sizes of images, and data as a run was told to read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minigan as mg
from minigan import models, nn
from minigan.algorithms import Algorithm
from minigan.data import ArrayDataset, load
from minigan.options import ConfigError
from minigan.training import Config, images, prepare, start
from minigan.training.checkpoint import load_checkpoint

WIDE = np.random.default_rng(0).integers(0, 256, (8, 50, 70, 3), dtype=np.uint8)
DCGAN = ("dcgan64", "face")
SIZES = (32, 64, 128)


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    monkeypatch.setattr(images, "save_curves", lambda path, stats, labels: path.write_bytes(b"curves"))


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


# --- sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DCGAN)
def test_case_34_a_block_more_or_less_makes_images_of_another_size(name, size):
    """pytorch/examples#70."""
    mg.manual_seed(0)
    G, D = models.build(name, 3, size=size)
    z = mg.Tensor(np.random.default_rng(0).standard_normal((2, G.z_dim)).astype("float32"))
    fake = G(z)
    assert fake.shape == (2, 3, size, size) and G.image_size == size
    assert D(fake).shape == (2, 1)
    blocks = {32: 3, 64: 4, 128: 5}[size]
    halved = [m for m in D.modules() if isinstance(m, nn.Conv2d) and m.stride in (2, (2, 2))]
    doubled = [m for m in G.modules() if isinstance(m, nn.ConvTranspose2d) and m.stride in (2, (2, 2))]
    assert len(halved) == len(doubled) == blocks
    first = models.build(name, 3)[1].main[0].weight.shape[0]
    assert [m.weight.shape[0] for m in halved] == [first * 2**i for i in range(blocks)]


@pytest.mark.parametrize("name", DCGAN)
def test_case_34_the_model_s_own_size_is_the_same_model_named_or_not(name):
    states = []
    for size in (None, 64):
        mg.manual_seed(0)
        states.append([network.state_dict() for network in models.build(name, 1, size=size)])
    for a, b in zip(*states, strict=True):
        assert list(a) == list(b)
        assert all((a[key] == b[key]).all() for key in a)


@pytest.mark.parametrize("model, size, says", [
    ("dcgan64", 48, "must be 32, 64 or 128 for the model dcgan64$"),
    ("dcgan28", 64, "must be 28 for the model dcgan28; dcgan64, face and pggan can draw 64×64"),
    ("quick28", 32, "must be 28 for the model quick28; dcgan64, face and pggan can draw 32×32"),
    ("face", 256, "must be 32, 64 or 128 for the model face$"),
])  # fmt: skip
def test_case_34_a_size_that_a_model_cannot_draw_is_a_sentence(model, size, says, call, tmp_path):
    with pytest.raises(ConfigError, match=f"^size is {size}, but {says}"):
        Config.for_model(model, size=size)
    with pytest.raises(ConfigError, match=f"^size is {size}"):
        models.build(model, 1, 3, size=size)
    code, _, said = call("train", "--model", model, "--size", size, "--out", tmp_path)
    assert code == 2 and f"size is {size}, but" in said and not list(tmp_path.iterdir())


def test_case_34_a_size_of_its_own_may_be_named_of_any_model():
    for name in (name for name in models.MODELS if models.sizes(name)):
        own = models.MODELS[name].Generator.image_size
        assert Config.for_model(name, size=own).make_algorithm().image_size == own
    assert Config.for_model("dcgan64", size=32).make_algorithm().image_size == 32


def test_case_34_a_run_knows_its_size_when_it_is_resumed_sampled_and_traced(call, tmp_path):
    data = saved(tmp_path / "wide.npz", images=WIDE)
    runs, out = tmp_path / "runs", tmp_path / "drawn.npz"
    line = ["train", "--model", "dcgan64", "--size", 32, "--data", data, "--out", runs, "--batch-size", 4, "--grid", 2]
    code, _, said = call(*line, "--steps", 1)
    assert code == 0 and "8 colour images 32×32" in said
    folder = runs / "00000-dcgan64-wide-s0"
    assert json.loads((folder / "config.json").read_text())["size"] == 32
    assert load_checkpoint(folder / "ckpt/last.safetensors").info.size == (32, 32)

    code, _, said = call("train", "--resume", folder, "--steps", 2, "--size", 64)
    assert code == 2 and "size cannot be changed when a run is resumed" in said
    assert call("train", "--resume", folder, "--steps", 2)[0] == 0
    assert load_checkpoint(folder / "ckpt/last.safetensors").progress["step"] == 2

    assert call("sample", folder, "--n", 3, "--out", out)[0] == 0
    assert np.load(out)["images"].shape == (3, 3, 32, 32)
    assert call("trace", folder, "--out", tmp_path / "trace.json")[0] == 0
    assert "[4,3,32,32]" in (tmp_path / "trace.json").read_text()
    fresh = ["trace", "--model", "dcgan64", "--size", 32, "--data", data, "--runs", runs, "--out", tmp_path / "f.json"]
    code, _, said = call(*fresh)
    assert code == 0 and "[8,3,32,32]" in (tmp_path / "f.json").read_text()


def test_case_34_a_run_from_before_there_were_sizes_goes_on(tmp_path):
    data = saved(tmp_path / "grey.npz", images=WIDE[..., 0])
    run = start(Config.for_model("mlp", data=str(data), batch_size=4, steps=1, grid=2), tmp_path / "runs")
    run.train()
    older = json.loads(run.config.to_json())
    for name in ("size", "value_range", "key", "skip_broken", "flip", "max_bytes"):
        del older[name]
    assert Config.from_json(json.dumps(older)) == run.config


# --- how the data is read --------------------------------------------------------------------------

DEEP = np.random.default_rng(1).integers(0, 1024, (6, 28, 28), dtype=np.uint16)
READ = {
    "value_range": (["--value-range", -1, 2000.5], (-1.0, 2000.5)),
    "key": (["--key", "mine"], "mine"),
    "skip_broken": (["--skip-broken"], True),
    "flip": (["--flip"], True),
    "max_bytes": (["--max-bytes", "4G"], 4 * 2**30),
}


@pytest.mark.parametrize("name", READ)
def test_case_28_how_data_is_read_is_an_option_of_a_run_and_saved_with_it(name, call, tmp_path):
    data = saved(tmp_path / "deep.npz", mine=DEEP, images=DEEP // 2)
    line, value = READ[name]
    code, out, said = call("train", "--data", data, *line, "--dry-run")
    assert code == 0, said
    config = Config.from_json(out)
    assert getattr(config, name) == value
    options = {"value_range": None, "key": None, "skip_broken": False, "flip": False, "max_bytes": None, name: value}
    expected = load(data, 28, None, **options)
    assert prepare(config).data.fingerprint == expected.fingerprint
    if name not in ("skip_broken", "max_bytes"):
        assert expected.fingerprint != load(data, 28).fingerprint


@pytest.mark.parametrize("low", ["-1e3", "-1.", "-.5", "-1_000", "1e-3"])
def test_case_28_a_range_may_begin_below_zero(low, call, tmp_path):
    data = saved(tmp_path / "deep.npz", images=DEEP)
    code, out, said = call("train", "--data", data, "--value-range", low, "2e3", "--dry-run")
    assert code == 0 and json.loads(out)["value_range"] == [float(low), 2000.0], said


@pytest.mark.parametrize("text, value", [
    ("4G", 2**32), ("4g", 2**32), ("4GB", 2**32), ("4GiB", 2**32), ("1.5K", 1536), ("3M", 3 * 2**20), ("2T", 2**41),
    ("12345", 12345), ("7 MiB", 7 * 2**20),
])  # fmt: skip
def test_case_32_a_limit_in_bytes_as_people_write_it(text, value, call, tmp_path):
    data = saved(tmp_path / "grey.npz", images=WIDE[..., 0])
    code, out, said = call("train", "--data", data, "--max-bytes", text, "--dry-run")
    assert (code, json.loads(out)["max_bytes"]) == (0, value) if value > 30_000 else code == 1 and "at most" in said


@pytest.mark.parametrize("line", [
    ["--max-bytes", "much"], ["--max-bytes", "0"], ["--max-bytes", "-1"], ["--max-bytes", "4X"], ["--key", ""],
    ["--max-bytes", "²"], ["--value-range", "0", "white"], ["--value-range", "1", "0"], ["--value-range", "0"],
    ["--value-range", "0", "inf"], ["--value-range", "nan", "1"],
], ids=" ".join)  # fmt: skip
def test_case_28_options_of_reading_that_make_no_sense(line, call, tmp_path):
    code, _, said = call("train", *line, "--out", tmp_path)
    assert code == 2 and "Traceback" not in said and said.strip().count("\n") == 0


def test_case_28_a_run_reads_its_data_again_as_it_did(call, tmp_path):
    """On --resume, in another place too, and for a trace."""
    for k, image in enumerate(WIDE):
        folder = tmp_path / "photos"
        folder.mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"{k}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    line = ["train", "--model", "mlp", "--data", folder, "--out", tmp_path / "runs", "--batch-size", 4, "--grid", 2]
    code, _, said = call(*line, "--steps", 1)
    assert code == 1 and "--skip-broken" in said
    code, _, said = call(*line, "--steps", 1, "--skip-broken", "--flip")
    assert code == 0 and "16 colour images" in said and "broken" in said
    run = tmp_path / "runs" / "00000-mlp-photos-s0"
    assert call("trace", run, "--out", tmp_path / "trace.json")[0] == 0
    moved = folder.rename(tmp_path / "moved")
    code, _, said = call("train", "--resume", run, "--steps", 2, "--data", moved, "--max-bytes", "1G")
    assert code == 0, said
    config = Config.load(run / "config.json")
    assert (config.skip_broken, config.flip, config.max_bytes) == (True, True, 2**30)
    code, _, said = call("train", "--resume", run, "--steps", 3, "--no-flip")
    assert code == 2 and "flip cannot be changed when a run is resumed" in said


def test_case_28_a_trace_of_other_data_may_be_told_how_to_read_it(call, tmp_path):
    plain = saved(tmp_path / "plain.npz", images=WIDE[..., 0])
    other = saved(tmp_path / "other.npz", mine=DEEP)
    line = ["--data", other, "--runs", tmp_path, "--out", tmp_path / "trace.json"]
    assert call("trace", "--model", "mlp", *line, "--key", "mine", "--value-range", 0, 4095)[0] == 0
    assert call("train", "--model", "mlp", "--data", plain, "--out", tmp_path, "--steps", 1, "--grid", 2)[0] == 0
    code, _, said = call("trace", "last", *line)
    assert code == 1 and "--key" in said
    assert call("trace", "last", *line, "--key", "mine")[0] == 0


@dataclass(eq=False)
class Points(Algorithm):
    """Makes its own data, as one that was written before there were such options."""

    def setup(self, data):
        self.networks = {"G": nn.Dense(2, 2)}
        self.optimizers = {"G": mg.optim.SGD(self.networks["G"].parameters(), 0.1)}

    def step(self, batches):
        return {"loss": self.networks["G"](next(batches).x).sum()}

    def load_data(self, spec, channels):
        return ArrayDataset({"x": np.ones((4, 2), "float32")}, spec, "points")


def test_case_28_an_algorithm_that_reads_its_own_data_goes_on_working():
    mine = f"{Path(__file__)}:Points"
    assert len(prepare(Config.choose(algorithm=mine, data="ring")).data) == 4
    with pytest.raises(ConfigError, match=r"^--skip-broken, --flip: Points\.load_data knows no such option$"):
        prepare(Config.choose(algorithm=mine, data="ring", flip=True, skip_broken=True))

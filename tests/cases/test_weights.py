"""Weights that come from elsewhere: from another run, from PyTorch, in 16-bit numbers."""

from __future__ import annotations

import json
import re
import struct
import warnings

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import minigan as mg
from minigan import backend, models, nn
from minigan.training import CheckpointError, Config, images, prepare, resume, start
from minigan.training.checkpoint import _digest, load_checkpoint
from minigan.training.safetensors_file import read_safetensors

pytestmark = pytest.mark.host_only("about files; what they hold is compared as NumPy's arrays")
PICTURES = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    monkeypatch.setattr(images, "save_curves", lambda path, stats, labels: path.write_bytes(b"curves"))


@pytest.fixture
def data(tmp_path):
    """data(n): the path of a file of n images."""

    def make(n=8):
        np.savez(tmp_path / f"images{n}.npz", images=PICTURES[:n])
        return str(tmp_path / f"images{n}.npz")

    return make


@pytest.fixture
def begin(tmp_path, data):
    """begin(**choices): a new run of quick28, on eight images, for two steps."""

    def make(**choices):
        usual = {"model": "quick28", "data": data(), "batch_size": 4, "steps": 2, "grid": 2, "ema_decay": 0.0}
        usual["device"] = str(backend.get_default_device())
        return start(Config.choose(usual | choices), tmp_path / "runs")

    return make


@pytest.fixture
def trained(begin):
    """The last checkpoint of such a run."""
    run = begin()
    run.train()
    return run.run_dir.last_checkpoint


def state_of(network, seed=5):
    """A state that fits the network, of other numbers than it has, some of which 16 bits cannot hold."""
    rng = np.random.default_rng(seed)
    state = network.state_dict()
    drawn = {name: rng.uniform(0.1, 1, a.shape).astype("float32") for name, a in state.items() if a.dtype.kind == "f"}
    return {name: np.asarray(drawn.get(name, np.array(7)), order="C") for name in state}


def as_bfloat16(array):
    """(bytes, values): the upper halves of float32 numbers, as a file holds them, and what they stand for."""
    halves = (np.ascontiguousarray(array, "<f4").view("<u4") >> 16).astype("<u2")
    return halves.tobytes(), (halves.astype("u4") << 16).view("f4").reshape(array.shape)


def save_bfloat16(path, state, metadata=None):
    """Write a safetensors file whose floating arrays are bfloat16; what it holds, as float32."""
    header, parts, at, values = {"__metadata__": metadata or {"format": "pt"}}, [], 0, {}
    for name, array in state.items():
        raw, values[name] = as_bfloat16(array) if array.dtype.kind == "f" else (array.astype("<i8").tobytes(), array)
        dtype = "BF16" if array.dtype.kind == "f" else "I64"
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [at, at + len(raw)]}
        parts, at = [*parts, raw], at + len(raw)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
    return values


def assert_same(network, state):
    found = network.state_dict()
    assert found.keys() == state.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, state[name], err_msg=name)


# --- a new run with the weights of another ---------------------------------------------------------


def test_case_29_a_new_run_begins_with_the_weights_of_another_and_other_choices(begin, trained, data):
    """stylegan2-ada#4, stylegan2-pytorch#50: another rate, more images."""
    run = begin(init_from=str(trained), lr_G=0.5, seed=9, data=data(12), steps=None, epochs=1)
    before = load_checkpoint(trained).arrays
    for name, network in run.algorithm.networks.items():
        assert_same(network, {key[2:]: a for key, a in before.items() if key.startswith(f"{name}.")})
    assert run.step == 0 and len(run.data) == 12 and run.algorithm.optimizers["G"].lr == 0.5
    assert not any(moment.any() for moment in run.algorithm.optimizers["G"].state_dict().values() if np.ndim(moment))
    assert run.config.init_from == str(trained.resolve())
    run.train()
    assert not (run.run_dir.path / "ckpt").samefile(trained.parent)
    trained.unlink()  # it is needed once only
    assert load_checkpoint(run.run_dir.last_checkpoint).progress["step"] == 3
    more = resume(run.run_dir.last_checkpoint, epochs=2)
    more.train()
    assert more.step == 6 and more.config.init_from == str(trained)


def test_case_29_it_is_said_what_was_taken_and_what_was_not(begin, trained, call, tmp_path):
    file = tmp_path / "changed.safetensors"
    arrays = {name: a for name, a in load_checkpoint(trained).arrays.items() if not name.startswith("opt_D")}
    arrays["G.main.0.weight"] = np.zeros((256, 65), "float32")
    arrays["D.main.0.bias"] = arrays["D.main.0.bias"].astype("int64")
    arrays["E.weight"] = np.zeros(3, "float32")
    del arrays["G.main.1.bias"]
    save_file({name: np.asarray(a, order="C") for name, a in arrays.items()}, file)
    fresh = begin().algorithm.networks["G"].state_dict()
    run = begin(init_from=str(file))
    G, D = (network.state_dict() for network in run.algorithm.networks.values())
    for name in ("main.0.weight", "main.1.bias"):
        np.testing.assert_array_equal(G[name], fresh[name])
    np.testing.assert_array_equal(G["main.3.weight"], arrays["G.main.3.weight"])
    assert not D["main.0.bias"].any()
    log = (run.run_dir.path / "log.txt").read_text()
    n, m = len(G), len(D)
    assert f"initial weights from {file}\n" in log
    shapes = "G.main.0.weight (256×65 there, 256×64 here)"
    assert f"G: {n - 2} of {n} arrays were taken; of another shape or kind: {shapes}; not in it: G.main.1.bias\n" in log
    kinds = "D.main.0.bias (24 of int64 there, 24 of float32 here)"
    assert f"D: {m - 1} of {m} arrays were taken; of another shape or kind: {kinds}\n" in log
    assert "the optimisers begin anew\nleft out: E.weight\n" in log
    code, _, said = call("train", "--model", "quick28", "--data", run.config.data, "--init-from", file, "--dry-run")
    assert code == 0 and shapes in said and "left out: E.weight" in said


def test_case_29_averaged_weights_come_along_or_begin_as_their_network_s(begin, trained, tmp_path):
    run = begin(init_from=str(trained), ema_decay=0.5)
    G = {key[2:]: a for key, a in load_checkpoint(trained).arrays.items() if key.startswith("G.")}
    assert_same(run.ema.networks["G"], G)
    run.train()
    averaged = load_checkpoint(run.run_dir.last_checkpoint).arrays
    again = begin(init_from=str(run.run_dir.path), ema_decay=0.9)
    assert_same(again.ema.networks["G"], {k[6:]: a for k, a in averaged.items() if k.startswith("G_ema.")})
    assert_same(again.algorithm.networks["G"], {k[2:]: a for k, a in averaged.items() if k.startswith("G.")})
    without = begin(init_from=str(run.run_dir.path))
    assert "left out: G_ema.main" in (without.run_dir.path / "log.txt").read_text()


def test_case_29_averaged_weights_of_minigan_0_1_come_along(begin, trained, tmp_path):
    arrays = load_file(trained)
    averages = {f"G_avg.{name[2:]}": a * 2 for name, a in arrays.items() if name.startswith("G.")}
    averages = {name: np.asarray(a) for name, a in averages.items()}
    header = {"format": "minigan-checkpoint", "version": "1"}
    path = tmp_path / "old.safetensors"
    save_file(arrays | averages, path, header | {"sha256": _digest(arrays | averages, header)})
    run = begin(init_from=str(path), ema_decay=0.5)
    assert_same(run.ema.networks["G"], {name[6:]: a for name, a in averages.items()})


def test_case_29_on_the_command_line_the_other_run_s_choices_stay_but_for_those_named(call, trained, data, tmp_path):
    runs = tmp_path / "runs"
    old = load_checkpoint(trained).config
    code, out, said = call("train", "--init-from", "last", "--out", runs, "--lr", 0.25, "--epochs", 3, "--dry-run")
    new = Config.from_json(out)
    assert code == 0 and f"choices as in {trained}, but for those named here" in said
    expected = {"lr_G": 0.25, "lr_D": 0.25, "epochs": 3, "steps": None, "init_from": str(trained), "device": "auto"}
    assert new.choices() == old.choices() | expected
    code, out, said = call("train", "--init-from", trained, "--model", "critic28", "--data", data(), "--dry-run")
    assert code == 0 and Config.from_json(out) == Config.for_model(
        "critic28", data=data(), channels=1, init_from=str(trained)
    )
    assert "G: all " in said and re.search(r"D: \d+ of \d+ arrays were taken", said)


@pytest.mark.parametrize("line, code, says", [
    (["--resume", "last"], 2, "--init-from and --resume exclude each other"),
    (["--init-from", "nowhere.safetensors"], 1, "there is no checkpoint nowhere.safetensors"),
    (["--init-from", ""], 2, "is not last or a path"),
    (["--model", "mlp"], 1, "has no weights that fit mlp: it holds D.main"),
])  # fmt: skip
def test_case_29_what_cannot_be_begun_with_is_a_sentence(line, code, says, call, trained, data, tmp_path):
    line = line if "--init-from" in line else ["--init-from", trained, *line]
    found, _, said = call("train", *line, "--data", data(), "--out", tmp_path / "runs")
    assert (found, says in said, "Traceback" in said) == (code, True, False), said
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_case_29_resuming_with_other_choices_or_data_points_to_it(call, trained, data, tmp_path):
    for line in (["--lr", 1], ["--data", data(12), "--steps", 4]):
        code, _, said = call("train", "--resume", trained, *line)
        assert code in (1, 2) and "--init-from" in said


def test_case_29_a_damaged_checkpoint_is_not_begun_with(begin, trained):
    content = bytearray(trained.read_bytes())
    content[-3] ^= 1
    trained.write_bytes(content)
    with pytest.raises(CheckpointError, match="does not fit its checksum"):
        prepare(Config.for_model("quick28", init_from=str(trained)))


# --- files of other programs -----------------------------------------------------------------------


def file_of(path, networks, dtype="float32", prefix="", counts=True):
    """Write a safetensors file of these networks' states by names; what it holds, as float32 and by its own names."""
    states = {f"{net}.{name}": a for net, module in networks.items() for name, a in state_of(module).items()}
    kept = {name.removeprefix("."): a for name, a in states.items() if counts or "num_batches" not in name}
    named = {prefix + name: a for name, a in kept.items()}
    if dtype == "bfloat16":
        values = save_bfloat16(path, named)
    else:
        named = {name: a.astype(dtype) if a.dtype.kind == "f" else a for name, a in named.items()}
        save_file(named, path)
        values = {name: a.astype("float32") for name, a in named.items()}
    return {name.removeprefix(prefix): a for name, a in values.items()}


@pytest.mark.parametrize("counts", [True, False], ids=["counts", "no counts"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_case_30_any_safetensors_file_is_begun_with_and_that_is_said(dtype, prefix, counts, begin, tmp_path):
    """safetensors#598, pytorch/vision: 16-bit numbers, the prefix of a wrapper, no num_batches_tracked."""
    G, D = models.build("quick28")
    path = tmp_path / "theirs.safetensors"
    values = file_of(path, {"G": G, "D": D}, dtype, prefix, counts)
    run = begin(init_from=str(path))
    for name, network in run.algorithm.networks.items():
        zeros = {key: 0 for key in network.state_dict() if "num_batches" in key and not counts}
        assert_same(network, zeros | {key[2:]: a for key, a in values.items() if key.startswith(f"{name}.")})
    log = (run.run_dir.path / "log.txt").read_text()
    assert ("read without a wrapper's prefix" in log) == bool(prefix)
    assert ("num_batches_tracked missing, left as it was: 4\n" in log) == (not counts)
    assert ("16-bit numbers read as float32" in log) == (dtype == "float16")
    assert ("bfloat16 read as float32" in log) == (dtype == "bfloat16")
    run.train()


@pytest.mark.parametrize("which", ["G", "D"])
def test_case_30_a_file_of_one_network_is_taken_for_the_one_that_it_fits(which, begin, tmp_path):
    """dcgan64's networks have the same names, and other shapes."""
    networks = dict(zip("GD", models.build("dcgan64", 1, size=32), strict=True))
    path = tmp_path / "theirs.safetensors"
    values = file_of(path, {"": networks[which]}, "float16", "module.", False)
    run = begin(model="dcgan64", size=32, channels=1, init_from=str(path))
    found = run.algorithm.networks[which].state_dict()
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    other = "D" if which == "G" else "G"
    log = (run.run_dir.path / "log.txt").read_text()
    assert f"the file is of one network, and was read as {which}\n" in log and f"\n{other} is not in it\n" in log


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_case_30_a_checkpoint_that_was_made_shorter_is_begun_with_though_its_checksum_is_another_one_s(
    dtype, begin, trained, call, tmp_path
):
    arrays = load_file(trained)
    with safe_open(trained, "numpy") as file:
        header = file.metadata()
    path = tmp_path / "short.safetensors"
    if dtype == "bfloat16":
        expected = save_bfloat16(path, arrays, header)
    else:
        expected = {name: a.astype("float16") if a.dtype.kind == "f" else a for name, a in arrays.items()}
        save_file(expected, path, header)
    run = begin(init_from=str(path))
    assert_same(run.algorithm.networks["D"], {name[2:]: a for name, a in expected.items() if name.startswith("D.")})
    code, _, said = call("train", "--resume", path)
    assert code == 1 and "not a checkpoint of minigan's" in said and "--init-from" in said


def test_case_29_a_count_of_batches_goes_with_its_layer_s_statistics(begin, trained, tmp_path):
    """Else a file of another model would fit in its counts alone."""
    arrays = load_file(trained)
    changed = {n: a[:-1] if n.startswith("G.") and a.ndim else a for n, a in arrays.items()}
    path = tmp_path / "other.safetensors"
    save_file({name: np.ascontiguousarray(a) if a.ndim else a for name, a in changed.items()}, path)
    run = begin(init_from=str(path))
    G = run.algorithm.networks["G"].state_dict()
    assert not any(a.any() for name, a in G.items() if "num_batches" in name)
    assert (
        f"\nG: 0 of {len(G)} arrays were taken; of another shape or kind: G.main.0.weight (255×64"
        in (run.run_dir.path / "log.txt").read_text()
    )
    save_file({n: np.ascontiguousarray(a) if a.ndim else a for n, a in changed.items() if n.startswith("G.")}, path)
    with pytest.raises(CheckpointError, match="has no weights that fit quick28"):
        begin(init_from=str(path))


def test_case_30_a_checkpoint_is_not_called_damaged_for_its_bfloat16(tmp_path, call):
    path = tmp_path / "theirs.safetensors"
    save_bfloat16(path, state_of(models.build("mlp")[0]))
    for command in (["sample", path], ["train", "--resume", path]):
        code, _, said = call(*command)
        assert code == 1 and "a safetensors file, but not a checkpoint of minigan's" in said and "--init-from" in said


@pytest.mark.parametrize("first", [b"PK\x03\x04", b"\x80\x02}q"], ids=["zip", "pickle"])
def test_case_30_a_file_of_torch_save_is_a_sentence(first, tmp_path, call):
    (tmp_path / "netG.pth").write_bytes(first + bytes(100))
    code, _, said = call("train", "--model", "mlp", "--init-from", tmp_path / "netG.pth", "--out", tmp_path)
    assert code == 1 and "safetensors.torch.save_file" in said and "Traceback" not in said


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2"])
def test_case_30_numbers_that_are_not_read_are_named_and_not_called_damage(dtype, tmp_path, call):
    text = json.dumps({"G.a": {"dtype": dtype, "shape": [4], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    code, _, said = call("train", "--init-from", tmp_path / "a.safetensors", "--out", tmp_path)
    assert code == 1 and f"numbers of {dtype}, which are not read" in said and "damaged" not in said


def test_case_30_a_header_of_any_length_is_read(tmp_path):
    """The first bytes are its length, and may be those of a pickle."""
    for length in (0x280, 0x380, 0x480):
        text = json.dumps({"G.a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode().ljust(length)
        (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", length) + text + struct.pack("<f", 0.5))
        assert read_safetensors(tmp_path / "a.safetensors").arrays["G.a"] == 0.5


# --- Module.load_state_dict ------------------------------------------------------------------------


class Theirs:
    """As PyTorch's tensor: no array of NumPy's, with a dtype of its own."""

    dtype = "torch.bfloat16"

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def float(self):
        return self.values

    def __array__(self, *_, **__):
        raise TypeError("Got unsupported ScalarType BFloat16")


def small():
    mg.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm(3), nn.Flatten(), nn.Dense(12, 2))


HABITS = {
    "float16": (lambda s: {n: a.astype("float16") if a.dtype.kind == "f" else a for n, a in s.items()}, "16-bit.*: 8$"),
    "bfloat16": (lambda s: {n: Theirs(a) if a.dtype.kind == "f" else a for n, a in s.items()}, "16-bit.*: 8$"),
    "module": (lambda s: {f"module.{n}": a for n, a in s.items()}, "prefix.*: 9$"),
    "compiled": (lambda s: {f"_orig_mod.{n}": a for n, a in s.items()}, "prefix.*: 9$"),
    "counts": (lambda s: {n: a for n, a in s.items() if "num_batches" not in n}, "num_batches_tracked missing.*: 1$"),
}


@pytest.mark.parametrize("habit", HABITS)
def test_case_30_load_state_dict_takes_what_others_leave_differently_and_warns(habit):
    change, says = HABITS[habit]
    model = small()
    model[1].num_batches_tracked.copy_(4)
    state = state_of(model)
    given = change(state)
    with pytest.warns(UserWarning, match=f"^Sequential.load_state_dict: .*{says}") as caught:
        model.load_state_dict(given)
    assert len(caught) == 1 and caught[0].filename == __file__
    expected = {n: a.astype("float16") if habit == "float16" and a.dtype.kind == "f" else a for n, a in state.items()}
    if habit == "counts":
        expected["1.num_batches_tracked"] = 4
    assert_same(model, expected)
    assert all(p.dtype == "float32" for p in model.parameters())


def test_case_30_a_state_of_its_own_kind_is_taken_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small()
        model.load_state_dict(state_of(model))
        model.load_state_dict({n: a.astype("float64") for n, a in state_of(model).items()})
        wrapper = nn.ModuleDict({"module": nn.Dense(2, 3)})  # a name of its own is no wrapper's
        state = state_of(wrapper)
        wrapper.load_state_dict(state)
    assert_same(wrapper, state)


@pytest.mark.parametrize("change, says", [
    (lambda s: s.pop("1.running_var"), r"missing 1\.running_var$"),
    (lambda s: s.pop("0.weight"), r"missing 0\.weight$"),
    (lambda s: s.update({"module.0.weight": s["0.weight"]}), r"not known here module\.0\.weight$"),
    (lambda s: s.update({"module.9.weight": s["0.weight"]}), r"not known here module\.9\.weight$"),
    (lambda s: [s.pop(n) for n in list(s) if n.startswith("1.")], "missing 1.bias, 1.num_batches_tracked"),
])  # fmt: skip
def test_case_30_what_is_wrong_in_a_state_is_still_refused(change, says):
    model = small()
    state = state_of(model)
    change(state)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    with pytest.raises(ValueError, match=says):
        model.load_state_dict(state)
    assert_same(model, before)


def test_case_30_what_minigan_writes_is_read_by_safetensors_itself(trained):
    arrays = load_file(trained)
    model = models.build("quick28")[0]
    model.load_state_dict({name[2:]: a for name, a in arrays.items() if name.startswith("G.")})
    assert_same(model, {name[2:]: a for name, a in arrays.items() if name.startswith("G.")})

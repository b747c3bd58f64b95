"""The trained GAN that comes with minigan: the file that the code names, small, and worth looking at."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import models
from minigan.metrics import digit_probabilities
from minigan.training import Config, example, start
from minigan.training.checkpoint import CheckpointError, read_weights
from minigan.training.recording import trace_example
from minigan.training.train_example import main, packed


def test_its_weights_are_small_and_those_that_the_code_names():
    assert example.example_weights() == example.WEIGHTS
    assert example.WEIGHTS.stat().st_size < 400_000


def test_altered_and_missing_weights_are_refused(tmp_path):
    raw = bytearray(example.WEIGHTS.read_bytes())
    raw[-1] ^= 1
    path = tmp_path / "example.safetensors"
    path.write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"altered: SHA-256 .* found, .* needed; reinstall minigan$"):
        example.example_weights(path)
    with pytest.raises(CheckpointError, match="reinstall minigan$"):
        example.example_weights(tmp_path / "none")


def test_it_draws_digits():
    G = models.build(example.MODEL)[0].to("cpu")
    arrays = {n: a.astype("f4") if a.dtype == "f2" else a for n, a in read_weights(example.WEIGHTS).arrays.items()}
    G.load_state_dict({name[2:]: array for name, array in arrays.items() if name.startswith("G.")})
    G.eval()
    z = np.random.default_rng(0).standard_normal((200, G.z_dim), "float32")
    with mg.no_grad():
        images = G(mg.Tensor(z, device="cpu")).numpy()
    probabilities = digit_probabilities(images)
    assert (probabilities.max(1) > 0.9).mean() > 0.6 and len(set(probabilities.argmax(1))) == 10


def test_a_step_of_it_is_one_of_trained_networks():
    trace = trace_example(device="cpu")
    assert (trace.about["model"], trace.about["at"]) == ("small28", example.STEPS + 1)
    (fakes,) = {call.output.mean for call in trace.calls if call.label == "G(z)"}
    assert fakes < -0.6  # mostly black, as digits are
    logits = {call.label: call.output.mean for call in trace.calls if call.owner == "D"}
    assert logits["D(x)"] > logits["D(G(z))"]


def test_the_script_packs_a_run(tmp_path):
    run = start(Config.for_model(example.MODEL, steps=1, evaluate_every=0, device="cpu", data="mnist"), tmp_path)
    run.train()
    checkpoint = run.run_dir.last_checkpoint
    assert main(["--from", str(checkpoint), "--out", str(tmp_path / "packed.safetensors")]) == 0
    whole, arrays = read_weights(checkpoint).arrays, read_weights(tmp_path / "packed.safetensors").arrays
    assert arrays.keys() == read_weights(example.WEIGHTS).arrays.keys() == packed(whole).keys()
    weight = arrays["G.main.3.weight"]
    assert weight.dtype == "float16" and not (weight.view("uint16") & 31).any()
    np.testing.assert_allclose(weight, whole["G_ema.main.3.weight"], rtol=0.016, atol=1e-6)  # 2⁻⁶, and float16's own
    assert np.array_equal(arrays["D.main.3.weight"], whole["D.main.3.weight"].astype("float16"))

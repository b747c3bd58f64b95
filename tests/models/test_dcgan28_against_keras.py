"""`dcgan28` is the Keras DCGAN tutorial: the same weights, images, noise and dropout, the same numbers.

The numbers come from Keras itself (tests/golden): three simultaneous steps of training.

Every number is compared against its own scale: in float64, where rounding hides nothing, in float32 as
minigan runs by default, and in float32 with Cook-Toom for all convolutions, as in large batches. There
its rounding of 1e-5 puts one of a million pre-activations on the other side of LeakyReLU's kink; its
gradient jumps, and Adam turns the smallest gradients' signs into whole steps. So there the measure is
1e-4 for logits, losses and gradients, and a small share of each array's norm for all.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from devices import host

import minigan as mg
from minigan import nn
from minigan.data import Batch, DataInfo
from minigan.kernels import convolution, cook_toom
from minigan.models import dcgan28
from minigan.training import Config

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
sys.path.insert(0, str(GOLDEN))

import recipe  # noqa: E402

LAYERS = {
    "G": {"dense": 0, "bn1": 1, "convt1": 4, "bn2": 5, "convt2": 7, "bn3": 8, "convt3": 10},
    "D": {"conv1": 0, "conv2": 3, "dense": 7},
}
KINDS = {"gamma": "weight", "beta": "bias"}
DTYPES = {"f32": "float32", "f64": "float64"}

# Relative to each array's scale. In float32 three Adam steps of 1e-4 on a gamma near 1 are rounded to 6e-8 each.
STEP_TOLERANCE = {"f32": 1e-5, "f64": 1e-11}
CHANGE_TOLERANCE = {"f32": 2e-3, "f64": 1e-9}


class GivenDraws(np.random.Generator):
    """Stands for a dropout's random generator: the recipe's draws, first for D's real images, then for its fakes."""

    def __init__(self, layer: int) -> None:
        super().__init__(np.random.Philox(0))  # whose own draws are never asked for
        self.layer, self.calls = layer, 0

    def random(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        step, call = divmod(self.calls, 2)
        self.calls += 1
        draws = recipe.dropout_uniforms(step, call, self.layer).transpose(2, 3, 0, 1)  # drawn as (H, W, N, C)
        assert draws.shape == shape and draws.dtype == dtype
        return draws


def ours(player: str, name: str) -> str:
    """The recipe's "bn1.gamma" as the model's "main.1.weight"."""
    layer, kind = name.split(".")
    return f"main.{LAYERS[player][layer]}.{KINDS.get(kind, kind)}"


def build(dtype: str) -> dict[str, nn.Module]:
    """Both networks with the recipe's weights."""
    networks: dict[str, nn.Module] = {"G": dcgan28.Generator(), "D": dcgan28.Discriminator()}
    for player, weights in (("G", recipe.g_weights()), ("D", recipe.d_weights())):
        state = networks[player].state_dict() | {ours(player, name): value for name, value in weights.items()}
        networks[player].load_state_dict(state)
        networks[player].to(dtype=dtype)
    for layer, index in enumerate((2, 5)):
        networks["D"].main[index].rng = GivenDraws(layer)
    return networks


def recorded(module: nn.Module) -> list[mg.Tensor]:
    """From now on, what every call of the module returned."""
    outputs, forward = [], module.forward

    def call(x: mg.Tensor) -> mg.Tensor:
        outputs.append(forward(x))
        return outputs[-1]

    module.forward = call
    return outputs


class Border:
    """The cotangents that G's last node is given, and the gradients that leave D's first one."""

    def __init__(self) -> None:
        self.into_G: list[np.ndarray] = []
        self.out_of_D: list[np.ndarray] = []

    def after_forward(self, node, inputs, outputs) -> None:
        pass

    def after_backward(self, node, cotangents, gradients) -> None:
        if node.name == "Tanh":
            self.into_G.append(cotangents[0].numpy().copy())
        if node.name == "Conv2d" and node.input_shapes[0] == (recipe.BATCH, 1, 28, 28) and gradients[0] is not None:
            self.out_of_D.append(gradients[0].numpy().copy())


def run(precision: str) -> dict[str, np.ndarray]:
    """Three steps as minigan trains the model by default: every array under the golden file's key."""
    dtype = DTYPES[precision]
    networks = build(dtype)
    start = {"G": recipe.g_weights(), "D": recipe.d_weights()}
    G, D = networks["G"], networks["D"]
    gan = Config.for_model("dcgan28").make_algorithm()
    gan.build(DataInfo({"x": (1, 28, 28)}), device=mg.get_default_device(), dtype=dtype).use(G, D)
    found: dict[str, np.ndarray] = {}
    losses: dict[str, list[float]] = {"loss_d": [], "loss_g": []}
    fakes, logits, border = recorded(G), recorded(D), Border()
    for step in range(recipe.STEPS):
        gan.noise = lambda batch, step=step: gan.tensor(recipe.noise(step))
        with mg.observe(border):
            figures = gan(iter([Batch(x=recipe.images(step))]))
        losses["loss_d"].append(figures["loss_D"].item())
        losses["loss_g"].append(figures["loss_G"].item())
        if step == 0:
            found["step0/fake"] = fakes[0].numpy().copy()
            found["step0/logits_real"], found["step0/logits_fake"] = (y.numpy().copy() for y in logits)
            (found["step0/border"],) = border.into_G
            for player in "GD":
                gradients = {name: p.grad for name, p in networks[player].named_parameters()}
                for name in start[player]:
                    gradient = gradients.pop(ours(player, name))
                    found[f"step0/grad/{player}.{name}"] = np.ascontiguousarray(gradient.numpy())
                assert not gradients, "every parameter has a golden gradient"
    assert [a.tobytes() for a in border.into_G] == [a.tobytes() for a in border.out_of_D]
    found |= {name: np.array(values) for name, values in losses.items()}

    for player, network in networks.items():
        state = network.eval().state_dict()
        for name, value in start[player].items():
            found[f"after/change/{player}.{name}"] = host(state[ours(player, name)]).astype(np.float64) - value
            layer, kind = name.split(".")
            if kind == "gamma":
                for statistic in ("running_mean", "running_var"):
                    ours_now = state[f"main.{LAYERS[player][layer]}.{statistic}"]
                    found[f"after/stats/{player}.{layer}.{statistic}"] = host(ours_now)
    with mg.no_grad():
        fake = G(mg.Tensor(recipe.noise(0).astype(dtype)))
        found["after/fake"] = fake.numpy()
        found["after/logits_real"] = D(mg.Tensor(recipe.images(0).astype(dtype))).numpy()
        found["after/logits_fake"] = D(fake).numpy()
    return found


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "keras_dcgan28.npz") as file:
        golden = dict(file)
    assert recipe.checksum() == int(golden["checksum"]), "the recipe's inputs came out differently on this machine"
    return golden


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_three_steps_are_those_of_keras(golden, precision):
    found = run(precision)
    errors = {key: recipe.discrepancy(golden, f"{precision}/{key}", a) for key, a in found.items()}
    wrong = {
        key: error
        for key, error in errors.items()
        if not error < (CHANGE_TOLERANCE if key.startswith("after/change/") else STEP_TOLERANCE)[precision]
    }
    assert not wrong
    assert all(a.dtype == DTYPES[precision] for key, a in found.items() if "grad" in key or "stats" in key)
    summaries = ("/whole", "/norm", "/sum", "/dot", "/sample")
    stored = {key[4:] for key in golden if key.startswith(precision)}
    stored = {key.rsplit("/", 1)[0] if key.endswith(summaries) else key for key in stored}
    assert stored == set(found), "every stored number is compared"


@pytest.mark.host_only("on a GPU every convolution is an im2col")
def test_three_steps_with_cook_toom_throughout(golden, monkeypatch):
    monkeypatch.setattr(convolution, "algorithm", lambda *_: cook_toom)
    for key, array in run("f32").items():
        name = key.rpartition("/")[2]
        if f"f32/{key}/sample" in golden:
            stored = golden[f"f32/{key}/sample"]
            norm = float(np.linalg.norm(array.astype(np.float64)))
            assert norm == pytest.approx(float(golden[f"f32/{key}/norm"]), rel=1e-3), key
            array = array.reshape(-1)[recipe.sample_indices(name, array.size)]
        else:
            stored = golden.get(f"f32/{key}", golden.get(f"f32/{key}/whole"))
        error = array.astype(np.float64) - stored
        share = float(np.linalg.norm(error) / np.linalg.norm(stored))
        if key.startswith(("loss", "step0/")):
            assert np.abs(error).max() < 1e-4, key
        if key.startswith("after/change/"):
            assert share < 5e-2, key
        elif key.startswith(("after/", "step0/grad/")):
            assert share < 5e-3, key
        else:
            assert share < 2e-5, key

"""Two frameworks, one recipe: the PyTorch peer must reproduce the golden numbers that Keras computed.

This checks the recipe, the golden file, the layout conversions and the peer against each other, so
that a disagreement of minigan's with the golden file is minigan's own. It does not import minigan.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import recipe  # noqa: E402

peer = pytest.importorskip("benchmarks.peers.pytorch_dcgan28")

# Relative to each array's scale. float64 leaves nothing to rounding. In float32, a gamma near 1 has
# steps of 6e-8, and three Adam updates of 1e-4 each are rounded to them.
STEP_TOLERANCE = {"f64": 1e-12, "f32": 1e-5}
CHANGE_TOLERANCE = {"f64": 1e-9, "f32": 2e-3}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(HERE / "keras_dcgan28.npz") as file:
        return dict(file)


def run(precision: str) -> dict[str, np.ndarray]:
    """The three steps in PyTorch: every array under the golden file's key, summaries not yet made."""
    dtype = {"f64": torch.float64, "f32": torch.float32}[precision]
    numpy_dtype = {"f64": np.float64, "f32": np.float32}[precision]
    start = {"G": recipe.g_weights(), "D": recipe.d_weights()}
    networks = dict(zip("GD", peer.build(start["G"], start["D"], dtype), strict=True))
    adams = [peer.KerasAdam(networks[p]) for p in "GD"]

    def tensor(a: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(a).to(dtype)

    found: dict[str, np.ndarray] = {}
    losses: dict[str, list[float]] = {"loss_d": [], "loss_g": []}
    for step in range(recipe.STEPS):
        masks = tuple(
            [tensor(recipe.dropout_mask(step, call, layer, numpy_dtype)) for layer in (0, 1)]
            for call in (recipe.REAL, recipe.FAKE)
        )
        out = peer.train_step(
            networks["G"], networks["D"], *adams, tensor(recipe.images(step)), tensor(recipe.noise(step)), masks
        )
        for name, values in losses.items():
            values.append(out.pop(name).item())
        if step == 0:
            found |= {f"step0/{name}": value.numpy() for name, value in out.items()}
            for player, network in networks.items():
                for name, p in network.named_parameters():
                    found[f"step0/grad/{player}.{name}"] = p.grad.numpy().copy()
    found |= {name: np.array(values) for name, values in losses.items()}

    for player, network in networks.items():
        network.eval()
        for name, p in network.named_parameters():
            after = p.detach().numpy().astype(np.float64)
            found[f"after/change/{player}.{name}"] = after - start[player][name]
        for name, buffer in network.named_buffers():
            found[f"after/stats/{player}.{name}"] = buffer.numpy()
    with torch.no_grad():
        fake = networks["G"](tensor(recipe.noise(0)))
        found["after/fake"] = fake.numpy()
        found["after/logits_real"] = networks["D"](tensor(recipe.images(0))).numpy()
        found["after/logits_fake"] = networks["D"](fake).numpy()
    return found


def test_recipe_comes_out_the_same(golden: dict[str, np.ndarray]) -> None:
    assert recipe.checksum() == int(golden["checksum"])


def test_layout_conversion_is_undone_by_its_inverse() -> None:
    for player, weights in (("G", recipe.g_weights()), ("D", recipe.d_weights())):
        for name, value in weights.items():
            full = f"{player}.{name}"
            np.testing.assert_array_equal(recipe.from_keras(full, recipe.to_keras(full, value)), value)


@pytest.mark.parametrize("precision", ["f64", "f32"])
def test_three_steps_agree(golden: dict[str, np.ndarray], precision: str) -> None:
    found = run(precision)
    errors = {key: recipe.discrepancy(golden, f"{precision}/{key}", a) for key, a in found.items()}
    for key, error in errors.items():
        loose = key.startswith("after/change/")
        assert error < (CHANGE_TOLERANCE if loose else STEP_TOLERANCE)[precision], (key, error)
    stored = {key[4:] for key in golden if key.startswith(precision)}
    kinds = {"whole", "norm", "sum", "dot", "sample"}
    assert {k.rsplit("/", 1)[0] if k.rsplit("/", 1)[1] in kinds else k for k in stored if "/" in k} | {
        k for k in stored if "/" not in k
    } == set(found), "every stored number is compared"

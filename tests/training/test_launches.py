"""A training step on a GPU keeps to its budget of launches, and the host never waits for it.

Counted where CuPy runs in the simulator, tests/cusim; `tests/benchmarks/launches.py` shows more.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest

from minigan import Tensor, backend, nn
from minigan import functions as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import launches

pytestmark = pytest.mark.skipif("cusim" not in sys.modules, reason="launches are counted by the simulator, tests/cusim")


@pytest.mark.parametrize("batch", [8, 64])
def test_a_step_of_dcgan28_keeps_to_the_budget(batch):
    rows = launches.measure("dcgan28", batch)
    launches.show("dcgan28", batch, rows)
    used, budget = rows["all"], launches.BUDGET["dcgan28"]
    assert used["launch"] <= budget["launch"] and used["gemm"] <= budget["gemm"]
    assert {key: used[key] for key in ("h2d", "d2h", "sync")} == {"h2d": 2, "d2h": 0, "sync": 0}, "images and noise"


@pytest.mark.parametrize("algorithm", ["gan", "simultaneous-gan"])
@pytest.mark.parametrize("model", ["mlp", "quick28"])
def test_no_step_waits_or_copies_more_than_images_and_noise(model, algorithm):
    used = launches.measure(model, 4, algorithm)["all"]
    assert {key: used[key] for key in ("h2d", "d2h", "sync")} == {"h2d": 2, "d2h": 0, "sync": 0}


def test_no_names_are_looked_up_in_a_step_that_goes_well(monkeypatch):
    """`inspect.signature`, of which an error message is made, takes longer than to launch a kernel."""
    take_step, looked_up = launches.training_step("dcgan28", 2), []
    monkeypatch.setattr(inspect, "signature", lambda *arguments: looked_up.append(arguments))
    take_step()
    assert not looked_up


def test_the_weights_of_an_optimiser_move_in_one_launch():
    """All 6 of D, all 10 of G; the gradient of a convolution's weight lies in memory as the weight does."""
    adam = launches.measure("dcgan28", 2)["Adam"]
    assert adam["calls"] == adam["launch"] == 2


@pytest.mark.parametrize("take", [F.cross_entropy, lambda x, labels: nn.Embedding(3, 2)(labels)], ids=["loss", "layer"])
def test_labels_on_the_device_are_not_looked_at(take):
    """On the host they are: there one that names no class is refused."""
    cupy = pytest.importorskip("cupy")
    previous = backend.get_default_device()
    backend.set_default_device("gpu")
    try:
        x, labels = Tensor(np.ones((2, 3), "float32")), cupy.asarray([0, 2])
        take(x, labels)
        before = launches.counts()
        take(x, labels)
        used = launches.counts() - before
        assert not used["sync"] and not used["d2h"]
        with pytest.raises(ValueError, match="labels"):
            take(x, np.asarray([0, 3]))
    finally:
        backend.set_default_device(previous)

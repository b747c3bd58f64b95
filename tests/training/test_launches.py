"""A training step on a GPU keeps to its budget of launches, and the host never waits for it.

Counted where CuPy runs in a simulator (`pytest -p cusim.plugin`); `tests/benchmarks/launches.py` shows more.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import launches

pytestmark = pytest.mark.skipif("cusim" not in sys.modules, reason="launches are counted by a simulator of CUDA")


@pytest.mark.parametrize("batch", [8, 64])
def test_a_step_of_dcgan28_keeps_to_the_budget(batch):
    rows = launches.measure("dcgan28", batch)
    launches.show("dcgan28", batch, rows)
    used, budget = rows["all"], launches.BUDGET["dcgan28"]
    assert used["launch"] <= budget["launch"] and used["gemm"] <= budget["gemm"]
    assert {key: used[key] for key in ("h2d", "d2h", "sync")} == {"h2d": 2, "d2h": 0, "sync": 0}, "images and noise"


@pytest.mark.parametrize("step", ["alternating", "simultaneous"])
@pytest.mark.parametrize("model", ["mlp", "quick28"])
def test_no_step_waits_or_copies_more_than_images_and_noise(model, step):
    used = launches.measure(model, 4, step)["all"]
    assert {key: used[key] for key in ("h2d", "d2h", "sync")} == {"h2d": 2, "d2h": 0, "sync": 0}


def test_the_weights_of_an_optimiser_move_in_one_launch():
    """All 6 of D, all 10 of G; a gradient that lies in memory otherwise than its weight, a convolution's, is copied."""
    adam = launches.measure("dcgan28", 2)["Adam"]
    assert adam["calls"] == 2 and adam["launch"] <= 2 + 5

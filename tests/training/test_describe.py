"""A run in words: what it trains, on what, for how long."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.data import ArrayDataset, ImageDataset
from minigan.training.describe import describe


@pytest.mark.parametrize("channels, kind", [(1, "grey"), (3, "colour")])
def test_a_run_is_described_by_its_sizes(channels, kind, begin):
    run = begin(3, seed=9)
    run.data = ImageDataset(np.zeros((1200, channels, 4, 5), "uint8"), None, "d", "made here", ("A note.",))
    first, *others = describe(run)
    G, D = (sum(p.size for p in run.algorithm.networks[name].parameters()) for name in "GD")
    assert first == f"tiny (GAN: G {G:,} weights, D {D:,}) on made here: 1,200 {kind} images 4×5" and G > D > 100
    assert others == [
        "  A note.", "3 × 5 batches (epochs × batches), batch 16, seed 9",
        f"device {run.device} ({run.device_reason})",
    ]  # fmt: skip


def test_what_is_no_image_is_described_by_its_shapes(begin):
    run = begin(steps=7)
    run.data = ArrayDataset({"a": np.zeros((6, 2, 3)), "y": np.zeros(6)}, "d", "made here")
    lines = describe(run)
    assert (
        lines[0].endswith(" on made here: 6 samples of a 2×3, y a number") and lines[1] == "7 steps, batch 16, seed 0"
    )

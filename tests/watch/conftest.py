"""Run folders made by hand: what a run leaves, without the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_runs import CONFIG, STATUS

from minigan.trace import Trace
from minigan.training import Config, images
from minigan.training.recording import trace_fresh


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """make_run(stats, name, grids, config={…}, **status): a run's folder."""

    def make(
        stats: Any = (),
        name: str = "00000-mlp-mnist-s0",
        grids: tuple[str, ...] = (),
        config: Any = None,
        **status: Any,
    ) -> Path:
        folder = tmp_path / "runs" / name
        (folder / "samples").mkdir(parents=True)
        (folder / "trace").mkdir()
        (folder / "config.json").write_text(json.dumps(CONFIG | (config or {})))
        (folder / "status.json").write_text(json.dumps(STATUS | status))
        (folder / "stats.jsonl").write_text("".join(json.dumps(each) + "\n" for each in stats))
        for number, grid in enumerate(grids):
            picture = np.full((16, 16, 1), 10 * number, "uint8")
            picture[: 1 + number] = 255
            images.save_png(folder / "samples" / f"{grid}.png", picture)
        return folder

    return make


@pytest.fixture(scope="session")
def trace() -> Trace:
    """Of a step of the mlp."""
    return trace_fresh(Config.for_model("mlp", batch_size=4, device="cpu"))

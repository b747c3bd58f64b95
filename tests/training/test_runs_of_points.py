"""A run on points of the plane, by a recipe's name: it is resumed bit for bit, and pictures show the real ones."""

from __future__ import annotations

import numpy as np

from minigan.data import load
from minigan.training import Config, images, resume, start


def test_a_run_by_name_shows_its_samples_over_real_points_and_goes_on(tmp_path, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        images, "save_samples", lambda path, samples, columns, real: shown.setdefault(path.name, (samples, real))
    )
    monkeypatch.setattr(images, "save_curves", lambda *_: None)
    config = Config.choose(recipe="ring", objective="hinge", batch_size=8, grid=5, steps=2, device="cpu")
    whole, run = start(config, tmp_path / "whole"), start(config.with_choices(steps=1), tmp_path / "half")
    whole.train(), run.train()
    run = resume(run.run_dir.last_checkpoint, steps=2)
    run.train()
    np.testing.assert_array_equal(run.sample(4), whole.sample(4))
    first = load("ring")[slice(0, 5)].x
    for name in ("e000.png", "s000002.png"):
        samples, real = shown[name]
        assert samples.shape == (5, 2)
        np.testing.assert_array_equal(real, first)
    np.testing.assert_array_equal(shown["reals.png"][0], first)

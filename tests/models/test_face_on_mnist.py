"""The model face, trained by its own rates: samples begin to look like digits within the first steps."""

import pytest

from minigan.experiments.training_row import scores_of_samples
from minigan.training import Config, start

pytestmark = [pytest.mark.slow, pytest.mark.host_only("the features are computed on the host")]


@pytest.mark.parametrize("seed", [0, 1])
def test_after_100_steps_of_small_images_samples_are_strokes(seed, tmp_path):
    """With a rate of 2e-4 for both networks FID is 370 then and later, G's one pattern."""
    config = Config.choose(model="face", size=32, steps=100, evaluate_every=0, grid_every=100, device="cpu", seed=seed)
    trainer = start(config, tmp_path)
    trainer.train()
    assert scores_of_samples(1000, ["fid"])(trainer.algorithm, config, 0)["fid"] < 200

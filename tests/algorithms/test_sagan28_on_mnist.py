"""SAGAN, trained for a minute: its samples of one digit differ. G once drew one image of each, whatever the noise."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.algorithms import GAN
from minigan.data import Loader, load
from minigan.options import options_of
from minigan.recipes import RECIPES


@pytest.mark.slow
def test_samples_of_one_digit_differ_as_real_ones_do():
    choices, data = RECIPES["sagan"].choices, load("mnist")
    gan = GAN(**{name: value for name, value in choices.items() if name in options_of(GAN)}).build(data.info, seed=0)
    batches = iter(Loader(data, choices["batch_size"], seed=0, names=gan.reads))
    for _ in range(400):
        gan(batches)
    images = np.stack([gan.generate(50, seed=digit, label=digit) for digit in range(10)])
    real = data[np.arange(5000)]
    spread_of_real = np.mean([real.x[real.y == digit].std(axis=0).mean() for digit in range(10)])
    assert images.std(axis=1).mean() > 0.75 * spread_of_real

"""The nearest training samples, and the share that is copied, of planted copies and by its expectation."""

from __future__ import annotations

import numpy as np

from minigan.metrics import copied_share, nearest_training

rng = np.random.default_rng(0)


def test_planted_copies_are_found():
    training, held_out, samples = (rng.standard_normal((n, 2, 3)) for n in (200, 200, 100))
    samples[:30] = training[50:80]
    index, distance = nearest_training(samples, training)
    np.testing.assert_array_equal(index[:30], range(50, 80))
    assert (distance[:30] == 0).all() and (distance[30:] > 0).all()
    assert 0.3 <= copied_share(samples, training, held_out) < 0.37
    assert copied_share(training, training, held_out) == 1
    assert copied_share(samples + 100, training, held_out) == 0


def test_of_new_real_samples_it_is_the_level_on_average():
    h, level, draws = 19, 0.1, 800
    found = [copied_share(*(rng.standard_normal((n, 2)) for n in (5, 6, h)), level) for _ in range(draws)]
    assert abs(np.mean(found) - 2 / (h + 1)) < 3 * np.std(found) / np.sqrt(draws) < 0.03


def test_the_level_is_a_rank():
    """Held-out samples at 1, 2, …, 99 from the training set: the level 1 % is the first of them, and ≤ counts."""
    training, held_out = np.zeros((1, 1)), np.arange(1.0, 100)
    assert copied_share(np.array([0.5, 1, 1.5, 2.5]), training, held_out, 0.01) == 0.5
    assert copied_share(np.array([0.5, 1, 1.5, 2.5]), training, held_out, 0.02) == 0.75

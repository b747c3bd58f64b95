"""The birthday test: planted supports, planted doubles."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import birthday_test, closest_pairs, distances

rng = np.random.default_rng(0)


@pytest.fixture(params=[40, 10**6], ids="{} numbers a block".format)
def block(request, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK_NUMBERS", request.param)


def test_doubles_are_counted_as_pairs(block):
    samples = rng.standard_normal((20, 3, 4))
    assert birthday_test(samples) == (0, np.inf)
    samples[7] = samples[2]
    assert birthday_test(samples) == (1, 190)
    samples[11] = samples[2]  # three alike are three pairs
    assert birthday_test(samples) == (3, 190 / 3)


def test_a_planted_support_is_found_on_average():
    """E 1/support = 1/n."""
    n, draws = 50, 400
    found = [1 / birthday_test(rng.integers(0, n, 12)).support for _ in range(draws)]
    assert abs(np.mean(found) - 1 / n) < 3 * np.std(found) / np.sqrt(draws) < 0.2 / n


def test_near_ones_are_the_same_up_to_the_distance_given(block):
    samples = np.array([0.0, 10.0, 10.5, 20.0, 21.0])
    assert [birthday_test(samples, same).pairs for same in (0.4, 0.5, 1, 9.5, 100)] == [0, 1, 2, 3, 10]


def test_the_closest_pairs_are_the_nearest_first(block):
    samples = rng.standard_normal((15, 4))
    samples[9] = samples[4] + 1e-3
    pairs, found = closest_pairs(samples, 12)
    every = {(i, j): np.linalg.norm(samples[i] - samples[j]) for i in range(15) for j in range(i + 1, 15)}
    expected = sorted(every, key=every.get)[:12]
    assert [tuple(pair) for pair in pairs] == expected and tuple(pairs[0]) == (4, 9)
    np.testing.assert_allclose(found, [every[pair] for pair in expected])
    assert birthday_test(samples, found[5]).pairs == 6  # its own distance counts


def test_no_more_pairs_than_there_are(block):
    assert len(closest_pairs(rng.standard_normal((4, 2)), 20)[0]) == 6

"""The sliced Wasserstein distance, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import sliced_wasserstein

rng = np.random.default_rng(0)


def test_equal_sets_in_any_order_are_at_distance_0():
    x = rng.standard_normal((50, 3, 4))
    assert sliced_wasserstein(x, x[rng.permutation(50)]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("d", [1, 2, 7])
def test_a_shift_by_delta_in_d_dimensions_is_its_length_over_root_d(d):
    """E_θ ⟨θ, δ⟩² = ‖δ‖²/d."""
    x, delta = rng.standard_normal((40, d)), rng.standard_normal(d)
    found = sliced_wasserstein(x, x + delta, directions=20_000)
    assert found == pytest.approx(np.linalg.norm(delta) / np.sqrt(d), rel=0.03)


def test_in_one_dimension_it_is_the_distance_of_the_quantiles():
    x, y = rng.standard_normal(200), 3 * rng.standard_normal(200) + 1
    assert sliced_wasserstein(x, y) == pytest.approx(np.sqrt(((np.sort(x) - np.sort(y)) ** 2).mean()))


def test_numbers_of_samples_may_differ_where_each_stands_for_several():
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((10, 2))
    assert sliced_wasserstein(x, y) == pytest.approx(sliced_wasserstein(x, y.repeat(3, axis=0)))
    assert sliced_wasserstein(y, x) == pytest.approx(sliced_wasserstein(x, y))


def test_it_sees_that_a_mode_is_missing():
    ring = np.stack([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4]).repeat(50, axis=0)
    ring = ring + 0.01 * rng.standard_normal(ring.shape)
    full, collapsed = ring + 0.01 * rng.standard_normal(ring.shape), ring[:50].repeat(8, axis=0)
    assert sliced_wasserstein(full, ring) < 0.05 < 0.5 < sliced_wasserstein(collapsed, ring)


@pytest.mark.parametrize(
    ("samples", "real", "said"),
    [((3, 2), (3, 3), "samples have 2 numbers each, real ones 3"), ((0, 2), (3, 2), "one sample or more")],
)
def test_what_cannot_be_compared_is_refused(samples, real, said):
    with pytest.raises(ValueError, match=said):
        sliced_wasserstein(np.zeros(samples), np.zeros(real))

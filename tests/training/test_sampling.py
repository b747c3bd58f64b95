"""Drawing: one image does not depend on the others, and a walk ends where it began."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigan import backend
from minigan.algorithms.samples import decode
from minigan.training import draw_noise, load_algorithm
from minigan.training.sampling import interpolate, slerp


def test_an_image_is_the_same_alone_and_among_others(begin):
    run = begin(1)
    run.train()
    z = draw_noise(130, 4, seed=5)  # more than are made at a time
    together = decode(run.algorithm, z)
    assert together.shape == (130, 1, 8, 8)
    alone = np.concatenate([decode(run.algorithm, z[i : i + 1]) for i in range(130)])
    np.testing.assert_allclose(alone, together, atol=5e-6)  # a product may be summed in another order
    assert all(module.training for module in run.algorithm.networks["G"].modules())


def test_drawing_disturbs_neither_statistics_nor_a_later_training(begin, left_by):
    quiet, disturbed = begin(1, "a"), begin(1, "b")
    quiet.train()
    before = {name: a.tobytes() for name, a in disturbed.algorithm.networks["G"].state_dict().items()}
    disturbed.sample(3), decode(disturbed.algorithm, draw_noise(3, 4, 1)), backend.default_rng().random(5)
    load_algorithm(quiet.run_dir.last_checkpoint)
    assert {name: a.tobytes() for name, a in disturbed.algorithm.networks["G"].state_dict().items()} == before
    disturbed.train()
    assert left_by(disturbed) == left_by(quiet)


@given(few=st.integers(1, 20), more=st.integers(0, 200), seed=st.integers(0, 2**70))
def test_the_first_of_many_are_those_of_few(few, more, seed):
    z = draw_noise(few + more, 7, seed)
    assert z.dtype == np.float32 and z.shape == (few + more, 7)
    np.testing.assert_array_equal(z[:few], draw_noise(few, 7, seed))


def test_the_noise_is_normal_and_differs_by_seed():
    z = draw_noise(20_000, 3, 0)
    np.testing.assert_allclose(z.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=0.05)
    assert abs(np.corrcoef(z[:, 0], draw_noise(20_000, 3, 1)[:, 0])[0, 1]) < 0.03


@pytest.mark.parametrize("t", [0.0, 0.25, 0.5, 1.0])
def test_slerp_goes_evenly_along_the_sphere(t):
    a, b = np.array([2.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0])
    angle = t * np.pi / 2
    np.testing.assert_allclose(slerp(a, b, t), [2 * np.cos(angle), 2 * np.sin(angle), 0], atol=1e-12)
    np.testing.assert_allclose(slerp(a, a, t), a)


def test_a_walk_visits_every_point_and_closes():
    z = draw_noise(4, 50, 0)
    path = interpolate(z, steps=10)
    assert path.shape == (40, 50) and path.dtype == np.float32
    np.testing.assert_allclose(path[::10], z, rtol=1e-5)
    lengths = np.linalg.norm(np.roll(path, -1, axis=0) - path, axis=1)
    assert lengths.max() < 2 * lengths.min()  # the way from the last point to the first too

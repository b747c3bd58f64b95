"""Rounding errors are told from smooth change, from kinks at the point, and from jumps near by."""

import numpy as np
import pytest

from minigan.testing.noise import noise_of, noise_of_number

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("sigma", [1e-16, 1e-13, 1e-9])
def test_planted_noise_is_found_within_a_factor_of_ten(sigma):
    noise = noise_of_number(lambda t: float(np.sin(3 * t) * 1e-16 + sigma * RNG.standard_normal()))
    assert sigma / 10 < noise < 10 * sigma


def test_the_rounding_of_arrays_is_found():
    x, eps = np.linspace(1, 2, 50), 2.0**-52
    (noise,) = noise_of(lambda t: [np.tanh(x * (1 + t)) + np.pi])
    assert eps / 4 < noise < 4 * eps


def test_cancelled_terms_are_seen_by_their_noise():
    """Of 1 − tanh(15)², 1e-13, three digits are right: the noise is that of 1."""
    noise = noise_of_number(lambda t: float(1 - np.tanh(15 + 15 * t) ** 2))
    assert 1e-17 < noise < 1e-15


@pytest.mark.parametrize(
    "smooth",
    [lambda t: 0.0, lambda t: 1 / 3, lambda t: 2.0**-30 * t, abs, lambda t: float(t > 1e-7), lambda t: 2.0 * (t > 0)],
)
def test_what_is_exact_has_none(smooth):
    assert noise_of_number(smooth) < 1e-18


def test_a_smooth_change_is_none_at_any_spacing():
    (noise,) = noise_of(lambda t: [np.exp(300 * np.array(t))])
    assert noise < 1e-15


def test_each_array_has_its_own_noise_that_of_its_noisiest_entry():
    def sample(t):
        noise = RNG.standard_normal(3)
        return np.array([t, t, 1e-12 * noise[0]]), np.zeros((2, 2)), np.array(1e-10 * noise[1])

    several = noise_of(sample)
    assert 3e-13 < several[0] < 4e-12 and several[1] == 0 and 3e-11 < several[2] < 4e-10

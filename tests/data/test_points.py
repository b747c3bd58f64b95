"""Points of the plane: drawn from the distribution that each name promises, and the same at every call."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.data import DataError, is_name, load
from minigan.data.points import POINTS


@pytest.mark.parametrize("name", POINTS)
def test_what_a_set_is(name):
    data = load(name)
    assert len(data) == 100_000 and data.info.shapes == {"x": (2,)} and data.info.channels == 2
    assert data.name == name and data[[0, 1]].x.dtype == np.float32
    assert data.fingerprint == load(name.upper()).fingerprint != load(name, split="test").fingerprint


def test_the_ring_has_eight_modes_at_equal_angles():
    """Angles from 0 to 2π with both ends would be 7 modes, one of them twice as full."""
    data = load("ring")
    angles = np.sort(np.arctan2(data.centers[:, 1], data.centers[:, 0]))
    np.testing.assert_allclose(np.diff(angles), np.pi / 4)
    np.testing.assert_allclose(np.sqrt((data.centers**2).sum(1)), 1)


def test_the_grid_has_twenty_five_modes_two_apart():
    assert {tuple(center) for center in load("grid").centers} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }


@pytest.mark.parametrize(("name", "sigma"), [("ring", 0.01), ("grid", 0.05)])
def test_gaussians_are_equally_full_and_as_wide_as_they_say(name, sigma):
    """Of a round Gaussian 1 − exp(−9/2) = 98.89 % lies within 3σ."""
    data = load(name)
    assert data.sigma == sigma
    x = data.arrays["x"].astype("float64")
    distance = np.sqrt(((x[:, None] - data.centers) ** 2).sum(2))
    mode = distance.argmin(1)
    share = np.bincount(mode, minlength=len(data.centers)) / len(x)
    np.testing.assert_allclose(share, 1 / len(data.centers), rtol=0.08)  # five standard errors
    assert (distance.min(1) <= 3 * sigma).mean() == pytest.approx(1 - np.exp(-4.5), abs=0.0017)
    np.testing.assert_allclose((x - data.centers[mode]).std(0), sigma, rtol=0.012)


def test_the_swiss_roll_is_one_turn_and_a_half_of_a_spiral():
    data = load("swiss-roll")
    x, y = (data.arrays["x"].astype("float64") * 7.5).T
    t = np.sqrt(x**2 + y**2)  # the radius is the angle
    assert data.centers is None and data.sigma is None
    assert 1.5 * np.pi - 1.3 < t.min() < 1.5 * np.pi and 4.5 * np.pi < t.max() < 4.5 * np.pi + 1.3
    off = np.angle(np.exp(1j * (np.arctan2(y, x) - t)))  # noise along the radius, and a little of that across
    assert off.std() == pytest.approx(0.25, rel=0.02) and abs(off.mean()) < 0.01


def test_the_moons_are_two_half_circles():
    x, y = load("moons").arrays["x"].astype("float64").T
    off = np.minimum(abs(np.hypot(x, y) - 1), abs(np.hypot(x - 1, y - 0.5) - 1))
    assert 0.2 < off.max() < 0.3  # five standard deviations
    for part in (y > 0.5, y < 0):  # of one half circle alone, two thirds of it: sin t > ½
        assert part.mean() == pytest.approx(1 / 3, abs=0.01)
    assert np.corrcoef(y > 0.5, x < 0.5)[0, 1] > 0.2 and (y > 0.5)[x > 1.5].mean() < 0.1
    assert x[y > 0.7].mean() == pytest.approx(0, abs=0.01) and x[y < -0.2].mean() == pytest.approx(1, abs=0.01)


def test_a_file_of_that_name_is_told_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ring").mkdir()
    assert "./ring" in load("ring").notes[-1] and load("grid").notes == ()
    assert is_name("ring") and is_name("MNIST") and not is_name("./ring")


def test_what_it_says_of_bad_input():
    for options, name in [({"flip": True}, "flip"), ({"value_range": (0, 1)}, "value_range")]:
        with pytest.raises(DataError, match=f"^ring: points of the plane found, images needed for {name}: leave"):
            load("ring", **options)
    with pytest.raises(DataError, match="split: 'val' found"):
        load("ring", split="val")
    with pytest.raises(DataError, match="^rign: .*'ring', 'grid', 'swiss-roll', 'moons', .* did you mean 'ring'"):
        load("rign")

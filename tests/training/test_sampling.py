"""Drawing: one image does not depend on the others, and a walk ends where it began."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from minigan import backend
from minigan.training import draw_noise, generate, load_generator, pictures
from minigan.training.sampling import slerp, walk


def test_an_image_is_the_same_alone_and_among_others(begin):
    run = begin(1)
    run.train()
    G = run.players.G.train()
    z = draw_noise(130, 4, seed=5)  # more than are made at a time
    together = generate(G, z)
    assert together.shape == (130, 1, 8, 8)
    alone = np.concatenate([generate(G, z[i : i + 1]) for i in range(130)])
    np.testing.assert_allclose(alone, together, atol=5e-6)  # a product may be summed in another order
    assert all(module.training for module in G.modules())


def test_drawing_disturbs_neither_statistics_nor_a_later_training(begin, left_by):
    quiet, disturbed = begin(1, "a"), begin(1, "b")
    quiet.train()
    before = {name: a.tobytes() for name, a in disturbed.players.G.state_dict().items()}
    disturbed.sample(3), generate(disturbed.players.G, draw_noise(3, 4, 1)), backend.default_rng().random(5)
    load_generator(quiet.folder.last_checkpoint)
    assert {name: a.tobytes() for name, a in disturbed.players.G.state_dict().items()} == before
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
    path = walk(z, steps=10)
    assert path.shape == (40, 50) and path.dtype == np.float32
    np.testing.assert_allclose(path[::10], z, rtol=1e-5)
    lengths = np.linalg.norm(np.roll(path, -1, axis=0) - path, axis=1)
    assert lengths.max() < 2 * lengths.min()  # the way from the last point to the first too


def test_a_grid_has_every_image_in_its_place():
    images = np.linspace(-1, 1, 5, dtype="float32")[:, None, None, None] * np.ones((5, 1, 48, 50), "float32")
    sheet = pictures.grid(images)
    assert sheet.shape == (2 * 50 + 2, 3 * 52 + 2, 1)
    middles = [[sheet[2 + 24 + 50 * row, 2 + 25 + 52 * column, 0] for column in range(3)] for row in range(2)]
    np.testing.assert_array_equal(middles, [[0, 64, 128], [191, 255, 127]])
    assert pictures.grid(images[:, :, :8, :8]).shape == (22 * 6, 32 * 6, 1)  # small ones are enlarged


def test_bytes_are_rounded_and_clipped():
    values = np.array([-2, -1, -0.999, 0, 0.5, 1, 1.5], "float32").reshape(-1, 1, 1, 1)
    np.testing.assert_array_equal(pictures.to_bytes(values).ravel(), [0, 0, 0, 128, 191, 255, 255])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_read_as_they_were_written(channels, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (6, 9, channels), dtype=np.uint8)
    pictures.save_png(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(pictures.load_png(tmp_path / "a.png"), picture)


def test_an_animation_loops_and_shows_its_last_picture_as_long_as_asked(tmp_path):
    frames = [np.full((4, 4, 1), k, "uint8") for k in (0, 100, 200)]
    for last, wanted in [(1.5, [60, 60, 1500]), (None, [60, 60, 60])]:
        pictures.save_gif(tmp_path / "a.gif", frames, 0.06, last)
        with Image.open(tmp_path / "a.gif") as film:
            assert film.n_frames == 3 and film.info["loop"] == 0
            assert [film.seek(k) or film.info["duration"] for k in range(3)] == wanted


def test_the_loss_curves_are_a_picture(tmp_path, monkeypatch):
    monkeypatch.undo()  # the stand-in of the other tests
    line = {"loss_D": 1.0, "loss_G": 1.0, "D_x": 0.5, "D_G_z": 0.5, "border_norm": 0.1}
    pictures.save_loss_curves(tmp_path / "losses.png", [line | {"step": k} for k in (20, 40)])
    with Image.open(tmp_path / "losses.png") as image:
        assert min(image.size) > 500

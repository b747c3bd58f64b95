"""The pictures of a run: grids of images and of points, an animation, and the curves of whatever figures there are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from minigan.training import images
from minigan.training.run_dir import RunDir

save_curves = images.save_curves  # not the stand-in of the other tests


def test_a_grid_has_every_image_in_its_place():
    values = np.linspace(-1, 1, 5, dtype="float32")[:, None, None, None] * np.ones((5, 1, 48, 50), "float32")
    sheet = images.grid(values)
    assert sheet.shape == (2 * 50 + 2, 3 * 52 + 2, 1)
    middles = [[sheet[2 + 24 + 50 * row, 2 + 25 + 52 * column, 0] for column in range(3)] for row in range(2)]
    np.testing.assert_array_equal(middles, [[0, 64, 128], [191, 255, 127]])
    assert images.grid(values[:, :, :8, :8]).shape == (22 * 6, 32 * 6, 1)  # small ones are enlarged


def test_a_grid_s_pixels_are_those_of_the_images_row_by_row():
    """Wide ones, in colour; enlarged until the shorter side has 48 pixels."""
    samples = np.random.default_rng(0).uniform(-1, 1, (5, 3, 20, 60))
    sheet = images.grid(samples)
    small = sheet[::3, ::3]
    assert small.shape == (2 * 22 + 2, 3 * 62 + 2, 3)
    np.testing.assert_array_equal(sheet, small.repeat(3, 0).repeat(3, 1))
    for i, image in enumerate(images.to_bytes(samples)):
        row, column = divmod(i, 3)
        shown = small[2 + 22 * row :, 2 + 62 * column :][:20, :60]
        np.testing.assert_array_equal(shown, image.transpose(1, 2, 0))


def test_bytes_are_rounded_and_clipped():
    values = np.array([-2, -1, -0.999, 0, 0.5, 1, 1.5], "float32").reshape(-1, 1, 1, 1)
    np.testing.assert_array_equal(images.to_bytes(values).ravel(), [0, 0, 0, 128, 191, 255, 255])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_read_as_they_were_written(channels, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (6, 9, channels), dtype=np.uint8)
    images.save_png(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(images.load_png(tmp_path / "a.png"), picture)


def test_an_animation_loops_in_order_and_shows_its_last_picture_as_long_as_asked(tmp_path):
    frames = [np.full((4, 4, 1), k, "uint8") for k in (0, 100, 200)]
    for last, wanted in [(1.5, [60, 60, 1500]), (None, [60, 60, 60])]:
        images.save_gif(tmp_path / "a.gif", frames, 0.06, last)
        with Image.open(tmp_path / "a.gif") as film:
            assert film.n_frames == 3 and film.info["loop"] == 0
            assert [film.seek(k) or film.info["duration"] for k in range(3)] == wanted
            assert [film.seek(k) or film.convert("L").getpixel((1, 1)) for k in range(3)] == [0, 100, 200]


# --- samples of all kinds --------------------------------------------------------------------------


def test_images_are_saved_as_their_grid(tmp_path):
    samples = np.random.default_rng(0).uniform(-1, 1, (5, 3, 8, 8))
    images.save_samples(tmp_path / "a.png", samples)
    np.testing.assert_array_equal(images.load_png(tmp_path / "a.png"), images.grid(samples))


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn."""
    figures, make = [], images._figure
    monkeypatch.setattr(images, "_figure", lambda size: figures.append(make(size)) or figures[-1])
    return figures


def test_points_of_the_plane_are_drawn_where_they_are(drawn, tmp_path):
    points = np.random.default_rng(0).standard_normal((30, 2))
    images.save_samples(tmp_path / "a.png", points)
    (panel,) = drawn[0].axes
    np.testing.assert_array_equal(panel.collections[0].get_offsets(), points)
    assert panel.get_aspect() == 1.0, "a circle of points is a circle"
    assert not (panel.xaxis_inverted() or panel.yaxis_inverted())
    assert images.load_png(tmp_path / "a.png").shape[2] == 3


def test_points_are_drawn_over_real_ones_which_choose_what_is_seen(drawn, tmp_path):
    real = np.array([[0.0, 1.0], [4.0, 2.0]])
    for samples in ([[1.0, 1.0], [2.0, 1.0]], [[1.0, 1.0], [100.0, 1.0], [2.0, -9.0]]):
        images.save_samples(tmp_path / "a.png", np.array(samples), real=real)
        panel = drawn[-1].axes[0]
        below, above = panel.collections
        np.testing.assert_array_equal(below.get_offsets(), real)
        np.testing.assert_array_equal(above.get_offsets(), samples)
        np.testing.assert_allclose([*panel.get_xlim(), *panel.get_ylim()], [-0.6, 4.6, -1.1, 4.1], atol=1e-5)
        assert [text.get_text() for text in panel.get_legend().get_texts()] == ["real", "samples"]
        assert panel.get_title() == (" " if len(samples) == 2 else "2 of 3 samples are outside")


@pytest.mark.parametrize("shape", [(5, 3), (5,), (5, 8, 8), (2, 1, 1, 8, 8), (4, 2, 8, 8)])
def test_samples_that_cannot_be_shown_are_kept_as_numbers(shape, tmp_path):
    (tmp_path / "samples").mkdir()
    samples = np.random.default_rng(0).standard_normal(shape)
    path = RunDir(tmp_path).save_grid("e000", samples)
    assert path == tmp_path / "samples" / "e000.npy"
    np.testing.assert_array_equal(np.load(path), samples)
    assert RunDir(tmp_path).save_grid("e001", np.zeros((5, 2))).name == "e001.png"


# --- curves ----------------------------------------------------------------------------------------


def curves_of(figure) -> dict[str, dict[str, list]]:
    """panel's label → curve's label → [steps, values]."""
    return {
        panel.get_ylabel(): {
            line.get_label(): [list(map(float, axis)) for axis in line.get_data()] for line in panel.lines
        }
        for panel in figure.axes
    }


def test_the_curves_of_scores(drawn, tmp_path):
    """Below all others, by which end is better; distances of several sizes are seen on a logarithmic scale."""
    stats = [
        {"step": 20, "loss_D": 1.0, "seconds": 3.0},
        {"step": 25, "epoch": 1, "fid": 5.0, "sliced_wasserstein": 0.05, "precision": 0.6, "sharpness": 1.1},
        {"step": 50, "epoch": 2, "fid": 3.0, "sliced_wasserstein": 0.04, "precision": 0.7, "sharpness": 1.0},
    ]
    save_curves(tmp_path / "losses.png", stats, {})
    steps = [25.0, 50.0]
    found = curves_of(drawn[0])
    assert list(found) == ["loss", "", "score: lower is better", "score: higher is better"]
    assert found["score: lower is better"] == {
        "fid": [steps, [5.0, 3.0]], "sliced_wasserstein": [steps, [0.05, 0.04]],
    }  # fmt: skip
    assert found["score: higher is better"] == {"precision": [steps, [0.6, 0.7]]}
    assert found[""] == {"sharpness": [steps, [1.1, 1.0]]}, "neither end of it is better"
    assert [panel.get_yscale() for panel in drawn[0].axes] == ["linear", "linear", "log", "linear"]
    assert drawn[0].axes[2].lines[0].get_marker() == ".", "a run's only score is seen, too"


def test_the_curves_of_a_gan(drawn, tmp_path):
    line = {"epoch": 1, "loss_D": 1.0, "loss_G": 0.5, "D_x": 0.6, "border_norm": 0.1, "seconds": 3.0}
    stats = [line | {"step": 20}, line | {"step": 40, "loss_D": 2.0}]
    save_curves(tmp_path / "losses.png", stats, {"D_x": "D(x)"})
    steps = [20.0, 40.0]
    assert curves_of(drawn[0]) == {
        "loss": {"loss_D": [steps, [1.0, 2.0]], "loss_G": [steps, [0.5, 0.5]]},
        "": {"D(x)": [steps, [0.6, 0.6]]},
        "norm": {"border_norm": [steps, [0.1, 0.1]]},
    }
    assert [panel.get_yscale() for panel in drawn[0].axes] == ["linear", "linear", "log"]
    for panel in drawn[0].axes:
        legend, lines = panel.get_legend(), [(line.get_label(), line.get_color()) for line in panel.lines]
        handles = zip(legend.get_texts(), legend.get_lines(), strict=True)
        assert [(text.get_text(), handle.get_color()) for text, handle in handles] == lines
        assert len(set(lines)) == len(lines)
    assert drawn[0].axes[-1].get_xlabel() == "step"
    with Image.open(tmp_path / "losses.png") as image:
        assert min(image.size) > 500


def test_the_curves_of_any_figures_with_gaps_and_figures_that_not_every_line_has(drawn, tmp_path):
    lines = """{"step": 1, "k": 0.5}
        {"step": 2, "k": null, "rare": 3}
        {"step": 3, "k": 0.7}
        {"step": 4, "rare": 5}"""
    save_curves(tmp_path / "losses.png", [json.loads(line) for line in lines.splitlines()], {})
    curves = curves_of(drawn[0])
    assert list(curves) == [""], "no panel without a curve"
    steps, values = curves[""]["k"]
    assert steps == [1, 2, 3] and values[::2] == [0.5, 0.7] and np.isnan(values[1]), "null is a gap"
    # An unbroken line over lines without it: single points between gaps would not be seen.
    assert curves[""]["rare"] == [[2.0, 4.0], [3.0, 5.0]]


def test_lines_without_figures_give_no_curves_and_no_error(tmp_path):
    save_curves(tmp_path / "losses.png", [{"step": 1, "epoch": 1, "seconds": 0.1}], {})
    assert not list(tmp_path.iterdir())

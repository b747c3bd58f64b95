"""`minigan sample`: grids, arrays and ways between noises, from a run, a checkpoint, or the last run."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minigan.algorithms.samples import decode
from minigan.training import draw_noise, images, load_algorithm


def _bytes(path):
    with np.load(path) as file:
        return file["images"]


def test_a_grid_and_arrays_are_what_the_averaged_generator_makes_of_the_seeds_noise(trained, tmp_path, minigan):
    said = minigan("sample", trained, "--n", 10, "--seed", 3, "--out", tmp_path / "a.png", "--out", tmp_path / "a.npz")
    assert said.code == 0 and said.out == "" and f"wrote {tmp_path / 'a.npz'}" in said.err
    algorithm, config = load_algorithm(trained / "ckpt" / "last.safetensors")
    drawn = decode(algorithm, draw_noise(10, algorithm.z_dim, 3))
    np.testing.assert_array_equal(images.load_png(tmp_path / "a.png"), images.grid(drawn))
    array = _bytes(tmp_path / "a.npz")
    assert array.dtype == np.uint8 and array.shape == (10, 1, 28, 28)
    np.testing.assert_array_equal(array, images.to_bytes(drawn))
    assert config.ema_decay == 0.5


def test_the_first_of_many_are_those_of_few_and_other_seeds_give_others(trained, tmp_path, minigan):
    for name, n, seed in [("few", 10, 0), ("many", 64, 0), ("other", 10, 1)]:
        assert minigan("sample", trained, "--n", n, "--seed", seed, "--out", tmp_path / f"{name}.npz").code == 0
    few, many, other = (_bytes(tmp_path / f"{name}.npz").astype(int) for name in ("few", "many", "other"))
    assert abs(few - many[:10]).max() <= 1  # a rounding apart
    assert (few != other).any()


def test_a_run_its_checkpoint_and_last_are_the_same(trained, tmp_path, minigan, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ways = [[trained], [trained / "ckpt" / "e001.safetensors"], ["last", "--runs", trained.parent]]
    for k, way in enumerate(ways):
        assert minigan("sample", *way, "--n", 4, "--out", f"{k}.png").code == 0
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


def test_a_way_between_noises_loops_without_a_jump_or_a_pause(trained, tmp_path, minigan):
    assert minigan("sample", trained, "--n", 2, "--out", tmp_path / "w.gif").code == 0
    with Image.open(tmp_path / "w.gif") as film:
        assert film.info["loop"] == 0
        frames, durations = [], []
        for k in range(film.n_frames):
            film.seek(k)
            frames.append(np.asarray(film.convert("L"), dtype=float))
            durations.append(film.info["duration"])
    assert len(set(durations)) == 1
    steps = [abs(a - b).mean() for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert len(frames) == 48 and 0 < steps[-1] <= max(steps[:-1])


def test_what_cannot_be_is_said_before_anything_is_drawn(trained, tmp_path, minigan):
    (tmp_path / "d.png").mkdir()
    (tmp_path / "x.safetensors").write_bytes(b"\x08" + bytes(7) + b"{}      ")
    for code, says, *arguments in [
        (2, "must end in .png (a grid), .npz (arrays) or .gif", trained, "--out", tmp_path / "a.jpg"),
        (2, "there is no folder", trained, "--out", tmp_path / "none" / "a.png"),
        (1, "d.png: Is a directory", trained, "--out", tmp_path / "d.png"),
        (1, "no run with a checkpoint", "last", "--runs", tmp_path / "none"),
        (1, "not a checkpoint of minigan's", tmp_path / "x.safetensors"),
        (1, "there is no checkpoint", tmp_path / "none"),
    ]:
        said = minigan("sample", *arguments)
        last = said.err.splitlines()[-1]
        assert said.code == code and says in last and "Traceback" not in said.err and ".tmp" not in last, said.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.png", "x.safetensors"]


@pytest.mark.parametrize("n", [1, 5, 101])
def test_any_number_can_be_drawn(n, trained, tmp_path, minigan):
    assert minigan("sample", trained, "--n", n, "--out", tmp_path / "a.npz").code == 0
    assert len(_bytes(tmp_path / "a.npz")) == n


# --- labels --------------------------------------------------------------------------------------


def test_a_label_is_what_the_samples_show(told, tmp_path, minigan):
    for name, label in (("all", []), ("one", ["--label", 1]), ("two", ["--label", 2])):
        assert minigan("sample", told, "--n", 7, *label, "--out", tmp_path / f"{name}.npz").code == 0
    every, one, two = (_bytes(tmp_path / f"{name}.npz") for name in ("all", "one", "two"))
    algorithm, _ = load_algorithm(told / "ckpt" / "last.safetensors")
    np.testing.assert_array_equal(one, images.to_bytes(algorithm.generate(7, 0, label=1)))
    assert (one != two).any(axis=(1, 2, 3)).all()
    # Without one, all labels in turn; the noise is the same.
    differences = [abs(every[i::3].astype(int) - with_label[i::3]).max() for i, with_label in ((1, one), (2, two))]
    assert max(differences) <= 1 and (every[0] != one[0]).any()


def test_all_labels_beside_each_other(told, trained, tmp_path, minigan):
    """A row is one noise, a column one label; n images in whole rows, one at least."""
    for n, rows in ((7, 2), (1, 1)):
        outs = "--out", tmp_path / f"{n}.npz", "--out", tmp_path / f"{n}.png"
        assert minigan("sample", told, "--labels", "--n", n, "--seed", 5, *outs).code == 0
        found = _bytes(tmp_path / f"{n}.npz")
        algorithm, _ = load_algorithm(told / "ckpt" / "last.safetensors")
        of_each = [images.to_bytes(algorithm.generate(rows, 5, label=label)) for label in range(3)]
        np.testing.assert_array_equal(found, np.stack(of_each, axis=1).reshape(3 * rows, 1, 28, 28))
        assert images.load_png(tmp_path / f"{n}.png").shape == ((30 * rows + 2) * 2, (30 * 3 + 2) * 2, 1)
    for run, out, says in [
        (trained, "a.png", "--labels: quick28 takes no labels"),
        (told, "a.gif", f"--out {tmp_path / 'a.gif'}: a way between noises is of one label: name it, as in --label 7"),
    ]:
        said = minigan("sample", run, "--labels", "--out", tmp_path / out)
        assert said.code == 2 and said.err.splitlines()[-1] == f"minigan sample: {says}"
    assert minigan("sample", told, "--labels", "--label", 1).code == 2


def test_a_runs_grid_has_columns_for_each_label(told):
    """64 samples of three labels: each label three times in 7 rows. The 40 reals are 6 rows of 7."""
    assert images.load_png(told / "samples" / "e001.png").shape == ((30 * 7 + 2) * 2, (30 * 9 + 2) * 2, 1)
    assert images.load_png(told / "samples" / "reals.png").shape == ((30 * 6 + 2) * 2, (30 * 7 + 2) * 2, 1)


def test_a_way_between_noises_keeps_its_label(told, tmp_path, minigan):
    for name, label in (("one", 1), ("two", 2), ("again", 1)):
        assert minigan("sample", told, "--n", 1, "--label", label, "--out", tmp_path / f"{name}.gif").code == 0
    one, two, again = ((tmp_path / f"{name}.gif").read_bytes() for name in ("one", "two", "again"))
    assert one == again != two


def test_a_label_that_there_is_not_is_one_sentence(told, trained, tmp_path, minigan):
    for run, label, says in [
        (told, 3, "--label 3: the labels of this model are 0 to 2"),
        (trained, 1, "--label 1: the model quick28 takes no labels; cgan28 and sagan28 do"),
    ]:
        said = minigan("sample", run, "--label", label, "--out", tmp_path / "a.png")
        assert said.code == 2 and said.err.splitlines()[-1] == f"minigan sample: {says}"
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_takes_labels_needs_data_that_has_them(data, tmp_path, minigan):
    said = minigan("train", "--recipe", "cgan", "--data", data, "--out", tmp_path / "runs")
    assert said.code == 2 and "the model cgan28 takes labels, but the data has none" in said.err
    assert not (tmp_path / "runs").exists()

"""A run's folder: its layout, its number, and what two runs have in common."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minigan
from minigan import backend
from minigan.algorithms import SimultaneousGAN
from minigan.algorithms.samples import decode
from minigan.data import Batches, DataError, ImageDataset
from minigan.training import Config, Trainer, TrainingError, draw_noise, images, prepare, start
from minigan.training.callbacks import Pictures, SampleGrid, stats
from minigan.training.describe import describe
from minigan.training.images import grid, load_png
from minigan.training.run_dir import RunDir


def test_the_layout_is_the_promised_one(begin, capsys):
    run = begin(3, checkpoint_every=2, seed=4)
    run.train()
    assert run.run_dir.path.name == "00000-tiny-noise8-s4"
    assert sorted(str(p.relative_to(run.run_dir.path)) for p in run.run_dir.path.rglob("*") if p.is_file()) == [
        "ckpt/e002.safetensors", "ckpt/e003.safetensors", "ckpt/last.safetensors", "config.json", "log.txt",
        "losses.png", "samples.gif", "samples/e000.png", "samples/e001.png", "samples/e002.png", "samples/e003.png",
        "samples/reals.png", "stats.jsonl", "status.json",
    ]  # fmt: skip
    assert Config.load(run.run_dir.path / "config.json") == run.config
    log = (run.run_dir.path / "log.txt").read_text().splitlines()
    assert log[:-3] == describe(run)
    assert [line.split()[1] for line in log[-3:]] == ["1/3", "2/3", "3/3"]


def test_the_log_tells_of_each_resume_and_of_what_ended_the_run(begin, go_on, at_step):
    def raising(error):
        def action(trainer):
            raise error

        return action

    run = begin(1)
    run.train()
    for error in (KeyboardInterrupt(), MemoryError("10 GB"), OSError(28, "No space left on device", "disk")):
        at_step(7, raising(error))
        with pytest.raises((type(error), TrainingError)):
            go_on(run, epochs=2)
    log = (run.run_dir.path / "log.txt").read_text()
    assert log.count("resumed at step 5 (epoch 2)\ntiny (GAN: G ") == 3 and log.count(run.data.source) == 4
    assert "\nended by KeyboardInterrupt\n" in log and "\nended by MemoryError: 10 GB\n" in log
    assert log.splitlines()[-1].startswith("disk could not be written (No space left on device)")


def test_stats_are_json_whatever_the_figures(begin):
    def refuse(word):
        raise AssertionError(word)

    run = begin(1)
    run.run_dir.add_line({"step": 1, "loss_D": float("inf"), "loss_G": float("nan"), "D_x": 0.5})
    with open(run.run_dir.path / "stats.jsonl", "a") as file:
        file.write('{"step": 2, "loss_D": Infinity}\n')  # of an earlier minigan
    run.run_dir.open(run.config, step=2)
    lines = [
        json.loads(line, parse_constant=refuse) for line in (run.run_dir.path / "stats.jsonl").read_text().splitlines()
    ]
    assert lines == [{"step": 1, "loss_D": None, "loss_G": None, "D_x": 0.5}, {"step": 2, "loss_D": None}]


@pytest.mark.parametrize("device, asked", [("cpu", 1), ("gpu", 0)])
def test_freed_memory_is_kept_while_training_on_a_cpu(device, asked, begin, monkeypatch):
    calls = []
    monkeypatch.setattr(backend, "keep_freed_memory", lambda: calls.append(1))
    run = begin(1, device="cpu")
    assert not calls
    if device == "gpu":
        run.device = backend.Device("gpu", 0)
        monkeypatch.setattr(backend.Device, "use", lambda self: None)
        monkeypatch.setattr(backend, "products_in_tf32", lambda device, on: nullcontext())
        monkeypatch.setattr(Trainer, "_loop", lambda self, run_dir, stopped: None)
    run.train()
    assert len(calls) == asked


@pytest.mark.parametrize("tf32", [True, False])
def test_tf32_is_as_the_run_has_it_while_it_trains_and_no_longer(tf32, begin, monkeypatch):
    done = []

    @contextmanager
    def switched(device, on):
        done.append((device, on))
        yield
        done.append("as before")

    monkeypatch.setattr(backend, "products_in_tf32", switched)
    monkeypatch.setattr(Trainer, "_loop", lambda self, run_dir, stopped: done.append("trained"))
    run = begin(1, tf32=tf32)
    assert not done
    run.train()
    assert done == [(run.device, tf32), "trained", "as before"]


def test_stats_are_means_over_the_steps_since_the_line_before(begin, monkeypatch):
    monkeypatch.setattr(stats, "LOG_EVERY", 1)
    every = begin(1, "every")
    every.train()
    monkeypatch.setattr(stats, "LOG_EVERY", 3)
    third = begin(1, "third")
    third.train()
    read = [[json.loads(s) for s in (r.run_dir.path / "stats.jsonl").read_text().splitlines()] for r in (every, third)]
    assert [line["step"] for line in read[0]] == [1, 2, 3, 4, 5] and [line["step"] for line in read[1]] == [3, 5]
    for name in ("loss_D", "loss_G", "D_x", "D_G_z", "border_norm"):
        values = [line[name] for line in read[0]]
        np.testing.assert_allclose([line[name] for line in read[1]], [np.mean(values[:3]), np.mean(values[3:])])
    assert read[1][0]["epoch"] == 1 and read[1][1]["seconds"] >= read[1][0]["seconds"]


def test_grids_show_the_same_noise_through_the_weights_of_their_time(begin):
    run = begin(1, grid=5, seed=3)
    at_first = grid(run.sample(5))
    run.train()
    folder = run.run_dir.path / "samples"
    np.testing.assert_array_equal(load_png(folder / "e000.png"), at_first)
    with run.ema.applied():  # the grid's noise is a command's: minigan sample --seed 3
        at_last, of_seed_0 = (grid(decode(run.algorithm, draw_noise(5, 4, seed))) for seed in (3, 0))
    np.testing.assert_array_equal(load_png(folder / "e001.png"), at_last)
    np.testing.assert_array_equal(grid(run.sample(5, seed=0)), of_seed_0)
    reals = run.data[slice(0, 5)].x
    np.testing.assert_array_equal(load_png(folder / "reals.png"), grid(reals))
    assert (folder / "e000.png").read_bytes() != (folder / "e001.png").read_bytes()


def test_every_epoch_shows_every_image_once_in_an_order_of_its_own(begin, monkeypatch):
    seen, real = [], ImageDataset.__getitem__
    run = begin(2, seed=5)
    run.callbacks = [callback for callback in run.callbacks if not isinstance(callback, SampleGrid)]
    monkeypatch.setattr(ImageDataset, "__getitem__", lambda self, rows: seen.append(rows) or real(self, rows))
    run.train()
    epochs = [np.concatenate(seen[:5]), np.concatenate(seen[5:10])]  # for a GPU one more batch is sent ahead
    for e, order in enumerate(epochs):
        np.testing.assert_array_equal(order, np.concatenate(list(Batches(70, 16, seed=5).epoch(e))))
    assert (epochs[0] != epochs[1]).any() and sorted(epochs[1]) == list(range(70))


def test_equal_seeds_give_equal_runs_and_other_seeds_others(begin, left_by):
    runs = [begin(1, name, seed=seed) for name, seed in [("a", 3), ("b", 3), ("c", 4)]]
    for run in runs:
        run.train()
    a, b, c = map(left_by, runs)
    assert a == b
    differing = ("G.0.weight", "D.0.weight", "e000.png", "e001.png", "streams.noise", "streams.dropout", "stats")
    assert all(a[name] != c[name] for name in differing)


def test_each_player_learns_as_configured(begin):
    chosen = {"betas": (0.4, 0.98), "eps": 1e-6, "epsilon_hat": True}
    run = begin(1, lr_G=0.02, lr_D=0.03, algorithm="simultaneous-gan", objective="minimax", **chosen)
    networks, optimizers = run.algorithm.networks, run.algorithm.optimizers
    assert (optimizers["G"].lr, optimizers["D"].lr) == (0.02, 0.03)
    for name in ("G", "D"):
        network, optimizer = networks[name], optimizers[name]
        assert (optimizer.betas, optimizer.eps, optimizer.epsilon_hat) == tuple(chosen.values())
        assert all(p is q for p, q in zip(optimizer.params, network.parameters(), strict=True))
    assert type(run.algorithm.loss).__name__ == "Minimax" and isinstance(run.algorithm, SimultaneousGAN)


def test_numbers_go_up_and_nothing_is_overwritten(begin, tmp_path):
    (tmp_path / "runs").mkdir()
    for name in ("00007-old-x-s0", "00003-old-x-s0", "2031-notes", "readme.txt", "100000"):
        (tmp_path / "runs" / name).mkdir()
    assert [begin(1).run_dir.path.name[:6] for _ in range(2)] == ["00008-", "00009-"]


def test_runs_that_begin_at_once_get_numbers_of_their_own(tmp_path):
    made, ready = [], threading.Barrier(8)

    def make(i: int) -> None:
        ready.wait()
        # Half of them of one name, half of names of their own.
        made.append(RunDir.create(tmp_path / "runs", Config(seed=max(0, i - 4)), "x").path)

    threads = [threading.Thread(target=make, args=(i,)) for i in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len({path.name[:5] for path in made}) == 8
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == sorted(p.name for p in made)


def test_a_number_taken_by_a_run_of_another_name_at_that_moment_is_left_to_it(tmp_path, monkeypatch):
    mkdir = Path.mkdir

    def beaten(path, *args, **kwargs):
        mkdir(path, *args, **kwargs)
        if path.name.startswith("00000-"):
            mkdir(path.with_name("00000-mlp-y-s0"))

    monkeypatch.setattr(Path, "mkdir", beaten)
    assert RunDir.create(tmp_path, Config(), "x").path.name == "00001-quick28-x-s0"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000-mlp-y-s0", "00001-quick28-x-s0"]


def test_a_file_in_place_of_the_runs_folder_is_named(begin, tmp_path):
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(TrainingError, match=r"runs is a file, but the folder"):
        begin(1)
    (tmp_path / "f").write_text("mine")
    with pytest.raises(TrainingError, match=r"could not be made in .*Not a directory"):
        begin(1, "f/runs")


@pytest.mark.parametrize("images, steps, shown", [(2, 1, 2), (17, 1, 9), (18, 2, 9), (5, 1, 5)])
def test_few_images_make_small_batches_but_never_one_of_one_image(images, steps, shown, begin):
    run = begin(1, images=images, grid=9)
    run.train()
    assert run.step == steps
    reals = load_png(run.run_dir.path / "samples" / "reals.png")
    assert reals.shape == grid(run.data[slice(0, shown)].x).shape
    fakes = load_png(run.run_dir.path / "samples" / "e001.png")
    assert fakes.shape == grid(run.sample(9)).shape, "as many as were asked for, however few images there are"


def test_the_last_pictures_are_of_all_grids_in_their_order_and_of_all_figures_by_their_names(begin, monkeypatch):
    films, curves = [], []
    monkeypatch.setattr(images, "save_gif", lambda path, grids, seconds, last: films.append((grids, seconds, last)))
    monkeypatch.setattr(images, "save_curves", lambda path, stats, labels: curves.append((stats, labels)))
    run = begin(1)
    run.run_dir.add_line({"step": 1, "D_x": 0.5})
    for epoch in range(201):
        images._image(np.full((1, 1, 1), epoch, "uint8")).save(run.run_dir.path / "samples" / f"e{epoch:03d}.png")
    for run.closed_epochs in (1, 59, 200):
        Pictures().on_stop(run)
    for (grids, seconds, last), n in zip(films, (2, 60, 201), strict=True):
        assert [int(picture[0, 0, 0]) for picture in grids] == list(range(n))
        assert (seconds, last) == (pytest.approx({2: 0.6, 60: 0.2, 201: 0.1}[n]), 1.5)
    assert curves[0] == ([{"step": 1, "D_x": 0.5}], run.algorithm.figure_labels) and curves[0][1]["D_x"] == "D(x)"


def test_one_image_is_too_few(begin, tmp_path):
    with pytest.raises(DataError, match="holds 1 image, but training needs 2"):
        begin(1, images=1)
    assert not (tmp_path / "runs").exists()


def test_a_huge_seed_works_and_too_long_a_name_is_one_sentence(begin):
    begin(1, seed=2**70).train()
    with pytest.raises(TrainingError, match="name too long"):
        begin(1, seed=10**300)


def test_colour_data_gives_colour_samples(tmp_path):
    np.savez(tmp_path / "c.npz", images=np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), dtype=np.uint8))
    run = start(Config.for_model("tiny", data=str(tmp_path / "c.npz"), epochs=1), tmp_path / "runs")
    run.train()
    assert run.config.channels == 3 and run.sample(2).shape == (2, 3, 8, 8)
    with Image.open(run.run_dir.path / "samples" / "e001.png") as image:
        assert image.mode == "RGB"


def test_preparing_writes_nothing_and_cannot_train(data, tmp_path, monkeypatch):
    file = data()
    monkeypatch.chdir(tmp_path)
    run = prepare(Config.for_model("tiny", data=file))
    assert [p.name for p in tmp_path.iterdir()] == [Path(file).name]
    with pytest.raises(TrainingError, match=r"start\(\)"):
        run.train()


def test_the_python_interface_in_three_lines(tmp_path, data):
    from minigan.training import Config, start

    run = start(Config.for_model("quick28", data=data(20, 28, "digits"), epochs=1), tmp_path / "runs")
    run.train()
    images = run.sample(3)
    assert images.shape == (3, 1, 28, 28) and images.dtype == np.float32 and abs(images).max() <= 1
    # the same noise; a matrix product of other length may round otherwise
    np.testing.assert_allclose(run.sample(2), images[:2], atol=1e-6)
    assert abs(run.sample(2, seed=9) - images[:2]).max() > 1e-3
    assert minigan.__version__

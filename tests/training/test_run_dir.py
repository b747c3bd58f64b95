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
from minigan.data import Batches, DataError, Dataset
from minigan.training import Config, Run, TrainingError, draw_noise, generate, pictures, prepare, start
from minigan.training.folder import RunFolder
from minigan.training.progress import Progress


def test_the_layout_is_the_promised_one(begin, capsys):
    run = begin(3, checkpoint_every=2, seed=4)
    run.train()
    assert run.folder.path.name == "00000-tiny-noise8-s4"
    assert sorted(str(p.relative_to(run.folder.path)) for p in run.folder.path.rglob("*") if p.is_file()) == [
        "ckpt/e002.safetensors", "ckpt/e003.safetensors", "ckpt/last.safetensors", "config.json", "log.txt",
        "losses.png", "samples.gif", "samples/e000.png", "samples/e001.png", "samples/e002.png", "samples/e003.png",
        "samples/reals.png", "stats.jsonl",
    ]  # fmt: skip
    assert Config.load(run.folder.path / "config.json") == run.config
    log = (run.folder.path / "log.txt").read_text().splitlines()
    assert log[:-3] == run.describe()
    assert [line.split()[1] for line in log[-3:]] == ["1/3", "2/3", "3/3"]


def test_the_log_tells_of_each_resume_and_of_what_ended_the_run(begin, go_on, monkeypatch):
    def after_step(n, error):
        def step(self, *args):
            shown(self, *args)
            if self.done == n:
                raise error

        return step

    shown, run = Progress.step, begin(1)
    run.train()
    for error in (KeyboardInterrupt(), MemoryError("10 GB"), OSError(28, "No space left on device", "disk")):
        monkeypatch.setattr(Progress, "step", after_step(7, error))
        with pytest.raises((type(error), TrainingError)):
            go_on(run, epochs=2)
    log = (run.folder.path / "log.txt").read_text()
    assert log.count("resumed at step 5 (epoch 2)\ntiny (G ") == 3 and log.count(run.data.source) == 4
    assert "\nended by KeyboardInterrupt\n" in log and "\nended by MemoryError: 10 GB\n" in log
    assert log.splitlines()[-1].startswith("disk could not be written (No space left on device)")


def test_stats_are_json_whatever_the_figures(begin):
    def refuse(word):
        raise AssertionError(word)

    run = begin(1)
    run.folder.add_stats({"step": 1, "loss_D": float("inf"), "loss_G": float("nan"), "D_x": 0.5})
    with open(run.folder.stats_file, "a") as file:
        file.write('{"step": 2, "loss_D": Infinity}\n')  # of an earlier minigan
    run.folder.open(run.config, step=2)
    lines = [json.loads(line, parse_constant=refuse) for line in run.folder.stats_file.read_text().splitlines()]
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
        monkeypatch.setattr(Run, "_train", lambda self: None)
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
    monkeypatch.setattr(Run, "_train", lambda self: done.append("trained"))
    run = begin(1, tf32=tf32)
    assert not done
    run.train()
    assert done == [(run.device, tf32), "trained", "as before"]


def test_stats_are_means_over_the_steps_since_the_line_before(begin, monkeypatch):
    from minigan.training import run as run_module

    monkeypatch.setattr(run_module, "LOG_EVERY", 1)
    every = begin(1, "every")
    every.train()
    monkeypatch.setattr(run_module, "LOG_EVERY", 3)
    third = begin(1, "third")
    third.train()
    read = [[json.loads(s) for s in r.folder.stats_file.read_text().splitlines()] for r in (every, third)]
    assert [line["step"] for line in read[0]] == [1, 2, 3, 4, 5] and [line["step"] for line in read[1]] == [3, 5]
    for name in ("loss_D", "loss_G", "D_x", "D_G_z", "border_norm"):
        values = [line[name] for line in read[0]]
        np.testing.assert_allclose([line[name] for line in read[1]], [np.mean(values[:3]), np.mean(values[3:])])
    assert read[1][0]["epoch"] == 1 and read[1][1]["seconds"] >= read[1][0]["seconds"]


def test_grids_show_the_same_noise_through_the_weights_of_their_time(begin):
    run = begin(1, grid=5, seed=3)
    at_first = pictures.grid(generate(run.generator, draw_noise(5, 4, seed=3)))
    run.train()
    folder = run.folder.path / "samples"
    np.testing.assert_array_equal(pictures.load_png(folder / "e000.png"), at_first)
    at_last = pictures.grid(generate(run.generator, draw_noise(5, 4, seed=3)))
    np.testing.assert_array_equal(pictures.load_png(folder / "e001.png"), at_last)
    reals = run.data.batch(slice(0, 5))
    np.testing.assert_array_equal(pictures.load_png(folder / "reals.png"), pictures.grid(reals))
    assert (folder / "e000.png").read_bytes() != (folder / "e001.png").read_bytes()


def test_every_epoch_shows_every_image_once_in_an_order_of_its_own(begin, monkeypatch):
    seen, real = [], Dataset.batch
    monkeypatch.setattr(Dataset, "batch", lambda self, indices: seen.append(indices) or real(self, indices))
    run = begin(2, seed=5)
    run.train()
    assert isinstance(seen[0], slice)  # the grid of real images
    epochs = [np.concatenate(seen[1:6]), np.concatenate(seen[6:])]
    for e, order in enumerate(epochs):
        np.testing.assert_array_equal(order, np.concatenate(list(Batches(70, 16, seed=5).epoch(e))))
    assert (epochs[0] != epochs[1]).any() and sorted(epochs[1]) == list(range(70))


def test_equal_seeds_give_equal_runs_and_other_seeds_others(begin, left_by):
    runs = [begin(1, name, seed=seed) for name, seed in [("a", 3), ("b", 3), ("c", 4)]]
    for run in runs:
        run.train()
    a, b, c = map(left_by, runs)
    assert a == b
    assert all(a[name] != c[name] for name in ("G.0.weight", "D.0.weight", "e000.png", "e001.png", "noise", "stats"))


def test_each_player_learns_as_configured(begin):
    chosen = {"betas": (0.4, 0.98), "eps": 1e-6, "epsilon_hat": True}
    run = begin(1, lr_G=0.02, lr_D=0.03, step="simultaneous", objective="minimax", **chosen)
    G, D, opt_G, opt_D = (getattr(run.players, name) for name in ("G", "D", "opt_G", "opt_D"))
    assert (opt_G.lr, opt_D.lr) == (0.02, 0.03)
    for optimizer, network in ((opt_G, G), (opt_D, D)):
        assert (optimizer.betas, optimizer.eps, optimizer.epsilon_hat) == tuple(chosen.values())
        assert all(p is q for p, q in zip(optimizer.params, network.parameters(), strict=True))
    assert type(run.players.objective).__name__ == "Minimax"


def test_numbers_go_up_and_nothing_is_overwritten(begin, tmp_path):
    (tmp_path / "runs").mkdir()
    for name in ("00007-old-x-s0", "00003-old-x-s0", "2031-notes", "readme.txt", "100000"):
        (tmp_path / "runs" / name).mkdir()
    assert [begin(1).folder.path.name[:6] for _ in range(2)] == ["00008-", "00009-"]


def test_runs_that_begin_at_once_get_numbers_of_their_own(tmp_path):
    made, ready = [], threading.Barrier(8)

    def make(i: int) -> None:
        ready.wait()
        # Half of them of one name, half of names of their own.
        made.append(RunFolder.create(tmp_path / "runs", Config(seed=max(0, i - 4)), "x").path)

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
    assert RunFolder.create(tmp_path, Config(), "x").path.name == "00001-quick28-x-s0"
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
    reals = pictures.load_png(run.folder.path / "samples" / "reals.png")
    assert reals.shape == pictures.grid(run.data.batch(slice(0, shown))).shape


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
    with Image.open(run.folder.path / "samples" / "e001.png") as image:
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

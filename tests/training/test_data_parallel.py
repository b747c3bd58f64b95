"""Several processes that train one run: together they do what one does with the whole batch; one ends, all end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minigan import backend, gpu
from minigan.autograd import Tensor
from minigan.optim import SGD
from minigan.training import Config, mpi, start, team
from minigan.training.checkpoint import load_checkpoint
from minigan.training.team import ALONE, Team

SCRIPT = Path(__file__).with_name("together.py")
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
needs_mpi = pytest.mark.skipif(not (MPIEXEC and find_spec("mpi4py")), reason="needs mpi4py and mpiexec")


def command(processes: int, *arguments: Any) -> list[str]:
    launcher = [MPIEXEC, "-n", str(processes)] if processes > 1 else []
    return [*launcher, sys.executable, str(SCRIPT), *map(str, arguments)]


def run(processes: int, *arguments: Any, code: int = 0) -> subprocess.CompletedProcess:
    """together.py on so many processes; it must end with this code."""
    done = subprocess.run(command(processes, *arguments), capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def train(tmp_path: Path, data: Callable[..., str]) -> Callable[..., subprocess.CompletedProcess]:
    """train(processes, *options): `minigan train` of the tiny model on 37 images, in batches of 10 (the last of 7)."""

    def go(processes: int, *options: Any, scenario: str = "train", code: int = 0) -> subprocess.CompletedProcess:
        together = ["--data-parallel"] * (processes > 1)
        where = ["--data", data(37)] * (scenario != "other_images")
        if "--resume" not in options:
            where += ["--model", "tiny", "--batch-size", 10]
        options = [*where, "--device", "cpu", "--out", tmp_path / "runs", *together, *options]
        given = [tmp_path] * (scenario == "other_images")
        return run(processes, scenario, *given, *options, code=code)

    return go


def furthest(a: dict[str, Any], b: dict[str, Any]) -> dict[str, float]:
    """By name, how far apart two arrays are, over the largest number of the first."""
    assert a.keys() == b.keys()
    return {name: float(np.abs(a[name] - b[name]).max() / np.abs(a[name]).max().clip(1e-30)) for name in a}


def compared(tmp_path: Path, *scenario: Any) -> dict[str, float]:
    """How far what two processes left is from what one left."""
    run(2, scenario[0], tmp_path, *scenario[1:])
    return furthest(*(dict(np.load(tmp_path / f"{name}.npz")) for name in ("alone", "together")))


# --- the same as one process ---------------------------------------------------------------------


@needs_mpi
@pytest.mark.parametrize("step", ["alternating", "simultaneous"])
def test_two_processes_take_the_steps_of_one(tmp_path, step):
    """In float64, where what is wrong stands out from rounding. Measured: 7e-15 at most."""
    apart = compared(tmp_path, "steps", step, "float64", 11, 6, "sync")  # 5 images and 6
    assert max(apart.values()) < 1e-11, apart


@needs_mpi
def test_in_float32_they_differ_by_rounding(tmp_path):
    """One step, 2×32 images and 1×64: more steps show Adam, which makes of the rounding of a gradient near 0 a step
    of full length. So its moments are compared, not its weights. Measured: 8e-8 (figures), 1.3e-5 (moments)."""
    apart = compared(tmp_path, "steps", "simultaneous", "float32", 64, 1, "sync")
    assert apart["figures"] < 1e-6
    assert max(value for name, value in apart.items() if "exp_avg" in name) < 1e-4, apart


@needs_mpi
def test_unsynchronised_batch_norm_is_each_ones_own(tmp_path):
    apart = compared(tmp_path, "steps", "alternating", "float64", 12, 1, "own")
    assert apart["opt_D.exp_avg.0"] > 1e-4


# --- a run ---------------------------------------------------------------------------------------


def arrays(runs: Path, number: int) -> dict[str, np.ndarray]:
    (folder,) = runs.glob(f"{number:05d}-*")
    return load_checkpoint(folder / "ckpt" / "last.safetensors").arrays


@needs_mpi
def test_a_run_has_one_folder_and_one_voice(tmp_path, train):
    done = train(2, "--epochs", 2, "--averaging", 0.9)
    (folder,) = (tmp_path / "runs").iterdir()
    assert {p.name for p in (folder / "samples").iterdir()} == {"reals.png", "e000.png", "e001.png", "e002.png"}
    assert {p.name for p in folder.iterdir()} >= {"config.json", "log.txt", "samples.gif", "losses.png"}
    assert [json.loads(line)["step"] for line in (folder / "stats.jsonl").read_text().splitlines()] == [4, 8]
    for text in (done.stderr, (folder / "log.txt").read_text()):
        assert text.count("epoch 2/2 done") == 1
        assert text.count("2 processes with 5 images of a batch each; BatchNorm normalises by each process' own") == 1


@needs_mpi
def test_a_run_goes_on_with_more_and_with_fewer_processes(tmp_path, train):
    """The last batch has 4 + 3 images; noise, order and masks go on where they were, whoever draws them."""
    runs = tmp_path / "runs"
    sync = "--sync-batch-norm"
    train(1, "--epochs", 3, sync)
    train(2, "--epochs", 1, sync)
    train(1, "--epochs", 2, "--resume", "last")
    train(2, "--epochs", 3, "--resume", "last")
    stats = [[json.loads(line) for line in p.read_text().splitlines()] for p in sorted(runs.glob("*/stats.jsonl"))]
    for alone, crossed in zip(*stats, strict=True):
        for name in ("loss_D", "loss_G", "D_x", "D_G_z", "border_norm"):
            assert crossed[name] == pytest.approx(alone[name], rel=1e-3)
    apart = furthest(*(arrays(runs, number) for number in (0, 1)))
    assert max(value for name, value in apart.items() if "exp_avg" in name) < 0.05, apart


@needs_mpi
def test_ctrl_c_stops_all_at_one_step_and_saves(tmp_path, train, data):
    options = ["--data-parallel", "--model", "tiny", "--data", data(37), "--batch-size", 10, "--epochs", 100000]
    options += ["--device", "cpu", "--out", tmp_path / "runs"]
    with subprocess.Popen(command(2, "slow_pictures", *options), stderr=subprocess.PIPE, text=True) as job:
        while not list((tmp_path / "runs").glob("*/ckpt/last.safetensors")):
            assert job.poll() is None, job.stderr.read()
            time.sleep(0.05)
        job.send_signal(signal.SIGINT)
        said = job.stderr.read()
    assert job.returncode == 1 and said.count("all is saved") == 1 and "Abort" not in said, said
    assert "Go on with: mpiexec -n 2 " in said and f" train --data-parallel --resume {tmp_path}/runs/0" in said, said
    step = int(said.split("stopped at step ")[1].split()[0])
    (folder,) = (tmp_path / "runs").iterdir()
    assert load_checkpoint(folder / "ckpt" / "last.safetensors").progress["step"] == step


@needs_mpi
@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("one_fails", "a cable came loose"),
        ("one_spoilt", "loss_D became nan at step 3 (epoch 1); the first to produce a NaN or Inf was"),
    ],
)
def test_when_one_fails_all_end(train, scenario, said):
    started = time.monotonic()
    done = train(2, "--epochs", 100000, scenario=scenario, code=1)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("minigan train: ")]
    assert said in line and "(process 1 of 0 to 1, on " in line
    assert time.monotonic() - started < 60


@needs_mpi
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "its source was not found (with --detect-anomaly a run stops there)"),
        (["--detect-anomaly"], "(process 1 of 0 to 1, on "),
    ],
)
def test_what_one_spoils_for_all(train, options, said):
    """BatchNorm's statistics take the NaN to process 0, whose own images are well."""
    done = train(2, "--epochs", 100000, "--sync-batch-norm", *options, scenario="one_spoilt", code=1)
    assert done.stderr.count("minigan train: ") == 1 and said in done.stderr, done.stderr


@needs_mpi
def test_what_is_wrong_with_all_is_said_once(train):
    done = train(2, "--batch-size", 34, "--epochs", 1, code=2)  # of 37 images 3 are left
    assert done.stderr.strip() == (
        "minigan train: an epoch's smallest batch has 3 images, but 2 processes need 2 or more each (one has no "
        "variance; with --sync-batch-norm it would do): use another --batch-size, or fewer processes"
    )


@needs_mpi
def test_the_same_images_are_needed(train, data):
    data(37, name="noise0"), data(36, name="noise1")
    done = train(2, "--epochs", 1, scenario="other_images", code=1)
    assert "processes 0 and 1 differ in the images" in done.stderr


@needs_mpi
def test_mpiexec_without_data_parallel_is_refused_once(tmp_path, data):
    done = run(2, "train", "--model", "tiny", "--data", data(37), "--out", tmp_path / "runs", code=2)
    assert done.stderr.count("with --data-parallel they train one run together") == 1
    assert not (tmp_path / "runs").exists()


@needs_mpi
def test_one_process_is_a_team_too(tmp_path, data):
    done = run(1, "train", "--data-parallel", "--model", "tiny", "--data", data(37), "--epochs", 1, "--batch-size", 10,
               "--device", "cpu", "--out", tmp_path / "runs")  # fmt: skip
    assert "one process: mpiexec -n 2 minigan train --data-parallel" in done.stderr


# --- in one process ------------------------------------------------------------------------------


class Twice:
    """A communicator of two processes that have the same in mind."""

    rank, size = 0, 2

    def Allreduce(self, in_place: Any, array: np.ndarray) -> None:
        assert isinstance(array, np.ndarray) and array.flags.c_contiguous
        array *= 2


@pytest.fixture
def twice(monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setattr(team, "_in_place", lambda: None)
    return Team(Twice())


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [7, 20, 64])
def test_shares_follow_each_other_and_differ_by_one(size, n):
    one, shares = Team(), []
    one.size = size
    for one.rank in range(size):
        shares.append(list(range(n))[one.share(n)])
    assert sum(shares, []) == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_gradients_travel_in_one_piece_and_keep_their_shapes(twice):
    params = [Tensor(np.zeros(shape), requires_grad=True) for shape in [(2, 3), (), (4, 3, 2, 5)]]
    params[2].data = np.zeros((2, 5, 4, 3)).transpose(2, 3, 0, 1)  # a weight as the kernels lay it
    still = Tensor(np.zeros(3), requires_grad=True)  # it has no gradient, on any process
    optimizer = SGD([*params, still], lr=1.0)
    optimizer.register_step_pre_hook(twice.average_gradients)
    gradients = [np.random.default_rng(i).standard_normal(p.shape) for i, p in enumerate(params)]
    for p, g in zip(params, gradients, strict=True):
        p.grad = Tensor(g)
    twice.begin(7)
    optimizer.step()
    for p, g in zip(params, gradients, strict=True):
        np.testing.assert_allclose(p.numpy(), -2 * g * 3 / 7)
    assert params[2].grad.data.strides == params[2].data.strides
    assert still.grad is None


@pytest.mark.parametrize(
    ("spec", "variable", "count", "rank", "device"),
    [
        ("auto", "", 2, 1, "gpu:1"),
        ("auto", "", 2, 0, "auto"),  # the first process says why it is this one
        ("gpu:0", "", 4, 3, "gpu:3"),
        ("gpu:2", "", 4, 1, "gpu:3"),
        ("gpu:2", "", 4, 2, "gpu:0"),
        ("auto", "", 1, 1, "auto"),  # each process may have been shown a card of its own
        ("auto", "gpu:1", 4, 1, "gpu:2"),
        ("auto", "gpu:1", 4, 0, "auto"),
        ("auto", "", 0, 1, "auto"),
        ("auto", "cpu", 2, 1, "auto"),
        ("cpu", "", 2, 1, "cpu"),
        ("gpu:5", "", 2, 1, "gpu:5"),  # there is none: this is said elsewhere, as of "what?"
        ("auto", "what?", 2, 1, "auto"),
    ],
)
def test_each_process_of_a_machine_takes_its_own_gpu(monkeypatch, spec, variable, count, rank, device):
    monkeypatch.setenv("MINIGAN_DEVICE", variable)
    monkeypatch.setattr(gpu, "count", lambda: count)
    monkeypatch.setattr(gpu, "ready", lambda index: None)
    assert Team(Twice(), SimpleNamespace(rank=rank)).own_device(spec) == device


@pytest.mark.parametrize("rank", [0, 1])
def test_by_auto_a_gpu_that_does_not_compute_is_not_taken(monkeypatch, rank):
    def ready(index: int = 0) -> Any:
        raise gpu.NoGPU(f"gpu:{index} is out of breath", "let it rest")

    monkeypatch.delenv("MINIGAN_DEVICE", raising=False)
    monkeypatch.setattr(gpu, "count", lambda: 2)
    monkeypatch.setattr(gpu, "ready", ready)
    monkeypatch.setattr(gpu, "driver_cuda", lambda: 0)
    one = Team(Twice(), SimpleNamespace(rank=rank))
    assert backend.choose_device(one.own_device("auto")) == (backend.CPU, "gpu:0 is out of breath")
    with pytest.raises(gpu.NoGPU, match=f"gpu:{rank} is out of breath"):
        backend.choose_device(one.own_device("gpu"))


def test_the_command_that_goes_on_starts_as_many_processes(twice, begin):
    run = begin(1)
    assert run.resuming.endswith(f" train --resume {run.folder.path}") and "mpiexec" not in run.resuming
    run.team = twice
    assert run.resuming.startswith("mpiexec -n 2 ")
    assert run.resuming.endswith(f" train --data-parallel --resume {run.folder.path}")


def test_figures_are_weighted_and_norms_add_up_as_squares(twice):
    mean = twice.average_figures(np.array([[1.0, 3.0], [5.0, 0.0]]), [3 / 7, 0.5], [1])
    np.testing.assert_allclose(mean, [[6 / 7, np.sqrt(2 * (9 / 7) ** 2)], [5.0, 0.0]])


@pytest.mark.parametrize(("rank", "times"), [("", 1), ("0", 1), ("1", 0)])
def test_without_mpi_one_process_says_what_to_install(monkeypatch, data, tmp_path, capsys, rank, times):
    from minigan import cli

    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv("PMI_RANK", rank), monkeypatch.setenv("PMI_SIZE", rank and "2")
    monkeypatch.setattr(sys, "stdout", sys.stdout), monkeypatch.setattr(sys, "stderr", sys.stderr)  # put back after it
    code = cli.main(["train", "--data-parallel", "--data", data(37), "--out", str(tmp_path / "runs")])
    assert code == 1
    assert capsys.readouterr().err.count("pip install 'minigan[mpi]'") == times


def test_what_one_fails_of_is_said_once_even_if_abort_comes_back(monkeypatch):
    done, never = [], SimpleNamespace(Test=lambda: len(done) > 2)
    world = SimpleNamespace(Ibarrier=lambda: never, Abort=lambda code: done.append(f"abort {code}"))
    monkeypatch.setitem(sys.modules, "mpi4py", SimpleNamespace(MPI=SimpleNamespace(COMM_WORLD=world)))
    monkeypatch.setattr(sys, "stdout", sys.stdout), monkeypatch.setattr(sys, "stderr", sys.stderr)  # put back after it
    monkeypatch.setattr(mpi, "PATIENCE", 0.01), monkeypatch.setattr(mpi, "_until_taken", lambda stream: None)
    monkeypatch.setattr(os, "_exit", sys.exit)
    other = Team(Twice())
    other.rank = 1
    monkeypatch.setattr(mpi, "_team", other)
    with pytest.raises(SystemExit) as left:
        mpi.end(done.append, "a cable came loose", 3)
    assert [text.split(" (process 1 of 0 to 1, on ")[0] for text in done] == ["a cable came loose", "abort 3"]
    assert left.value.code == 3


@pytest.mark.skipif(not find_spec("fcntl"), reason="what was read of a pipe, only Linux and its like tell")
def test_nothing_is_ended_before_what_was_said_is_read():
    """mpiexec may lose what it has not read when it ends the processes."""
    out, into = os.pipe()
    with os.fdopen(out, "rb") as reader, os.fdopen(into, "w") as stream, ThreadPoolExecutor() as pool:
        stream.write("a cable came loose")
        waiting = pool.submit(mpi._until_taken, stream)
        time.sleep(0.3)
        assert not waiting.done()
        assert reader.read(18) == b"a cable came loose"
        waiting.result(timeout=1)


def test_mpi4py_is_not_imported_unasked():
    code = "import sys, minigan.cli, minigan.training; print('mpi4py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_a_step_of_one_process_is_as_before(begin):
    run = begin(1)
    assert run.team is ALONE and not run.players.opt_G._before_step


def test_sync_batch_norm_is_part_of_the_configuration(tmp_path, data):
    config = Config.for_model("tiny", data=data(37), sync_batch_norm=True)
    assert Config.from_json(config.to_json()).sync_batch_norm
    with pytest.raises(ValueError, match="sync_batch_norm is 1, but must be true or false"):
        Config(sync_batch_norm=1)
    assert start(config, tmp_path / "runs").players.D[1].team is None

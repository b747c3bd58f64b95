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
import own_algorithms
import pytest
from fake_mpi import twice

from minigan import nn
from minigan.algorithms import GAN
from minigan.autograd import Tensor
from minigan.backend.distributed import SINGLE_PROCESS
from minigan.data import Batch, DataInfo
from minigan.extras import install_command
from minigan.objectives import RelativisticAverage
from minigan.training import Config, launch, start
from minigan.training.checkpoint import load_checkpoint
from minigan.training.commands import resume_command
from minigan.training.describe import describe
from minigan.training.stepping import retake_step

SCRIPT = Path(__file__).with_name("together.py")
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
needs_mpi = pytest.mark.skipif(not (MPIEXEC and find_spec("mpi4py")), reason="needs mpi4py and mpiexec")


def command(processes: int, *arguments: Any) -> list[str]:
    launcher = [MPIEXEC, "-n", str(processes)] if processes > 1 else []
    ending_all = ["-m", "mpi4py"] if arguments[0] == "steps" else []  # when one fails; a command does it by itself
    return [*launcher, sys.executable, *ending_all, str(SCRIPT), *map(str, arguments)]


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
    """By name, how far apart two arrays are, over the largest number of the first. Texts must be the same."""
    assert a.keys() == b.keys()
    assert [name for name in a if a[name].dtype.kind == "U" and a[name] != b[name]] == []
    numbers = {name: array for name, array in a.items() if array.dtype.kind != "U"}
    return {name: float(np.abs(x - b[name]).max() / np.abs(x).max().clip(1e-30)) for name, x in numbers.items()}


def compared(tmp_path: Path, *options: Any, who: str = "together") -> dict[str, float]:
    """How far what several processes left is from what one left, after some steps."""
    if not (tmp_path / "alone.npz").exists():
        run(2, "steps", tmp_path, *options)
    return furthest(*(dict(np.load(tmp_path / f"{name}.npz")) for name in ("alone", who)))


# --- the same as one process ---------------------------------------------------------------------


@needs_mpi
@pytest.mark.parametrize(
    "name", ["gan", "simultaneous-gan", "wgan-gp", "began", "infogan", "pac", "relativistic", "gmmn"]
)
def test_two_processes_take_the_steps_of_one(tmp_path, name):
    """In float64, where what is wrong stands out from rounding; of batches of 11, 11 and 5, shared out as 5 and 6, and
    as 2 and 3; packs of pac as 3 and 3, and as 1 and 2. wgan-gp: two batches a step. Also where one process goes on
    with what two did, which went on with what one did; random streams stand at one place in all. Measured: 7e-15 at
    most."""
    apart = compared(tmp_path, name, "float64", 12 if name == "pac" else 11, 6, "sync")
    assert max(apart.values()) < 1e-11, apart
    by_turns = compared(tmp_path, who="turns")
    assert max(by_turns.values()) < 1e-11, by_turns
    if name == "began":
        balances = np.load(tmp_path / "alone.npz")["figures"][:, 2]
        assert len(set(balances)) == 6 and all(0 < k < 1 for k in balances)


@needs_mpi
def test_in_float32_they_differ_by_rounding(tmp_path):
    """One step, 2×32 images and 1×64: more steps show Adam, which makes of the rounding of a gradient near 0 a step
    of full length. So its moments are compared, not its weights. Measured: 2e-7 (figures), 1.3e-5 (moments)."""
    apart = compared(tmp_path, "simultaneous-gan", "float32", 64, 1, "sync")
    assert apart["figures"] < 1e-6
    assert max(value for name, value in apart.items() if "exp_avg" in name) < 1e-4, apart


@needs_mpi
def test_unsynchronised_batch_norm_is_each_ones_own(tmp_path):
    apart = compared(tmp_path, "gan", "float64", 12, 1, "own")
    assert apart["opt_D.exp_avg.0"] > 1e-4


@needs_mpi
def test_dropout_on_reals_and_fakes_in_one_array_leaves_all_streams_at_one_place(tmp_path):
    """Its masks are not those of one process, whose array has all reals before all fakes."""
    apart = compared(tmp_path, "joined", "float64", 11, 6, "sync")
    compared(tmp_path, who="turns")
    assert 0 < apart["opt_D.exp_avg.0"] < 2


# --- a run ---------------------------------------------------------------------------------------


def arrays(runs: Path, number: int) -> dict[str, np.ndarray]:
    (folder,) = runs.glob(f"{number:05d}-*")
    return load_checkpoint(folder / "ckpt" / "last.safetensors").arrays


@needs_mpi
def test_a_run_has_one_folder_and_one_voice(tmp_path, train):
    done = train(2, "--epochs", 2, "--ema-decay", 0.9)
    (folder,) = (tmp_path / "runs").iterdir()
    assert {p.name for p in (folder / "samples").iterdir()} == {"reals.png", "e000.png", "e001.png", "e002.png"}
    assert {p.name for p in folder.iterdir()} >= {"config.json", "log.txt", "samples.gif", "losses.png"}
    assert [json.loads(line)["step"] for line in (folder / "stats.jsonl").read_text().splitlines()] == [4, 8]
    for text in (done.stderr, (folder / "log.txt").read_text()):
        assert text.count("epoch 2/2 done") == 1
        assert text.count("2 processes with 5 samples of a batch each; BatchNorm normalises by each process' own") == 1


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
        try:
            deadline = time.monotonic() + 60
            while not list((tmp_path / "runs").glob("*/ckpt/last.safetensors")):
                assert job.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            job.send_signal(signal.SIGINT)
            _, said = job.communicate(timeout=60)
        finally:
            job.kill()
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
        "minigan train: an epoch's smallest batch has 3 samples, but 2 processes need 2 or more each (one has no "
        "variance; with --sync-batch-norm it would do): use another --batch-size, or fewer processes"
    )


@needs_mpi
def test_the_same_images_are_needed(train, data):
    data(37, name="noise0"), data(36, name="noise1")
    done = train(2, "--epochs", 1, scenario="other_images", code=1)
    assert "processes 0 and 1 differ in the data: " in done.stderr


@needs_mpi
def test_mpiexec_without_data_parallel_is_refused_once(tmp_path, data):
    done = run(2, "train", "--model", "tiny", "--data", data(37), "--out", tmp_path / "runs", code=2)
    assert done.stderr.count("with --data-parallel they train one run together") == 1
    assert not (tmp_path / "runs").exists()


@needs_mpi
def test_one_process_is_a_group_too(tmp_path, data):
    done = run(1, "train", "--data-parallel", "--model", "tiny", "--data", data(37), "--epochs", 1, "--batch-size", 10,
               "--device", "cpu", "--out", tmp_path / "runs")  # fmt: skip
    assert "one process: mpiexec -n 2 minigan train --data-parallel" in done.stderr


# --- in one process ------------------------------------------------------------------------------


def test_the_command_that_goes_on_starts_as_many_processes(monkeypatch, begin):
    run = begin(1)
    command = resume_command(run.run_dir.path, run.process_group.size)
    assert command.endswith(f" train --resume {run.run_dir.path}") and "mpiexec" not in command
    run.process_group = twice(monkeypatch)
    command = resume_command(run.run_dir.path, run.process_group.size)
    assert command.startswith("mpiexec -n 2 ")
    assert command.endswith(f" train --data-parallel --resume {run.run_dir.path}")


def built(group: Any, name: str = "InfoGAN") -> Any:
    """An algorithm of a user's, as one process of this group has it."""
    return getattr(own_algorithms, name)().build(DataInfo({"x": (1, 8, 8)}), process_group=group)


def test_gradients_are_averaged_before_every_optimiser_s_step(monkeypatch):
    """Weights without a gradient, on any process, stay without."""
    group = twice(monkeypatch)
    algorithm = built(group)
    group.begin_batch(7)
    for optimizer in algorithm.optimizers.values():
        still, *moving = optimizer.params
        gradients = [np.random.default_rng(i).standard_normal(p.shape).astype("float32") for i, p in enumerate(moving)]
        for p, g in zip(moving, gradients, strict=True):
            p.grad = Tensor(g, device=p.device)
        optimizer.step()
        for p, g in zip(moving, gradients, strict=True):
            np.testing.assert_allclose(p.grad.numpy(), 2 * g * 3 / 7, rtol=1e-6)
        assert still.grad is None


def test_packed_samples_stay_together(monkeypatch):
    """Of 10 samples in packs of 2, one process has 2 packs and the other 3, in their order, and each its masks."""
    groups = [twice(monkeypatch, rank) for rank in range(2)]
    for group in groups:
        GAN(pac=2, model="plane").build(DataInfo({"x": (2,)}), process_group=group)
    assert [group.begin_batch(10) for group in groups] == [slice(0, 4), slice(4, 10)]
    assert [group.samples_to_draw(n) for group, n in zip(groups, (2, 3), strict=True)] == [
        (5, slice(0, 2)), (5, slice(2, 5)),
    ]  # fmt: skip


def test_rows_are_gathered_in_their_order(monkeypatch):
    """The other's rows are 0 of a process that is twice the same one; what comes back to a row counts N/n here."""
    group = twice(monkeypatch, 1)
    group.begin_batch(5)
    x = Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    y = built(group).whole_batch(x)
    np.testing.assert_array_equal(y.numpy(), [[0, 0], [0, 0], [0, 2], [4, 6], [8, 10]])
    dy = np.arange(10.0).reshape(5, 2)
    y.backward(Tensor(dy))
    np.testing.assert_allclose(x.grad.numpy(), 2 * dy[2:])
    assert built(SINGLE_PROCESS).whole_batch(x) is x


def test_the_means_within_a_loss_are_of_the_whole_batch(monkeypatch):
    """Of two processes that are the same one, with 3 of 6 samples each: its own mean; with 2 of 5: 4/5 of it."""
    for n, factor in ((6, 1.0), (5, 0.8)):
        group = twice(monkeypatch, 0)
        loss = GAN(objective="relativistic-average").build(DataInfo({"x": (1, 28, 28)}), process_group=group).loss
        share = group.begin_batch(n)
        real, fake = (np.random.default_rng(i).standard_normal((share.stop, 1)) for i in range(2))
        expected = (
            np.log1p(np.exp(factor * fake.mean() - real)).mean() + np.log1p(np.exp(fake - factor * real.mean())).mean()
        )
        assert loss.discriminator_loss(Tensor(real), Tensor(fake)).item() == pytest.approx(expected)
    assert RelativisticAverage().process_group is SINGLE_PROCESS


def test_a_run_says_whose_groups_are_smaller(monkeypatch, begin):
    run = begin(1)
    run.process_group, run.places = twice(monkeypatch), [("here", "cpu", "")] * 2
    assert "MinibatchStd" not in "".join(describe(run))
    run.algorithm = GAN(model="plane_mbstd").build(DataInfo({"x": (2,)}))
    assert "  the groups of MinibatchStd are of samples of one process" in "\n".join(describe(run))


@pytest.mark.parametrize("draw", ["normal", "uniform"])
def test_each_process_has_its_rows_of_what_is_drawn_for_the_batch(monkeypatch, draw):
    """Also of a batch that is used after the next one was taken."""
    whole = getattr(built(SINGLE_PROCESS), draw)(Batch(x=np.zeros(7)), 2, stream="code").numpy()
    rows = []
    for rank in range(2):
        group = twice(monkeypatch, rank)
        share = group.begin_batch(7)
        batch = Batch(global_size=7, x=np.zeros(7)[share])
        group.begin_batch(2)
        rows += list(getattr(built(group), draw)(batch, 2, stream="code").numpy())
    np.testing.assert_array_equal(rows, whole)


def test_a_batch_that_is_made_in_the_step_leaves_the_stream_at_one_place_too(monkeypatch):
    """Reals and fakes of a share in one array: twice as much is drawn."""
    alone = built(SINGLE_PROCESS)
    whole, rows = alone.normal(Batch(x=np.zeros(14)), 2).numpy(), []
    for rank in range(2):
        group = twice(monkeypatch, rank)
        share = group.begin_batch(7)
        algorithm = built(group)
        rows += list(algorithm.normal(Batch(x=np.zeros(2 * (share.stop - share.start))), 2).numpy())
        assert algorithm.rng("noise").bit_generator.state == alone.rng("noise").bit_generator.state
    np.testing.assert_array_equal(rows, whole)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_step_that_is_taken_again_alone_draws_what_it_drew(monkeypatch, begin, rank):
    """A NaN that it met comes again: it has the noise and masks of its share, not those of the first process. There
    is no one to be asked."""
    run = begin(1)
    group = twice(monkeypatch, rank)
    run.process_group = run.loader.process_group = group
    run.algorithm = run.config.make_algorithm().build(run.data.info, device=run.device, process_group=group)
    noise, dropped, seen = run.algorithm.noise, nn.Dropout.forward, []

    def drawing(batch):
        z = noise(batch)
        seen.append(z.numpy())
        return z

    def dropping(self, x):
        y = dropped(self, x)
        seen.append(y.numpy() == 0)
        return y

    monkeypatch.setattr(run.algorithm, "noise", drawing)
    monkeypatch.setattr(nn.Dropout, "forward", dropping)
    run.take_step()
    group.comm = None
    group.begin_batch(6)  # as if another batch had been taken since
    with group.alone():
        retake_step(run)
    assert len(seen) == 2 * 4 and {len(array) for array in seen} == {8}  # D is asked three times
    for first, again in zip(seen[:4], seen[4:], strict=True):
        np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(("rank", "times"), [("", 1), ("0", 1), ("1", 0)])
def test_without_mpi_one_process_says_what_to_install(monkeypatch, data, tmp_path, capsys, rank, times):
    from minigan import cli

    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv("PMI_RANK", rank), monkeypatch.setenv("PMI_SIZE", rank and "2")
    monkeypatch.setattr(sys, "stdout", sys.stdout), monkeypatch.setattr(sys, "stderr", sys.stderr)  # put back after it
    code = cli.main(["train", "--data-parallel", "--data", data(37), "--out", str(tmp_path / "runs")])
    assert code == 1
    assert capsys.readouterr().err.count(f": {install_command('mpi')}\n") == times


def test_what_one_fails_of_is_said_once_even_if_abort_comes_back(monkeypatch):
    done, never = [], SimpleNamespace(Test=lambda: len(done) > 2)
    world = SimpleNamespace(Ibarrier=lambda: never, Abort=lambda code: done.append(f"abort {code}"))
    monkeypatch.setitem(sys.modules, "mpi4py", SimpleNamespace(MPI=SimpleNamespace(COMM_WORLD=world)))
    monkeypatch.setattr(sys, "stdout", sys.stdout), monkeypatch.setattr(sys, "stderr", sys.stderr)  # put back after it
    monkeypatch.setattr(launch, "TIMEOUT", 0.01), monkeypatch.setattr(launch, "_until_taken", lambda stream: None)
    monkeypatch.setattr(os, "_exit", sys.exit)
    monkeypatch.setattr(launch, "_group", twice(monkeypatch, rank=1))
    with pytest.raises(SystemExit) as left:
        launch.end(done.append, "a cable came loose", 3)
    assert [text.split(" (process 1 of 0 to 1, on ")[0] for text in done] == ["a cable came loose", "abort 3"]
    assert left.value.code == 3


@pytest.mark.skipif(not find_spec("fcntl"), reason="what was read of a pipe, only Linux and its like tell")
def test_nothing_is_ended_before_what_was_said_is_read():
    """mpiexec may lose what it has not read when it ends the processes."""
    out, into = os.pipe()
    with os.fdopen(out, "rb") as reader, os.fdopen(into, "w") as stream, ThreadPoolExecutor() as pool:
        stream.write("a cable came loose")
        waiting = pool.submit(launch._until_taken, stream)
        time.sleep(0.3)
        assert not waiting.done()
        assert reader.read(18) == b"a cable came loose"
        waiting.result(timeout=1)


def test_mpi4py_is_not_imported_unasked():
    code = "import sys, minigan.cli, minigan.training; print('mpi4py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_a_step_of_one_process_is_as_before(begin):
    run = begin(1)
    assert run.process_group is SINGLE_PROCESS
    assert not any(optimizer._before_step for optimizer in run.algorithm.optimizers.values())
    assert {m.process_group for m in run.algorithm.networks["D"].modules() if hasattr(m, "process_group")} == {
        SINGLE_PROCESS
    }


def test_sync_batch_norm_is_part_of_the_configuration(tmp_path, data):
    config = Config.for_model("tiny", data=data(37), sync_batch_norm=True)
    assert Config.from_json(config.to_json()).sync_batch_norm
    with pytest.raises(ValueError, match="sync_batch_norm is 1, but must be true or false"):
        Config.choose(sync_batch_norm=1)
    assert start(config, tmp_path / "runs").algorithm.networks["D"][1].process_group is SINGLE_PROCESS

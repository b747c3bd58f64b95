"""What terminals, disks, signals and other people's folders do to a run and to a command."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from minigan import cli
from minigan.cli import main
from minigan.data import ArrayDataset
from minigan.trace import Trace, TraceError
from minigan.training import Config, atomic, images
from minigan.training.checkpoint import load_checkpoint
from minigan.training.run_dir import RunDir
from minigan.training.stepping import take_steps
from minigan.training.trainer import Trainer

pytestmark = pytest.mark.host_only("about processes and files")
THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "x.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 256, (16, 28, 28), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    """The folder of a run of two epochs. Not to be changed: see `copy_of`."""
    runs = tmp_path_factory.mktemp("runs")
    assert main(["train", "--data", str(data), *SMALL, "--epochs", "2", "--out", str(runs)]) == 0
    return next(runs.iterdir())


@pytest.fixture
def copy_of(run, tmp_path):
    import shutil

    return shutil.copytree(run, tmp_path / run.name)


SMALL = ["--model", "mlp", "--batch-size", "8", "--grid", "4"]


def command(*words, **options):
    """The command in a process of its own."""
    environment = {**os.environ, **THREADS, **options.pop("env", {})}
    words = [sys.executable, "-m", "minigan", *map(str, words)]
    return subprocess.run(words, capture_output=True, env=environment, timeout=120, **options)


def shell(line, **options):
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, env={**os.environ, **THREADS}, timeout=120, **options
    )


MINIGAN = f"{sys.executable} -m minigan"


@pytest.mark.parametrize("encoding", ["cp1252:strict", "latin-1:strict", "ascii:strict"])
@pytest.mark.parametrize("words", ["check tanh --cases 1", "functions conv2d", "functions", "recipes", "--help"])
def test_case_21_any_encoding_of_the_output_will_do(words, encoding, monkeypatch):
    """tabulate#327, linode-cli#161."""
    encoding, _, errors = encoding.partition(":")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding, errors))
    try:
        assert main(words.split()) == 0
    except SystemExit as exit:  # of --help
        assert not exit.code
    sys.stdout.flush()
    assert sys.stdout.buffer.getvalue().decode(encoding)


def test_case_21_an_encoding_that_python_is_told():
    done = command("functions", "conv2d", env={"PYTHONIOENCODING": "ascii:strict"})
    assert done.returncode == 0 and done.stdout.decode("ascii"), done.stderr


@pytest.mark.slow
def test_case_21_training_and_tracing_in_any_encoding(tmp_path, data):
    encoding = {"PYTHONIOENCODING": "ascii:strict"}
    done = command("train", "--data", data, *SMALL, "--epochs", 1, "--out", tmp_path / "runs", env=encoding)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    done = command("trace", next((tmp_path / "runs").iterdir()), "--text", env=encoding)
    assert done.returncode == 0 and done.stdout.isascii(), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_case_22_names_that_are_not_utf_8(tmp_path, data):
    """B2_Command_Line_Tool#215."""
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(odd)
    (tmp_path / data.name).write_bytes(data.read_bytes())
    os.rename(tmp_path / data.name, odd + "/x.npz")
    done = command("train", "--data", odd + "/x.npz", *SMALL, "--epochs", 1, "--out", odd + "/runs")
    assert done.returncode == 0, done.stderr
    (folder,) = os.listdir(odd + "/runs")
    assert os.path.isfile(f"{odd}/runs/{folder}/losses.png") and os.path.getsize(f"{odd}/runs/{folder}/log.txt")
    assert command("train", "--resume", f"{odd}/runs/{folder}", "--epochs", 2).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_case_23_without_stdin_stdout_or_stderr(tmp_path, data, closed):
    """tqdm#1523."""
    words = f"{MINIGAN} train --data {data} {' '.join(SMALL)} --epochs 1 --out {tmp_path}/runs {closed}"
    done = shell(words)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "losses.png").is_file()
    load_checkpoint(folder / "ckpt" / "last.safetensors")
    for words in ("functions tanh", "check tanh --cases 1", "recipes"):
        assert shell(f"{MINIGAN} {words} {closed}").returncode == 0


def test_case_23_messages_left_on_a_full_disk_are_given_up(monkeypatch):
    """Python's own last flush would make it exit with 120; a bar's thread may leave something to be flushed."""

    class Full(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, "no space left on device")

    discarded = []
    monkeypatch.setattr(sys, "stderr", Full())
    monkeypatch.setattr(cli, "_discard", discarded.append)
    assert main(["recipes"]) == 0 and discarded == [2]


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_case_23_output_to_a_full_disk(tmp_path, data):
    done = shell(f"{MINIGAN} functions > /dev/full")
    assert done.returncode == 1 and b"Traceback" not in done.stderr
    assert b"could not be written" in done.stderr and len(done.stderr.splitlines()) == 1
    train = f"{MINIGAN} train --data {data} {' '.join(SMALL)} --epochs 1 --out {tmp_path}/runs 2> /dev/full"
    assert shell(train).returncode == 0


def test_case_24_a_file_that_another_program_holds_is_waited_for(tmp_path, monkeypatch):
    """LightRAG#3879, ray#43702."""
    replace, refusals = os.replace, iter([PermissionError(13, "in use")] * 3)

    def held(*paths):
        for error in refusals:
            raise error
        replace(*paths)

    monkeypatch.setattr(os, "replace", held)
    atomic.write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(atomic, "TIMEOUT", 0.1)
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "in use")))
    with pytest.raises(PermissionError, match="in use"):
        atomic.write_atomically(tmp_path / "a", b"newer")
    assert (tmp_path / "a").read_bytes() == b"new" and len(list(tmp_path.iterdir())) == 1


BROKEN_PICTURES = ["save_samples", "save_gif", "save_curves", "load_png"]


@pytest.mark.parametrize("broken", [*BROKEN_PICTURES, None])
def test_case_24_a_picture_that_cannot_be_made_never_ends_a_run(tmp_path, data, monkeypatch, capsys, broken):
    def fail(*arguments, **options):
        raise PermissionError(13, "in use", "picture.png")

    for name in [broken] if broken else BROKEN_PICTURES:
        monkeypatch.setattr(images, name, fail)
    assert main(["train", "--data", str(data), *SMALL, "--epochs", "2", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().err
    assert "could not be made" in said and "training goes on" in said and "Done" in said
    (folder,) = tmp_path.iterdir()
    assert load_checkpoint(folder / "ckpt" / "last.safetensors").progress["step"] == 4
    assert len(list(RunDir(folder).lines())) == 2


def test_case_24_a_log_that_cannot_be_written_never_ends_a_run(tmp_path, data, capsys, monkeypatch):
    monkeypatch.setattr("minigan.training.run_dir.append", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    assert main(["train", "--data", str(data), *SMALL, "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert "log.txt could not be written (full): training goes on" in capsys.readouterr().err


def test_case_35_a_run_killed_between_its_last_checkpoint_and_its_pictures_gets_them(copy_of, run, capsys):
    (copy_of / "losses.png").unlink()
    (copy_of / "samples.gif").unlink()
    lines = (copy_of / "stats.jsonl").read_text()
    assert main(["train", "--resume", str(copy_of)]) == 0
    for name in ("losses.png", "samples.gif"):
        assert (copy_of / name).read_bytes() == (run / name).read_bytes()
    assert (copy_of / "stats.jsonl").read_text() == lines
    assert main(["train", "--resume", str(copy_of)]) == 2
    assert "has done 2 epochs" in capsys.readouterr().err


def test_case_35_old_pictures_of_a_run_that_went_on_are_made_anew(copy_of):
    os.utime(copy_of / "losses.png", (1, 1))
    (copy_of / "losses.png").write_bytes(b"old")
    os.utime(copy_of / "losses.png", (1, 1))
    assert main(["train", "--resume", str(copy_of)]) == 0
    assert (copy_of / "losses.png").read_bytes() != b"old"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"), [("MPLBACKEND", "nonsense"), ("MATPLOTLIBRC", "{}"), ("MPLCONFIGDIR", "/dev/null/x")]
)
def test_case_36_training_does_not_depend_on_matplotlib(tmp_path, data, name, value):
    (tmp_path / "matplotlibrc").write_text("backend: nonsense\nfigure.figsize: broken\n\x00\xff")
    environment = {name: value.format(tmp_path)}
    done = command("train", "--data", data, *SMALL, "--epochs", 1, "--out", tmp_path / "runs", env=environment)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    folder = next((tmp_path / "runs").iterdir())
    assert (folder / "losses.png").is_file() or b"could not be made" in done.stderr
    if name == "MPLBACKEND":
        assert (folder / "losses.png").is_file()


@pytest.mark.parametrize("value", ["gpu\nx", "tpu", "\x1b[31m"])
def test_case_36_a_device_in_the_environment_that_is_none(value, data, monkeypatch, capsys):
    monkeypatch.setenv("MINIGAN_DEVICE", value)
    assert main(["functions", "tanh"]) == 0
    capsys.readouterr()
    assert main(["train", "--dry-run", "--data", str(data)]) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and "\x1b" not in said


def test_case_36_a_device_in_the_environment_is_no_matter_to_the_import():
    assert command("functions", "tanh", env={"MINIGAN_DEVICE": "\x1b[31m"}).returncode == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this system's file system")
@pytest.mark.parametrize("words", [["train", "--dry-run", "--config", "{}"], ["trace", "{}.json", "--text"]])
def test_case_38_configurations_and_traces_are_regular_files(tmp_path, words):
    os.mkfifo(tmp_path / "p")
    os.mkfifo(tmp_path / "p.json")
    done = command(*(word.format(tmp_path / "p") for word in words))
    assert done.returncode in (1, 2) and len(done.stderr.splitlines()) == 1 and b"regular file" in done.stderr


def limited(**limits):
    import resource

    def limit():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, name), (value, value + 30 if name == "RLIMIT_CPU" else value))

    return limit


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits work otherwise elsewhere")
@pytest.mark.parametrize("limit", [{"RLIMIT_NOFILE": 5}, {"RLIMIT_AS": 900 * 2**20}, {"RLIMIT_CPU": 3}], ids=str)
def test_case_39_out_of_file_handles_memory_or_processor_time(tmp_path, data, limit):
    name = next(iter(limit))
    words = {
        "RLIMIT_NOFILE": ["--data", data, *SMALL, "--epochs", 2],
        "RLIMIT_AS": ["--model", "dcgan28", "--batch-size", 4096, "--epochs", 1],
        "RLIMIT_CPU": ["--data", data, *SMALL, "--epochs", 10_000],
    }[name]
    done = command("train", *words, "--out", tmp_path / "runs", preexec_fn=limited(**limit))
    assert done.returncode == 1 or name == "RLIMIT_NOFILE" and done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr, done.stderr
    last = done.stderr.decode().splitlines()[-1]
    assert done.returncode == 0 or last.startswith("minigan"), done.stderr
    for path in tmp_path.rglob("last.safetensors"):
        load_checkpoint(path)
    assert not list(tmp_path.rglob("*" + atomic.TEMPORARY))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits work otherwise elsewhere")
@pytest.mark.parametrize("context", ["stop_requests", "terminated_as_interrupted"])
def test_case_39_a_process_out_of_time_is_told_once_and_ends_by_itself(context):
    """The system repeats SIGXCPU with each further second; a busy machine may need that long to end."""
    code = f"""
import time
from minigan.training.signals import {context} as context
try:
    with context() as stopped:
        while not (stopped and stopped()):
            pass
except KeyboardInterrupt:
    pass
begun = time.process_time()
while time.process_time() < begun + 1.5:
    pass
print("ended by itself")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, preexec_fn=limited(RLIMIT_CPU=1))
    assert done.stdout == b"ended by itself\n", (done.returncode, done.stderr)


@pytest.mark.slow
def test_case_44_two_runs_in_two_threads_are_as_each_alone():
    rng = np.random.default_rng(0)
    data = ArrayDataset({"x": rng.standard_normal((64, 1, 28, 28), "float32")}, "noise", "noise")

    def trained(seed, model):
        config = Config.for_model(model, batch_size=16, seed=seed, channels=1, device="cpu")
        trainer = Trainer(config, data)
        take_steps(trainer, 8)
        return {name: np.array(v) for name, v in trainer.state_dict().items() if isinstance(v, np.ndarray)}

    for model in ("dcgan28", "quick28"):
        alone = [trained(seed, model) for seed in (1, 2)]
        together = [None, None]
        ready = threading.Barrier(2)

        def work(i, model=model, ready=ready, together=together):
            ready.wait()
            together[i] = trained(i + 1, model)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        for a, b in zip(alone, together, strict=True):
            assert a.keys() == b.keys() and len(a) > 30
            assert [name for name in a if not np.array_equal(a[name], b[name])] == []


@pytest.fixture(scope="module")
def trace(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("trace") / "t.json"
    assert main(["trace", str(run), "--out", str(path)]) == 0
    return path.read_text()


WRONG = ["text", -1, 10**9, None, [], {}, [[]], True, 1.5]


def places(value, path=()):
    """Where in a value there is something, one of each kind of place."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield (*path, name)
            yield from places(part, (*path, name))
    elif isinstance(value, list) and value:
        yield (*path, 0)
        yield from places(value[0], (*path, 0))


@pytest.mark.slow
def test_case_45_a_trace_s_json_is_read_by_its_types(trace, tmp_path, capsys):
    whole = json.loads(trace)
    found = list(places(whole))
    assert len(found) > 60
    rng = np.random.default_rng(0)
    refused = 0
    for path in found:
        changed = json.loads(trace)
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = WRONG[rng.integers(len(WRONG))]
        (tmp_path / "t.json").write_text(json.dumps(changed))
        capsys.readouterr()
        code = main(["trace", str(tmp_path / "t.json"), "--text"])
        said = capsys.readouterr().err
        assert code in (0, 2), (path, said)
        refused += code == 2
        assert code == 0 or len(said.splitlines()) == 1 and "unexpected" not in said, (path, said)
    assert refused > len(found) / 2


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_case_45_a_trace_holds_no_nan(trace, constant):
    import re

    with pytest.raises(TraceError):
        Trace.from_json(re.sub(r'"low":[-0-9.e]+', f'"low":{constant}', trace))


def interrupted(words, seconds, which=signal.SIGINT):
    process = subprocess.Popen(
        [sys.executable, "-m", "minigan", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **THREADS},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    time.sleep(seconds)
    process.send_signal(which)
    _, said = process.communicate(timeout=60)
    return process.returncode, said.decode()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
def test_case_46_ctrl_c_at_once_is_one_line(tmp_path, data, seconds):
    words = ["train", "--data", data, *SMALL, "--epochs", 1000, "--out", tmp_path]
    code, said = interrupted(words, seconds)
    if "minigan: " in said or "minigan/cli" in said or "Traceback" not in said:  # else Python was not ready yet
        assert code in (1, -signal.SIGINT) and "Traceback" not in said, said
        assert "stopped" in said.splitlines()[-1] if code == 1 else not said


@pytest.mark.slow
def test_case_46_a_polite_kill_says_so(tmp_path, data):
    words = ["train", "--data", data, *SMALL, "--epochs", 100_000, "--out", tmp_path]
    code, said = interrupted(words, 3.0, signal.SIGTERM)
    assert code == 1 and "all is saved" in said.splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--data", "a\nb\x1b[31m"], ["sample", "a\nb"], ["trace", "--model", "mlp", "--html", "."],
        ["trace", "--model", "mlp", "--out", "."], ["sample", "{run}", "--out", "{tmp}/d.png"], ["check", "os"],
        ["train", "--model", "\x1b[31m"], ["\x1b[31m"], ["sample", ""], ["train", "--config", "."],
    ],
    ids=repr,
)  # fmt: skip
def test_case_46_a_sentence_each(words, run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.png").mkdir()
    try:
        code = main([word.format(run=run, tmp=tmp_path) for word in words])
    except SystemExit as exit:
        code = exit.code
    said = capsys.readouterr().err
    last = said.splitlines()[-1]
    assert code in (1, 2) and "Traceback" not in said and "unexpected" not in said, said
    assert last.startswith("minigan") and all(c.isprintable() or c == "\n" for c in said), said


@pytest.mark.parametrize("name", [".notes.2024.tmp", ".a.1.tmp", "x.tmp", ".losses.png.12.minigan-temporary.txt"])
def test_case_47_a_user_s_own_files_stay_in_a_run_s_folder(copy_of, name):
    (copy_of / name).write_text("mine")
    (copy_of / "samples" / name).write_text("mine")
    left = copy_of / "ckpt" / f".last.safetensors.4711{atomic.TEMPORARY}"
    left.write_text("half")
    assert main(["train", "--resume", str(copy_of), "--epochs", "3"]) == 0
    assert (copy_of / name).read_text() == (copy_of / "samples" / name).read_text() == "mine"
    assert not left.exists()


LINKED = [
    "log.txt",
    "stats.jsonl",
    "losses.png",
    "samples.gif",
    "samples/e003.png",
    "config.json",
    "ckpt/last.safetensors",
]


@pytest.mark.parametrize("name", [*LINKED, "samples", "ckpt", "trace"])
def test_case_48_nothing_is_written_through_a_link_in_a_run_s_folder(copy_of, tmp_path, name, capsys):
    outside = tmp_path / "outside"
    place = copy_of / name
    if place.is_dir() or name == "trace":
        outside = place.rename(outside) if place.is_dir() else outside
        outside.mkdir(exist_ok=True)
        (outside / "mine").write_text("mine")
    else:
        outside.write_bytes(place.read_bytes() if place.exists() else b"mine")
    place.unlink(missing_ok=True) if not place.is_dir() else None
    place.symlink_to(outside)
    before = {p: p.read_bytes() for p in ([outside] if outside.is_file() else outside.iterdir())}
    code = main(["train", "--resume", str(copy_of), "--epochs", "3"])
    assert code in (0, 1) and {p: p.read_bytes() for p in before} == before
    assert outside.is_file() or {*outside.iterdir()} == {*before}
    assert "Traceback" not in capsys.readouterr().err


def test_case_48_a_temporary_name_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / f".a.{os.getpid()}{atomic.TEMPORARY}").symlink_to(tmp_path / "precious")
    atomic.write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "precious").read_text() == "mine" and (tmp_path / "a").read_bytes() == b"new"


BROKEN_LINES = [
    "[1, 2]", '"text"', "3", "null", "{}", '{"epoch": 1}', '{"step": "text"}', '{"step": 1, "loss_G": [1]}',
    '{"step": 1, "loss_G": "text"}', '{"step": 1, "loss_G": {}}', '{"step": 1e999}', '{"step": 2, "loss_G": NaN}',
    "[" * 100_000, '{"a":' * 50_000, '{"step": 1, "loss_G": 1e308}', "\xff\xfe", "{",
]  # fmt: skip


@pytest.mark.parametrize("line", BROKEN_LINES, ids=lambda line: line[:20])
def test_case_49_lines_of_statistics_that_are_none(copy_of, line, capsys):
    path = copy_of / "stats.jsonl"
    path.write_bytes(line.encode("latin-1") + b"\n" + path.read_bytes())
    code = main(["train", "--resume", str(copy_of), "--epochs", "3"])
    said = capsys.readouterr().err
    assert code == 0 and "could not be made" not in said, said
    assert [found["step"] for found in RunDir(copy_of).lines() if found["step"] in (2, 4, 6)][-3:] == [2, 4, 6]

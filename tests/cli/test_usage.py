"""Exit codes, help, and the one sentence an error is."""

from __future__ import annotations

import errno
import json
import re
import subprocess
import sys

import pytest

import minigan as package
from minigan import cli
from minigan.algorithms import ALGORITHMS
from minigan.algorithms.gan import OPTIMIZERS
from minigan.cli.parser import make_parser
from minigan.metrics import METRICS
from minigan.models import MODELS
from minigan.objectives import OBJECTIVES
from minigan.penalties import PENALTIES
from minigan.recipes import RECIPES
from minigan.training import Config


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_help_has_examples_and_fits_80_columns(command, minigan, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = minigan(*command.split(), "--help")
    assert said.code == 0 and said.err == "" and said.out.isascii()
    assert max(map(len, said.out.splitlines())) <= 80
    usage, examples = said.out.splitlines()[0], said.out.partition("\nexamples:\n")[2].splitlines()
    assert usage.startswith(f"usage: minigan {command}".strip())
    assert examples and all(line.startswith(f"  minigan {command}".rstrip()) for line in examples)
    for line in examples if command != "lesson" else ():
        make_parser(line.split()[1:]).parse_args(line.replace("train --help", "train").split()[1:])


def test_alone_it_says_what_there_is(minigan):
    said = minigan()
    assert said == (0, minigan("--help").out, "") and re.search("\n    check-lesson +check the exercise", said.out)


def flat(text):
    return " ".join(text.split())


def test_the_help_of_train_names_what_an_option_takes(minigan):
    said = flat(minigan("train", "--help").out)
    for known in (RECIPES, MODELS, OBJECTIVES, PENALTIES, OPTIMIZERS, ALGORITHMS, METRICS):
        assert f": {', '.join(known)}" in said
    assert "--data DATA mnist, paired-digits, " in said and ", moons, a folder" in said and "None" not in said


@pytest.mark.parametrize("recipe", [None, "wgan-gp", "dcgan28"])
def test_the_defaults_in_the_help_of_train_are_what_is_trained(recipe, minigan):
    named = ["--recipe", recipe] if recipe else []
    said = minigan("train", *named, "--help").out
    assert f"the defaults are those of {recipe or 'quick28'}: " in said
    told = dict(re.findall(r"\n  --([\w-]+)(?:(?!\n  -).)*\(default:\s+(\S+)\)(?=\n(?:  -|\n))", said, re.DOTALL))
    choices = json.loads(minigan("train", *named, "--dry-run").out)
    told = {name.replace("-", "_"): value for name, value in told.items()}
    assert {
        "model",
        "objective",
        "epochs",
        "lr_D",
        "betas",
        "penalties",
        "seed",
        "algorithm",
        "weight_clip",
    } <= told.keys()
    for name in told.keys() & choices.keys():
        value = choices[name]
        as_typed = ",".join(map(str, value)) or "none" if isinstance(value, list) else str(value).removesuffix(".0")
        assert told[name] == {"True": "on", "False": "off"}.get(as_typed, as_typed)


def test_the_defaults_of_a_file_are_not_told_as_those_of_a_recipe(minigan, tmp_path):
    (tmp_path / "c.json").write_text('{"epochs": 7, "seed": 3}')
    said = minigan("train", "--config", tmp_path / "c.json", "--help").out
    assert "those of quick28" not in said and "through the data, in all\n" in said


def test_the_version(minigan):
    assert minigan("--version") == (0, f"minigan {package.__version__}\n", "")


@pytest.mark.parametrize(
    "line, named",
    [
        ("--debug", "required: COMMAND (see minigan --help)"),
        ("fly", "'fly'"),
        ("train --epoch-count 3", "--epoch-count"),
        ("train --epochs 0", "'0' is not a whole number of 1 or more"),
        ("train --epochs ²", "'²' is not a whole number of 1 or more"),
        ("train --seed ٣", "'٣' is not a whole number of 0 or more"),
        ("train --epochs ten", "'ten' is not a whole number of 1 or more"),
        ("train --epochs 2.5", "'2.5' is not"),
        ("train --seed -1", "--seed"),
        ("train --batch-size 1", "'1' is not a whole number of 2 or more (one has no variance)"),
        ("train --steps 0", "argument --steps: '0' is not a whole number of 1 or more"),
        ("train --evaluate-every -1", "--evaluate-every"),
        ("train --metrics taste", "'taste'"),
        ("train --lr 0", "argument --lr: '0' is not a number above 0"),
        ("train --lr-D nan", "argument --lr-D: 'nan' is not a number above 0"),
        ("train --lr fast", "'fast'"),
        ("train --betas 0.5", "'0.5' is not two numbers, each in [0, 1)"),
        ("train --betas 0.5,1", "'0.5,1' is not two numbers, each in [0, 1)"),
        ("train --ema-decay 1", "'1' is not a number in [0, 1)"),
        ("train --averaging 0.9", "minigan train: --averaging is gone: use --ema-decay instead"),
        ("train --step simultaneous", "minigan train: --step is gone: use --algorithm gan, or --algorithm simultan"),
        ("train --step=alternating", "--step is gone: use --algorithm gan, or --algorithm simultaneous-gan, instead"),
        ("train --model gan", "'gan'"),
        ("train --model none --dry-run", "'none'"),
        ("train --recipe none", "'none'"),
        ("recipes none", "recipe 'none' is not known: choose from quick28, "),
        ("train --penalties slope", "penalties is ['slope'], but must be names from gradient, r1, "),
        ("train --penalties gradient:0", "penalties is ['gradient:0'], but must be "),
        ("train --penalties gradient --penalties r1", "penalties gradient, r1: D has BatchNorm, which mixes"),
        ("train --algorithm simultaneous-gan --n-critic 2", "where both networks step at once it must be 1"),
        ("train --algorithm nothing", "algorithm 'nothing' is not known: choose from gan, simultaneous-gan, "),
        ("train --algorithm nothing.py:Mine", "algorithm nothing.py:Mine: there is no file nothing.py"),
        ("train --channels 2", "2"),
        ("train --device tpu", "'tpu' is not auto, cpu, gpu or gpu:N"),
        ("sample --device tpu", "'tpu' is not auto, cpu, gpu or gpu:N"),
        ("doctor --device gpu:x", "'gpu:x' is not auto, cpu, gpu or gpu:N"),
        ("sample --n 0", "'0' is not a whole number of 1 or more"),
        ("sample --n -3", "--n"),
        ("sample --seed x", "'x' is not a whole number of 0 or more"),
        ("sample --label seven", "'seven' is not a whole number of 0 or more"),
    ],
)
def test_bad_usage_is_2_and_one_line(line, named, minigan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = minigan(*line.split())
    assert said.code == 2 and said.out == ""
    assert named in said.err and said.err.count("\n") == 1 and "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "sample"])
def test_a_gpu_that_is_not_there_is_one_sentence(command, minigan, trained, data, tmp_path):
    if "cupy" in sys.modules:
        pytest.skip("there may be a GPU here")
    where = [trained] if command == "sample" else ["--data", data, "--out", tmp_path / "runs"]
    said = minigan(command, *where, "--device", "gpu:99")
    assert said.code == 1 and "--device cpu" in said.err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error, code, says",
    [
        (OSError(errno.EIO, "Input/output error", "disk"), 1, "minigan doctor: disk: Input/output error\n"),
        (MemoryError("10 GB"), 1, "minigan doctor: out of memory (10 GB)\n"),
        (ZeroDivisionError("oh"), 1, "minigan doctor: unexpected ZeroDivisionError: oh (--debug shows where)\n"),
        (KeyboardInterrupt(), 1, "minigan doctor: stopped\n"),
    ],
)
def test_whatever_happens_is_one_sentence_and_a_traceback_only_with_debug(error, code, says, minigan, monkeypatch):
    def fail(arguments):
        raise error

    monkeypatch.setitem(cli.COMMANDS, "doctor", fail)
    assert minigan("doctor") == (code, "", says)
    said = minigan("doctor", "--debug")
    assert said.code == code and said.err.startswith("Traceback") and said.err.endswith(says)


@pytest.mark.parametrize("command, option", [("train", "--batch-size"), ("sample", "--n")])
def test_out_of_memory_names_what_the_command_could_have_less_of(command, option, minigan, monkeypatch):
    def fail(arguments):
        raise MemoryError("10 GB")

    monkeypatch.setitem(cli.COMMANDS, command, fail)
    assert minigan(command).err == f"minigan {command}: out of memory (10 GB): try a smaller {option}\n"


def test_the_module_is_the_command_and_a_reader_that_leaves_is_no_error(data):
    command = f"{sys.executable} -m minigan train --dry-run --data '{data}'"
    whole = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert whole.returncode == 0 and Config.from_json(whole.stdout).data == str(data)
    assert json.loads(whole.stdout)["model"] == "quick28"
    cut = subprocess.run(f"({command}; echo code $? >&2) | true", shell=True, capture_output=True, text=True)
    assert "code 1" in cut.stderr and "BrokenPipe" not in cut.stderr and "Traceback" not in cut.stderr

"""From a name to an algorithm's class: one's own file, and every sentence for what is wrong with it."""

from __future__ import annotations

import sys

import pytest

from minigan.algorithms import ALGORITHMS, GAN, Algorithm, SimultaneousGAN, find_algorithm
from minigan.algorithms.registry import absolute, is_file, short_name
from minigan.options import ConfigError, options_of

MINE = """
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from minigan.algorithms import GAN
from minigan.options import FRACTION, option


@dataclass(eq=False)
class MyGAN(GAN):
    reads: ClassVar = ("x", "y")
    gamma: float = option(0.25, "a balance", FRACTION)


class Plain(GAN):
    figure_labels: ClassVar = {}


class Lost(GAN):
    gamma: float = 0.5
    width: int = 64


class Other:
    pass
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_by_name():
    assert find_algorithm("gan") is GAN and find_algorithm("simultaneous-gan") is SimultaneousGAN
    assert all(issubclass(cls, Algorithm) for cls in ALGORITHMS.values())


def test_a_class_in_a_file_of_ones_own(file):
    cls = find_algorithm(f"{file}:MyGAN")
    assert issubclass(cls, GAN) and cls().gamma == 0.25 and cls(gamma=0.5, model="mlp").gamma == 0.5
    assert list(options_of(cls)) == [*options_of(GAN), "gamma"]
    assert find_algorithm(f"{file}:MyGAN") is cls, "it is run once"
    with pytest.raises(ConfigError, match=r"^gamma is 2, but must be a number in \[0, 1\)$"):
        cls(gamma=2)
    assert sys.modules[cls.__module__].MyGAN is cls


def test_a_class_without_options_of_its_own_needs_no_decorator(file):
    assert find_algorithm(f"{file}:Plain")(n_critic=2).n_critic == 2


def test_from_the_home_folder(file, monkeypatch):
    monkeypatch.setenv("HOME", str(file.parent))
    assert find_algorithm("~/mine.py:MyGAN")().gamma == 0.25


def wrong(name: str) -> str:
    with pytest.raises(ConfigError) as caught:
        find_algorithm(name)
    return str(caught.value)


@pytest.mark.parametrize("name", ["wgan", "mine.py", "mine.txt:MyGAN", "mine.py:not a name", ":MyGAN", ""])
def test_an_unknown_name(name):
    assert wrong(name) == (
        f"algorithm {name!r} is not known: choose from {', '.join(ALGORITHMS)}, or name one of your own as "
        "file.py:Class"
    )


def test_no_such_file(tmp_path):
    path = tmp_path / "none.py"
    assert wrong(f"{path}:MyGAN") == f"algorithm {path}:MyGAN: there is no file {path}"


def test_no_such_class(file):
    assert wrong(f"{file}:YourGAN") == f"algorithm {file}:YourGAN: there is no such class in {file}"


def test_no_algorithm(file):
    needed = "it is no subclass of minigan.algorithms.Algorithm"
    assert wrong(f"{file}:Other") == f"algorithm {file}:Other: {needed} in {file}"
    assert wrong(f"{file}:dataclass") == f"algorithm {file}:dataclass: {needed} in {file}"


@pytest.mark.parametrize(("defined", "missing"), [("setup", "step"), ("step", "setup")])
def test_an_algorithm_without_what_it_must_define(tmp_path, defined, missing):
    path = tmp_path / "half.py"
    path.write_text(
        f"from minigan.algorithms import Algorithm\n\nclass Half(Algorithm):\n    def {defined}(self, it): ...\n"
    )
    said = f"algorithm {path}:Half: the class defines no {missing}; see lessons/your-own-gan.md"
    assert wrong(f"{path}:Half") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("class (\n", "SyntaxError: "),
    ],
)
def test_a_file_that_cannot_be_run(tmp_path, text, said):
    path = tmp_path / "broken.py"
    path.write_text(text)
    assert wrong(f"{path}:MyGAN").startswith(f"algorithm {path}:MyGAN: {path} cannot be run: {said}")
    path.write_text(MINE)
    assert issubclass(find_algorithm(f"{path}:MyGAN"), GAN), "once it is mended"


def test_options_without_the_decorator(file):
    assert wrong(f"{file}:Lost") == (
        f"algorithm {file}:Lost: gamma, width is no option yet: write @dataclass(eq=False) above the class"
    )


def test_names_of_files(file, monkeypatch):
    assert is_file("a/mine.py:MyGAN") and not any(map(is_file, ("gan", "mine.py", "mine.py:", "mine:MyGAN")))
    assert short_name("gan") == "gan" and short_name("a/mine.py:MyGAN") == "MyGAN"
    monkeypatch.chdir(file.parent)
    assert absolute("mine.py:MyGAN") == f"{file}:MyGAN" and absolute("gan") == "gan"

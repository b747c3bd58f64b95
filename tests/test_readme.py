"""What the README and the guides show is so."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from textwrap import indent
from types import ModuleType

import pytest

from minigan.cli.parser import make_parser
from minigan.experiments import EXPERIMENTS
from minigan.experiments.own import RESULTS
from minigan.experiments.page import page, picture

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
LESSONS = Path(__file__).resolve().parents[1] / "lessons"
GUIDES = sorted(LESSONS.glob("*-*.md"))


def rounded(report: str) -> str:
    """Other machines round the last digits otherwise."""
    return re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.6g}", report)


def test_the_function_to_add_passes_its_check_and_fails_with_a_wrong_sign_as_it_says():
    (code,) = (code for language, code in BLOCKS if language == "python" and "class Swish" in code)
    (report,) = (said for language, said in BLOCKS if language == "text" and "is wrong" in said)
    exec(code, {})
    with pytest.raises(AssertionError) as caught:
        exec(code.replace("return dy * (", "return -dy * ("), {})
    assert rounded(str(caught.value)) == rounded(report.strip())


def test_the_step_it_quotes_is_the_step_there_is():
    (quoted,) = (code for language, code in BLOCKS if language == "python" and "border" in code)
    source = Path(__file__).resolve().parents[1] / "minigan" / "algorithms" / "gan.py"
    assert indent(quoted.strip(), 8 * " ") in source.read_text(encoding="utf-8")


def assert_options_are_there(line: str) -> None:
    """Of a command as it may be typed: `mpiexec -n 2 minigan train … # why`."""
    words = shlex.split(line, comments=True)
    arguments = words[words.index("minigan") + 1 :]
    if "--help" in arguments:
        with pytest.raises(SystemExit, match="^0$"):
            make_parser(arguments).parse_args(arguments)
    else:
        make_parser(arguments).parse_args(arguments)


def test_its_commands_have_the_options_they_use():
    lines = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines()]
    commands = [line for line in lines if re.match(r"(mpiexec \S+ \S+ )?minigan ", line)]
    assert len(commands) > 5
    for line in commands:
        assert_options_are_there(line)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guides_blocks_run_and_fail_as_it_says(guide, tmp_path, monkeypatch):
    """A block that is marked as a file is saved, and is there for the commands after it."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType("guide")
    monkeypatch.setitem(sys.modules, "guide", module)  # dataclasses look up their annotations there
    text = guide.read_text(encoding="utf-8")
    blocks = re.findall(r"(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)```", text, re.DOTALL)
    for (file, language, code), (_, after, said) in zip(blocks, blocks[1:] + [("", "", "")], strict=True):
        if file:
            (tmp_path / file).write_text(code, encoding="utf-8")
        if language == "sh":
            for line in code.splitlines():
                if re.match(r"(\w+=\S+ |mpiexec \S+ \S+ )?minigan ", line):
                    assert_options_are_there(line)
        elif language == "python" and after == "text":
            with pytest.raises(AssertionError) as caught:
                exec(code, vars(module))
            assert rounded(str(caught.value)) == rounded(said.strip())
        elif language == "python":
            exec(code, vars(module))


@pytest.mark.parametrize("place", ["README.md", "lessons/pictures/README.md"])
def test_case_41_who_drew_the_faces_is_named_where_they_are_shown(place):
    text = " ".join((Path(__file__).resolve().parents[1] / place).read_text(encoding="utf-8").split())
    credit = text[text.index("faces.png") :][:400]
    for named in ("Adventurer", "Lisa Wischofsky", "CC BY 4.0", "DiceBear"):
        assert named in credit


def test_the_page_of_results_is_made_of_the_results_in_the_package():
    """If it fails: python -m minigan.experiments.page lessons"""
    text = (LESSONS / "results.md").read_text(encoding="utf-8")
    assert text == page()
    for experiment in EXPERIMENTS.values():
        if experiment.curves and (RESULTS / f"{experiment.name}.json").is_file():
            assert picture(experiment) in text and (LESSONS / picture(experiment)).is_file()

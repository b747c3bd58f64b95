"""What the README and the guides show is so."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from textwrap import indent
from types import ModuleType

import pytest
from benchmarks import compare

from minigan.cli.parser import make_parser
from minigan.experiments import EXPERIMENTS
from minigan.experiments.own import RESULTS
from minigan.experiments.page import page, picture
from minigan.models import MODELS

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


def test_its_figures_of_speed_are_those_that_the_comparison_kept():
    lines = compare.table()
    assert len(lines) > 10
    assert not [line for line in lines if line not in README], "python tests/benchmarks/compare.py --table prints them"


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


CHINESE = (Path(__file__).resolve().parents[1] / "README.zh-CN.md").read_text(encoding="utf-8")


def lines_of_code(text: str) -> list[str]:
    """The lines of all blocks, without comments, and without words of another language."""
    lines = (line.partition("#")[0].strip() for _, code in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
             for line in code.splitlines())  # fmt: skip
    return [line for line in lines if line]


def test_the_chinese_readme_shows_the_code_and_the_pictures_of_the_english_one():
    """What the English one changes is seen here: it may show more, and nothing else."""
    code = lines_of_code(CHINESE)
    assert len(code) > 50
    assert [line for line in code if line not in lines_of_code(README)] == []
    pictures = re.findall(r"!\[[^]]+\]\((\S+)\)", CHINESE)
    assert pictures == re.findall(r"!\[[^]]+\]\((\S+)\)", README)
    for link in re.findall(r"\]\(((?!http)[^)#]+)\)", CHINESE):
        assert (Path(__file__).resolve().parents[1] / link).exists(), link


def test_the_chinese_readme_speaks_of_the_models_objectives_and_rooms_that_there_are():
    table = re.findall(r"^\| `(\w+)`", README, re.MULTILINE)
    models = re.findall(r"^\| `(\w+)`", CHINESE, re.MULTILINE)
    assert models == [name for name in dict.fromkeys(table) if name in MODELS] and len(models) > 8
    for wrong in ("反卷积", "鉴别器", "发电机", "余切"):
        assert wrong not in CHINESE


def test_the_page_of_results_is_made_of_the_results_in_the_package():
    """If it fails: python -m minigan.experiments.page lessons"""
    text = (LESSONS / "results.md").read_text(encoding="utf-8")
    assert text == page()
    for experiment in EXPERIMENTS.values():
        if experiment.curves and (RESULTS / f"{experiment.name}.json").is_file():
            assert picture(experiment) in text and (LESSONS / picture(experiment)).is_file()

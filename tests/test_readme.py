"""What the README and the guides show is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from minigan.cli.parser import make_parser

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
GUIDES = sorted((Path(__file__).resolve().parents[1] / "lessons").glob("*.md"))


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
    source = Path(__file__).resolve().parents[1] / "minigan" / "training" / "steps.py"
    lines = {line.split("  #")[0].strip() for line in source.read_text(encoding="utf-8").splitlines()}
    assert {line.split("  #")[0].strip() for line in quoted.splitlines()} <= lines


def test_its_commands_have_the_options_they_use():
    commands = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines()]
    commands = [shlex.split(line, comments=True) for line in commands if line.startswith("minigan ")]
    assert len(commands) > 5
    for _, *arguments in commands:
        make_parser().parse_args(arguments)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guides_blocks_run_and_fail_as_it_says(guide):
    blocks = re.findall(r"```(\w+)\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {"__name__": "guide"}
    for (language, code), (after, said) in zip(blocks, blocks[1:] + [("", "")], strict=True):
        if language == "sh":
            for line in code.splitlines():
                if line.startswith("minigan "):
                    make_parser().parse_args(shlex.split(line, comments=True)[1:])
        elif language == "python" and after == "text":
            with pytest.raises(AssertionError) as caught:
                exec(code, names)
            assert rounded(str(caught.value)) == rounded(said.strip())
        elif language == "python":
            exec(code, names)

"""What the README shows is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from minigan.cli import _parser

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def test_the_function_to_add_passes_its_check_and_would_fail_with_a_wrong_sign():
    (code,) = (code for language, code in BLOCKS if language == "python" and "class Swish" in code)
    exec(code, {})
    with pytest.raises(AssertionError, match="gradient"):
        exec(code.replace("(s + x * s", "(s - x * s"), {})


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
        _parser().parse_args(arguments)

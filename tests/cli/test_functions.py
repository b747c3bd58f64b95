"""`minigan functions`: the table of derivatives, and one function with its source."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from minigan.cli import functions as module
from minigan.functions import derivatives

ROOT = Path(__file__).resolve().parents[2]


def squeezed(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_has_every_formula_and_no_line_is_too_long(columns, minigan, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    said = minigan("functions")
    lines = said.out.splitlines()
    assert (
        said.code == 0 and said.err == "" and "Mul                 y = a · b    da = dy · b    db = dy · a" in said.out
    )
    assert max(map(module.columns, lines)) <= columns
    assert max(map(module.columns, lines)) > columns - 12, "there was room for more"
    headings = [line for line in lines if re.match(r"\w+$", line)]
    assert headings == sorted({row.family for row in derivatives.table()})
    told = squeezed(said.out)
    for row in derivatives.table():
        assert all(squeezed(part) in told for part in row.parts), row.name
        (line,) = (line for line in lines if re.match(rf"  {row.name}(\s|$)", line))
        families = [text for text in lines[: lines.index(line)] if re.match(r"\w+$", text)]
        assert families[-1] == row.family


def test_a_formula_that_had_to_be_wrapped_is_followed_by_a_new_line():
    lines = module.row_lines("Name", ("y = " + "x + " * 20 + "x", "dx = dy", "db = dy"), 60)
    assert lines[0].startswith("  Name                y = x + x") and lines[-1].split() == "dx = dy db = dy".split()
    assert module.row_lines("N" * 20, ("y = x",), 60) == ["  " + "N" * 20, " " * 22 + "y = x"]


def test_a_letter_with_a_hat_is_one_column():
    assert module.columns("x̂ + 1") == 5


def test_one_function_is_shown_with_its_docstring_its_classes_and_their_files(minigan, monkeypatch):
    monkeypatch.chdir(ROOT)
    said = minigan("functions", "conv2d")
    assert said.code == 0 and said.out.startswith("conv2d(x, weight, bias=None, stride=1, padding=0)\n")
    assert "kernels (O, C, KH, KW), plus bias (O)" in said.out
    for name in ("Conv2d", "ConvTranspose2d", "ConvWeightGrad"):
        place = re.search(rf"(minigan/functions/\w+\.py):(\d+)\n\n    class {name}\(", said.out)
        assert (ROOT / place[1]).read_text().splitlines()[int(place[2]) - 1].startswith(f"class {name}(")
    assert "        def forward(self, " in said.out and said.out.count("        def backward(self, ") == 3
    assert "class Dense(" not in said.out


def test_elsewhere_the_file_is_named_in_full(minigan, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert re.search(r"^/.*minigan/functions/activation\.py:\d+$", minigan("functions", "tanh").out, re.MULTILINE)


def test_a_function_made_of_others_is_shown_itself(minigan):
    said = minigan("functions", "hinge_loss")
    assert "    def hinge_loss(logits: Any" in said.out and "_reduced(" in said.out
    assert said.out.endswith("It calls relu, mean, sum: minigan functions relu\n")


def test_a_class_is_found_too(minigan):
    said = minigan("functions", "MaskMul")
    assert said.out.count("class ") == 1 and "class MaskMul(Function):" in said.out


@pytest.mark.parametrize(
    "name, guess",
    [
        ("conv", "did you mean conv2d or Conv2d?"),
        ("batchnorm", "did you mean BatchNorm, batch_norm"),
        ("§", "minigan functions lists all"),
    ],
)
def test_an_unknown_name_gets_one_sentence(name, guess, minigan):
    said = minigan("functions", name)
    assert said.code == 2 and said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith(f"minigan functions: function {name!r} is not known: ")
    assert all(word in said.err for word in re.findall(r"\w+", guess))


def test_as_json(minigan):
    rows = json.loads(minigan("functions", "--json").out)
    assert {"family": "arithmetic", "name": "Add", "parts": ["y = a + b", "da = dy", "db = dy"]} in rows
    assert len(rows) == len(derivatives.table())
    of_one = json.loads(minigan("functions", "max", "--json").out)
    assert [row["name"] for row in of_one] == ["max", "Max", "GateMul", "MaskMul"]

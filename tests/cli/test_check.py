"""`minigan check`: the table, its results and its exit code, for the engine and for a user's own functions."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

import pytest

from minigan.autograd import backward_pass
from minigan.functions.activation import Tanh
from minigan.functions.derivatives import function_classes
from minigan.testing.cases import CASES

MINE = """
import numpy as np
import minigan as mg
from minigan import functions as F

class Mine(mg.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return x ** 3

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy * x * x * 3.0

class LostShare(mg.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return x.mean()

    def backward(self, dy):
        (x,) = self.saved_tensors
        return F.broadcast_to(dy, x.shape) * 1.0

class Constant(Mine):
    def backward(self, dy):
        return dy * 3 * self.saved_tensors[0].data ** 2

class Wasteful(mg.Function):
    def forward(self, a, b):
        self.save_for_backward(a, b)
        return a * b

    def backward(self, dy):
        a, b = self.saved_tensors
        return F.sum_to(dy * b, a.shape), F.sum_to(dy * a, b.shape)

class Late(Mine):
    # crashes in its third case

    cases = [0]

    @staticmethod
    def samples(rng):
        Late.cases[0] += 1
        return [rng.standard_normal((2, Late.cases[0]))]

    def backward(self, dy):
        if Late.cases[0] == 3:
            raise RuntimeError("the third case")
        return super().backward(dy)

class Recording(Mine):
    drawn = []

    @staticmethod
    def samples(rng):
        Recording.drawn.append(rng.standard_normal((2, 3)))
        return [Recording.drawn[-1]]

class Particular(mg.Function):
    def forward(self, x):
        raise ValueError("only of length 17")

def plain(x):
    return F.tanh(x) * x

number = 3
"""

# A user's file, and what is said of it.
USERS_MISTAKES = [
    ("x = 1\n\nfoo(x)\n", "NameError: name 'foo' is not defined (bad.py, line 3)"),
    ("\nimport nothing_there", "ModuleNotFoundError: No module named 'nothing_there' (bad.py, line 2)"),
    ("def f(:\n    pass\n", "SyntaxError: invalid syntax (bad.py, line 1)"),
    ("import json\njson.loads('x')\n", "JSONDecodeError: Expecting value: line 1 column 1 (char 0) (bad.py, line 2)"),
    ("\nimport unclosed\n", "SyntaxError: '(' was never closed (unclosed.py, line 2)"),
    ("import helper\n", "AttributeError: 'int' object has no attribute 'z' (helper.py, line 3)"),
    ("import sys\nsys.exit(3)\n", "SystemExit: 3 (bad.py, line 2)"),
]  # fmt: skip


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("mine", None)


def rows(said):
    """name -> (order, cases, largest error, result) of the table printed."""
    lines = said.out.splitlines()
    table = lines[1 : lines.index("")]
    assert lines[0].split() == ["function", "order", "cases", "largest", "error", "result"]
    found = [re.fullmatch(r"(.{40}) +(\d) +(\d+) +(\S+)?  (.*)", line) for line in table]
    return {m[1].strip(): (int(m[2]), int(m[3]), float(m[4]) if m[4] else None, m[5]) for m in found}


def test_the_whole_engine(minigan, pytestconfig):
    """On a device three functions: there, tests/functions/test_every_function.py judges every one already."""
    device = pytestconfig.getoption("--device")
    names = list(CASES) if device == "cpu" else ["batch_norm", "conv2d", "tanh"]
    said = minigan("check", *(names if device != "cpu" else []), "--cases", 1, "--device", device)
    table = rows(said)
    assert said.code == 0
    assert list(table) == names
    for name, (order, cases, error, result) in table.items():
        assert order == CASES[name].order and cases == 1 and error < 1e-7 and result.startswith("ok")
    assert said.out.endswith(f"{len(names)} of {len(names)} functions right, in {len(names)} cases\n")


def test_some_functions_of_the_engine(minigan):
    table = rows(minigan("check", "tanh", "conv2d", "--cases", 4, "--order", 1))
    assert {name: row[:2] for name, row in table.items()} == {"tanh": (1, 4), "conv2d": (1, 4)}


def test_a_wrong_function_of_the_engine(minigan, monkeypatch):
    monkeypatch.setattr(Tanh, "backward", lambda self, dy: -dy * (1.0 - self.saved_tensors[0] ** 2))
    said = minigan("check", "tanh", "exp")
    assert said.code == 1
    assert rows(said)["tanh"][3] == "WRONG: GradientError" and rows(said)["exp"][3] == "ok"
    assert re.search(r"tanh, called on \(.*\): the first-order gradient", said.out)
    assert "hint: every entry has the opposite sign" in said.out
    assert "1 of 2 functions right" in said.out


def test_a_function_without_sample_inputs(minigan, monkeypatch):
    few = {name: CASES[name] for name in ("exp", "log")}
    monkeypatch.setattr("minigan.testing.check.CASES", few)
    classes = [c for c in function_classes() if c.__name__ in ("Exp", "Log", "Tanh")]
    assert len(classes) == 3
    monkeypatch.setattr("minigan.testing.check.function_classes", lambda: classes)
    said = minigan("check", "--cases", 1)
    assert said.code == 1
    assert list(rows(said)) == [*few, "Tanh"] and rows(said)["Tanh"][3] == "not checked: LookupError"
    assert "Tanh: it has no sample inputs in minigan/testing/cases.py" in said.out


@pytest.mark.parametrize("place", ["mine", "mine.py"])
def test_a_right_function_of_ones_own(minigan, mine, place):
    said = minigan("check", f"{place}:Mine", f"{place}:plain", "--order", 3)
    assert said.code == 0
    assert {name: row[0] for name, row in rows(said).items()} == {"Mine": 3, "plain": 3}


def test_wrong_functions_of_ones_own(minigan, mine):
    said = minigan("check", "mine:LostShare", "mine:Constant")
    assert said.code == 1
    assert {row[3] for row in rows(said).values()} == {"WRONG: GradientError"}
    assert "12 times too large, N = 12 being the number of entries of input 0: did the mean's 1/N get lost?" in said.out
    assert re.search("Constant, called on .* the second-order .*constant", said.out, re.DOTALL)


def test_all_functions_of_a_file_are_checked(minigan, mine):
    table = rows(minigan("check", "mine"))
    assert set(table) == {"Mine", "LostShare", "Constant", "Wasteful", "Late", "Recording", "Particular"}
    assert table["Particular"][3] == "not checked: NoInputsError"


def test_a_case_whose_check_crashes_is_not_right(minigan, mine):
    said = minigan("check", "mine:Late", "mine:Mine")
    assert said.code == 1
    assert rows(said)["Late"][1:] == (3, None, "not checked: RuntimeError") and rows(said)["Mine"][3] == "ok"
    assert re.search(r"Late, called on \(2, 3\): .*the third case", said.out)
    assert "1 of 2 functions right" in said.out


def test_a_crash_in_a_case_of_the_engine(minigan, monkeypatch):
    def crash(self, dy):
        raise RuntimeError("a crash")

    monkeypatch.setattr(Tanh, "backward", crash)
    said = minigan("check", "tanh")
    assert said.code == 1 and rows(said)["tanh"][3] == "not checked: RuntimeError" and "a crash" in said.out


def test_the_invariants_of_the_engine_are_checked(minigan, monkeypatch):
    monkeypatch.setattr(backward_pass, "_unshared", lambda gradients, cotangent: gradients)
    said = minigan("check", "add", "--order", 1)
    assert said.code == 1 and rows(said)["add"][3] == "WRONG: InvariantError"


def test_the_seed_draws_the_inputs(minigan, mine, monkeypatch):
    drawn = {}
    case, rngs = CASES["tanh"], []
    monkeypatch.setitem(CASES, "tanh", replace(case, draw=lambda rng: rngs.append(rng.random()) or case.draw(rng)))
    for seed in (0, 1, 1):
        del rngs[:]
        assert minigan("check", "mine:Recording", "tanh", "--cases", 4, "--seed", seed).code == 0
        own = sys.modules["mine"].Recording.drawn
        drawn.setdefault(seed, []).append((rngs.copy(), [x.tolist() for x in own]))
        del own[:]
    first, second = drawn[1]
    assert first == second
    for a, b in zip(drawn[0][0], first, strict=True):  # the engine's, and one's own
        assert len(a) == len(b) == len(set(map(str, a))) == 4 and not set(map(str, a)) & set(map(str, b))


def test_the_invariants_are_checked_where_inputs_are_given(minigan, mine, tmp_path):
    (tmp_path / "more.py").write_text(
        MINE + "\nclass Writes(Recording):\n    def forward(self, x):\n        y = super().forward(x)\n"
        "        if getattr(x.flags, 'writeable', True): x *= 1 + 1e-13\n        return y\n"
    )
    said = minigan("check", "more.py:Writes")
    assert said.code == 1 and "input 0 was changed in place by forward or backward" in said.out


def test_what_is_right_but_could_be_cheaper(minigan, mine):
    said = minigan("check", "mine:Wasteful")
    assert said.code == 0
    assert "Wasteful is right, and could be cheaper: Wasteful.backward computes the gradient of its input 1" in said.out


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere", "'nowhere' is neither a function of minigan nor a module to be found from"),
        ("nowhere.py:F", "there is no file nowhere.py"),
        ("mine:nothing", r"mine has no function 'nothing' to check \(it has Mine, LostShare"),
        ("mine:number", "mine has no function 'number'"),
        ("minigan.backend", "minigan.backend defines no Function: name what to check as minigan.backend:name"),
    ],
)
def test_targets_that_are_not_there(minigan, mine, target, message):
    said = minigan("check", target)
    assert said.code == 2 and said.out == ""
    assert re.search(f"^minigan check: {message}", said.err) and said.err.count("\n") == 1


@pytest.mark.parametrize(("text", "says"), USERS_MISTAKES)
@pytest.mark.parametrize(("target", "tells"), [("bad.py:F", "bad.py cannot be run"), ("bad", "bad cannot be imported")])
def test_a_file_that_fails_is_one_sentence_with_its_line(minigan, mine, tmp_path, text, says, target, tells):
    (tmp_path / "helper.py").write_text("x = 1\n\ny = x.z\n")
    (tmp_path / "unclosed.py").write_text("x = 1\ny = (\n")
    (tmp_path / "bad.py").write_text(text)
    sys.modules.pop("helper", None)
    assert minigan("check", target) == (2, "", f"minigan check: {tells}: {says}\n")
    assert "bad" not in sys.modules and "minigan_check_bad" not in sys.modules
    assert minigan("check", target, "--debug").err.startswith("Traceback")


MISTAKES = """
import minigan as mg
from minigan import functions as F

class Named(mg.Function):
    def forward(self, x):
        return {forward}

    def backward(self, dy):
        return {backward}

def plain(x, y):
    return F.tahn(x * y)
"""


@pytest.mark.parametrize(
    ("forward", "backward", "says"),
    [
        ("foo(x)", "dy", "NameError: name 'foo' is not defined\n  at bad.py, line 7: return foo(x)"),
        ("x.foo", "dy", "has no attribute 'foo'\n  at bad.py, line 7: return x.foo"),
        ("__import__('nothing_there')", "dy", "No module named 'nothing_there'\n  at bad.py, line 7"),
        ("None", "dy", "Named.forward must return an array or a tuple of arrays, not NoneType\n"),
        ("x * 2", "foo(dy)", "NameError: name 'foo' is not defined\n  at bad.py, line 10: return foo(dy)"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_code_is_no_wrong_guess_of_inputs(minigan, mine, tmp_path, forward, backward, says):
    (tmp_path / "bad.py").write_text(MISTAKES.format(forward=forward, backward=backward))
    said = minigan("check", "bad.py:Named", "--cases", 1)
    assert said.code == 1 and "a mistake in its code: " in said.out and says in said.out and "give" not in said.out
    assert "not checked: " in said.out


def test_a_mistake_in_a_plain_function_s_code(minigan, mine, tmp_path):
    (tmp_path / "bad.py").write_text(MISTAKES.format(forward="x", backward="dy"))
    said = minigan("check", "bad.py:plain")
    assert said.code == 1 and "no attribute 'tahn'\n  at bad.py, line 13: return F.tahn(x * y)\n" in said.out


def test_inputs_that_cannot_be_guessed_are_told_with_the_line_that_refused_them(minigan, mine):
    said = minigan("check", "mine.py:Particular")
    assert said.code == 1 and re.search(
        r"\(ValueError: only of length 17 \(mine.py, line \d\d\)\): give them", said.out
    )

"""The tables of mistakes fit the source, and the runner that plants them tells the killed from the survivors.

The mistakes themselves are not run here, but by `python tests/mutants`: it takes minutes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mistakes import TABLES, Mistake, TableError, read_tables, rename

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MISTAKES = read_tables(TABLES)


# --- the tables ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.where)
def test_a_mistake_can_be_planted_and_compiles(mistake):
    source = (ROOT / mistake.file).read_text(encoding="utf-8")
    planted = mistake.planted_in(source)
    assert planted != source, f"{mistake.where}: {mistake.name}: the new text is the old"
    if mistake.file.endswith(".py"):
        compile(planted, mistake.file, "exec")


def test_there_are_many_and_each_has_a_name_of_its_own():
    assert len(MISTAKES) >= 200
    assert len({m.name for m in MISTAKES}) == len(MISTAKES)
    rooms = {m.file.split("/")[1] for m in MISTAKES}
    assert rooms >= {"kernels", "autograd", "functions", "nn", "optim", "objectives.py", "training"}


@pytest.mark.parametrize("test", sorted({test for m in MISTAKES for test in m.tests}))
def test_the_tests_named_are_there(test):
    file, _, name = test.partition("::")
    assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
    assert (ROOT / file).exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file a.py\ntests t.py\n- x\n", r"table.txt:3: a text without a mistake's name"),
        ("tests t.py\nno file\n- x\n", r"table.txt:2: no file: a mistake needs a file, tests and an old text"),
        ("file a.py\nno tests\n- x\n", "needs a file, tests and an old text"),
        ("file a.py\ntests t.py\nno text\n+ x\n", "needs a file, tests and an old text"),
    ],
)
def test_a_table_that_cannot_be_read(text, message, tmp_path):
    (tmp_path / "table.txt").write_text(text)
    with pytest.raises(TableError, match=message):
        read_tables([tmp_path / "table.txt"])


def test_a_mistake_is_planted_in_the_function_it_names(tmp_path):
    table = tmp_path / "table.txt"
    table.write_text("file a.py\nin A.g\ntests t.py\n\nsign\n- return x\n+ return -x\n\nfile b.py\n\nother\n- y\n+ z\n")
    first, second = read_tables([table])
    source = "class A:\n    def f(x):\n        return x\n\n    def g(x):\n        return x\n\ndef g(x):\n    return x\n"
    assert first.planted_in(source) == source[:59] + source[59:].replace("return x", "return -x", 1)
    assert second.within == ""
    with pytest.raises(TableError, match=r"there is no A\.g in a\.py"):
        first.planted_in("class A:\n    pass\n")
    with pytest.raises(TableError, match=r"occurs 0 times in A\.g of a\.py"):
        first.planted_in(source.replace("def g(x):\n        return x", "def g(x):\n        pass"))


def test_a_mistake_is_planted_in_what_is_overloaded_not_in_an_overload():
    overloads = "@overload\ndef g(x: int) -> int: ...\n\n@overload\ndef g(x: str) -> str: ...\n\n"
    mistake = Mistake("sign", "table:1", "a.py", "g", ("t.py",), "return x", "return -x")
    assert mistake.planted_in(overloads + "def g(x):\n    return x\n") == overloads + "def g(x):\n    return -x\n"


def test_tables_are_carried_over_where_names_change(tmp_path):
    table = tmp_path / "table.txt"
    table.write_text("file minigan/team.py\ntests tests/test_team.py\n\nteam\n- team.size, my_team\n+ team\n")
    assert rename([table], "team", "group") == 3
    assert rename([table], "minigan/team.py", "minigan/group.py") == 1
    assert table.read_text() == (
        "file minigan/group.py\ntests tests/test_team.py\n\ngroup\n- group.size, my_team\n+ group\n"
    )


# --- the runner, on a package of two lines ---------------------------------------------------------

SOURCE = "def double(x):\n    return x + x  # twice\n"
TEST = "import minigan\n\ndef test_double():\n    assert minigan.double(3) == 6\n"
TABLE = """\
file minigan/__init__.py
tests tests/test_double.py

sign
- x + x
+ x - x

# This one changes no number.
comment
- twice
+ two times

not importable
- def double
+ yes
+ def double
"""
HANGS = """
hangs
- return
+ open({marker!r}, "w").close()
+     while True: pass
+     return
"""


@pytest.fixture
def run(tmp_path):
    """run(table, *options): the runner, started on the package of two lines, with its copies in tmp_path/temporary."""
    for name, text in {"minigan/__init__.py": SOURCE, "tests/test_double.py": TEST, "setup.cfg": "[metadata]"}.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text)
    (tmp_path / "temporary").mkdir()
    table = tmp_path / "table.txt"

    def start(text: str, *options: str) -> subprocess.Popen:
        table.write_text(text)
        return subprocess.Popen(
            [sys.executable, str(HERE), str(table), "--root", str(tmp_path / "root"), "--jobs", "2", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
            env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        )  # fmt: skip

    return start


def end(process: subprocess.Popen) -> tuple[int, list[list[str]], str]:
    """The exit code, the table's rows, and all that was said."""
    output, errors = process.communicate(timeout=60)
    rows = [[cell.strip() for cell in line.split(" | ")] for line in output.splitlines() if " | " in line]
    return process.returncode, rows, output + errors


def test_a_mistake_is_killed_and_a_comment_survives(run, tmp_path):
    code, rows, text = end(run(TABLE, "--jobs", "1"))  # so that one mistake left in would be with the next
    assert code == 1, text
    assert [row[:3] for row in rows] == [
        ["mistake", "file", "verdict"],
        ["sign", "minigan/__init__.py", "killed by tests/test_double.py::test_double"],
        ["comment", "minigan/__init__.py", "SURVIVED"],
        ["not importable", "minigan/__init__.py", "killed by NameError: name 'yes' is not defined"],
    ]
    assert "3 mistakes: 2 killed, 1 survived" in text
    assert (tmp_path / "root/minigan/__init__.py").read_text() == SOURCE, "mistakes are planted in copies"
    assert not list((tmp_path / "temporary").iterdir())


def test_tests_that_hang_have_noticed_and_if_all_are_killed_all_is_well(run, tmp_path):
    code, rows, text = end(run(TABLE + HANGS.format(marker=str(tmp_path / "marker")), "-k", "HANG", "--timeout", "1"))
    assert code == 0, text
    assert [row[:3] for row in rows[1:]] == [["hangs", "minigan/__init__.py", "killed: timed out after 1 s"]]


def test_after_the_budget_none_is_begun(run):
    code, rows, text = end(run(TABLE, "--budget", "0"))
    assert code == 0 and len(rows) == 1
    assert "0 mistakes: 0 killed, 0 survived, 3 were not run" in text


def test_what_there_is_can_be_listed(run):
    code, rows, _ = end(run(TABLE, "--list"))
    assert code == 0
    assert rows[1] == ["sign", "minigan/__init__.py", "tests/test_double.py"] and len(rows) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- twice", "- thrice", "table.txt:9: comment: the old text occurs 0 times in minigan/__init__.py, not once"),
        ("- twice", "- x", "table.txt:9: comment: the old text occurs 3 times in minigan/__init__.py, not once"),
        ("file minigan/__init__.py", "file minigan/other.py", "No such file"),
        ("tests/test_double.py", "tests/test_triple.py", "the tests must pass before any mistake is planted"),
    ],
)
def test_a_table_that_does_not_fit_is_an_error_and_not_a_survivor(old, new, message, run):
    code, rows, text = end(run(TABLE.replace(old, new)))
    assert code == 2 and not rows and message in text


def test_tests_that_fail_without_a_mistake_kill_nothing(run, tmp_path):
    (tmp_path / "root/tests/test_double.py").write_text(TEST.replace("6", "7"))
    code, rows, text = end(run(TABLE))
    assert code == 2 and not rows
    assert "the tests must pass before any mistake is planted" in text and "test_double" in text


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_behind(sign, run, tmp_path):
    marker = tmp_path / "marker"
    process = run(TABLE + HANGS.format(marker=str(marker)), "-k", "hangs|comment")
    began = time.monotonic()
    while not marker.exists() and time.monotonic() - began < 30:
        time.sleep(0.05)
    process.send_signal(sign)
    code, rows, text = end(process)
    assert code == 130, text
    assert "Traceback" not in text
    assert not list((tmp_path / "temporary").iterdir())
    assert ["hangs"] not in [row[:1] for row in rows]

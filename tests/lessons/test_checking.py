"""What a check says of an answer, how long it may take, and what of a lesson it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from minigan.cli import main
from minigan.lesson import Unsolved, run_check
from minigan.lesson.cells import LessonError
from minigan.lesson.checking import SOLVED, check_lesson, outcome

LESSON = """# %% [markdown]
# # 1. Adding
#
# **Goal.** To add: Σ.

# %%
import time
from minigan.lesson import Unsolved, run_check

offset = 0


def plus(a, b):
    return a + b + offset


time.sleep(SLOW)  # a lesson that takes long

# %% [markdown]
# ## Exercise

# %%
def add(a, b):
    raise Unsolved("write add")


# %% [markdown]
# ## Check

# %%
def check():
    expect(add(1, 2) == plus(1, 2), "1 + 2 is 3")


def expect(right, message):
    assert right, message


# %%
run_check(check)
"""


@pytest.fixture
def lesson_with(tmp_path, monkeypatch):
    """Writes the lesson with this answer, as a Python file or a notebook; its path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lessons" / "solutions").mkdir(parents=True)
    (tmp_path / "lessons" / "solutions" / "01_adding.py").write_text("def add(a, b):\n    return plus(a, b)\n")

    def write(answer='raise Unsolved("write add")', suffix=".py", before="", after=""):
        text = LESSON.replace('raise Unsolved("write add")', answer).replace("# %%\ndef add", f"# %%\n{before}def add")
        text = text.replace("# %% [markdown]\n# ## Check", f"{after}\n# %% [markdown]\n# ## Check")
        path = tmp_path / "lessons" / f"01_adding{suffix}"
        if suffix == ".ipynb":
            cells = [
                {"cell_type": "markdown", "metadata": {}, "source": part.split("\n", 1)[1]} if part.startswith(" [m")
                else {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
                      "source": part.split("\n", 1)[1].splitlines(keepends=True)}
                for part in text.split("# %%")[1:]
            ]  # fmt: skip
            text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
        path.write_text(text, encoding="utf-8")
        return path

    return write


ANSWERS = [
    ('raise Unsolved("write add")', "not solved yet: write add"),
    ("return a + b", SOLVED),
    ("return a - b", "not right yet: 1 + 2 is 3"),
    ("return a + c", "your code fails: NameError: name 'c' is not defined at line {line}: return a + c"),
    ("sys = __import__('sys'); sys.exit(0)", "your code fails: SystemExit: 0 at line {line}: sys = __import__"),
    ("return __import__('base64').b64decode('a')",
     "your code fails: Error: Invalid base64-encoded string: number of data characters (1) cannot be 1 more than a "
     "multiple of 4 at line {line}: return __import__('base64')"),
    ("return (", "the file itself fails: SyntaxError: '(' was never closed (01_adding"),
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
@pytest.mark.parametrize(("answer", "said"), ANSWERS)
def test_what_is_said_of_an_answer(lesson_with, capsys, monkeypatch, answer, said, suffix):
    path = lesson_with(answer, suffix)
    relative = os.path.relpath(path)
    assert main(["check-lesson", relative]) == (0 if said == SOLVED else 1)
    line = "2 of its cell" if suffix == ".ipynb" else path.read_text().splitlines().index(f"    {answer}") + 1
    out = capsys.readouterr().out
    assert out.startswith(f"01_adding: {said.format(line=line)}") and out.count("\n") == 1


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_check_lesson_with_its_solution(lesson_with, suffix):
    path = str(lesson_with(suffix=suffix))
    assert main(["check-lesson", path]) == 1
    assert main(["check-lesson", path, "--solution"]) == 0


def test_the_solution_of_a_copy_that_lies_elsewhere(lesson_with, tmp_path):
    lesson_with()
    copy = lesson_with(suffix=".ipynb").rename(tmp_path / "01_adding.ipynb")
    assert main(["check-lesson", str(copy)]) == 1 and main(["check-lesson", str(copy), "--solution"]) == 0


def test_there_is_no_solution(lesson_with, capsys):
    path = lesson_with("return a + b")
    path.rename(path.with_name("02_mine.py"))
    assert main(["check-lesson", "2"]) == 0 and main(["check-lesson", "2", "--solution"]) == 2
    assert "there is no solution of 02_mine" in capsys.readouterr().err


# --- a time limit --------------------------------------------------------------------------------

HANGING = [
    "while True: pass", "import time; time.sleep(100)", "return add(a, b) if time.sleep(0.01) else add_(a, b)",
    "seen = list(range(10**6))\n    while -1 not in seen: pass",
    "while True:\n        try: time.sleep(0.01)\n        except Exception: pass",
]  # fmt: skip


@pytest.mark.parametrize("answer", HANGING)
def test_an_answer_that_never_ends_is_stopped_and_its_line_named(lesson_with, answer):
    path = lesson_with(answer, before="def add_(a, b):\n    while True: pass\n\n\n")
    begin = time.monotonic()
    said = check_lesson(path, seconds=0.3)
    assert time.monotonic() - begin < 5
    assert said.startswith("your code took more than 0.3 seconds: does a loop never end, or is a long list searched")
    assert "It was stopped at line " in said
    number = int(said.split("stopped at line ")[1].split(":")[0])
    assert path.read_text().splitlines()[number - 1].strip() in said


def test_a_place_that_belongs_to_no_line_is_told_by_its_functions_first():
    def check():
        raise ValueError("no line")

    check.__code__ = check.__code__.replace(co_linetable=b"")  # as a loop's way back
    assert "your code fails: ValueError: no line at line " in outcome(check)


def test_so_is_one_that_never_ends_before_the_check_begins(lesson_with):
    path = lesson_with("return a + b + table", after="table = 0\nwhile table >= 0: table += 1\n")
    assert "It was stopped at line" in check_lesson(path, seconds=0.3)


def test_code_that_has_caught_the_end_of_its_time_is_stopped_a_second_later(lesson_with):
    answer = """try: time.sleep(9)
    except BaseException: pass
    end = time.monotonic() + 6
    while time.monotonic() < end: pass
    return a + b"""
    assert "It was stopped at line" in check_lesson(lesson_with(answer), seconds=0.2)


def test_the_limit_ends_with_the_check():
    handler = signal.getsignal(signal.SIGALRM)
    assert outcome(lambda: None, seconds=0.05) == SOLVED
    time.sleep(0.1)
    assert signal.getsignal(signal.SIGALRM) is handler and signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def endless():
    while True:
        pass


def test_where_there_is_no_interval_timer_a_thread_stops_it(monkeypatch):
    monkeypatch.delattr(signal, "setitimer")  # as on Windows
    handler = signal.getsignal(signal.SIGTERM)
    assert outcome(endless, seconds=0.1).startswith("your code took more than 0.1 seconds")
    assert outcome(lambda: None, seconds=60) == SOLVED
    assert signal.getsignal(signal.SIGTERM) is handler
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert not any(timer.join(1) or timer.is_alive() for timer in timers)


def test_in_another_thread_a_check_runs_without_a_limit():
    found = []
    thread = threading.Thread(target=lambda: found.append(outcome(lambda: None, seconds=1)))
    thread.start()
    thread.join()
    assert found == [SOLVED]


# --- only what the check needs -------------------------------------------------------------------


def test_the_rest_of_the_lesson_is_not_run(lesson_with, capsys):
    path = lesson_with("return a + b", after="print(add(1, 2))\nfor i in range(3): add(nothing, i)\n")
    assert check_lesson(path) == SOLVED  # SLOW is not defined: the lesson itself would fail
    assert check_lesson(lesson_with("return a + b + zero", before="zero = print('made') or 0\n")) == SOLVED
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("answer", "helpers"),
    [
        ("return total(a, b)", "total = lambda *n: sum(n, start)\nstart = 0\n"),
        ("return TABLE[a][b]", "TABLE = []\nfor i in range(4): TABLE = [*TABLE, [i, i + 1, i + 2]]\n"),
        ("return fsum([a, b])", "from math import *\n"),
        ("return Sum().of(a, b)", "class Sum:\n    def of(self, *n): return [x for x in n][0] + second(n)\n"
         "def second(n): return n[1]\n"),
        ("return op.add(a, b)", "if True:\n    import operator as op\n"),
        ("return a + b + zero", "zero: int = 5\nzero -= 5\n"),
    ],
)  # fmt: skip
def test_an_answer_may_use_whatever_is_made_in_the_file(lesson_with, answer, helpers):
    for place in ({"before": helpers}, {"after": helpers}):
        assert check_lesson(lesson_with(answer, **place)) == SOLVED


# --- files that are no lessons, and notebooks with lines of their own ------------------------------


def test_a_notebook_may_have_ipythons_own_lines(lesson_with):
    path = lesson_with("return a + b * one", ".ipynb")
    notebook = json.loads(path.read_text())
    extra = ["%matplotlib inline\n!pip list\n", "%%bash\nls (", "%%time\none = 1", ""]
    notebook["cells"][:0] = [{"cell_type": "code", "source": text} for text in extra]
    notebook["cells"].append({"cell_type": "raw", "source": "def ("})
    path.write_text(json.dumps(notebook))
    assert check_lesson(path) == SOLVED


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.ipynb", b"no JSON", "is not a Jupyter notebook of format 4"),
        ("x.ipynb", b"[" * 100_000, "is not a Jupyter notebook of format 4"),
        ("x.ipynb", b'{"worksheets": []}', "is not a Jupyter notebook of format 4"),
        ("x.ipynb", b'{"cells": [{"cell_type": "code", "source": 5}]}', "is not a Jupyter notebook of format 4"),
        ("x.ipynb", b'{"cells": 3}', "is not a Jupyter notebook of format 4"),
        ("x.ipynb", b'{"cells": []}', "has no function check()"),
        ("x.py", b"", "has no function check()"),
        ("x.py", b"x = 1", "has no function check()"),
        ("x.py", "# caf\xe9".encode("latin-1"), "is not a text in UTF-8"),
    ],
)
def test_a_file_that_is_no_lesson(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LessonError, match=said.replace("(", r"\(").replace(")", r"\)")):
        check_lesson(tmp_path / name)


def test_what_stands_before_the_first_cell_is_a_cell_too(lesson_with):
    path = lesson_with("return m.fsum([a, b])")
    path.write_text(f"import math as m\n\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    assert check_lesson(path) == SOLVED


def test_a_byte_order_mark_does_no_harm(lesson_with):
    path = lesson_with("return a + b")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert check_lesson(path) == SOLVED


@pytest.mark.parametrize("command", ["lesson", "check-lesson"])
@pytest.mark.parametrize("which", ["", " ", "\t"])
def test_case_46_a_name_that_is_empty_is_refused_in_a_sentence(lesson_with, capsys, command, which):
    lesson_with()
    assert main([command, which]) == 2
    out, err = capsys.readouterr()
    assert out == "" and f"lesson {which!r}: give its number, a part of its name, or a file" in err


# --- in a notebook -------------------------------------------------------------------------------


def test_run_check_prints_one_sentence(capsys):
    def check():
        raise Unsolved("write it")

    run_check(check)
    run_check(lambda: None)
    assert capsys.readouterr().out == "not solved yet: write it\nsolved\n"


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "said"), [*ANSWERS[:4], ("while True: pass", "your code took more than 2 seconds")])
def test_a_check_in_a_notebook_says_one_sentence(lesson_with, answer, said):
    pytest.importorskip("ipykernel")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    path = lesson_with(answer, ".ipynb")
    path.write_text(path.read_text().replace("time.sleep(SLOW)", "pass").replace(
        "run_check(check)", "from minigan.lesson.checking import outcome; print(outcome(check, 2))"
        if "while" in answer else "run_check(check)"))  # fmt: skip
    notebook = nbformat.read(path, 4)
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.output_type for output in outputs] == ["stream"]
    assert outputs[0].text.startswith(said.format(line="2 of its cell")) and outputs[0].text.count("\n") == 1


# --- whatever the output is ----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp1252:strict", "latin-1:strict", "ascii:strict"])
@pytest.mark.parametrize("command", ["lesson", "check-lesson"])
def test_case_21_lessons_are_shown_and_checked_whatever_the_outputs_encoding(lesson_with, command, encoding):
    path = lesson_with("return a - b")
    path.write_text(path.read_text(encoding="utf-8").replace('"1 + 2 is 3"', '"∂ − 3 ℵ"').replace("SLOW", "0"), "utf-8")
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    call = [sys.executable, "-m", "minigan", command, "1"]
    done = subprocess.run(call, env=environment, capture_output=True)
    assert done.returncode == (1 if command == "check-lesson" else 0) and done.stderr == b""
    text = done.stdout.decode(encoding.split(":")[0])
    assert "not right yet: d - 3 ?" in text and ("To add: sum." in text) == (command == "lesson")


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix closes the output")
@pytest.mark.parametrize(("command", "code"), [("lesson 1", 0), ("check-lesson 1", 1), ("lesson", 0), ("lesson ''", 2)])
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_case_21_lessons_work_with_their_output_closed(lesson_with, command, code, closed):
    path = lesson_with("print('Σ')")
    path.write_text(path.read_text(encoding="utf-8").replace("SLOW", "0"), "utf-8")
    done = subprocess.run(f"{sys.executable} -m minigan {command} {closed}", shell=True, capture_output=True, text=True)
    assert done.returncode == code and "Traceback" not in done.stdout + done.stderr

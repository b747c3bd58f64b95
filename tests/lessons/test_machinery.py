"""Finding, stepping through, checking and building lessons."""

from __future__ import annotations

import re

import pytest

from minigan import terminal
from minigan.cli import main
from minigan.extras import install_command
from minigan.lesson.cells import Cell, cells
from minigan.lesson.places import find
from minigan.lesson.stepping import _listed

LESSON = """# %% [markdown]
# # 1. Adding
#
# **Goal.** To add, with a line that is quite long, so long that it must be wrapped by a terminal of forty columns.

# %%
from minigan.lesson import Unsolved

one = 1
print("one is", one)

# %% [markdown]
# ## Predict
#
# 1. a list
# 2. stays a list

# %%
print("two is", one + one)


# %%
def add(a, b):
    raise Unsolved("write add")


# %%
def check():
    assert add(1, 2) == 3, "1 + 2 is 3"
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    (tmp_path / "lessons" / "solutions").mkdir(parents=True)
    (tmp_path / "lessons" / "01_adding.py").write_text(LESSON, encoding="utf-8")
    (tmp_path / "lessons" / "12_adding_more.py").write_text(LESSON.replace("1. Adding", "12. More"), encoding="utf-8")
    (tmp_path / "lessons" / "solutions" / "01_adding.py").write_text("def add(a, b):\n    return a + b\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "40")
    return tmp_path


def test_cells_know_their_kind_their_text_and_their_line(clone):
    found = cells(clone / "lessons" / "01_adding.py")
    assert [c.markdown for c in found] == [True, False, True, False, False, False]
    assert found[0].text.startswith("# 1. Adding\n\n**Goal.**")
    lines = LESSON.splitlines()
    for cell in found:
        first = cell.text.splitlines()[0]
        assert any(line.endswith(first) for line in lines[cell.line - 1 : cell.line + 1])


def test_a_lesson_is_found_by_number_name_and_file(clone, monkeypatch):
    path = clone / "lessons" / "01_adding.py"
    assert find("1") == find("01") == path
    assert find("more").name == "12_adding_more.py"
    assert find(str(path)) == path
    (clone / "deeper").mkdir()
    monkeypatch.chdir(clone / "deeper")
    assert find("1") == path


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("7", "lesson '7': none is called so; there are 01_adding, 12_adding_more"),
        ("adding", "lesson 'adding': several are called so"),
        ("no.py", "there is no file 'no.py'"),
    ],
)
def test_a_lesson_that_is_not_there(clone, capsys, which, message):
    assert main(["lesson", which]) == main(["check-lesson", which]) == 2
    assert message in capsys.readouterr().err


def test_outside_of_a_clone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said = f"there are no lessons in {tmp_path} or above: minigan lesson init copies them to lessons/ here"
    for command in (["check-lesson", "1"], ["lesson", "check", "1"], ["lesson", "next"], ["lesson", "reset", "1"]):
        assert main(command) == 2
        assert said in capsys.readouterr().err
    assert main(["lesson"]) == 0  # as they are shipped, to be looked at
    out, err = capsys.readouterr()
    assert out.startswith("01  A GAN on a line\n") and "lesson init copies them" in err
    assert list(tmp_path.iterdir()) == []


def test_without_a_number_they_are_listed(clone, capsys):
    assert main(["lesson"]) == 0
    assert capsys.readouterr().out.splitlines() == ["01  Adding", "12  More"]


def test_where_nobody_presses_keys_all_is_shown_and_run(clone, capsys):
    assert main(["lesson", "1"]) == 0
    out = capsys.readouterr().out
    assert "\033" not in out and "Enter" not in out
    assert out.index("Goal.") < out.index("one is 1") < out.index("Predict") < out.index("two is 2")
    assert "1. a list\n2. stays a list" in out
    assert max(len(line) for line in out.splitlines() if not line.startswith("  │")) <= 40


def test_stepping_forth_and_back_runs_each_cell_once_and_shows_its_output_again(clone, capsys, keys):
    path = clone / "lessons" / "01_adding.py"
    path.write_text(LESSON.replace("one = 1", "one = globals().get('one', 0) + 1"), encoding="utf-8")
    keys("", "", "b", "", "", "q")
    assert main(["lesson", "1"]) == 0
    out = capsys.readouterr().out
    assert out.count("one is 1") == 2 and "one is 2" not in out and out.count("two is 2") == 1
    assert out.count('print("one is", one)') == 2
    assert "def add" not in out and "lesson check" not in out


def test_jumping_ahead_runs_what_was_jumped_over_in_silence_and_keeps_its_output(clone, capsys, keys):
    keys("4", "q")
    main(["lesson", "1"])
    out = capsys.readouterr().out
    assert "two is 2" in out and "one is 1" not in out
    keys("2", "q")
    main(["lesson", "1", "--start", "4"])
    out = capsys.readouterr().out
    assert out.index("two is 2") < out.index("one is 1")


@pytest.mark.parametrize("number", [7, 99])
def test_there_is_nothing_to_start_at(clone, capsys, number):
    assert main(["lesson", "1", "--start", str(number)]) == 2
    assert capsys.readouterr().err.strip().endswith(f"--start {number}: 01_adding has 6 cells")


def test_what_is_no_key_is_said_and_asked_again(clone, capsys, keys):
    keys("quit", "99", "0", "", "q")
    assert main(["lesson", "1"]) == 0
    out = capsys.readouterr().out
    for wrong in ("quit", "99", "0"):
        assert f"'{wrong}' is no key here: press Enter, b, a number from 1 to 6, or q." in out
    assert out.count("Adding") == 1 and out.count("one is 1") == 1


def test_the_exercise_and_the_end_say_what_to_do(clone, capsys, keys):
    line = LESSON.splitlines().index('    raise Unsolved("write add")') + 1
    keys("5", "", "")
    main(["lesson", "1"])
    out = " ".join(capsys.readouterr().out.split())
    to_do = f"Write the exercise in lessons/01_adding.py, line {line}, then have it checked: minigan lesson check 01"
    assert out.count(to_do) == 2 and out.endswith(to_do)
    (clone / "mine.py").write_text(LESSON.replace('raise Unsolved("write add")', "return a + b"), encoding="utf-8")
    keys("6", "")
    main(["lesson", "mine.py"])
    assert capsys.readouterr().out.split("\n")[-3:-1] == ["Is the exercise solved?", "    minigan lesson check mine.py"]


def test_an_error_in_a_lesson_has_its_place(clone, capsys):
    path = clone / "lessons" / "01_adding.py"
    path.write_text(LESSON.replace("one + one", "one + nine"), encoding="utf-8")
    assert main(["lesson", "1"]) == 2
    line = next(n for n, text in enumerate(LESSON.splitlines(), 1) if "one + one" in text)
    said = f"01_adding.py fails: NameError: name 'nine' is not defined at line {line}: print("
    assert said in capsys.readouterr().err


def test_long_output_is_broken_and_plots_are_folded(clone, capsys):
    drawing = "import x\nfigure, ax = plt.subplots()\nax.plot(1)\nshow(figure, 'name')\nafter = 1"
    path = clone / "lessons" / "01_adding.py"
    listed = _listed(Cell(False, drawing, 40, str(path)), path).splitlines()
    assert [line.strip(" │") for line in listed] == [
        "import x", "# the picture is drawn: 01_adding.py, lines 41 to 43", "after = 1",
    ]  # fmt: skip
    path.write_text(LESSON.replace('"two is", one + one', '"- word" * 20, end=""'), encoding="utf-8")
    main(["lesson", "1"])
    shown = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("  │")]
    assert max(map(len, shown)) <= 40 and " ".join(shown).count("word") == 20


def test_leaving_by_the_end_of_input(clone, capsys, monkeypatch):
    monkeypatch.setattr(terminal, "interactive", lambda: True)

    def ended(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    assert main(["lesson", "1"]) == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('raise Unsolved("write add")', "not solved yet: write add"),
        ("return a - b", r"not right yet: 1 \+ 2 is 3"),
        ("return a + c", r"your code fails: NameError: name 'c' is not defined at line \d+: return a \+ c"),
        ("return a + b", "solved"),
        ("return (", "the file itself fails: SyntaxError"),
    ],
)
def test_check_lesson_says_how_far_one_is(clone, capsys, body, said):
    path = clone / "lessons" / "01_adding.py"
    path.write_text(LESSON.replace('raise Unsolved("write add")', body), encoding="utf-8")
    assert main(["check-lesson", "1"]) == (0 if said == "solved" else 1)
    assert re.match(f"01_adding: {said}", capsys.readouterr().out)


def test_check_lesson_with_its_solution(clone, capsys):
    assert main(["check-lesson", "1"]) == 1
    assert main(["check-lesson", "1", "--solution"]) == 0


def test_colours_and_their_absence(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal.styled("x", "bold", "red") == "\033[1;31mx\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.styled("x", "bold") == "x"


def test_building_says_what_it_needs(clone, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jupytext", None)
    assert main(["lessons", "build"]) == 2
    assert f"building lessons needs jupytext: {install_command('lessons')}\n" in capsys.readouterr().err


@pytest.mark.slow
def test_building_makes_executed_notebooks_and_pages(clone, capsys):
    for guest in ("jupytext", "nbconvert", "ipykernel", "pygments"):
        pytest.importorskip(guest)
    assert main(["lessons", "build", "--out", "out"]) == 0
    assert sorted(p.name for p in (clone / "out").iterdir()) == [
        "01_adding.html", "01_adding.ipynb", "12_adding_more.html", "12_adding_more.ipynb",
    ]  # fmt: skip
    assert "two is 2" in (clone / "out" / "01_adding.ipynb").read_text(encoding="utf-8")
    page = (clone / "out" / "01_adding.html").read_text(encoding="utf-8")
    assert "two is 2" in page and "<title>Adding</title>" in page
    # It loads nothing from elsewhere, is dark where its reader is, and its lines of text end after some 80 letters.
    assert not re.search(r"https?://|//[a-z]|<script|<link|@import|url\(", page)
    assert "@media (prefers-color-scheme: dark)" in page and re.search(r"p[^{}]*{ max-width: 4\drem", page)

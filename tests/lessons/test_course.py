"""`minigan lesson` in a folder of the learner's own: init, next, check, hint, reset, watch."""

from __future__ import annotations

import json
import shutil

import pytest

from minigan.cli import lessons as commands
from minigan.cli import main
from minigan.lesson import copies, exercises, places
from minigan.lesson.places import own_folder, shipped
from minigan.lesson.progress import FILE
from minigan.lesson.watching import saved

LESSON = """# %% [markdown]
# # 1. Adding

# %%
from minigan.lesson import Unsolved, run_check

# %% [markdown]
# ## Exercises


# %%
def one():
    raise Unsolved("write one")


# %%
def check_warm_up():
    assert one() == 1, "one is 1"


# %%
def add(a, b):
    raise Unsolved("write add")


# %%
def check():
    assert add(1, 2) == 3, "1 + 2 is 3"


# %%
def mul(a, b):
    raise Unsolved("write mul")


# %%
def check_stretch():
    assert mul(2, 3) == 6, "2 times 3 is 6"
"""
SOLUTION = """def one(): return 1
def add(a, b): return a + b
def mul(a, b): return a * b
"""
HINTS = """## warm-up
1. It is a number.
2. It is less than 2.
3. `return 1`

## exercise
1. A sign
   between the two.
2. Plus.
"""
ANSWERS = {"one": ("write one", "1"), "add": ("write add", "a + b"), "mul": ("write mul", "a * b")}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Two lessons as they are shipped, and an empty folder to be in."""
    course = tmp_path / "package"
    for folder in ("solutions", "hints"):
        (course / folder).mkdir(parents=True)
    for name, number in (("01_adding", "1"), ("02_more", "2")):
        (course / f"{name}.py").write_text(LESSON.replace("1. Adding", f"{number}. Adding {name}"), "utf-8")
        (course / "solutions" / f"{name}.py").write_text(SOLUTION, "utf-8")
        (course / "hints" / f"{name}.md").write_text(HINTS, "utf-8")
    (course / "tiny.py").write_text("tiny = 1\n", "utf-8")
    for module in (copies, exercises, places, commands):
        monkeypatch.setattr(module, "shipped", lambda: course)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return course


@pytest.fixture
def own(package, capsys):
    """The learner's folder."""
    assert main(["lesson", "init"]) == 0
    capsys.readouterr()
    return package.parent / "here" / "lessons"


def solve(path, *names, wrong=""):
    text = path.read_text("utf-8")
    for name in names:
        said, answer = ANSWERS[name]
        text = text.replace(f'raise Unsolved("{said}")', f"return {answer}{wrong}")
    path.write_text(text, "utf-8")


def said(capsys, *command):
    """The exit code, and what was printed."""
    capsys.readouterr()
    code = main(["lesson", *command])
    return code, capsys.readouterr()


def test_init_copies_them_once(package, capsys):
    code, (out, err) = said(capsys, "init")
    assert code == 0 and out == "3 files copied: lessons/\n" and err == "go on with: minigan lesson next\n"
    assert sorted(p.name for p in package.with_name("here").joinpath("lessons").iterdir()) == [
        FILE, "01_adding.py", "02_more.py", "tiny.py",
    ]  # fmt: skip
    code, (out, _) = said(capsys, "init")
    assert code == 0 and out == "3 files left as they are: lessons/\n"


def test_init_to_another_folder_which_may_be_the_one_we_are_in(package, capsys, monkeypatch):
    assert said(capsys, "init", "deep/mine")[1].err == "go on with: cd deep/mine && minigan lesson next\n"
    monkeypatch.chdir("deep/mine")
    assert own_folder() == package.with_name("here") / "deep" / "mine"
    code, (out, err) = said(capsys, "init", ".")
    assert "left as they are" in out and "go on with: minigan lesson next" in err
    assert said(capsys, "check", "1")[0] == 1


def test_a_new_version_renews_what_was_not_changed_and_keeps_the_answers(package, own, capsys):
    solve(own / "01_adding.py", "one")
    mine = (own / "01_adding.py").read_text("utf-8")
    for path in package.glob("0*.py"):
        path.write_text(path.read_text("utf-8").replace("Exercises", "Newer"), "utf-8")
    code, (out, _) = said(capsys, "init")
    assert code == 0 and "1 file brought up to this version of minigan" in out and "1 file left as they are" in out
    assert (
        "lessons/01_adding.py: yours is kept; this version's, which differs, lies beside it as 01_adding.py.new" in out
    )
    assert (own / "01_adding.py").read_text("utf-8") == mine
    assert "Newer" in (own / "01_adding.py.new").read_text("utf-8") and "Newer" in (own / "02_more.py").read_text(
        "utf-8"
    )
    assert [p.name for p in places.lessons(own)] == ["01_adding.py", "02_more.py"]
    (own / "01_adding.py.new").unlink()
    assert said(capsys, "init")[1].out == "3 files left as they are: lessons/\n"  # it was offered once


def test_init_where_it_cannot_be(package, own, capsys):
    (own.parent / "a").write_text("")
    assert said(capsys, "init", "a")[1].err.strip().endswith("a is a file: name a folder for the lessons")
    assert "name another folder" in said(capsys, "init", str(package))[1].err


def test_a_check_tells_each_exercise_and_what_to_do(own, capsys):
    solve(own / "01_adding.py", "one")
    solve(own / "01_adding.py", "add", wrong=" + 1")
    code, (out, err) = said(capsys, "check", "01")
    assert code == 1 and "minigan lesson hint 01 gives a hint" in err
    assert out.splitlines() == [
        "01_adding, warm-up: solved", "01_adding: not right yet: 1 + 2 is 3",
        "01_adding, stretch: not solved yet: write mul",
    ]  # fmt: skip
    assert said(capsys, "check", "01", "warm-up")[1].out == "01_adding, warm-up: solved\n"
    assert (
        said(capsys, "check", "01", "warm")[1]
        .err.strip()
        .endswith("01_adding has no exercise 'warm': it has warm-up, exercise, stretch")
    )
    code, (out, err) = said(capsys, "check", "01", "--solution")
    assert code == 0 and out.count("solved\n") == 3 and "next" not in err


def test_a_stretch_may_be_left_out_but_not_be_wrong(own, capsys):
    solve(own / "01_adding.py", "one", "add")
    code, (_, err) = said(capsys, "check", "01")
    assert code == 0 and "lesson 01 is solved; minigan lesson next goes on" in err
    solve(own / "01_adding.py", "mul", wrong=" + 1")
    assert said(capsys, "check", "01")[0] == 1
    assert main(["check-lesson", "01"]) == 1 and main(["check-lesson", "02", "--solution"]) == 0


def test_the_list_has_ticks(own, capsys):
    assert said(capsys)[1].out.splitlines()[0].startswith("01  · · ·  Adding")
    solve(own / "01_adding.py", "one", "mul")
    main(["lesson", "check", "01"])
    assert said(capsys)[1].out.splitlines()[0].startswith("01  ✓ · ✓  Adding")
    solve(own / "01_adding.py", "add")
    assert said(capsys)[1].out.splitlines()[0].startswith("01  ? ? ?  Adding")


def test_next_is_the_first_that_is_not_solved_as_the_files_are_now(own, capsys):
    assert "Adding 01_adding" in said(capsys, "next")[1].out
    solve(own / "01_adding.py", "one", "add")
    assert "Adding 02_more" in said(capsys, "next")[1].out
    solve(own / "02_more.py", "one", "add", "mul")
    code, (out, err) = said(capsys, "next")
    assert code == 0 and out == "All lessons are solved, but for the stretch of 01.\n"
    assert "minigan train --mine" in err


def test_hints_come_one_by_one_for_the_first_exercise_that_is_open(own, capsys):
    out, err = said(capsys, "hint", "1")[1]
    assert out.splitlines() == ["01_adding, warm-up: not solved yet: write one", "1. It is a number."]
    assert "hint 1 of 3 for the warm-up; the same command gives the next" in err
    assert "2. It is less than 2." in said(capsys, "hint", "1")[1].out
    solve(own / "01_adding.py", "one")
    assert said(capsys, "hint", "1")[1].out.splitlines()[-1] == "1. A sign between the two."
    for _ in range(2):
        out, err = said(capsys, "hint", "1", "warm-up")[1]
        assert out.splitlines() == ["1. It is a number.", "2. It is less than 2.", "3. `return 1`"]
        assert "these are all hints for the warm-up; the solution is in" in err and "solutions/01_adding.py" in err
    assert "there are no hints for the stretch" in said(capsys, "hint", "1", "stretch")[1].err
    solve(own / "01_adding.py", "add", "mul")
    assert said(capsys, "hint", "1")[1].out == "01_adding: all is solved\n"


def test_reset_begins_anew_and_keeps_what_was_written(package, own, capsys):
    for old in ("01_adding.py.old", "01_adding.py.old-2"):
        solve(own / "01_adding.py", "one", "add")
        mine = (own / "01_adding.py").read_text("utf-8")
        main(["lesson", "check", "01"])
        code, (out, _) = said(capsys, "reset", "1")
        assert code == 0 and out.strip().endswith(f"what you wrote is in lessons/{old}")
        assert (own / old).read_text("utf-8") == mine
        assert (own / "01_adding.py").read_text("utf-8") == (package / "01_adding.py").read_text("utf-8")
        assert said(capsys)[1].out.splitlines()[0].startswith("01  · · ·")
    (own / "03_mine.py").write_text(LESSON)
    assert "03_mine.py is no lesson that comes with minigan" in said(capsys, "reset", "3")[1].err


def test_a_clones_own_lessons_are_put_back_by_git(package, own, capsys):
    shutil.rmtree(own)
    own.symlink_to(package)
    assert "git restore" in said(capsys, "reset", "1")[1].err


def test_watch_checks_what_is_saved(own, capsys, monkeypatch):
    (own / "02_more.py").write_text("def check(:\n")
    monkeypatch.setattr(commands, "saved", lambda files: iter(files()))
    solve(own / "01_adding.py", "one")
    code, (out, err) = said(capsys, "watch")
    assert code == 0 and "01_adding, warm-up: solved" in out and "02_more: the file itself fails: SyntaxError" in out
    assert "checks a lesson of lessons when you save it; Ctrl-C ends" in err
    assert "02_more" not in said(capsys, "watch", "1")[1].out

    def stopped(files):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(commands, "saved", stopped)
    assert said(capsys, "watch")[0] == 0


def test_saved_files_are_noticed_also_while_an_editor_replaces_them(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("1"), b.write_text("1")
    steps = iter(
        [lambda: None, lambda: a.write_text("12"), a.unlink, lambda: a.write_text("123"), lambda: b.write_text("12")]
    )
    found = saved(lambda: [a, b], wait=lambda seconds: next(steps)())
    assert [next(found) for _ in range(3)] == [a, a, b]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["1", "2"], "'2' is too much"), (["check"], "too few words; check NN"), (["next", "3"], "'3' is too much"),
        (["hint"], "too few words; hint NN"), (["check", "7"], "none is called so"), (["reset"], "reset NN"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_sentence(own, capsys, words, told):
    code, (out, err) = said(capsys, *words)
    assert code == 2 and told in err and out == ""


@pytest.mark.parametrize("broken", ["", "[]", "{", '{"01_adding.py": 3}'])
def test_a_broken_record_is_as_none(own, capsys, broken):
    (own / FILE).write_text(broken)
    assert said(capsys)[0] == said(capsys, "hint", "1")[0] == 0
    assert json.loads((own / FILE).read_text())["01_adding.py"]["hints"] == {"warm-up": 1}


def test_a_folder_that_cannot_be_written_is_no_reason_to_stop(own, capsys, monkeypatch):
    def refused(path, content):
        raise PermissionError

    monkeypatch.setattr("minigan.lesson.progress.write_atomically", refused)
    assert said(capsys, "check", "1")[0] == 1


def test_the_package_has_lessons_and_no_folder_of_the_learners_is_taken_for_it():
    assert {"01_a_gan_on_a_line.py", "tiny.py", "solutions"} <= {path.name for path in shipped().iterdir()}

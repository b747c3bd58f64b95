"""The lessons in Chinese: what is asked for, laid over the same code, as it is printed; what lacks, what changed."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minigan.cli import main
from minigan.lesson import copies, exercises, places, translation, untranslated
from minigan.lesson.cells import cells
from minigan.lesson.language import language, speaking
from minigan.lesson.places import find, shipped
from minigan.lesson.progress import Progress
from minigan.lesson.stepping import typeset
from minigan.lesson.translation import in_language, key, laid_over, read, title, translated
from minigan.lesson.untranslated import lacking, sentences, stale
from minigan.terminal import columns_of, fill, in_one_line

ROOT = Path(__file__).resolve().parents[2]
CHINESE = sorted((ROOT / "lessons" / "zh").glob("*.md"))
LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py"))

every_file = pytest.mark.parametrize("path", CHINESE, ids=lambda path: path.stem)

LESSON = """# %% [markdown]
# # 1. Adding
#
# **Goal.** To add.

# %%
from minigan.lesson import Unsolved

#
# no text

# %% [markdown]
# ## Exercise


# %%
def add(a, b):
    \"\"\"Their sum, that is.\"\"\"
    raise Unsolved("write add")


# %%
def check():
    found = add(1, 2)
    what = "the sum"
    assert found == 3, f"{what} should be {3:g}, yours is {found}"
"""
TRANSLATION = f"""<!-- {key("# 1. Adding **Goal.** To add.")} the first cell -->
# 1. 加法

**目标。** 学会相加。

<!-- {key("Use a plus.")} a hint -->
用加号。

<!-- sentences -->

> write add
写出 add

> {{0}} should be {{1}}, yours
> is {{2}}
{{0}}应为 {{1}}，
而你的是 {{2}}

> the sum
和
"""


@pytest.fixture(autouse=True)
def of_no_language(monkeypatch):
    for name in ("MINIGAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv("MINIGAN_LANG", "zh")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A lesson as it is shipped, with its translation, and an empty folder to be in."""
    course = tmp_path / "package"
    for name, text in {
        "01_adding.py": LESSON, "hints/01_adding.md": "## exercise\n1. Use\n   a plus.\n2. `a + b`\n",
        "zh/01_adding.md": TRANSLATION,
    }.items():  # fmt: skip
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(text, "utf-8")
    shutil.copyfile(ROOT / "lessons" / "zh" / "commands.md", course / "zh" / "commands.md")
    for module in (copies, exercises, places, translation, untranslated):
        monkeypatch.setattr(module, "shipped", lambda: course)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return course


# --- the language that is asked for ------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "speaks"),
    [
        ({}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "de_DE"}, "en"), ({"LC_ALL": "zh_CN"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN"}, "en"), ({"LC_MESSAGES": "zh_TW", "LANG": "C"}, "zh"),
        ({"LC_ALL": "", "LANG": "zh"}, "zh"), ({"MINIGAN_LANG": "zh", "LANG": "C"}, "zh"),
        ({"MINIGAN_LANG": "en", "LANG": "zh_CN"}, "en"), ({"MINIGAN_LANG": "xx", "LANG": "zh_CN"}, "zh"),
    ],
)  # fmt: skip
def test_what_the_environment_asks_for(package, monkeypatch, environment, speaks):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language() == speaks


def test_what_is_asked_for_by_name_wins_and_only_while_it_is_asked(package, monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    with speaking("en"):
        assert language() == "en"
        with speaking("zh"), speaking(None):
            assert language() == "zh" and os.environ["MINIGAN_LANG"] == "zh"
        assert language() == "en"
    assert language() == "zh" and "MINIGAN_LANG" not in os.environ


def test_the_learners_folder_remembers_it(package, capsys, monkeypatch):
    assert main(["lesson", "init", "--lang", "zh"]) == 0
    own = places.own_folder()
    text = (own / "01_adding.py").read_text("utf-8")
    assert "# # 1. 加法\n#\n# **目标。** 学会相加。\n\n# %%\nfrom" in text and "To add" not in text
    assert language() == Progress(own).language == "zh"
    capsys.readouterr()
    assert main(["lesson"]) == 0
    assert capsys.readouterr().out == "01  ·      加法\n"
    main(["lesson", "--lang", "en", "check", "1"])
    assert "01_adding: not solved yet: write add\n" in capsys.readouterr().out
    main(["lesson", "init", "--lang", "en"])
    assert "1 file brought up to this version of minigan" in capsys.readouterr().out
    assert (own / "01_adding.py").read_text("utf-8") == LESSON and language() == "en"
    monkeypatch.setenv("LANG", "zh_CN")
    assert language() == "en"


def test_it_is_not_remembered_where_nobody_has_asked(package, monkeypatch):
    main(["lesson", "init"])
    assert Progress(places.own_folder()).language is None
    monkeypatch.setenv("LANG", "zh_CN")
    assert language() == "zh"


# --- laid over the same code, and as it is printed ---------------------------------------------


def test_text_is_laid_over_the_same_code(package, chinese):
    laid = laid_over(LESSON)
    assert "学会相加" in laid and "# ## Exercise" in laid  # which has no translation
    assert laid.partition("# %%\nfrom")[2] == LESSON.partition("# %%\nfrom")[2]


def test_in_a_browser_no_line_is_broken_where_a_space_would_be_seen(package, chinese, monkeypatch):
    text = "# 加法\n\n一，\n二。\n\n- 三，\n  四\n- 五。\n6\n\n    代码，\n"
    monkeypatch.setattr(translation, "in_language", lambda english: text)
    laid = laid_over("# %% [markdown]\n# x\n", broken=False)
    assert laid == "# %% [markdown]\n# # 加法\n#\n# 一，二。\n#\n# - 三，四\n# - 五。6\n#\n#     代码，\n"
    assert "# 一，\n# 二。\n" in laid_over("# %% [markdown]\n# x\n")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lessons_code_is_the_same_in_every_language(path, chinese, tmp_path):
    laid = tmp_path / path.name
    laid.write_text(laid_over(path.read_text("utf-8")), "utf-8")
    before, after = cells(path), cells(laid)
    assert [cell.markdown for cell in before] == [cell.markdown for cell in after]
    for english, other in zip(before, after, strict=True):
        assert other.text == (in_language(english.text) if english.markdown else english.text)


def test_a_lesson_is_stepped_through_checked_and_hinted_at_in_chinese(package, capsys):
    main(["lesson", "init"])
    own = places.own_folder()
    answer = (own / "01_adding.py").read_text("utf-8").replace('raise Unsolved("write add")', "return a - b")
    (own / "01_adding.py").write_text(answer, "utf-8")
    capsys.readouterr()
    assert main(["lesson", "1", "--lang", "zh"]) == 0
    out = capsys.readouterr().out
    assert "加法\n\n目标。 学会相加。\n" in out and "练习做完了吗？检查一下：\n" in out
    assert main(["lesson", "check", "1", "--lang", "zh"]) == 1
    out, err = capsys.readouterr()
    assert out == "01_adding: 还不对：和应为 3，而你的是 -1\n" and "lesson hint 01" in err
    main(["lesson", "hint", "1", "--lang", "zh"])
    out, err = capsys.readouterr()
    assert "\n1. 用加号。\n" in out and "练习的第 1 个提示，共 2 个" in err
    assert main(["lesson", "7", "--lang", "zh"]) == 2
    assert "lesson '7'：没有这样的课；现有的课是 01_adding" in capsys.readouterr().err


def test_a_verdict_is_translated_also_where_a_lesson_prints_it(package, tmp_path):
    main(["lesson", "init"])
    code = "from minigan.lesson import run_check\ndef check(): assert 1 > 2, 'x'\nrun_check(check)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8",
        env=os.environ | {"LANG": "zh_CN.UTF-8", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.stdout == "还不对：x\n"


@pytest.mark.parametrize(
    ("english", "other"),
    [
        ("your code fails: NameError: c at line 3: c", "你的代码出错了：NameError：c，第 3 行：c"),
        ("your code took more than 30 seconds: does a loop never end, or is a long list searched again and again? It "
         "was stopped at line 2 of its cell: while 1: 0", "你的代码运行超过了 30 秒：是不是有个循环停不下来，"
         "或者在反复搜索一个很长的列表？已经把它停下，单元格的第 2 行：while 1: 0"),
        ("not right yet: x: solved", "还不对：x：通过"),
        ("not right yet: the first-order gradient with respect to input 0 (x), of shape (5,), is wrong.\n  5 of 5 "
         "entries are wrong\n  hint: your gradient is 5 times too large, N = 5 being the length of input 0 along axis "
         "1: did the mean's 1/N get lost? (Or is something counted 5 times?)",
         "还不对：对 输入 0（x）（形状 (5,)）的一阶梯度是错的。\n  5 个元素中错了 5 个\n  提示：你的梯度是应有的 5 倍，"
         "而 N = 5 正是输入 0 沿轴 1 的长度：是不是丢了平均值的 1/N？（或者有什么算了 5 遍？）"),
        ("not right yet: {0} and 1", "还不对：{0} and 1"), ("solved", "通过"), ("of no kind", "of no kind"),
        ("not right yet: a run with the fault 'rates too high' is called 'other': what is grad_G?",
         "还不对：本来是 'rates too high'（学习率太大），你的诊断却是 'other'：grad_G 是多少？"),
        ("not right yet: of [[5]] the nearest to four pixels of 100 is row 1, yours says [0]: 100 and −100 are not 0 "
         "together, so square first",
         "还不对：在 [[5]] 中，离四个 100 的像素最近的，行号是 1，你的回答是 [0]：100 和 −100 加起来不能当作 0，"
         "所以要先平方"),
        ("01_adding has no exercise 'warm': it has warm-up, exercise, stretch",
         "01_adding 没有名为 'warm' 的练习，只有 warm-up, exercise, stretch"),
    ],
)  # fmt: skip
def test_a_sentence_is_translated_with_what_it_was_filled_with(chinese, english, other):
    assert translated(english) == other


def test_without_a_translation_all_is_as_it_was(package):
    assert laid_over(LESSON) == LESSON and translated("solved") == "solved" and in_language("x") == "x"
    assert title(package / "01_adding.py") == "Adding"


# --- what lacks, and what has changed ------------------------------------------------------------


def test_what_lacks_and_what_has_changed_is_told(package):
    lesson = package / "01_adding.py"
    assert lacking(lesson) == (["## Exercise", "`a + b`"], [])
    assert stale(lesson) == []
    lesson.write_text(LESSON.replace("To add.", "To add\n# well.").replace("yours is", "and not"), "utf-8")
    texts, said = lacking(lesson)
    assert texts[0] == "# 1. Adding\n\n**Goal.** To add\nwell." and said == ["{0} should be {1}, and not {2}"]
    assert stale(lesson) == [
        f"{key('# 1. Adding **Goal.** To add.')} the first cell", "> {0} should be {1}, yours is {2}",
    ]  # fmt: skip


def test_the_lines_of_a_cell_may_be_broken_elsewhere():
    assert key("a b\nc") == key("a\nb c") != key("a b d")


@pytest.mark.parametrize("number", [path.stem[:2] for path in LESSONS])
def test_a_lesson_is_translated_whole(number):
    """If it fails: `python -m minigan.lesson.untranslated NN` prints what lacks, with its key."""
    assert lacking(find(number, shipped())) == ([], [])


@every_file
def test_nothing_was_translated_from_what_has_changed_since(path):
    if path.stem[0].isdigit():
        assert stale(shipped() / f"{path.stem}.py") == []


def test_all_that_the_commands_say_is_translated():
    known = read(shipped() / "zh" / "commands.md").sentences
    usage = re.compile(r"\w+ (\[?--?\w+ )?\[?[A-Z]+.*\]?")
    cli = ROOT / "minigan" / "cli"
    for path in (cli / "lessons.py", cli / "train.py", *(ROOT / "minigan" / "lesson").glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        of = {"say", "tell", "LessonError", "translated"} - ({"say"} if path.stem == "train" else set())
        said = sentences(tree, of)
        said += [each for each in sentences(tree, {"_expect"}) if not usage.fullmatch(each)]
        assert [each for each in said if each not in known and "{0}: {1}" not in each] == [], path.name


def test_its_help_is_translated_but_for_names_and_examples(chinese, capsys):
    with pytest.raises(SystemExit):
        main(["lesson", "--help"])
    told, examples = capsys.readouterr().out.split("例子：\n")
    assert "\n  next              继续：" in told and "  minigan lesson init\n" in examples
    assert re.findall(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", told) == []


def test_the_hints_at_a_wrong_gradient_are_translated():
    """Whole or in parts: of each hint's words, those that stand in no translated sentence."""
    known = " ".join(read(shipped() / "zh" / "gradients.md").sentences)
    for said in sentences(ast.parse((ROOT / "minigan" / "testing" / "hints.py").read_text("utf-8"))):
        for part in re.split(r"\{\d\}", said):
            assert part in known, said


@every_file
def test_a_translated_sentence_is_found_by_what_is_printed(path, chinese):
    """No other one takes its place, and it is filled with the same things."""
    for english, other in read(path).sentences.items():
        filled, expected = (re.sub(r"\{(\d)\}", r"7\1", text) for text in (english, other))
        assert translated(filled) == expected
        assert set(re.findall(r"\{\d\}", other)) <= set(re.findall(r"\{\d\}", english))


@pytest.mark.parametrize("number", [path.stem[:2] for path in LESSONS])
def test_a_translated_text_states_the_same_numbers_and_code(number):
    """But for 0, 1 and 2: "all ones" may be a digit in Chinese, and "0 or 1" a word."""
    lesson = find(number, shipped())
    there = read(shipped() / "zh" / f"{lesson.stem}.md")
    for english in untranslated.texts(lesson):
        both = english, there.texts[key(english)]
        numbers, same = ({*re.findall(r"(?<![A-Za-z\d])\d+(?:[.,]\d+)*", text)} - {*"012"} for text in both)
        assert numbers == same, english
        for pattern in (r"`[^`]+`", r"^    .+", r"^(?:#+|- |[1-5]\.) "):
            code, same_code = (
                sorted(" ".join(each.split()) for each in re.findall(pattern, text, re.MULTILINE)) for text in both
            )
            assert code == same_code, english


@every_file
def test_it_has_the_usual_words_and_stands_well_in_markdown(path):
    text = path.read_text("utf-8")
    for wrong in ("反卷积", "鉴别器", "发电机", "余切"):
        assert wrong not in text
    for bold, after in re.findall(r"\*\*([^*\n]+)\*\*(.?)", text):
        assert bold[-1] not in "，。：；？！）”" or not after.strip(), f"{bold} is bold only before a space"
    for line, after in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        assert columns_of(line) <= 120, line
        # Between two Chinese letters the end of a line would be seen as a space.
        if not line.startswith((">", "#")) and after.strip():
            assert not re.search(r"[\u4e00-\u9fff]$", line) or not re.match(r" *[\u4e00-\u9fff]", after), line


# --- Chinese in a terminal -------------------------------------------------------------------------


def test_chinese_lines_are_as_wide_as_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    text = "判别器给每个点一个数，\n也就是 logit：\n越大（越像真的）。"
    assert in_one_line(text) == "判别器给每个点一个数，也就是 logit：越大（越像真的）。"
    assert fill(in_one_line(text), "  ").splitlines() == [
        "判别器给每个点一个",
        "  数，也就是 logit：",
        "  越大（越像真的）。",
    ]
    assert typeset("1. " + text).splitlines()[1].startswith("   ")
    assert in_one_line("用 NumPy\n写，\nG(z)") == "用 NumPy 写，G(z)" and in_one_line("a\n  b  c") == "a b c"
    assert fill("one two three four five six") == "one two three four\nfive six"

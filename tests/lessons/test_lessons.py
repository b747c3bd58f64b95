"""Every lesson runs from a clean start; unsolved, its exercise fails its check; its solution passes."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from minigan.lesson.cells import cells
from minigan.lesson.checking import SOLVED, check_lesson, needed, read_statements

FOLDER = Path(__file__).resolve().parents[2] / "lessons"
LESSONS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
# Two of them train for long: the others find what every lesson has in common.
LONG = ("01_a_gan_on_a_line", "10_the_border")
LONG_AND_SHORT = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LONG else []) for path in LESSONS
]
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)

pytestmark = pytest.mark.host_only("a lesson computes beside the engine, with NumPy")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Pictures go to a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")


@pytest.mark.parametrize("path", LONG_AND_SHORT)
def test_it_runs(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.count("not solved yet: ") == 1  # its own run_check(check)


@every_lesson
def test_its_exercise_is_unsolved(path):
    assert check_lesson(path).startswith("not solved yet: ")


@every_lesson
def test_its_solution_passes(path):
    assert check_lesson(path, FOLDER / "solutions" / path.name) == SOLVED


@every_lesson
def test_its_check_runs_what_it_needs_and_no_more(path):
    """Not the lesson: nothing is trained, drawn or printed before the check itself begins."""
    statements = [s for cell in cells(path) if not cell.markdown for s in read_statements(cell)]
    kept = needed(statements, "check")
    called = {name for statement in kept for name in statement.reads}
    assert len(kept) < 0.6 * len(statements) and "plt" not in called


@every_lesson
def test_it_has_all_its_parts(path):
    pages = cells(path)
    text = "\n".join(cell.text for cell in pages if cell.markdown)
    headings = [line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("##")]
    for part in ("predict", "picture", "exercise", "check", "what would break it"):
        assert any(h.startswith(part) for h in headings), f"{path.name} has no part {part!r}"
    assert "**Goal.**" in text and text.startswith(f"# {int(path.stem[:2])}. ")
    assert any(len(cell.text) > 20 for cell in pages if not cell.markdown)
    assert (FOLDER / "solutions" / path.name).is_file()


def test_a_lesson_runs_as_a_script(tmp_path):
    environment = os.environ | {"MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, FOLDER / "04_dense.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "picture: " in done.stdout and (tmp_path / "04_dense.png").stat().st_size > 5000


# --- wrong attempts: a solution with one mistake is refused, and told why -------------------------------

BY_HAND = "[p.copy_(p - 0.1 * p.grad) for p in G.parameters()]"
MISTAKES = {
    "01": [
        ("softplus(-real", "softplus(real"), ("F.mean(F.softplus(fake", "F.sum(F.softplus(fake"),
        ("F.softplus(fake_logits)", "F.maximum(F.log(1.0 + F.exp(F.minimum(fake_logits, 500.0))), "
         "fake_logits.detach())", "yours are -0.5 and 0:"),
        ("F.softplus(fake_logits)", "F.minimum(F.log(1.0 + F.exp(fake_logits)), F.abs(fake_logits) + "
         "F.exp(-F.abs(fake_logits)))", "yours are -0.5 and nan:"),
    ],
    "02": [("cotangents.get(parent, 0.0) + ", ""), ("reverse=True", "reverse=False")],
    "03": [("dy.sum(", "dy.mean("), ("if length == 1", "if length > 1"), ("*range(in_front), ", "")],
    "04": [("F.sum(dy, axis=0)", "F.mean(dy, axis=0)"), ("dy.T @ x", "(dy.T @ x).detach()"), ("dy @ weight,", "")],
    "05": [("** 2", ""), ("dy / (1", "-dy / (1"), ("dy / (1.0 + F.abs(x))", "1.0 / (1.0 + F.abs(x))")],
    "06": [("(dy / logits.size)", "dy"), ("F.sigmoid(logits) - target", "target - F.sigmoid(logits)"),
           (", None  #", ", dy * 0.0 * target  #", "return None for the target"),
           (", None  #", ", -logits * (dy / logits.size)  #", "return None for the target")],
    "07": [("[:, :, kh, kw]", "[:, :, -1 - kh, -1 - kw]"), ("kw + OW * SW : SW", "kw + OW : 1")],
    "08": [("+= stamp", "= stamp"), ("iohw->nohw", "oihw->nohw"), ("i * SH", "i * SW")],
    "09": [(" - x_hat * F.mean(dy * x_hat, axis=0)", ""), ("gamma * r * (", "r * ("), (" - F.mean(dy, axis=0)", ""),
           ("return dx, ", "unused = ", "three Tensors, not a NoneType"), ("return dx, ", "return ", "not 2 things")],
    "10": [
        ("with nn.frozen(D):", "if True:", "got a gradient: freeze D"), ("opt_G.step()", "pass", "G did not move"),
        ("-D(border)", "D(border)", "the wrong sign"), ("fake.backward(crossing)", "pass", "G did not move"),
        ("opt_G.zero_grad()", "pass", "what an earlier turn had left"), ("return crossing", "", "not a NoneType"),
        ("F.mean(", "F.sum(", "3 times too large: a sum"), ("return crossing", "return border.grad", "return an array"),
        ("backward(crossing)", "backward(-crossing)", "G's step has the wrong sign"),
        ("axis=1, keepdims=True", "", "each fake's own"), ("D(border))", "D(border) * 2)", "another: is the loss"),
        ("backward(crossing)", "backward(arrived)", "did what you return go on"),
        ("np.minimum(1, limit / lengths)", "1", "is pulled with"),
        ("opt_G.step()", "opt_G.step(); D.parameters()[0].data[:] += 1", "D's weights changed"),
        ("with nn.frozen", "D.eval()\n    with nn.frozen", "D was put in eval mode"),
        ("D(border))).backward()", "D.eval()(border))).backward(); D.train()", "D was put in eval mode"),
        ("fake = G(z)", "fake = G(z); G.eval()", "G was put in eval mode"),
        ("with nn.frozen", "D(fake)\n    with nn.frozen", "D was called 2 times, not once"),
        ("fake = G(z)", "fake = G(z); G(z)", "G was called 2 times, not once"),
        ("opt_G.step()", BY_HAND, "opt_G made 0 steps"), ("opt_G.step()", "opt_G.step(); opt_G.step()", ""),
        ("opt_G.step()", f"{BY_HAND}; opt_G.zero_grad(); opt_G.step()", "opt_G made 0 steps"),
    ],
}  # fmt: skip
attempts = [(number, *mistake, *[""] * (2 - len(mistake[1:]))) for number, all_ in MISTAKES.items() for mistake in all_]


@pytest.mark.parametrize(("number", "right", "wrong", "said"), attempts, ids=lambda text: re.sub(r"\W+", "-", text))
def test_a_wrong_attempt_is_refused(number, right, wrong, said, tmp_path):
    (path,) = FOLDER.glob(f"{number}_*.py")
    solution = (FOLDER / "solutions" / path.name).read_text(encoding="utf-8")
    assert solution.count(right) >= 1
    (tmp_path / path.name).write_text(solution.replace(right, wrong), encoding="utf-8")
    trouble = check_lesson(path, tmp_path / path.name)
    assert trouble.startswith(("not right yet: ", "your code fails: ")) and len(trouble) > 40
    assert said in trouble


IN_SIGHT = {  # what the answer says, in code and in letters
    "04": ["dy @ weight", "dy @ W", "dy.T @", "dy W", "dyᵀ", "inspect"],
    "06": ["np.maximum(logits", "exp(-np.abs(", "l·t", "inspect"],
    "07": ["noij", ": SH]", ": SW]", "OH * SH"],
    "09": ["mean(dy * x_hat", "(dy * x_hat).mean", "Σ dy·x̂ / M", "inspect"],
}


@pytest.mark.parametrize("number", IN_SIGHT)
def test_the_answer_is_not_in_sight_of_the_exercise(number):
    (path,) = FOLDER.glob(f"{number}_*.py")
    assert [text for text in IN_SIGHT[number] if text in path.read_text(encoding="utf-8")] == []


def test_every_lesson_has_wrong_attempts():
    assert set(MISTAKES) == {path.stem[:2] for path in LESSONS}

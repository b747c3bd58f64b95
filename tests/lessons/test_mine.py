"""`minigan train --mine`: the learner's backward passes in place of the engine's."""

from __future__ import annotations

import re

import numpy as np
import pytest

from minigan import functions as F
from minigan.autograd import Tensor, grad
from minigan.cli import main
from minigan.functions.dense import Dense
from minigan.lesson import mine
from minigan.lesson.places import lessons, shipped
from minigan.training import Config, prepare

pytestmark = pytest.mark.host_only("the lessons' answers are NumPy")

NUMBERS = [part.lesson for part in mine.PARTS]


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """A folder of lessons in which all is solved."""
    own = tmp_path_factory.mktemp("own") / "lessons"
    own.mkdir()
    for path in lessons(shipped()):
        solution = (shipped() / "solutions" / path.name).read_text("utf-8")
        (own / path.name).write_text(f"{path.read_text('utf-8')}\n# %%\n{solution}", "utf-8")
    return own


@pytest.fixture(scope="module")
def judged(solved):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(solved)
        return mine.judge()


def losses(judged=(), steps=3, **choices):
    """Of a run's first steps."""
    trainer = prepare(Config.choose({}, {"model": "quick28", "batch_size": 8, "device": "cpu", **choices}))
    with mine.computing_with(judged):
        told = [trainer.algorithm(trainer.loader) for _ in range(steps)]
    return [[step[name].item() for name in ("loss_D", "loss_G")] for step in told]


def test_the_solutions_give_the_losses_of_the_engine(judged):
    assert [each.said for each in judged] == ["solved"] * 6
    assert np.allclose(losses(judged), losses(), rtol=1e-5)


def doubled(answer):
    """An answer whose results are twice as large."""
    if isinstance(answer, type):

        class Doubled(answer):
            def backward(self, dy):
                return tuple(None if g is None else g * 2.0 for g in super().backward(dy))

        return Doubled

    def twice(*arguments):
        found = answer(*arguments)
        return tuple(g * 2.0 for g in found) if isinstance(found, tuple) else found * 2

    return twice


# Plain descent: Adam hides a factor.
DESCENT = {"optimizer": "sgd", "lr_D": 0.05, "lr_G": 0.05}


@pytest.mark.parametrize("number", NUMBERS)
def test_each_answer_is_used(judged, number):
    (one,) = (each for each in judged if each.part.lesson == number)
    assert np.allclose(losses([one], 2, **DESCENT), losses((), 2, **DESCENT), rtol=1e-4)
    wrong = one._replace(answer=doubled(one.answer))
    assert not np.allclose(losses([wrong], 2, **DESCENT), losses((), 2, **DESCENT), rtol=1e-3)


def test_a_penalty_differentiates_through_them(judged):
    choices = {"model": "critic28", "penalties": ("r1:10",)}
    assert np.allclose(losses(judged, 2, **choices), losses((), 2, **choices), rtol=1e-4)


@pytest.mark.parametrize("size, kernel, stride, padding", [(9, 4, 2, 1), (7, 3, (2, 3), "same"), (8, 2, 3, 0)])
def test_padding_crops_and_pixels_that_no_window_reaches(judged, size, kernel, stride, padding):
    rng = np.random.default_rng(0)
    x, w, b = (
        Tensor(rng.standard_normal(s), requires_grad=True) for s in ((2, 3, size, size), (3, 3, kernel, kernel), (3,))
    )
    for layer in (F.conv2d, F.conv_transpose2d):
        found = []
        for parts in ((), judged):
            with mine.computing_with(parts):
                y = layer(x, w, b, stride, padding)
                dy = Tensor(np.random.default_rng(1).standard_normal(y.shape))
                found.append([y.numpy(), *(g.numpy() for g in grad(y, [x, w, b], dy))])
        for engines, yours in zip(*found, strict=True):
            assert np.allclose(engines, yours)


@pytest.mark.parametrize("slope", [None, 0.2])
def test_a_norm_over_other_axes_and_with_an_activation(judged, slope):
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal((4, 3, 5, 2)), requires_grad=True)
    gamma, beta = (Tensor(rng.standard_normal(3), requires_grad=True) for _ in range(2))
    for norm in (lambda: F.batch_norm(x, gamma, beta, negative_slope=slope), lambda: F.layer_norm(x) * 2.0):
        found = []
        for parts in ((), judged):
            with mine.computing_with(parts):
                y = norm()
                leaves = [x, gamma, beta]
                gradients = grad(
                    y, leaves, Tensor(np.random.default_rng(1).standard_normal(y.shape)), allow_unused=True
                )
                found.append([g.numpy() for g in gradients if g is not None])
        for engines, yours in zip(*found, strict=True):
            assert np.allclose(engines, yours)


def test_afterwards_the_engine_computes_again_also_after_an_error(judged):
    before = [vars(f)[m] for each in judged for f, ms in each.part.methods(each.answer).items() for m in ms]
    own = Dense.backward
    with pytest.raises(ZeroDivisionError), mine.computing_with(judged):
        assert Dense.backward is not own
        raise ZeroDivisionError
    assert before == [vars(f)[m] for each in judged for f, ms in each.part.methods(each.answer).items() for m in ms]


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def own(solved, tmp_path, monkeypatch):
    """A folder to be in, with the lessons as they are shipped; `own("03", …)` solves some."""
    (tmp_path / "lessons").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")

    def solve(*numbers):
        for path in lessons(shipped()):
            text = (solved / path.name).read_text("utf-8") if path.stem[:2] in numbers else path.read_text("utf-8")
            (tmp_path / "lessons" / path.name).write_text(text, "utf-8")
        return tmp_path / "lessons"

    return solve


OPTIONS = ["train", "--mine", "--steps", "1", "--batch-size", "4", "--evaluate-every", "0", "--device", "cpu"]


def test_it_says_which_is_whose_and_why(own, capsys):
    path = next(own("04", "09").glob("06*"))
    path.write_text(
        path.read_text("utf-8").replace('raise Unsolved("write BCEWithLogits.f', "return logits.sum()  # "), "utf-8"
    )
    assert main(OPTIONS) == 0
    err = capsys.readouterr().err
    for line in (
        "backward passes: yours where they passed their check, the engine's for the rest",
        "lesson 03  sum over what was broadcast    the engine's (not solved yet: write sum_to",
        "lesson 04  dense layer                    yours, dense_backward",
        "lesson 06  cross-entropy on logits        the engine's (not right yet: ",
        "lesson 09  batch normalisation            yours, batch_norm_backward",
    ):
        assert line in err
    (log,) = (own().parent / "runs").glob("*/log.txt")
    assert "lesson 04  dense layer                    yours, dense_backward" in log.read_text("utf-8")


def test_it_says_so_in_the_learners_language(own, capsys, monkeypatch):
    own("04")
    monkeypatch.setenv("MINIGAN_LANG", "zh")
    assert main([*OPTIONS, "--dry-run"]) == 0
    told = capsys.readouterr().err.partition("反向传播：通过检查的用你写的，其余的用引擎的\n")[2]
    rows = told.splitlines()[: len(NUMBERS)]
    assert rows[0].startswith("  第 03 课  广播求和                       引擎的（还没做：写出 sum_to")
    assert rows[1] == "  第 04 课  全连接层                       你写的 dense_backward"
    assert not re.search("[a-z]{3,} [a-z]{3,} [a-z]{3,}", "".join(rows))


@pytest.mark.parametrize(
    ("numbers", "options", "told"),
    [
        ((), [], "--mine: none of your backward passes is right yet; minigan lesson next goes on"),
        (("04",), ["--data-parallel"], "--mine and --data-parallel exclude each other"),
        (None, [], "there are no lessons in"),
    ],
)
def test_where_it_cannot_be_it_is_said_before_there_is_a_run(own, capsys, tmp_path, numbers, options, told):
    if numbers is not None:
        own(*numbers)
    assert main([*OPTIONS, *options]) == 2
    assert told in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_on_a_device_it_is_refused(own, capsys, monkeypatch):
    own("04")
    monkeypatch.setattr("minigan.cli.train.choose_device", lambda spec: ("gpu:0", "asked for"))
    assert (
        main(OPTIONS) == 2 and "--mine computes with NumPy, not on gpu:0: add --device cpu" in capsys.readouterr().err
    )

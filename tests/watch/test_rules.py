"""Rules of thumb: each is told where it is broken, with what to try, and is silent elsewhere."""

from __future__ import annotations

import pytest
from made_runs import line, lines

from minigan.cli.parser import make_parser
from minigan.watch.reading import Run
from minigan.watch.rules import broken_rules

pytestmark = pytest.mark.host_only("files")

WON = {"D_x": 0.99, "D_G_z": 0.01}


def broken(folder):
    return [each.rule for each in broken_rules(Run(folder))]


def test_a_run_that_does_well_breaks_none(make_run):
    good = {"step": 600, "epoch": 1, "modes": 8, "rarest_class": 0.08, "precision": 0.8, "recall": 0.7}
    real = {"modes": 8, "rarest_class": 0.09, "precision": 0.95, "recall": 0.95}
    assert broken(make_run([*lines(30), good], real_scores=real)) == []


def test_nothing_is_said_too_early(make_run):
    assert broken(make_run(lines(9, **WON))) == [] and broken(make_run(name="00001-x")) == []


def test_that_D_has_won(make_run):
    folder = make_run([*lines(5), *(line(20 * i, **WON) for i in range(6, 16))])
    (found,) = broken_rules(Run(folder))
    assert found.rule == "D has won" and "last 200 steps D(x) was 0.990 and D(G(z)) 0.010" in found.seen
    assert any("--lr-D 5e-05" in advice for advice in found.advice)


@pytest.mark.parametrize("figures", [{"D_x": 0.99, "D_G_z": 0.06}, {"D_x": 0.94, "D_G_z": 0.01}])
def test_one_side_alone_is_no_victory(figures, make_run):
    assert broken(make_run(lines(20, **figures))) == []


def test_with_the_minimax_loss_the_other_objective_comes_first(make_run):
    (found,) = broken_rules(Run(make_run(lines(20, **WON), config={"objective": "minimax"})))
    assert "--objective non-saturating" in found.advice[0]


def faded(norm, **figures):
    return [*lines(20), *(line(20 * i, border_norm=norm, **figures) for i in range(21, 41))]


@pytest.mark.parametrize("norm, part", [(1e-4, "1/2,000"), (0.0, "exactly 0")])
def test_that_the_gradient_of_G_vanishes(norm, part, make_run):
    (found,) = broken_rules(Run(make_run(faded(norm))))
    assert found.rule == "G's gradient vanishes" and part in found.seen


def test_a_gradient_that_was_small_from_the_first_or_is_a_tenth_has_not_vanished(make_run):
    assert broken(make_run(lines(40, border_norm=1e-6))) == []
    assert broken(make_run(faded(0.02), name="00001-x")) == []


def test_where_D_tells_nothing_apart_a_small_gradient_is_as_it_should_be(make_run):
    assert broken(make_run(faded(1e-4, D_x=0.5, D_G_z=0.5))) == []


@pytest.mark.parametrize("found, real, seen", [
    ({"modes": 5}, {"modes": 8}, "5 of the data's 8"),
    ({"rarest_class": 0.004}, {"rarest_class": 0.09}, "0.4% of the samples; of real ones it has 9.0%"),
    ({"precision": 0.9, "recall": 0.1}, {"precision": 0.95, "recall": 0.95}, "only 10% of the real ones"),
])  # fmt: skip
def test_that_modes_are_missing(found, real, seen, make_run):
    folder = make_run([*lines(3), {"step": 60, "epoch": 1} | found], real_scores=real)
    (told,) = broken_rules(Run(folder))
    assert told.rule == "Modes are missing" and seen in told.seen and "step 60" in told.seen


def test_noise_lacks_no_modes_and_nor_do_scores_without_real_ones(make_run):
    noise = {"step": 60, "epoch": 1, "precision": 0.1, "recall": 0.0}
    assert broken(make_run([noise], real_scores={"precision": 0.95, "recall": 0.95})) == []
    assert broken(make_run([{"step": 60, "epoch": 1, "modes": 1}], name="00001-x")) == []


@pytest.mark.parametrize("precision", [0.0, 0.3])
def test_grey_noise_that_is_of_no_class_lacks_no_modes(precision, make_run):
    """What `train --model mlp --steps 300` scores: a classifier finds no 7 in noise, and --pac would not help."""
    noise = {"step": 300, "epoch": 1, "fid": 477.0, "precision": precision, "recall": 0.0, "rarest_class": 0.0}
    real = {"fid": 0.36, "precision": 0.87, "recall": 0.87, "rarest_class": 0.09}
    assert broken(make_run([*lines(15), noise], real_scores=real)) == []
    collapsed = noise | {"precision": 0.8}
    assert broken(make_run([*lines(15), collapsed], "00001-x", real_scores=real)) == ["Modes are missing"]
    of_points = {"step": 300, "epoch": 1, "modes": 1, "precision": precision}
    assert broken(make_run([of_points], "00002-x", real_scores={"modes": 8, "precision": 0.9})) == []


def test_that_a_run_ended_on_a_NaN_or_met_one(make_run):
    message = "loss_G became nan at step 61 (epoch 1); the first to produce a NaN or Inf was Log"
    (found,) = broken_rules(Run(make_run(lines(3), state="failed", message=message)))
    assert found.rule == "NaN" and found.seen == message and "--lr-G 5e-05, --lr-D 5e-05" in found.advice[0]
    folder = make_run([*lines(20), line(420, border_norm=None)], name="00001-x", figure_labels={"border_norm": "‖∂L‖"})
    (found,) = broken_rules(Run(folder))
    assert found.rule == "NaN" and "‖∂L‖ was no finite number at step 420" in found.seen


def test_another_failure_is_no_NaN(make_run):
    told = broken_rules(Run(make_run(lines(3), state="failed", message="the disk is full, as financed")))
    assert [(each.rule, each.seen) for each in told] == [("The run failed", "the disk is full, as financed")]


def test_every_option_that_is_advised_is_one_of_train(make_run):
    known = make_parser(["train"]).commands["train"]._option_string_actions
    stats = faded(0.0, **WON) + [{"step": 800, "epoch": 1, "modes": 1}]
    said = []
    for number, objective in enumerate(("minimax", "non-saturating")):
        for data in ("mnist", "ring"):
            folder = make_run(
                stats, f"{number:05d}-{data}", config={"objective": objective, "data": data}, real_scores={"modes": 8}
            )
            said += [advice for rule in broken_rules(Run(folder)) for advice in rule.advice]
    words = {word.strip(",.:()") for advice in said for word in advice.split() if word.startswith("--")}
    assert len(words) >= 8 and words <= known.keys()

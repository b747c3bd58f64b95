"""Scores over draws: means, intervals, and the row of real samples."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.data import ArrayDataset
from minigan.metrics import METRICS, Estimate, Metric, SampleSet, Source, evaluate, reference

pytestmark = pytest.mark.host_only("scores are computed on the host, by NumPy")


def test_an_interval_is_student_s():
    """By hand: 1, 2, 3 have s = 1; t of 2 degrees of freedom is 4.303."""
    assert Estimate((1.0, 2.0, 3.0)).mean == 2 and Estimate((1.0, 2.0, 3.0)).half_width == pytest.approx(
        4.303 / 3**0.5, rel=1e-3
    )
    assert Estimate((5.0, 5.0)).half_width == 0 and Estimate((5.0,)).half_width is None
    assert Estimate((1.0, float("inf"))).half_width is None
    assert Estimate((0.0, 1.0) * 9).half_width == pytest.approx(2.110 * 0.5145 / 18**0.5, rel=1e-2)  # 17 degrees


@pytest.mark.parametrize("draws", [2, 3, 8, 16, 17, 30])
def test_it_holds_the_mean_19_times_of_20(draws):
    numbers = np.random.default_rng(draws).standard_normal((2000, draws))
    held = [abs(e.mean) <= e.half_width for e in (Estimate(tuple(row)) for row in numbers)]
    assert 0.93 < np.mean(held) < 0.97


@pytest.fixture
def reals():
    data = ArrayDataset({"x": np.random.default_rng(0).standard_normal((60, 2)).astype("float32")}, "p", "points")
    return [reference(data, 12, seed=k) for k in range(3)]


def test_each_draw_is_scored_against_its_own_real_samples_and_real_ones_come_last(reals, monkeypatch):
    asked = []

    def draw(n, k):
        asked.append((n, k))
        return SampleSet(reals[k].x + k, None, reals[k].extractor)

    moved = Metric(lambda samples, real: float((samples.x - real.x).mean()), "how far", {"moved": ""})
    monkeypatch.setitem(METRICS, "moved", moved)
    mine, real = evaluate([Source("mine", draw)], reals, ["moved"])
    assert asked == [(12, 0), (12, 1), (12, 2)] and mine.name == "mine" and real.name == "real samples"
    assert mine.scores["moved"].values == pytest.approx((0, 1, 2), abs=1e-6)
    others = [float((each.other_real.x - each.x).mean()) for each in reals]
    assert real.scores["moved"].values == pytest.approx(others)
    assert (mine.samples.x == reals[0].x).all() and mine.real is reals[0]


def test_a_score_that_was_named_must_fit_what_is_scored_but_not_the_real_samples(reals, monkeypatch):
    sources = [Source("mine", lambda n, k: SampleSet(reals[k].x, None, reals[k].extractor))]
    with pytest.raises(ValueError, match="the score fid cannot be computed"):
        list(evaluate(sources, reals, ["fid"]))
    own = Metric(lambda s, real: 1.0, "own", {"own": ""}, fits=lambda s, real: s is not real.other_real)
    monkeypatch.setitem(METRICS, "own", own)
    mine, real = evaluate(sources, reals, ["own", "sliced_wasserstein"])
    assert list(mine.scores) == ["own", "sliced_wasserstein"] and list(real.scores) == ["sliced_wasserstein"]


def test_in_words_it_has_the_first_two_digits_of_its_interval():
    told = {
        (2.0, 2.1, 2.2): "2.10 ± 0.25", (5.0, 5.0): "5 ± 0", (0.123456,): "0.1235", (1e9, 1.1e9): "1.05e+09 ± 6.4e+08",
        (1.0, float("inf")): "inf", (800.0, 900.0): "850 ± 635",
    }  # fmt: skip
    assert {values: str(Estimate(values)) for values in told} == told

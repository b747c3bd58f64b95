"""A run on several threads says so if other programs use their cores; any other run says nothing."""

from __future__ import annotations

import os

import pytest

from minigan.training.callbacks import SharedCores
from minigan.training.callbacks import shared_cores as module

pytestmark = [
    pytest.mark.host_only("cores are the host's"),
    pytest.mark.skipif(not module.STAT.is_file(), reason="Linux alone tells what other programs use"),
]


class Clock:
    """Time, what this run has computed, and what all programs have, each in seconds."""

    now = own = everything = 0.0

    def monotonic(self):
        return self.now

    def process_time(self):
        return self.own

    def busy(self):
        return self.everything


@pytest.fixture
def said(monkeypatch, begin):
    """What a run says, of so many cores and threads, where others use so many cores in each ten seconds."""

    def of(cores, threads, others, own=1.5):
        run, clock, texts = begin(1, images=64), Clock(), []
        run.say = texts.append
        monkeypatch.setattr(module, "time", clock)
        monkeypatch.setattr(module, "blas_threads", lambda: (lambda: threads, None))
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        watch = SharedCores(clock.busy)
        watch.on_start(run)
        for used in others:
            clock.now += 10.0
            clock.own += 10.0 * own
            clock.everything += 10.0 * (own + used)
            watch.on_step(run, {})
        return texts

    return of


def test_cores_that_others_use_are_told_once(said):
    (text,) = said(cores=2, threads=2, others=[1.25] * 40)
    assert text == (
        "other programs use 1.2 of 2 cores, and this run's 2 threads wait for each other: "
        "OPENBLAS_NUM_THREADS=1 is likely to be faster beside them"
    )


def test_as_many_threads_are_advised_as_cores_are_left(said):
    (text,) = said(cores=8, threads=8, others=[2.5] * 8, own=5.0)
    assert "OPENBLAS_NUM_THREADS=5 " in text
    (text,) = said(cores=2, threads=2, others=[2.0] * 8, own=0.5)
    assert "OPENBLAS_NUM_THREADS=1 " in text


@pytest.mark.parametrize(
    ("cores", "threads", "others"),
    [
        (2, 2, [0.25] * 20),  # a quiet machine
        (2, 1, [2.0] * 20),  # one thread waits for none
        (8, 2, [4.0] * 20),  # there are cores for all
        (2, 2, [0.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0]),  # what others do is soon over
    ],
)
def test_a_run_that_has_its_cores_says_nothing(said, cores, threads, others):
    assert said(cores, threads, others) == []


def test_what_all_programs_use_is_read_without_idle_time(tmp_path, monkeypatch):
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 90000 5000 7 8 9 55 0\ncpu0 50 10 15 45000 2500 3 4 5 27 0\n", encoding="utf-8")
    monkeypatch.setattr(module, "STAT", stat)
    assert module.seconds_of_all_programs() == pytest.approx(165 / os.sysconf("SC_CLK_TCK"))


def test_minigan_train_has_it(begin):
    assert any(isinstance(callback, SharedCores) for callback in begin(1, images=64).callbacks)

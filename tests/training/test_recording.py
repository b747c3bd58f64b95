"""Traces of a run: saved while it trains without changing it, and made of a checkpoint without changing that."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from minigan import backend
from minigan.data import DataError
from minigan.trace import Trace
from minigan.training import Config
from minigan.training.callbacks import traces
from minigan.training.checkpoint import load_checkpoint
from minigan.training.recording import trace_checkpoint, trace_fresh
from minigan.training.trace_request import is_requested, request_trace, take_request


@pytest.mark.parametrize("algorithm", ["gan", "simultaneous-gan"])
def test_a_traced_run_equals_an_untraced_one_to_the_bit(algorithm, begin, left_by):
    plain, traced = begin(2, algorithm=algorithm), begin(2, runs="traced", algorithm=algorithm, trace_every=3)
    plain.train()
    traced.train()
    assert left_by(traced) == left_by(plain)
    assert list(traced.run_dir.traces()) == [3, 6, 9] and not plain.run_dir.traces()


def test_a_step_that_is_asked_for_is_traced_and_the_run_stays_the_same_to_the_bit(begin, at_step, left_by, monkeypatch):
    monkeypatch.setattr(traces, "SECONDS", 0.0)
    plain, asked = begin(2), begin(2, runs="asked")
    plain.train()
    at_step(4, lambda trainer: request_trace(trainer.run_dir.path))
    asked.train()
    assert left_by(asked) == left_by(plain) and not plain.run_dir.traces()
    assert list(asked.run_dir.traces()) == [5] and not is_requested(asked.run_dir.path)


def test_requests_are_looked_for_once_a_second(begin, monkeypatch):
    now, looks = [100.0], []
    monkeypatch.setattr(traces, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(traces, "take_request", lambda folder: looks.append(now[0]))
    run = begin(1)
    recorder = next(each for each in run.callbacks if isinstance(each, traces.Traces))
    for now[0] in (100.0, 100.5, 100.99, 101.0, 101.5, 102.5):
        assert recorder.around_step(run) is None
    assert looks == [100.0, 101.0, 102.5]


@pytest.mark.host_only("files")
def test_a_request_is_a_file_of_its_own_and_asked_for_once(tmp_path):
    assert not take_request(tmp_path)
    for _ in range(2):
        request_trace(tmp_path)
        assert is_requested(tmp_path) and [p.name for p in tmp_path.iterdir()] == ["trace.request"]
    assert take_request(tmp_path) and not take_request(tmp_path) and not is_requested(tmp_path)
    (tmp_path / "other").write_text("mine")
    (tmp_path / "trace.request").symlink_to(tmp_path / "other")
    request_trace(tmp_path)
    assert take_request(tmp_path) and (tmp_path / "other").read_text() == "mine"


def test_the_traces_of_a_run(begin):
    run = begin(1, trace_every=2)
    run.train()
    assert [p.name for p in run.run_dir.traces().values()] == ["s000002.json", "s000004.json"]
    trace = Trace.from_json(run.run_dir.traces()[4].read_text(encoding="utf-8"))
    assert trace.about == {
        "model": "tiny", "data": run.data.name, "algorithm": "GAN", "objective": "non-saturating", "at": 4,
        "batch": 16, "dtype": "float32", "device": str(backend.get_default_device()),
    }  # fmt: skip
    door = next(c for c in trace.border_gradients if c.kind == "carried")
    assert door.difference == 0.0 and len(trace.comparisons) == 6
    logged = [json.loads(line) for line in (run.run_dir.path / "stats.jsonl").read_text().splitlines()]
    assert logged, "the figures of traced steps are logged as ever"


def test_a_resumed_run_goes_on_tracing_and_keeps_no_trace_of_what_is_done_again(begin, go_on, left_by):
    whole, broken = begin(2, trace_every=4), begin(1, runs="broken", trace_every=1)
    whole.train()
    broken.train()
    later = broken.run_dir.path / "trace" / "s000009.json"
    later.write_text("from a run that went on, and was lost")
    other = broken.run_dir.path / "trace" / "summary.json"
    other.write_text("no trace")
    again = go_on(broken, epochs=2)
    assert list(again.run_dir.traces()) == [1, 2, 3, 4, 5] and other.is_file()
    assert {**left_by(again), "config.json": 0} == {**left_by(whole), "config.json": 0}


@pytest.fixture
def trained(begin):
    run = begin(1)
    run.train()
    return run


def test_a_checkpoint_is_traced_and_left_as_it_is(trained):
    path = trained.run_dir.last_checkpoint
    before = {p: p.read_bytes() for p in sorted(trained.run_dir.path.rglob("*")) if p.is_file()}
    trace = trace_checkpoint(path)
    assert {p: p.read_bytes() for p in sorted(trained.run_dir.path.rglob("*")) if p.is_file()} == before
    assert trace.about["at"] == 6 and trace.about["batch"] == 16
    weight = next(row for u in trace.updates for row in u.parameters if row.name == "G.0.weight").weight
    array = load_checkpoint(path).arrays["G.0.weight"].astype("float64")
    assert weight.norm == pytest.approx((array**2).sum() ** 0.5, rel=1e-5)
    other = trace_checkpoint(path, seed=1)
    assert trace_checkpoint(path) == trace
    assert all(a.inputs != b.inputs for a, b in zip(trace.calls, other.calls, strict=True)), "other images and noise"


def test_on_other_images(trained, data):
    trace = trace_checkpoint(trained.run_dir.last_checkpoint, data=data(9, name="others"))
    assert trace.about["batch"] == 9 and trace.about["data"] == "others"
    with pytest.raises(DataError):
        trace_checkpoint(trained.run_dir.last_checkpoint, data="nowhere.npz")


def test_a_fresh_model(data):
    config = Config.for_model("tiny", data=data(), batch_size=500)
    trace = trace_fresh(config)
    assert trace.about["at"] == 1 and trace.about["batch"] == 64
    assert trace_fresh(config) == trace, "whatever was drawn before"
    other = trace_fresh(config, seed=1)
    assert all(a.inputs != b.inputs for a, b in zip(trace.calls, other.calls, strict=True)), "other images and noise"
    weights = [[p.weight for p in t.updates[0].parameters] for t in (trace, other)]
    assert weights[0] == weights[1], "of the same model"
    backend.default_rng().standard_normal(3)
    assert trace_fresh(config) == trace


def test_a_fresh_model_of_points():
    assert trace_fresh(Config.for_model("plane", batch_size=8)).to_json()


def test_each_batch_of_a_step_is_another_one(data):
    trace = trace_fresh(Config.for_model("tiny-critic", data=data(), batch_size=16, n_critic=2))
    reals = [call.inputs for call in trace.calls if call.label == "D(x)"]
    assert len(reals) == 2 and reals[0] != reals[1]

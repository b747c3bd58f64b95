"""A trace as JSON: it comes back equal, stays small, and what is none is refused in a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

import minigan as mg
from minigan import models, optim
from minigan.objectives import NonSaturating
from minigan.trace import Trace, TraceError, trace_step
from minigan.training.steps import STEPS, Players, alternating_step


def strict(text: str):
    """JSON as JavaScript reads it."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("name", STEPS)
def test_it_comes_back_equal(name, players, batch):
    trace = trace_step(STEPS[name], players(), *batch(), model="small", at=3)
    text = trace.to_json()
    assert Trace.from_json(text) == trace and Trace.from_json(text).to_json() == text
    whole = strict(text)
    device = str(mg.Tensor(0.0).device)
    assert whole["about"] == {"objective": "NonSaturating", "batch": 5, "dtype": "float32", "device": device,
                              "step": name, "model": "small", "at": 3}  # fmt: skip


def test_summaries_stand_once_and_are_meant_by_number(players, batch):
    trace = trace_step(alternating_step, players(), *batch())
    whole = strict(trace.to_json())
    for layer, written in zip(trace.layers, whole["layers"], strict=True):
        assert whole["arrays"][written["output"]]["norm"] == layer.output.norm
    following = [(a, b) for a, b in zip(whole["layers"], whole["layers"][1:], strict=False) if b["call"] == a["call"]]
    assert all(a["output"] == b["inputs"][0] for a, b in following if a["call"] is not None)


def test_a_step_of_dcgan28_is_well_below_600_kB():
    mg.manual_seed(0)
    G, D = models.build("dcgan28")
    p = Players(G, D, optim.Adam(G.parameters()), optim.Adam(D.parameters()), NonSaturating())
    rng = np.random.default_rng(0)
    x, z = (mg.Tensor(rng.standard_normal(shape, "float32")) for shape in ((64, 1, 28, 28), (64, 100)))
    text = trace_step(alternating_step, p, x, z).to_json()
    assert 100_000 < len(text.encode()) < 450_000


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, '{"format": "minigan-trace"}'])
def test_what_is_no_trace(text):
    with pytest.raises(TraceError, match="no trace"):
        Trace.from_json(text)


def test_another_version_and_a_damaged_trace(players, batch):
    whole = json.loads(trace_step(alternating_step, players(), *batch()).to_json())
    with pytest.raises(TraceError, match="minigan-trace of version 99, but this minigan reads minigan-trace of 1"):
        Trace.from_json(json.dumps(whole | {"version": 99}))
    with pytest.raises(TraceError, match="damaged"):
        Trace.from_json(json.dumps(whole | {"arrays": []}))
    del whole["frames"]
    with pytest.raises(TraceError, match="damaged: KeyError: 'frames'"):
        Trace.from_json(json.dumps(whole))

"""A trace as JSON: it comes back equal, stays small, and what is none is refused in a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

import minigan as mg
from minigan import backend
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.data import Batch, DataInfo
from minigan.trace import Trace, TraceError, trace_step


def strict(text: str):
    """JSON as JavaScript reads it."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("cls", [GAN, SimultaneousGAN])
def test_it_comes_back_equal(cls, gan, batch, traced):
    trace = traced(gan(cls), *batch(), model="small", at=3)
    text = trace.to_json()
    assert Trace.from_json(text) == trace and Trace.from_json(text).to_json() == text
    whole = strict(text)
    device = str(mg.Tensor(0.0).device)
    assert whole["about"] == {"algorithm": cls.__name__, "objective": "non-saturating", "batch": 5,
                              "dtype": "float32", "device": device, "model": "small", "at": 3}  # fmt: skip


def test_summaries_stand_once_and_are_meant_by_number(gan, batch, traced):
    trace = traced(gan(), *batch())
    whole = strict(trace.to_json())
    for layer, written in zip(trace.layers, whole["layers"], strict=True):
        assert whole["arrays"][written["output"]]["norm"] == layer.output.norm
    following = [(a, b) for a, b in zip(whole["layers"], whole["layers"][1:], strict=False) if b["call"] == a["call"]]
    assert all(a["output"] == b["inputs"][0] for a, b in following if a["call"] is not None)


def test_a_step_of_dcgan28_is_well_below_a_megabyte():
    gan = GAN(model="dcgan28").build(DataInfo({"x": (1, 28, 28)}), device=backend.get_default_device())
    x = np.random.default_rng(0).standard_normal((64, 1, 28, 28), "float32")
    text = trace_step(gan, iter([Batch(x=x)])).to_json()
    assert 100_000 < len(text.encode()) < 700_000


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, '{"format": "minigan-trace"}'])
def test_what_is_no_trace(text):
    with pytest.raises(TraceError, match="no trace"):
        Trace.from_json(text)


def test_another_version_and_a_damaged_trace(gan, batch, traced):
    whole = json.loads(traced(gan(), *batch()).to_json())
    for version in (2, 99):
        with pytest.raises(TraceError, match=f"version {version}, but this minigan reads .* 3: record the trace anew"):
            Trace.from_json(json.dumps(whole | {"version": version}))
    with pytest.raises(TraceError, match="damaged"):
        Trace.from_json(json.dumps(whole | {"arrays": []}))
    del whole["frames"]
    with pytest.raises(TraceError, match="damaged: KeyError: 'frames'"):
        Trace.from_json(json.dumps(whole))

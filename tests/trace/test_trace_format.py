"""A trace as JSON: it comes back equal, stays small, and what is none is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import minigan as mg
from minigan import backend
from minigan import trace as trace_package
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.data import Batch, DataInfo
from minigan.trace import Trace, TraceError, trace_step
from minigan.trace.views.terminal import trace_text

VERSION_1 = Path(__file__).with_name("version_1.json").read_text(encoding="utf-8")


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


def test_a_step_of_dcgan28_is_well_below_600_kB():
    gan = GAN(model="dcgan28").build(DataInfo({"x": (1, 28, 28)}), device=backend.get_default_device())
    x = np.random.default_rng(0).standard_normal((64, 1, 28, 28), "float32")
    text = trace_step(gan, iter([Batch(x=x)])).to_json()
    assert 100_000 < len(text.encode()) < 450_000


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, '{"format": "minigan-trace"}'])
def test_what_is_no_trace(text):
    with pytest.raises(TraceError, match="no trace"):
        Trace.from_json(text)


def test_another_version_and_a_damaged_trace(gan, batch, traced):
    whole = json.loads(traced(gan(), *batch()).to_json())
    with pytest.raises(
        TraceError, match="minigan-trace of version 99, but this minigan reads minigan-trace of 1 and 2"
    ):
        Trace.from_json(json.dumps(whole | {"version": 99}))
    with pytest.raises(TraceError, match="damaged"):
        Trace.from_json(json.dumps(whole | {"arrays": []}))
    del whole["frames"]
    with pytest.raises(TraceError, match="damaged: KeyError: 'frames'"):
        Trace.from_json(json.dumps(whole))


# --- names of version 1 --------------------------------------------------------------------------


def test_a_file_of_version_1_is_read_and_written_as_one_of_today():
    trace = Trace.from_json(VERSION_1)
    assert json.loads(VERSION_1)["version"] == 1 and strict(trace.to_json())["version"] == 2
    assert Trace.from_json(trace.to_json()) == trace
    assert [g.kind for g in trace.border_gradients] == [b.kind for b in trace.borders] == ["detached", "carried"]
    assert [(p.label, p.carries) for p in trace.backward_passes] == [
        ("loss_D", None), ("loss_G", None), ("∂loss_G/∂G(z)", 1),
    ]  # fmt: skip
    for i, backward in enumerate(trace.layer_backwards):
        assert i in trace.backward_passes[backward.backward_pass].layer_backwards
        assert len(backward.grad_inputs) == len(trace.layers[backward.layer].inputs)
        frame = next(f for f in trace.frames if f.layer_backward == i)
        assert frame.backward_pass == backward.backward_pass and frame.grad_output == backward.grad_output
        assert frame.grad_input in backward.grad_inputs
    assert [f.border_gradient for f in trace.frames if f.border_gradient is not None] == [0, 1]
    carried = trace.border_gradients[1]
    assert trace.backward_passes[carried.backward_pass].label == "loss_G"
    assert {c.logit_shift for c in trace.comparisons} == {0.0, 6.0}
    assert all(0 < c.real_probability < 1 for c in trace.comparisons)
    assert carried.at_input.norm in {c.gradient.norm for c in trace.comparisons if not c.logit_shift}
    assert "the door: difference 0.0" in trace_text(trace, 80)
    attached = Trace.from_json(VERSION_1.replace('"kind":"door"', '"kind":"open"'))
    assert [b.kind for b in attached.borders] == ["detached", "attached"]


@pytest.mark.parametrize(
    ("of", "old", "new"),
    [
        (lambda t: t, "walks", "backward_passes"),
        (lambda t: t, "crossings", "border_gradients"),
        (lambda t: t.backward_passes[0], "backs", "layer_backwards"),
        (lambda t: t.layer_backwards[0], "gradient_in", "grad_output"),
        (lambda t: t.frames[0], "walk", "backward_pass"),
        (lambda t: t.comparisons[0], "surer", "logit_shift"),
    ],
)
def test_who_asks_for_an_old_name_is_told_the_new_one(of, old, new):
    found = of(Trace.from_json(VERSION_1))
    with pytest.raises(AttributeError, match=f"no {old!r}: it is called {new!r} now"):
        getattr(found, old)
    assert hasattr(found, new) and not hasattr(found, "nonsense")


def test_old_names_of_the_package_stand_for_the_new_ones():
    old = {"Array": "ArraySummary", "Back": "LayerBackward", "Call": "NetworkCall", "Crossing": "BorderGradient",
           "Parameter": "LayerParameter", "Walk": "BackwardPass", "step_recorder": "StepRecorder"}  # fmt: skip
    assert all(getattr(trace_package, name) is getattr(trace_package, new) for name, new in old.items())
    with pytest.raises(AttributeError, match="'minigan.trace' has no attribute 'Steps'"):
        _ = trace_package.Steps
    from minigan.trace.figures import histograms
    from minigan.trace.views import figures

    assert histograms is figures.histograms

"""Pictures of traces: the right numbers at the right places, and a graph that Graphviz understands."""

from __future__ import annotations

import dataclasses
import io
import re
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex

from minigan import backend
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.data import Batch, DataInfo
from minigan.trace import trace_step
from minigan.trace.views.figures import COLOURS, GraphvizError, dot, gradient_norms, graph, histograms

pytestmark = pytest.mark.host_only("pictures of numbers that were recorded; test_recorder.py records on a device")


@pytest.fixture
def alternating(gan, batch, traced):
    return traced(gan(), *batch(), model="small", at=7)


@pytest.fixture
def simultaneous(gan, batch, traced):
    return traced(gan(SimultaneousGAN), *batch())


def _of(model):
    gan = GAN(model=model).build(DataInfo({"x": (1, 28, 28)}), device=backend.get_default_device())
    x = np.random.default_rng(0).standard_normal((2, 1, 28, 28), "float32")
    return trace_step(gan, iter([Batch(x=x)]))


def _scaled(trace, factor):
    """The trace with all gradients that much larger."""
    backs = [
        dataclasses.replace(b, grad_output=dataclasses.replace(b.grad_output, norm=b.grad_output.norm * factor))
        for b in trace.layer_backwards
    ]
    return dataclasses.replace(trace, layer_backwards=tuple(backs))


def _came_back(trace, player):
    """(layer, norm at its output) in the order of the walk."""
    return [
        (f"{layer.name} {layer.kind}", back.grad_output.norm)
        for back in trace.layer_backwards
        if trace.backward_passes[back.backward_pass].player == player
        and (layer := trace.layers[back.layer]).owner != "loss"
    ]


def test_matplotlib_is_not_imported_before_something_is_drawn():
    code = "import sys, minigan.trace, minigan.trace.views.figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- gradients over training ---------------------------------------------------------------------


def test_gradient_norms_has_a_row_for_each_layer_and_a_column_for_each_step(alternating):
    figure = gradient_norms({600: _scaled(alternating, 100), 300: alternating})
    for_g, for_d, bar = figure.axes
    for panel, player in ((for_g, "G"), (for_d, "D")):
        expected = _came_back(alternating, player)
        assert panel.get_title().startswith(f"loss_{player}")
        assert [label.get_text() for label in panel.get_yticklabels()] == [name for name, _ in expected]
        norms = np.array([norm for _, norm in expected])
        np.testing.assert_allclose(panel.images[0].get_array(), np.stack([norms, 100 * norms], axis=1))
    assert [label.get_text() for label in for_d.get_xticklabels()] == ["300", "600"]
    places = [[(t.get_text(), t.get_position()[1]) for t in panel.texts] for panel in (for_g, for_d)]
    assert places == [[("D(G(z))", 2.5), ("G(z)", 8.5)], [("D(G(z))", 2.5), ("D(x)", 8.5)]], "beside their layers"
    assert for_d.get_xlabel() == "step" and bar.get_ylabel() == "norm of the gradient at the layer's output"
    (border,) = for_g.lines
    assert border.get_ydata()[0] == 5.5  # below D's six layers
    figure.savefig(io.BytesIO())


def test_gradient_norms_has_one_scale_for_both_players(alternating):
    figure = gradient_norms([alternating])
    scales = {(panel.images[0].norm.vmin, panel.images[0].norm.vmax) for panel in figure.axes[:2]}
    norms = [norm for player in "DG" for _, norm in _came_back(alternating, player)]
    assert scales == {(min(norms), max(norms))}


def test_a_list_of_traces_stands_at_the_steps_they_are_of(alternating, simultaneous):
    assert [t.get_text() for t in gradient_norms([alternating]).axes[1].get_xticklabels()] == ["7"]
    assert [t.get_text() for t in gradient_norms([simultaneous]).axes[1].get_xticklabels()] == ["1"]


def test_what_is_0_or_was_not_computed_is_grey(alternating):
    (first, *_), without = (
        alternating.backward_passes[0].layer_backwards,
        dataclasses.replace(alternating.backward_passes[2], layer_backwards=()),
    )
    less = dataclasses.replace(alternating, backward_passes=(*alternating.backward_passes[:2], without))
    none = dataclasses.replace(
        alternating.layer_backwards[1],
        grad_output=dataclasses.replace(alternating.layer_backwards[1].grad_output, norm=0.0),
    )
    less = dataclasses.replace(
        less, layer_backwards=(alternating.layer_backwards[first], none, *alternating.layer_backwards[2:])
    )
    for_g, for_d, _ = gradient_norms({1: alternating, 2: less}).axes
    masked = np.ma.getmaskarray(for_g.images[0].get_array())
    assert not masked[:, 0].any() and not masked[:6, 1].any() and masked[6:, 1].all()
    assert np.ma.getmaskarray(for_d.images[0].get_array())[:, 1].tolist() == [True] + 11 * [False]


def test_many_steps_keep_readable_ticks(alternating):
    figure = gradient_norms({100 * n: alternating for n in range(1, 51)})
    shown = [label.get_text() for label in figure.axes[1].get_xticklabels()]
    assert 5 <= len(shown) <= 12 and shown[:2] == ["100", "600"]


def test_nothing_to_draw_is_said(alternating):
    with pytest.raises(ValueError, match="no traces"):
        gradient_norms([])
    with pytest.raises(ValueError, match="no gradient came back"):
        gradient_norms([dataclasses.replace(alternating, backward_passes=(), layer_backwards=())])
    with pytest.raises(ValueError, match=r"no gradient of 'E' came back in this trace: it has those of \['G', 'D'\]"):
        histograms(alternating, "E")


# --- histograms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("player", ["G", "D"])
def test_histograms_show_what_each_layer_gave_and_got_back(alternating, player):
    figure = histograms(alternating, player)
    backs = [b for b in alternating.layer_backwards if alternating.backward_passes[b.backward_pass].player == player]
    backs = [b for b in backs if alternating.layers[b.layer].owner != "loss"][::-1]
    assert len(figure.axes) == 2 * len(backs) == 24
    assert [panel.get_title() for panel in figure.axes[:2]] == ["output", "gradient that came back to it"]
    assert figure.get_suptitle().startswith(f"Values and gradients of loss_{player}, layer by layer")
    for i, back in enumerate(backs):
        layer = alternating.layers[back.layer]
        value, gradient = figure.axes[2 * i : 2 * i + 2]
        assert value.get_ylabel().startswith(f"{layer.name} {layer.kind}\n{alternating.calls[layer.call].label}")
        for panel, summary in ((value, layer.output), (gradient, back.grad_output)):
            heights, edges, _ = panel.patches[0].get_data()
            np.testing.assert_allclose(np.square(heights), summary.histogram.counts)
            assert (edges[0], edges[-1]) == pytest.approx((summary.histogram.low, summary.histogram.high))
            assert [t.get_text() for t in panel.texts] == [f"{edges[0]:.3g}", f"{edges[-1]:.3g}"]
            assert to_hex(panel.patches[0].get_facecolor()) == COLOURS[layer.owner]
            assert [line.get_xdata()[0] for line in panel.lines] == ([0] if edges[0] < 0 < edges[-1] else [])
    figure.savefig(io.BytesIO())


def test_a_layer_whose_numbers_are_all_the_same_has_one_bar_in_the_middle(alternating):
    histogram = dataclasses.replace(alternating.layers[0].output.histogram, low=2.0, high=2.0)
    flat = dataclasses.replace(alternating.layers[0].output, histogram=histogram)
    layer = dataclasses.replace(alternating.layers[0], output=flat)
    panel = histograms(dataclasses.replace(alternating, layers=(layer, *alternating.layers[1:]))).axes[0]
    assert panel.get_xlim() == (1.5, 2.5)
    assert [t.get_text() for t in panel.texts] == ["2", "2"]


@pytest.mark.parametrize("model", ["mlp", "dcgan28"])
def test_pictures_of_real_models(model):
    trace = _of(model)
    assert len(histograms(trace).axes) == 2 * len(_came_back(trace, "G"))
    assert gradient_norms([trace]).axes[0].images[0].get_array().shape == (len(_came_back(trace, "G")), 1)
    _understood(dot(trace), trace)


# --- the graph -----------------------------------------------------------------------------------

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def _understood(text, trace):
    """Read the language as far as `dot` uses it: strings closed, braces paired, every edge between known nodes."""
    bare = STRING.sub("S", text)
    assert '"' not in bare and "\\" not in bare
    depth = 0
    for sign in bare:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0 and bare.startswith("digraph step {") and bare.count("[") == bare.count("]")
    nodes = set(re.findall(r"\b((?:l|in)\d+(?:_\d+)?) \[", bare))
    edges = re.findall(r"(\w+) -> (\w+)", bare)
    assert {end for edge in edges for end in edge} <= nodes
    assert {f"l{n}" for n in range(len(trace.layers))} <= nodes
    return edges


def _edge(text, source, to):
    return re.findall(rf"  l{source} -> l{to} \[(.*)\];", text)


def test_the_graph_has_every_layer_and_every_way_between_them(alternating, simultaneous):
    for trace in (alternating, simultaneous):
        edges = _understood(dot(trace), trace)
        expected = {(f"l{s}", f"l{n}") for n, layer in enumerate(trace.layers) for s in layer.sources if s is not None}
        assert {e for e in edges if e[0].startswith("l")} == expected
        assert len([e for e in edges if e[0].startswith("in")]) == 2  # z and x
        for i, call in enumerate(trace.calls):
            inside = re.search(rf"subgraph cluster_call{i} {{(.*?)\n  }}", dot(trace), re.DOTALL)[1]
            assert f'label="{call.label}"' in inside
            assert re.findall(r"\bl(\d+) \[", inside) == [str(n) for n in call.layers]


def test_an_edges_number_is_the_norm_of_what_came_back(alternating):
    text = dot(alternating)
    told = 0
    for back in alternating.layer_backwards:
        layer = alternating.layers[back.layer]
        for source, dx in zip(layer.sources, back.grad_inputs, strict=True):
            same_call = source is not None and layer.call in (None, alternating.layers[source].call)
            if dx is not None and same_call:
                assert _edge(text, source, back.layer) == [f'label="  {dx.norm:.4g}"']
                told += 1
    assert told > 20


def test_two_walks_over_one_edge_are_told_apart(simultaneous):
    fake = next(i for i, call in enumerate(simultaneous.calls) if call.label == "D(G(z))")
    first, second = simultaneous.calls[fake].layers[:2]
    norms = {
        simultaneous.backward_passes[b.backward_pass].label: b.grad_inputs[0].norm
        for b in simultaneous.layer_backwards
        if b.layer == second
    }
    assert set(norms) == {"loss_G", "loss_D"}
    (told,) = _edge(dot(simultaneous), first, second)
    for label, norm in norms.items():
        assert f"{label}: {norm:.4g}" in told


def test_the_wall_and_the_door(alternating, simultaneous):
    wall, door = alternating.border_gradients
    last = alternating.calls[0].layers[-1]
    text = dot(alternating)
    (at_wall,) = _edge(text, last, alternating.calls[2].layers[0])
    assert f"wall for loss_D\\n{wall.at_input.norm:.4g} arrives\\n0 into G" in at_wall and "arrowtail=tee" in at_wall
    (at_door,) = _edge(text, last, alternating.calls[3].layers[0])
    assert f"{door.at_input.norm:.4g} arrives\\n{door.norm_into:.4g} into G\\nmax|difference| = 0.0" in at_door
    assert "arrowtail=normal" in at_door
    both = _edge(dot(simultaneous), last, simultaneous.calls[2].layers[0])
    assert sorted(re.findall(r'label="(\w+)', " ".join(both))) == ["door", "wall"]


def test_names_with_signs_of_graphvizs_are_quoted(alternating):
    layer = dataclasses.replace(alternating.layers[0], name='G."a\\n]; }{"')
    named = dataclasses.replace(alternating, layers=(layer, *alternating.layers[1:]))
    _understood(dot(named), named)
    assert 'label="G.\\"a\\\\n]; }{\\" Dense\\n5×18"' in dot(named)


def test_without_graphviz_it_is_said_what_is_missing(alternating, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraphvizError, match="install it"):
        graph(alternating)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for dot is a script")
def test_graphviz_gets_the_graph_and_its_errors_are_passed_on(alternating, monkeypatch, tmp_path):
    program = tmp_path / "dot"
    expected = f"sys.stdin.buffer.read() == {dot(alternating).encode()!r}"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:], {expected})\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert graph(alternating).split("\n")[0] == "['-Tsvg'] True"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('syntax error in line 1')\n")
    with pytest.raises(GraphvizError, match="cannot draw the graph: syntax error in line 1"):
        graph(alternating)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_it(alternating, simultaneous):
    for trace in (alternating, simultaneous):
        svg = graph(trace)
        assert svg.rstrip().endswith("</svg>") and "max|difference| = 0.0" in svg

"""The graph of a step, drawn by Graphviz: a cluster for each pass of a network, and the gradients' norms at the edges.

`dot` writes it in Graphviz's language, which needs nothing; `graph` has the program `dot` draw it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from minigan.trace.schema import Trace

COLOURS = {"D": "#0072b2", "G": "#d55e00", "loss": "#444444"}  # Okabe and Ito's, which all eyes tell apart
FILLS = {"D": "#e3f0f8", "G": "#fcebdf", "loss": "#eeeeee"}

FONT = 'fontname="Helvetica,Arial,sans-serif"'

# A border by its kind: its name, and how its edge looks. A gradient passes a door (an arrow back), and ends at a wall
# (a bar).
BORDERS = {
    "detached": (
        "wall", 'color="#882255", fontcolor="#882255", style="dashed,bold", penwidth=3, dir=both, arrowtail=tee',
    ),
    "carried": ("door", 'color="#007a59", fontcolor="#007a59", style=bold, penwidth=3, dir=both, arrowtail=normal'),
    "attached": ("open", 'color="#007a59", fontcolor="#007a59", penwidth=2, dir=both, arrowtail=normal'),
}  # fmt: skip


class GraphvizError(RuntimeError):
    """Graphviz is not there, or cannot draw the graph."""


def graph(trace: Trace) -> str:
    """The graph as SVG.

    Raises: GraphvizError without Graphviz.
    """
    program = shutil.which("dot")
    if program is None:
        raise GraphvizError(
            "drawing the graph needs Graphviz's program dot: install it (apt install graphviz, brew install graphviz, "
            "graphviz.org), or draw what minigan.trace.views.graphviz.dot gives elsewhere"
        )
    done = subprocess.run([program, "-Tsvg"], input=dot(trace).encode(), capture_output=True, check=False)
    if done.returncode:
        raise GraphvizError(f"Graphviz cannot draw the graph: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def dot(trace: Trace) -> str:
    """The graph in Graphviz's language. Edges lead forward; their numbers are the norms of what came back."""
    return "\n".join(_lines(trace)) + "\n"


def _lines(trace: Trace) -> Iterator[str]:
    model = trace.about.get("model")
    title = f"a training step of {model}\n" if model else "a trace\n"
    title += "numbers: norms of gradients,\nwhich come back against the arrows"
    yield "digraph step {"
    yield f"  label={_quoted(title)};"
    yield f"  labelloc=t; rankdir=TB; nodesep=0.15; ranksep=0.25; fontsize=16; {FONT};"
    yield f'  node [shape=box, style="filled,rounded", fontsize=12, height=0.3, margin="0.2,0.04", {FONT}];'
    yield f"  edge [fontsize=11, arrowsize=0.7, {FONT}];"
    for i, call in enumerate(trace.calls):
        colour = COLOURS.get(call.owner, "#444444")
        yield f"  subgraph cluster_call{i} {{"
        yield f'    label={_quoted(call.label)}; color="{colour}"; fontcolor="{colour}"; style=rounded; penwidth=2;'
        yield from (f"    {_node(trace, number)}" for number in call.layers)
        yield "  }"
    for number, layer in enumerate(trace.layers):
        if layer.call is None:
            node, is_loss = _node(trace, number), layer.owner == "loss"
            yield f"  subgraph cluster_loss{number} {{ label=loss; style=dotted; {node} }}" if is_loss else f"  {node}"
    for number in range(len(trace.layers)):
        yield from (f"  {line}" for line in _edges(trace, number))
    yield "}"


def _node(trace: Trace, number: int) -> str:
    layer = trace.layers[number]
    if layer.owner == "loss":
        text = f"{layer.name} = {layer.output.mean:.4g}" if not layer.output.shape else layer.name
    else:
        text = f"{layer.name} {layer.kind}".strip() + f"\n{layer.output.dimensions}"
    colour, fill = COLOURS.get(layer.owner, "#444444"), FILLS.get(layer.owner, "#ffffff")
    return f'l{number} [label={_quoted(text)}, color="{colour}", fillcolor="{fill}"];'


def _edges(trace: Trace, number: int) -> Iterator[str]:
    """What comes into a layer: each input's edge, and a node for what comes from outside."""
    layer = trace.layers[number]
    backwards = [backward for backward in trace.layer_backwards if backward.layer == number]
    for i, (source, array) in enumerate(zip(layer.sources, layer.inputs, strict=True)):
        given = [(b.backward_pass, dx.norm) for b in backwards if (dx := b.grad_inputs[i]) is not None]
        told = [f"  {trace.backward_passes[n].label}: {norm:.4g}" for n, norm in given]
        came_back = _quoted("\n".join(told) if len(given) != 1 else f"  {given[0][1]:.4g}")
        calls = None if source is None else (trace.layers[source].call, layer.call)
        border = next((n for n, b in enumerate(trace.borders) if (b.from_call, b.to_call) == calls), None)
        if border is not None:
            yield from (f"l{source} -> l{number} [{attributes}];" for attributes in _border_edges(trace, border))
        elif source is not None:
            yield f"l{source} -> l{number} [label={came_back}];"
        elif layer.owner != "loss":  # a loss's targets are not worth a node
            name = "input" if layer.call is None else trace.calls[layer.call].input_name(array)
            label = _quoted(f"{name}\n{array.dimensions}")
            yield f"in{number}_{i} [label={label}, shape=plaintext, style=solid];"
            yield f"in{number}_{i} -> l{number} [label={came_back}];"


def _border_edges(trace: Trace, border: int) -> Iterator[str]:
    """How a border's edges look: one for each backward pass that came there, or one if none did."""
    gradients = [g for g in trace.border_gradients if g.border == border]
    if not gradients:
        name, look = BORDERS[trace.borders[border].kind]
        yield f"label={_quoted(name)}, {look}"
    for g in gradients:
        name, look = BORDERS[g.kind]
        lines = [f"{name} for {trace.backward_passes[g.backward_pass].label}"]
        if g.at_input is not None:
            lines.append(f"{g.at_input.norm:.4g} arrives")
        lines.append(f"{g.norm_into:.4g} into {trace.calls[trace.borders[border].from_call].owner}")
        if g.difference is not None:
            lines.append(f"max|difference| = {g.difference}")
        label = _quoted("\n".join(lines))
        yield f"label={label}, {look}"


def _quoted(text: str) -> str:
    """A string of Graphviz's: a backslash, a quotation mark and a new line have other meanings, or none, in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

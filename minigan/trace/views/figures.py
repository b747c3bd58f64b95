"""Pictures of traces: gradients over training, and the numbers in each layer. They need matplotlib, when one is drawn.

    traces = {step: Trace.from_json(path.read_text()) for step, path in RunDir(…).traces().items()}
    gradient_norms(traces).savefig("norms.png")
    histograms(trace, "D")

Each gives a matplotlib Figure, which a notebook shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minigan.trace.schema import Layer, LayerBackward, Trace
from minigan.trace.summary import ArraySummary
from minigan.trace.views.graphviz import COLOURS, GraphvizError, dot, graph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

__all__ = ["GraphvizError", "dot", "gradient_norms", "graph", "histograms"]

INCHES = 9.0  # wide: 900 pixels at the usual 100 a notebook's inch


def gradient_norms(traces: Mapping[int, Trace] | Sequence[Trace]) -> Figure:
    """‖∂L/∂output‖ of each layer over training: a heat map for each player, in the order of the backward pass.

    traces: by step, as a run saved them; or one after another, each at the step it says it is of.
    Grey: there was none, or it was 0.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    if isinstance(traces, Mapping):
        by_step = dict(sorted(traces.items()))
    else:
        said = ((trace.about.get("at"), number, trace) for number, trace in enumerate(traces, 1))
        by_step = {at if isinstance(at, int) else number: trace for at, number, trace in said}
    if not by_step:
        raise ValueError("there are no traces to draw")
    tables = {p: rows for p in _players(by_step.values()) if (rows := _norms(list(by_step.values()), p))}
    norms = [n for rows in tables.values() for row in rows.values() for n in row if n > 0]
    if not norms:
        raise ValueError("no gradient came back in these traces: there is nothing to draw")
    low, high = min(norms), max(norms)
    scale = LogNorm(low, high if high > low else 10 * low)
    heights = [len(rows) for rows in tables.values()]
    height = 1.6 + 0.23 * sum(heights) + 0.5 * len(heights)
    figure = Figure(figsize=(INCHES, height), layout="constrained")
    panels = figure.subplots(len(tables), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
    for panel, (player, rows) in zip(panels, tables.items(), strict=True):
        image = _heat_map(panel, player, rows, scale)
    steps = list(by_step)
    shown = range(0, len(steps), math.ceil(len(steps) / 12))
    panels[-1].set(xlabel="step", xticks=list(shown), xticklabels=[str(steps[i]) for i in shown])
    label = "norm of the gradient at the layer's output"
    figure.colorbar(image, ax=list(panels), pad=0.09, aspect=40, label=label)
    return figure


def histograms(trace: Trace, player: str = "G") -> Figure:
    """Histograms of each layer's output, and of the gradient that came back to it, in the passes of a player's loss.

    player: whose loss. "G": from the noise through G and D; "D": D(x) and D(G(z)).
    """
    from matplotlib.figure import Figure

    backwards = [b for b in _backwards(trace, player) if trace.layers[b.layer].owner != "loss"][::-1]
    if not backwards:
        raise ValueError(f"no gradient of {player!r} came back in this trace: it has those of {_players([trace])}")
    top, bottom = 0.9, 0.35  # inches
    height = top + bottom + 0.42 * len(backwards)
    figure = Figure(figsize=(INCHES, height))
    panels = figure.subplots(len(backwards), 2, squeeze=False)
    figure.subplots_adjust(0.27, bottom / height, 0.98, 1 - top / height, wspace=0.06, hspace=0.25)
    for row, backward in zip(panels, backwards, strict=True):
        layer = trace.layers[backward.layer]
        colour = COLOURS.get(layer.owner, "#444444")
        _histogram(row[0], layer.output, colour)
        _histogram(row[1], backward.grad_output, colour)
        label = f"{_title(layer)}\n{trace.call_label(layer)}"
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
    panels[0, 0].set_title("output", fontsize=10)
    panels[0, 1].set_title("gradient that came back to it", fontsize=10)
    loss = trace.backward_passes[backwards[-1].backward_pass].label
    figure.suptitle(f"Values and gradients of {loss}, layer by layer\n(heights are roots of counts)", fontsize=11)
    return figure


# --- what is drawn -------------------------------------------------------------------------------


def _players(traces: Iterable[Trace]) -> list[str]:
    return sorted({began.player for trace in traces for began in trace.backward_passes}, reverse=True)


def _backwards(trace: Trace, player: str) -> list[LayerBackward]:
    passes = [began for began in trace.backward_passes if began.player == player]
    return [trace.layer_backwards[i] for began in passes for i in began.layer_backwards]


def _norms(traces: list[Trace], player: str) -> dict[tuple[str, str], list[float]]:
    """By (call, layer), a number for each trace; NaN where there is none."""
    rows: dict[tuple[str, str], list[float]] = {}
    for column, trace in enumerate(traces):
        for backward in _backwards(trace, player):
            layer = trace.layers[backward.layer]
            if layer.owner != "loss":
                row = rows.setdefault((trace.call_label(layer), _title(layer)), [math.nan] * len(traces))
                row[column] = backward.grad_output.norm
    return rows


def _title(layer: Layer) -> str:
    return layer.name if layer.kind == layer.name else f"{layer.name} {layer.kind}"


# --- drawing -------------------------------------------------------------------------------------


def _heat_map(panel: Axes, player: str, rows: dict[tuple[str, str], list[float]], scale: LogNorm) -> AxesImage:
    import matplotlib

    values = np.array(list(rows.values()))
    colours = matplotlib.colormaps["viridis"].with_extremes(bad="#d9d9d9")
    values = np.ma.masked_invalid(np.where(values > 0, values, math.nan))
    image = panel.imshow(values, norm=scale, cmap=colours, aspect="auto", interpolation="none")
    panel.set_yticks(range(len(rows)), [name for _, name in rows], fontsize=8)
    panel.set_title(f"loss_{player}: from the loss (top) back" if player else "from the loss (top) back", fontsize=10)
    calls = [call for call, _ in rows]
    for call in dict.fromkeys(calls):
        first, last = calls.index(call), len(calls) - 1 - calls[::-1].index(call)
        panel.text(1.01, (first + last) / 2, call, transform=panel.get_yaxis_transform(), rotation=270, va="center")
        if first:
            panel.axhline(first - 0.5, color="white", linewidth=3)
    return image


def _histogram(panel: Axes, array: ArraySummary, colour: str) -> None:
    histogram = array.histogram
    low, high = histogram.low, histogram.high
    if low == high:  # all the same: a bar in the middle
        low, high = low - 0.5, high + 0.5
    heights = np.sqrt(histogram.counts)
    panel.stairs(heights, np.linspace(low, high, len(heights) + 1), fill=True, color=colour, alpha=0.85)
    panel.set(xlim=(low, high), ylim=(0, 1.4 * max(1.0, *heights)), xticks=[], yticks=[])  # above, room for the numbers
    panel.spines[["top", "left", "right"]].set_visible(False)
    if low < 0 < high:
        panel.axvline(0, color="#444444", linewidth=0.7)
    small: dict[str, Any] = {"transform": panel.transAxes, "va": "top", "fontsize": 7.5, "color": "#444444"}
    panel.text(0.005, 0.93, f"{histogram.low:.3g}", ha="left", **small)
    panel.text(0.995, 0.93, f"{histogram.high:.3g}", ha="right", **small)

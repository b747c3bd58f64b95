"""The terminal's page of a backward pass: each layer's gradients, and the border where they cross it."""

from __future__ import annotations

from collections.abc import Sequence

from minigan.trace.schema import BorderGradient, Frame, LayerBackward, Trace
from minigan.trace.summary import ArraySummary
from minigan.trace.views.numbers import LogScale, exact, norm, percent, shape, short
from minigan.trace.views.table import Column, Console, FullWidthRow, Row, table
from minigan.trace.views.terminal_pages import BORDER_LINES, OWNER_STYLES, Page, alarms

BACKWARD = (
    Column("layer", "layer", 0, left=True),
    Column("kind", "kind", 5, left=True),
    Column("shape", "shape", 4, left=True),
    Column("norm", "forward\nnorm", 3),
    Column("in", "gradient\nin", 1),
    Column("out", "gradient\nout", 2),
    Column("bar", "", 6, bar=True),
    Column("parameters", "parameters", 7, left=True),
    Column("zeros", "zeros\nout", 8),
)

STATUSES = {
    "computed": "computed",
    "discarded": "computed, and no optimiser used them",
    "frozen": "frozen: they require no gradient now, so none was computed",
    "not asked": "not asked for: this pass computes the gradients of others only",
}


def backward_page(trace: Trace, turn: str, frames: Sequence[Frame], scale: LogScale) -> Page:
    """A backward pass. scale: of the gradients' bars."""
    rows: list[Row | FullWidthRow] = []
    call = None
    gradients: list[BorderGradient] = []  # at borders
    for frame in frames:
        if frame.border_gradient is not None:
            gradient = trace.border_gradients[frame.border_gradient]
            gradients.append(gradient)
            rows.append(FullWidthRow(lambda console, gradient=gradient: _border(trace, gradient, console)))
        elif frame.layer_backward is not None:
            if frame.call is not None and frame.call != call:
                label = f"back through {trace.calls[frame.call].label}"
                rows.append(FullWidthRow(lambda console, label=label: [console.rule("─", label, "dim")]))
            call = frame.call
            rows += _layer_rows(trace, trace.layer_backwards[frame.layer_backward], scale)
    backwards = [trace.layer_backwards[f.layer_backward] for f in frames if f.layer_backward is not None]
    number = backwards[0].backward_pass if backwards else frames[0].backward_pass
    assert number is not None
    began = trace.backward_passes[number]
    what = f"backward from {began.label}" + ("" if began.loss is None else f" = {short(began.loss)}")
    columns = [Column("bar", f"{scale}", c.rank, bar=True) if c.bar else c for c in BACKWARD]
    left = [
        g
        for g in trace.border_gradients
        if g.kind == "carried" and g not in gradients and trace.backward_passes[g.backward_pass] is began
    ]

    def body(console: Console) -> list[str]:
        waiting = [line for g in left for line in console.lines(f"{_arrived(trace, g)} waits at the door", "green")]
        statuses = _statuses(trace, backwards, console)
        return [*table(console, columns, rows), *waiting, "", *statuses, *alarms(rows, console)]

    return Page(turn, what, "; ".join(_border_result(trace, g) for g in gradients), body)


# --- layers --------------------------------------------------------------------------------------


def _layer_rows(trace: Trace, backward: LayerBackward, scale: LogScale) -> list[Row]:
    """A row for a layer; where gradients go on to several inputs (a loss's), one more for each."""
    layer = trace.layers[backward.layer]
    cells: dict[str, str | float] = {
        "layer": layer.name, "kind": "loss" if layer.owner == "loss" else layer.kind,
        "shape": shape(layer.output), "norm": norm(layer.output), "in": norm(backward.grad_output),
        "parameters": ", ".join(f"{n} {status}" for status, n in backward.statuses.items()),
    }  # fmt: skip
    style = OWNER_STYLES.get(layer.owner, ())
    outs = [(i, dx) for i, dx in enumerate(backward.grad_inputs) if dx is not None]
    if len(outs) < 2:
        return [Row(cells | (_gradient_cells(outs[0][1], scale) if outs else {"out": "–"}), style)]
    rows = [Row(cells, style)]
    for i, dx in outs:
        number = layer.sources[i]
        source = None if number is None else trace.layers[number]
        to = "an input" if source is None else trace.call_label(source) or source.name
        rows.append(Row({"layer": f"  → {to}", "shape": shape(dx)} | _gradient_cells(dx, scale)))
    return rows


def _gradient_cells(dx: ArraySummary, scale: LogScale) -> dict[str, str | float]:
    return {"out": norm(dx), "zeros": percent(dx.zeros), "bar": scale.share(dx.norm)}


def _statuses(trace: Trace, backwards: Sequence[LayerBackward], console: Console) -> list[str]:
    """What became of the parameters' gradients, in words."""
    names: dict[tuple[str, str], set[str]] = {}
    for backward in backwards:
        for p in backward.parameters:
            names.setdefault((trace.layers[backward.layer].owner, p.status), set()).add(p.name)
    lines = []
    for (owner, status), known in names.items():
        whose = f"{owner}'s " if owner else ""
        lines += console.lines(f"{whose}parameter gradients: {len(known)} {STATUSES.get(status, status)}.")
    if any(all(dx is None for dx in backward.grad_inputs) for backward in backwards):
        lines += console.lines("–: nobody needs the gradient of this input, so it was not computed.")
    return lines


# --- the border ----------------------------------------------------------------------------------


def _border(trace: Trace, g: BorderGradient, console: Console) -> list[str]:
    """A border across the table, with what arrives on D's side and what goes on into G."""
    border = trace.borders[g.border]
    d, source = (trace.calls[call].owner for call in (border.to_call, border.from_call))
    name, sign, style = BORDER_LINES[g.kind]
    arrived = _arrived(trace, g)
    goes_on = console.lines(f"{exact(g.norm_into)} into {source}", "bold", indent="    ")
    if g.kind == "detached":
        return [
            *console.lines(f"{arrived} arrives" if g.at_input else arrived, indent="    "),
            console.rule(sign, "", style),
            console.rule(sign[::-1], name, style, "bold"),
            console.rule(sign, "", style),
            *goes_on,
        ]
    if g.at_output is not None:
        at_output = f"∂L/∂{source}.output"
        difference = "no finite number" if g.difference is None else str(g.difference)
        goes_on = [
            *console.lines(f"‖{at_output}‖ = {exact(g.at_output.norm)}", indent="    "),
            *console.lines(f"max|∂L/∂{d}.input − {at_output}| = {difference}", style, "bold"),
        ]
    return [
        console.rule(sign, name, style, "bold"),
        *console.lines(arrived, indent="    "),
        *goes_on,
        console.rule(sign, "", style),
    ]


def _arrived(trace: Trace, g: BorderGradient) -> str:
    at_input = f"∂L/∂{trace.calls[trace.borders[g.border].to_call].owner}.input"
    return f"‖{at_input}‖ = {exact(g.at_input.norm)}" if g.at_input else f"{at_input}: nobody asked for it"


def _border_result(trace: Trace, g: BorderGradient) -> str:
    """What came of a gradient at a border, for the overview."""
    name, *_ = BORDER_LINES[g.kind]
    if g.kind == "detached" or g.at_output is None:
        return f"{name}: {exact(g.norm_into)} into {trace.calls[trace.borders[g.border].from_call].owner}"
    return f"{name}: difference {g.difference}"

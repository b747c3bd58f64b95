"""A trace in the terminal: a page for each pass of the step, with a row for each layer in the order of the step.

    minigan trace --text

A forward page shows each layer's output; a backward page the gradient at its output and the one at its input, from
the loss down to the noise, with the border between D and G across it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from minigan import terminal
from minigan.trace.schema import BorderGradient, Frame, LayerBackward, Trace
from minigan.trace.summary import ArraySummary
from minigan.trace.views.table import BAR, NARROWEST, SPREAD, Console, LogScale, Row, Rows, fits, sparkline, table

OWNER_STYLES = {"G": ("yellow",), "D": ("cyan",), "loss": ("bold",)}

# How a border is drawn, by its kind: its name, the sign of its line, and its colour.
BORDER_LINES = {
    "detached": ("the wall", "┬┴", "red"),
    "carried": ("the door", "═", "green"),
    "attached": ("the border", "═", "blue"),
}

STATUSES = {
    "computed": "computed",
    "discarded": "computed, and no optimiser used them",
    "frozen": "frozen: they require no gradient now, so none was computed",
    "not asked": "not asked for: this pass computes the gradients of others only",
}

NORM, IN, OUT, ZEROS_OUT = "forward\nnorm", "gradient\nin", "gradient\nout", "zeros\nout"
WEIGHT, GRADIENT, UPDATED, RATIO = "weight\nnorm", "gradient\nnorm", "update\nnorm", "update /\nweight"
VALUE, AT_BORDER, TIMES = "its\nvalue", "gradient\nat G(z)", "× D\nas it is"

# The columns of the tables, with their ranks.
OVERVIEW = {"page": 0, "whose": 1, "what": 2, "result": 3}
FORWARD = {"layer": 0, "kind": 4, "shape": 2, NORM: 1, "mean": 6, "std": 5, "zeros": 7, SPREAD: 3}
BACKWARD = {"layer": 0, "kind": 5, "shape": 4, NORM: 3, IN: 1, OUT: 2, BAR: 6, "parameters": 7, ZEROS_OUT: 8}
UPDATE = {"parameter": 0, "shape": 5, WEIGHT: 4, GRADIENT: 2, UPDATED: 3, RATIO: 1, BAR: 6}
COMPARISON = {"objective": 0, "loss of G": 5, VALUE: 3, AT_BORDER: 1, TIMES: 2, BAR: 4}

TURNS = {"both": "both turns", "all": "all turns", "": ""}


class Page(NamedTuple):
    """turn: "D's turn"; what: "forward through D(x)"; result: what it came to, in a few words; lines: all of it."""

    turn: str
    what: str
    result: str
    lines: list[str]


def _page(console: Console, what: str, body: list[str], turn: str = "", result: str = "") -> Page:
    """A page whose title, above its line where it is too long, says whose turn it is and what is shown."""
    title = f"{turn}: {what}" if turn else what
    if len(console.signs(title)) + 8 <= console.width:
        return Page(turn, what, result, [console.rule("─", title, "bold"), *body])
    return Page(turn, what, result, [*console.lines(title, "bold"), console.rule("─", "", "bold"), *body])


def trace_text(trace: Trace, width: int | None = None) -> str:
    """All pages, without colours, as wide as the terminal or that many columns (at least 40)."""
    console = Console(max(NARROWEST, width or terminal.width()))
    return "\n\n".join("\n".join(page.lines) for page in pages(trace, console)) + "\n"


def step_through(trace: Trace) -> None:
    """Show the pages one after another, and go on with a key; where there are no keys, all at once."""

    def drawn() -> list[Page]:  # as wide as the terminal is now
        return pages(trace, Console(max(NARROWEST, terminal.width(120)), terminal.signs, terminal.styled))

    terminal.step(len(drawn()), lambda number: print("\n".join(drawn()[number].lines) + "\n"))


def pages(trace: Trace, console: Console) -> list[Page]:
    """What the step is about and what pages there are, then a page for each pass, then the objectives compared."""
    scale = LogScale(dx.norm for backward in trace.layer_backwards for dx in backward.grad_inputs if dx is not None)
    found = []
    for (kind, number), frames in _passes(trace):
        turn = TURNS.get(frames[0].turn, f"{frames[0].turn}'s turn")
        if kind == "update":
            found.append(_update_page(trace, console, turn, number))
        elif kind == "forward":
            found.append(_forward_page(trace, console, turn, frames))
        else:
            found.append(_backward_page(trace, console, turn, frames, scale))
    if trace.comparisons:
        found.append(_comparison_page(trace, console))
    model = trace.about.get("model")
    title = f"a training step of {model}" if model else "a trace"
    return [_page(console, title, _overview(trace, found, console)), *found]


def _overview(trace: Trace, others: Sequence[Page], console: Console) -> list[str]:
    names = {name: "at step" if name == "at" else name for name in trace.about if name != "model"}
    about = console.lines(" · ".join(f"{said}: {trace.about[name]}" for name, said in names.items()))
    numbered = [(str(number), page) for number, page in enumerate(others, 2)]
    rows = [Row({"page": n, "whose": page.turn, "what": page.what, "result": page.result}) for n, page in numbered]
    if fits(console, OVERVIEW, rows):
        return [*about, "", *table(console, OVERVIEW, rows)]
    rows = []  # where there is no room, whose turn it is stands before the what, and the result below
    for n, page in numbered:
        turn = page.turn.split("'")[0].split()
        rows.append(Row({"page": n, "what": ": ".join([*turn[:1], page.what])}))
        if page.result:
            rows.append(Row({"what": f"  {page.result}"}))
    return [*about, "", *table(console, OVERVIEW, rows)]


# --- from frames to passes -----------------------------------------------------------------------

Pass = tuple[str, int]  # its kind, and the number of its call (−1: none), backward pass or update


def _passes(trace: Trace) -> list[tuple[Pass, list[Frame]]]:
    """The frames of each pass, which belong on one page."""
    began: dict[int | None, int] = {g.border: g.backward_pass for g in trace.border_gradients if g.kind == "carried"}
    passes: list[tuple[Pass, list[Frame]]] = []
    for frame in trace.frames:
        key = _pass(trace, frame, began)
        if passes and (passes[-1][0] == key or frame.direction == "loss" and passes[-1][0][0] == "forward"):
            passes[-1][1].append(frame)
        else:
            passes.append((key, [frame]))
    return passes


def _pass(trace: Trace, frame: Frame, began: dict[int | None, int]) -> Pass:
    """The pass of a frame: one that carries on another's gradient is the same pass. began: by a border, the pass that
    left a gradient there."""
    if frame.update is not None:
        return "update", frame.update
    if frame.backward_pass is None:
        return "forward", -1 if frame.call is None else frame.call
    number = frame.backward_pass
    while (earlier := began.get(trace.backward_passes[number].carries, number)) < number:
        number = earlier
    return "backward", number


# --- all pages ------------------------------------------------------------------------------------


def _alarms(rows: Rows, console: Console) -> list[str]:
    """What "!" means, if it stands in one of the rows."""
    cells = [cell for row in rows if isinstance(row, Row) for cell in row.cells.values()]
    if not any(isinstance(cell, str) and cell.endswith("!") for cell in cells):
        return []
    return console.lines("!: NaN or Inf are among these numbers; the norm is of the finite ones.", "red")


def _short(x: float) -> str:
    return f"{x:.4g}"


def _exact(x: float) -> str:
    """All the digits that the trace has."""
    return f"{x:.9g}"


def _norm(array: ArraySummary) -> str:
    """The norm of an array, marked with "!" if it holds NaN or Inf."""
    return _short(array.norm) + ("" if array.finite else "!")


def _percent(share: float) -> str:
    return f"{share:.0%}" if share else ""


# --- a forward pass ------------------------------------------------------------------------------


def _forward_page(trace: Trace, console: Console, turn: str, frames: Sequence[Frame]) -> Page:
    """A forward pass: what enters the network, each layer's output, and the loss computed from it."""
    call = None if frames[0].call is None else trace.calls[frames[0].call]
    rows: list[Row | list[str]] = []
    for frame in frames:
        if frame.direction == "loss":
            rows.append([*console.lines(frame.title, "bold"), *console.lines(frame.note, "dim", indent="    ")])
            continue
        if frame.border is not None:
            _, sign, style = BORDER_LINES[trace.borders[frame.border].kind]
            line = console.rule(sign, "", style)
            title, note = console.lines(frame.title, style, "bold"), console.lines(frame.note, indent="    ")
            rows.append([line, *title, *note, line])
        if frame.layer is not None:
            layer = trace.layers[frame.layer]
            rows.append(_value_row(layer.name, layer.kind, layer.owner, layer.output))
        elif frame.input is not None:
            name = "input" if frame.call is None else trace.calls[frame.call].input_name(frame.input)
            rows.append(_value_row(name, "comes in", "", frame.input))
    losses = ", ".join(frame.title for frame in frames if frame.direction == "loss")
    body = [*table(console, FORWARD, rows), *_alarms(rows, console)]
    return _page(console, f"forward through {call.label}" if call else "forward", body, turn, losses)


def _value_row(name: str, kind: str, owner: str, array: ArraySummary) -> Row:
    cells: dict[str, str | float] = {
        "layer": name, "kind": kind, "shape": array.dimensions, NORM: _norm(array), "mean": _short(array.mean),
        "std": _short(array.std), "zeros": _percent(array.zeros), SPREAD: sparkline(array.histogram.counts),
    }  # fmt: skip
    return Row(cells, OWNER_STYLES.get(owner, ()))


# --- a backward pass -----------------------------------------------------------------------------


def _backward_page(trace: Trace, console: Console, turn: str, frames: Sequence[Frame], scale: LogScale) -> Page:
    """A backward pass: each layer's gradients, and the border where they cross it. scale: of the gradients' bars."""
    rows: list[Row | list[str]] = []
    call = None
    backwards: list[LayerBackward] = []
    gradients: list[BorderGradient] = []  # at borders
    for frame in frames:
        if frame.border_gradient is not None:
            gradients.append(trace.border_gradients[frame.border_gradient])
            rows.append(_border(trace, gradients[-1], console))
        elif frame.layer_backward is not None:
            if frame.call is not None and frame.call != call:
                rows.append([console.rule("─", f"back through {trace.calls[frame.call].label}", "dim")])
            call = frame.call
            backwards.append(trace.layer_backwards[frame.layer_backward])
            rows += _layer_rows(trace, backwards[-1])
    number = backwards[0].backward_pass if backwards else frames[0].backward_pass
    assert number is not None
    began = trace.backward_passes[number]
    what = f"backward from {began.label}" + ("" if began.loss is None else f" = {_short(began.loss)}")
    body = table(console, BACKWARD, rows, scale)
    for g in trace.border_gradients:
        if g.kind == "carried" and g.backward_pass == number and g not in gradients:
            body += console.lines(f"{_arrived(trace, g)} waits at the door", "green")
    body += ["", *_statuses(trace, backwards, console), *_alarms(rows, console)]
    return _page(console, what, body, turn, "; ".join(_border_result(trace, g) for g in gradients))


def _layer_rows(trace: Trace, backward: LayerBackward) -> list[Row]:
    """A row for a layer; where gradients go on to several inputs (a loss's), one more for each."""
    layer = trace.layers[backward.layer]
    cells: dict[str, str | float] = {
        "layer": layer.name, "kind": "loss" if layer.owner == "loss" else layer.kind,
        "shape": layer.output.dimensions, NORM: _norm(layer.output), IN: _norm(backward.grad_output),
        "parameters": ", ".join(f"{n} {status}" for status, n in backward.statuses.items()),
    }  # fmt: skip
    style = OWNER_STYLES.get(layer.owner, ())
    outs = [(i, dx) for i, dx in enumerate(backward.grad_inputs) if dx is not None]
    if len(outs) < 2:
        return [Row(cells | (_gradient_cells(outs[0][1]) if outs else {OUT: "–"}), style)]
    rows = [Row(cells, style)]
    for i, dx in outs:
        number = layer.sources[i]
        source = None if number is None else trace.layers[number]
        to = "an input" if source is None else trace.call_label(source) or source.name
        rows.append(Row({"layer": f"  → {to}", "shape": dx.dimensions, **_gradient_cells(dx)}))
    return rows


def _gradient_cells(dx: ArraySummary) -> dict[str, str | float]:
    return {OUT: _norm(dx), ZEROS_OUT: _percent(dx.zeros), BAR: dx.norm}


def _statuses(trace: Trace, backwards: Sequence[LayerBackward], console: Console) -> list[str]:
    """What became of the parameters' gradients, in words."""
    names: dict[tuple[str, str], set[str]] = {}
    for backward in backwards:
        for p in backward.parameters:
            names.setdefault((trace.layers[backward.layer].owner, p.status), set()).add(p.name)
    lines = []
    for (owner, status), known in names.items():
        whose = f"{owner}'s " if owner else ""
        lines += console.lines(f"{whose}parameter gradients: {len(known)} {STATUSES[status]}.")
    if any(all(dx is None for dx in backward.grad_inputs) for backward in backwards):
        lines += console.lines("–: nobody needs the gradient of this input, so it was not computed.")
    return lines


def _border(trace: Trace, g: BorderGradient, console: Console) -> list[str]:
    """A border across the table, with what arrives on D's side and what goes on into G."""
    border = trace.borders[g.border]
    d, source = (trace.calls[call].owner for call in (border.to_call, border.from_call))
    name, sign, style = BORDER_LINES[g.kind]
    arrived, line = _arrived(trace, g), console.rule(sign, "", style)
    goes_on = console.lines(f"{_exact(g.norm_into)} into {source}", "bold", indent="    ")
    if g.kind == "detached":
        arrives = console.lines(f"{arrived} arrives" if g.at_input else arrived, indent="    ")
        return [*arrives, line, console.rule(sign[::-1], name, style, "bold"), line, *goes_on]
    if g.at_output is not None:
        at_output = f"∂L/∂{source}.output"
        difference = "no finite number" if g.difference is None else str(g.difference)
        goes_on = console.lines(f"‖{at_output}‖ = {_exact(g.at_output.norm)}", indent="    ")
        goes_on += console.lines(f"max|∂L/∂{d}.input − {at_output}| = {difference}", style, "bold")
    return [console.rule(sign, name, style, "bold"), *console.lines(arrived, indent="    "), *goes_on, line]


def _arrived(trace: Trace, g: BorderGradient) -> str:
    at_input = f"∂L/∂{trace.calls[trace.borders[g.border].to_call].owner}.input"
    return f"‖{at_input}‖ = {_exact(g.at_input.norm)}" if g.at_input else f"{at_input}: nobody asked for it"


def _border_result(trace: Trace, g: BorderGradient) -> str:
    """What came of a gradient at a border, for the overview."""
    name, *_ = BORDER_LINES[g.kind]
    if g.kind == "detached" or g.at_output is None:
        return f"{name}: {_exact(g.norm_into)} into {trace.calls[trace.borders[g.border].from_call].owner}"
    return f"{name}: difference {g.difference}"


# --- an update -----------------------------------------------------------------------------------


def _update_page(trace: Trace, console: Console, turn: str, number: int) -> Page:
    """An optimiser's step: how far each parameter moved."""
    update = trace.updates[number]
    ratios = [p.ratio for p in update.parameters if p.ratio is not None and p.gradient is not None]
    rows = []
    for p in update.parameters:
        cells: dict[str, str | float] = {"parameter": p.name, "shape": p.weight.dimensions, WEIGHT: _norm(p.weight)}
        if p.gradient is None:
            cells |= {GRADIENT: "–", RATIO: "stays"}
        else:
            cells |= {GRADIENT: _norm(p.gradient), UPDATED: _short(p.update), RATIO: "from 0"}
            if p.ratio is not None:
                cells |= {RATIO: _short(p.ratio), BAR: p.ratio}
        rows.append(Row(cells, OWNER_STYLES.get(update.owner, ())))
    body = console.lines(f"learning rate {update.lr:g}")
    body += [*table(console, UPDATE, rows, LogScale(ratios)), *_alarms(rows, console)]
    result = f"ratio {min(ratios):.2g} … {max(ratios):.2g}" if ratios else ""
    return _page(console, f"update of {update.owner} by {update.optimizer}", body, turn, result)


# --- objectives compared -------------------------------------------------------------------------


def _comparison_page(trace: Trace, console: Console) -> Page:
    """Each objective's gradient at G(z), from the same logits of D; then from logits that were lowered."""
    as_it_is = {c.objective: c.gradient.norm for c in trace.comparisons if not c.logit_shift}
    rows: list[Row | list[str]] = []
    shift = None
    for c in trace.comparisons:
        if c.logit_shift != shift:
            shift = c.logit_shift
            text = f"D more certain, its logits lowered by {shift:g}" if shift else "D as it is"
            if c.real_probability is not None:
                text += f": G(z) is real with probability {_short(c.real_probability)}"
            rows.append(["", *console.lines(text, "bold")])
        before = as_it_is.get(c.objective)
        cells: dict[str, str | float] = {
            "objective": c.objective, "loss of G": c.formula, VALUE: "" if c.loss is None else _short(c.loss),
            AT_BORDER: _norm(c.gradient), TIMES: _short(c.gradient.norm / before) if shift and before else "",
            BAR: c.gradient.norm,
        }  # fmt: skip
        rows.append(Row(cells))
    said = "All from the same point: D's logits of G(z) from which G learns in this step, with its dropout masks."
    # The one that the step was taken with has sent back the same numbers.
    arrived = {g.at_input.norm for g in trace.border_gradients if g.kind != "detached" and g.at_input}
    own = next((c for c in trace.comparisons if not c.logit_shift and c.gradient.norm in arrived), None)
    if own is not None:
        said += f" The step's own is {own.objective}: {_exact(own.gradient.norm)} arrived."
    scale = LogScale(c.gradient.norm for c in trace.comparisons)
    body = [*console.lines(said), *table(console, COMPARISON, rows, scale), *_alarms(rows, console)]
    return _page(console, "other objectives", body)

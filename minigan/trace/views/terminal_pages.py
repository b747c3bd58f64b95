"""Pages of the terminal: a forward pass, an update, the objectives compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from minigan.trace.schema import Comparison, Frame, Trace
from minigan.trace.summary import ArraySummary
from minigan.trace.views.numbers import LogScale, exact, norm, percent, shape, short
from minigan.trace.views.table import Column, Console, FullWidthRow, Row, sparkline, table

OWNER_STYLES = {"G": ("yellow",), "D": ("cyan",), "loss": ("bold",)}

# How a border is drawn, by its kind: its name, the sign of its line, and its colour.
BORDER_LINES = {
    "detached": ("the wall", "┬┴", "red"),
    "carried": ("the door", "═", "green"),
    "attached": ("the border", "═", "blue"),
}

FORWARD = (
    Column("layer", "layer", 0, left=True),
    Column("kind", "kind", 4, left=True),
    Column("shape", "shape", 2, left=True),
    Column("norm", "forward\nnorm", 1),
    Column("mean", "mean", 6),
    Column("std", "std", 5),
    Column("zeros", "zeros", 7),
    Column("spread", "histogram,\nmin to max", 3, left=True),
)

UPDATE = (
    Column("parameter", "parameter", 0, left=True),
    Column("shape", "shape", 5, left=True),
    Column("weight", "weight\nnorm", 4),
    Column("gradient", "gradient\nnorm", 2),
    Column("update", "update\nnorm", 3),
    Column("ratio", "update /\nweight", 1),
)

COMPARISON = (
    Column("objective", "objective", 0, left=True),
    Column("formula", "loss of G", 5, left=True),
    Column("loss", "its\nvalue", 3),
    Column("border", "gradient\nat G(z)", 1),
    Column("times", "× D\nas it is", 2),
)


class Page(NamedTuple):
    """turn: "D's turn"; what: "forward: D(x)"; result: what it came to, in a few words."""

    turn: str
    what: str
    result: str
    body: Callable[[Console], list[str]]

    def lines(self, console: Console) -> list[str]:
        """Its lines."""
        title = f"{self.turn}: {self.what}" if self.turn else self.what
        return [*console.title(title, "bold"), *self.body(console)]


def alarms(rows: Sequence[Row | FullWidthRow], console: Console) -> list[str]:
    """What "!" means, if it stands in one of the rows."""
    marked = any(isinstance(v, str) and v.endswith("!") for r in rows if isinstance(r, Row) for v in r.cells.values())
    meaning = "!: NaN or Inf are among these numbers; the norm is of the finite ones."
    return console.lines(meaning, "red") if marked else []


# --- a forward pass ------------------------------------------------------------------------------


def forward_page(trace: Trace, turn: str, frames: Sequence[Frame]) -> Page:
    """A forward pass: what enters the network, each layer's output, and the loss computed from it."""
    call = None if frames[0].call is None else trace.calls[frames[0].call]
    rows: list[Row | FullWidthRow] = []
    for frame in frames:
        if frame.direction == "loss":
            rows.append(FullWidthRow(lambda console, frame=frame: _loss(frame, console)))
            continue
        if frame.direction == "border":
            rows.append(FullWidthRow(lambda console, frame=frame: _entrance(trace, frame, console)))
        if frame.layer is not None:
            layer = trace.layers[frame.layer]
            rows.append(_value_row(layer.name, layer.kind, layer.owner, layer.output))
        elif frame.input is not None:
            name = "input" if frame.call is None else trace.calls[frame.call].input_name(frame.input)
            rows.append(_value_row(name, "comes in", "", frame.input))
    losses = [frame.title for frame in frames if frame.direction == "loss"]
    what = f"forward through {call.label}" if call else "forward"
    return Page(turn, what, ", ".join(losses), lambda console: [*table(console, FORWARD, rows), *alarms(rows, console)])


def _value_row(name: str, kind: str, owner: str, array: ArraySummary) -> Row:
    cells: dict[str, str | float] = {
        "layer": name, "kind": kind, "shape": shape(array), "norm": norm(array), "mean": short(array.mean),
        "std": short(array.std), "zeros": percent(array.zeros), "spread": sparkline(array.histogram.counts),
    }  # fmt: skip
    return Row(cells, OWNER_STYLES.get(owner, ()))


def _loss(frame: Frame, console: Console) -> list[str]:
    return [*console.lines(frame.title, "bold"), *console.lines(frame.note, "dim", indent="    ")]


def _entrance(trace: Trace, frame: Frame, console: Console) -> list[str]:
    """What lies between G's output and D's input on the way forward."""
    kind = "attached" if frame.border is None else trace.borders[frame.border].kind
    _, sign, style = BORDER_LINES[kind]
    return [
        console.rule(sign, "", style),
        *console.lines(frame.title, style, "bold"),
        *console.lines(frame.note, indent="    "),
        console.rule(sign, "", style),
    ]


# --- an update -----------------------------------------------------------------------------------


def update_page(trace: Trace, frames: Sequence[Frame]) -> Page:
    """An optimiser's step: how far each parameter moved."""
    number = frames[0].update
    assert number is not None
    update = trace.updates[number]
    ratios = [p.ratio for p in update.parameters if p.ratio is not None and p.gradient is not None]
    scale = LogScale(ratios)
    columns = (*UPDATE, Column("bar", f"{scale}", 6, bar=True))
    rows = []
    for p in update.parameters:
        cells: dict[str, str | float] = {"parameter": p.name, "shape": shape(p.weight), "weight": norm(p.weight)}
        if p.gradient is None:
            cells |= {"gradient": "–", "ratio": "stays"}
        else:
            cells |= {"gradient": norm(p.gradient), "update": short(p.update), "ratio": "from 0"}
            if p.ratio is not None:
                cells |= {"ratio": short(p.ratio), "bar": scale.share(p.ratio)}
        rows.append(Row(cells, OWNER_STYLES.get(update.owner, ())))

    def body(console: Console) -> list[str]:
        rate = console.lines(f"learning rate {update.lr:g}")
        return [*rate, *table(console, columns, rows), *alarms(rows, console)]

    turn = f"{update.owner}'s turn" if update.owner else ""
    result = f"ratio {min(ratios):.2g} … {max(ratios):.2g}" if ratios else ""
    return Page(turn, f"update of {update.owner} by {update.optimizer}", result, body)


# --- objectives compared -------------------------------------------------------------------------


def comparison_page(trace: Trace) -> Page:
    """What each objective would send back to G."""
    return Page("", "other objectives", "", lambda console: _comparison(trace, console))


def _comparison(trace: Trace, console: Console) -> list[str]:
    """Each objective's gradient at G(z), from the same logits of D; then from logits that were lowered."""
    scale = LogScale(c.gradient.norm for c in trace.comparisons)
    as_it_is = {c.objective: c.gradient.norm for c in trace.comparisons if not c.logit_shift}
    columns = (*COMPARISON, Column("bar", f"{scale}", 4, bar=True))
    rows: list[Row | FullWidthRow] = []
    shift = None
    for c in trace.comparisons:
        if c.logit_shift != shift:
            shift = c.logit_shift
            text = f"D surer, its logits lowered by {shift:g}" if shift else "D as it is"
            if c.real_probability is not None:
                text += f": G(z) is real with probability {short(c.real_probability)}"
            rows.append(FullWidthRow(lambda console, text=text: ["", *console.lines(text, "bold")]))
        before = as_it_is.get(c.objective)
        cells: dict[str, str | float] = {
            "objective": c.objective, "formula": c.formula, "loss": "" if c.loss is None else short(c.loss),
            "border": norm(c.gradient), "times": short(c.gradient.norm / before) if shift and before else "",
            "bar": scale.share(c.gradient.norm),
        }  # fmt: skip
        rows.append(Row(cells))
    said = "All from the same point: D's verdict on G(z) from which G learns in this step, with its dropout masks."
    own = _own(trace)
    if own is not None:
        said += f" The step's own is {own.objective}: {exact(own.gradient.norm)} arrived."
    return [*console.lines(said), *table(console, columns, rows), *alarms(rows, console)]


def _own(trace: Trace) -> Comparison | None:
    """Of the objectives compared, the one that the step was taken with: it has sent back the same numbers."""
    arrived = {g.at_input.norm for g in trace.border_gradients if g.kind != "detached" and g.at_input}
    return next((c for c in trace.comparisons if not c.logit_shift and c.gradient.norm in arrived), None)

"""A trace in the terminal: a page for each pass of the step, with a row for each layer in the order of the step.

    minigan trace --text

A forward page shows what each layer gave; a backward page what gradient came to its output and what
went on from its input, from the loss down to the noise, with the border between D and G across it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from minigan import terminal
from minigan.trace.summary import Array
from minigan.trace.table import NARROWEST, Column, Drawn, Look, Row, fits, sparkline, table
from minigan.trace.trace import Back, Comparison, Crossing, Frame, Trace

_ABOUT = {"at": "at step"}

OWNER_STYLES = {"G": ("yellow",), "D": ("cyan",), "loss": ("bold",)}

STATUSES = {
    "computed": "computed",
    "discarded": "computed, and no optimiser used them",
    "frozen": "frozen: they require no gradient now, so none was computed",
    "not asked": "not asked for: this pass computes the gradients of others only",
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


def trace_text(trace: Trace, width: int | None = None) -> str:
    """All pages, without colours, as wide as the terminal or that many columns (at least 40)."""
    look = Look(max(NARROWEST, width or terminal.width()))
    return "\n\n".join("\n".join(page.draw(look)) for page in pages(trace)) + "\n"


def step_through(trace: Trace) -> None:
    """Show the pages one after another, and go on with a key; where there are no keys, all at once."""
    all_pages = pages(trace)

    def show(number: int) -> None:
        look = Look(max(NARROWEST, terminal.width(120)), terminal.signs, terminal.styled)
        print("\n".join(all_pages[number].draw(look)) + "\n")

    terminal.step(len(all_pages), show)


class Page(NamedTuple):
    """turn: "D's turn"; what: "forward: D(x)"; result: what it came to, in a few words."""

    turn: str
    what: str
    result: str
    body: Callable[[Look], list[str]]

    def draw(self, look: Look) -> list[str]:
        """Its lines."""
        title = f"{self.turn}: {self.what}" if self.turn else self.what
        return [*look.title(title, "bold"), *self.body(look)]


def pages(trace: Trace) -> list[Page]:
    """What the step is about and what pages there are, then a page for each pass, then the objectives compared."""
    scale = _Scale(_gradient_norms(trace))
    told = [_PAGES[kind](trace, frames, scale) for kind, frames in _passes(trace)]
    if trace.comparisons:
        told.append(Page("", "other objectives", "", lambda look: _comparison(trace, look)))
    model = trace.about.get("model")
    title = f"a training step of {model}" if model else "a trace"
    return [Page("", title, "", lambda look: _overview(trace, told, look)), *told]


# --- from frames to passes -----------------------------------------------------------------------


def _passes(trace: Trace) -> list[tuple[str, list[Frame]]]:
    """Frames that belong on one page, and of which kind it is."""
    began = {c.border: c.walk for c in trace.crossings if c.kind == "door"}
    passes: list[tuple[tuple, list[Frame]]] = []
    for frame in trace.frames:
        key = _pass(trace, frame, began)
        if passes and (passes[-1][0] == key or frame.direction == "loss" and passes[-1][0][0] == "forward"):
            passes[-1][1].append(frame)
        else:
            passes.append((key, [frame]))
    return [(key[0], frames) for key, frames in passes]


def _pass(trace: Trace, frame: Frame, began: dict[int, int]) -> tuple:
    """A pass that carries another's gradient on is the same pass."""
    if frame.direction == "update":
        return "update", frame.update
    if frame.walk is None:
        return "forward", frame.call
    walk, seen = frame.walk, set()
    while (border := trace.walks[walk].carries) in began and walk not in seen:
        seen.add(walk)
        walk = began[border]
    return "backward", walk


def _turn(frames: Sequence[Frame]) -> str:
    turn = frames[0].turn
    return {"both": "both turns", "all": "all turns", "": ""}.get(turn, f"{turn}'s turn")


# --- pages ---------------------------------------------------------------------------------------


def _overview(trace: Trace, told: Sequence[Page], look: Look) -> list[str]:
    about = [f"{_ABOUT.get(name, name)}: {value}" for name, value in trace.about.items() if name != "model"]
    columns = [
        Column("page", "page", 0),
        Column("turn", "whose", 1, left=True),
        Column("what", "what", 2, left=True),
        Column("result", "result", 3, left=True),
    ]
    rows = [
        Row({"page": str(n), "turn": page.turn, "what": page.what, "result": page.result})
        for n, page in enumerate(told, 2)
    ]
    if not fits(look, columns, rows):
        columns, rows = [columns[0], columns[2]], [row for r in rows for row in _in_two_lines(r)]
    return [*look.lines(" · ".join(about)), "", *table(look, columns, rows)]


def _in_two_lines(row: Row) -> list[Row]:
    """An entry of the overview where there is no room: whose turn stands before the what, the result below."""
    turn = str(row.cells["turn"]).split("'")[0].split()
    below = [Row({"page": "", "what": f"  {row.cells['result']}"})] if row.cells["result"] else []
    return [Row({"page": row.cells["page"], "what": ": ".join([*turn[:1], str(row.cells["what"])])}), *below]


def _forward(trace: Trace, frames: Sequence[Frame], scale: _Scale) -> Page:
    call = None if frames[0].call is None else trace.calls[frames[0].call]
    rows: list[Row | Drawn] = []
    for frame in frames:
        if frame.direction == "loss":
            rows.append(Drawn(lambda look, frame=frame: _loss(frame, look)))
        elif frame.direction == "border":
            rows.append(Drawn(lambda look, frame=frame: _entrance(trace, frame, look)))
        if frame.layer is not None and frame.direction != "loss":
            layer = trace.layers[frame.layer]
            rows.append(_value_row(layer.name, layer.kind, layer.owner, layer.output))
        elif frame.input is not None and frame.direction != "loss":
            rows.append(_value_row(_entering(trace, frame), "comes in", "", frame.input))
    losses = [frame.title for frame in frames if frame.direction == "loss"]
    what = f"forward through {call.label}" if call else "forward"

    def body(look: Look) -> list[str]:
        return [*table(look, FORWARD, rows), *_alarms(rows, look)]

    return Page(_turn(frames), what, ", ".join(losses), body)


def _entering(trace: Trace, frame: Frame) -> str:
    """By what name the network knows what comes in."""
    if frame.call is None:
        return "input"
    call = trace.calls[frame.call]
    return next((n for n, a in zip(call.input_names, call.inputs, strict=True) if a == frame.input), "input")


def _value_row(name: str, kind: str, owner: str, array: Array) -> Row:
    cells = {
        "layer": name, "kind": kind, "shape": _shape(array), "norm": _norm(array), "mean": _number(array.mean),
        "std": _number(array.std), "zeros": f"{array.zeros:.0%}" if array.zeros else "",
        "spread": sparkline(array.histogram.counts),
    }  # fmt: skip
    return Row(cells, OWNER_STYLES.get(owner, ()))


def _loss(frame: Frame, look: Look) -> list[str]:
    return [*look.lines(frame.title, "bold"), *look.lines(frame.note, "dim", indent="    ")]


def _entrance(trace: Trace, frame: Frame, look: Look) -> list[str]:
    """What lies between G's output and D's input on the way forward."""
    kind = "open" if frame.border is None else trace.borders[frame.border].kind
    sign, style = _BORDERS[kind][1:]
    return [
        look.rule(sign, "", style),
        *look.lines(frame.title, style, "bold"),
        *look.lines(frame.note, indent="    "),
        look.rule(sign, "", style),
    ]


def _backward(trace: Trace, frames: Sequence[Frame], scale: _Scale) -> Page:
    rows: list[Row | Drawn] = []
    within = None
    crossings: list[Crossing] = []
    for frame in frames:
        if frame.crossing is not None:
            crossings.append(trace.crossings[frame.crossing])
            rows.append(Drawn(lambda look, frame=frame: _crossing(trace, trace.crossings[frame.crossing], look)))
        elif frame.back is not None:
            if frame.call not in (None, within):
                label = f"back through {trace.calls[frame.call].label}"
                rows.append(Drawn(lambda look, label=label: [look.rule("─", label, "dim")]))
            within = frame.call
            rows += _back_rows(trace, trace.backs[frame.back], scale)
    backs = [trace.backs[f.back] for f in frames if f.back is not None]
    walk = trace.walks[backs[0].walk if backs else frames[0].walk]
    what = f"backward from {walk.label}" + ("" if walk.loss is None else f" = {_number(walk.loss)}")
    columns = (
        Column("layer", "layer", 0, left=True),
        Column("kind", "kind", 5, left=True),
        Column("shape", "shape", 4, left=True),
        Column("norm", "forward\nnorm", 3),
        Column("in", "gradient\nin", 1),
        Column("out", "gradient\nout", 2),
        Column("bar", f"{scale}", 6, bar=True),
        Column("parameters", "parameters", 7, left=True),
        Column("zeros", "zeros\nout", 8),
    )

    def kept(look: Look) -> list[str]:
        later = [c for c in trace.crossings if c.kind == "door" and c not in crossings and trace.walks[c.walk] is walk]
        return [line for c in later for line in look.lines(f"{_arrived(trace, c)} waits at the door", "green")]

    def body(look: Look) -> list[str]:
        return [*table(look, columns, rows), *kept(look), "", *_statuses(trace, backs, look), *_alarms(rows, look)]

    return Page(_turn(frames), what, "; ".join(_crossed(trace, c) for c in crossings), body)


def _back_rows(trace: Trace, back: Back, scale: _Scale) -> list[Row]:
    """A row for a layer; where gradients go on to several inputs (a loss's), one more for each."""
    layer = trace.layers[back.layer]
    cells = {
        "layer": layer.name, "kind": "loss" if layer.owner == "loss" else layer.kind,
        "shape": _shape(layer.output), "norm": _norm(layer.output), "in": _norm(back.gradient_in),
        "parameters": ", ".join(_counted(back).values()),
    }  # fmt: skip
    style = OWNER_STYLES.get(layer.owner, ())
    outs = [(i, dx) for i, dx in enumerate(back.gradients_out) if dx is not None]
    if len(outs) < 2:
        return [Row(cells | _gradient_out(outs[0][1] if outs else None, scale), style)]
    rows = [Row(cells, style)]
    for i, dx in outs:
        source = None if layer.sources[i] is None else trace.layers[layer.sources[i]]
        to = "an input" if source is None else source.name if source.call is None else trace.calls[source.call].label
        rows.append(Row({"layer": f"  → {to}", "shape": _shape(dx)} | _gradient_out(dx, scale)))
    return rows


def _gradient_out(dx: Array | None, scale: _Scale) -> dict[str, str | float]:
    if dx is None:
        return {"out": "–"}
    return {"out": _norm(dx), "zeros": f"{dx.zeros:.0%}" if dx.zeros else "", "bar": scale.share(dx.norm)}


def _counted(back: Back) -> dict[str, str]:
    counts: dict[str, int] = {}
    for p in back.parameters:
        counts[p.status] = counts.get(p.status, 0) + 1
    return {status: f"{n} {status}" for status, n in counts.items()}


def _statuses(trace: Trace, backs: Sequence[Back], look: Look) -> list[str]:
    """What became of the parameters' gradients, in words."""
    names: dict[tuple[str, str], set[str]] = {}
    for back in backs:
        for p in back.parameters:
            names.setdefault((trace.layers[back.layer].owner, p.status), set()).add(p.name)
    lines = []
    for (owner, status), known in names.items():
        whose = f"{owner}'s " if owner else ""
        lines += look.lines(f"{whose}parameter gradients: {len(known)} {STATUSES.get(status, status)}.")
    if any(all(dx is None for dx in back.gradients_out) for back in backs):
        lines += look.lines("–: nobody needs the gradient of this input, so it was not computed.")
    return lines


# The border: its name, with what it is drawn, and in which colour.
_BORDERS = {
    "wall": ("the wall", "┬┴", "red"),
    "door": ("the door", "═", "green"),
    "open": ("the border", "═", "blue"),
}


def _crossing(trace: Trace, c: Crossing, look: Look) -> list[str]:
    """A border across the table, with what arrives on D's side and what goes on into G."""
    border = trace.borders[c.border]
    d, g = (trace.calls[call].owner for call in (border.to_call, border.from_call))
    name, sign, style = _BORDERS[c.kind]
    at_input, at_output = f"∂L/∂{d}.input", f"∂L/∂{g}.output"
    arrived = _arrived(trace, c)
    if c.kind == "wall":
        return [
            *look.lines(f"{arrived} arrives" if c.at_input else arrived, indent="    "),
            look.rule(sign, "", style),
            look.rule(sign[::-1], name, style, "bold"),
            look.rule(sign, "", style),
            *look.lines(f"{_exact(c.norm_into)} into {g}", "bold", indent="    "),
        ]
    lines = [look.rule(sign, name, style, "bold"), *look.lines(arrived, indent="    ")]
    if c.at_output is not None:
        lines += look.lines(f"‖{at_output}‖ = {_exact(c.at_output.norm)}", indent="    ")
        difference = "no finite number" if c.difference is None else str(c.difference)
        lines += look.lines(f"max|{at_input} − {at_output}| = {difference}", style, "bold")
    else:
        lines += look.lines(f"{_exact(c.norm_into)} into {g}", "bold", indent="    ")
    return [*lines, look.rule(sign, "", style)]


def _arrived(trace: Trace, c: Crossing) -> str:
    at_input = f"∂L/∂{trace.calls[trace.borders[c.border].to_call].owner}.input"
    return f"‖{at_input}‖ = {_exact(c.at_input.norm)}" if c.at_input else f"{at_input}: nobody asked for it"


def _crossed(trace: Trace, c: Crossing) -> str:
    if c.kind == "wall" or c.at_output is None:
        owner = trace.calls[trace.borders[c.border].from_call].owner
        return f"{_BORDERS[c.kind][0]}: {_exact(c.norm_into)} into {owner}"
    return f"{_BORDERS[c.kind][0]}: difference {c.difference}"


def _update(trace: Trace, frames: Sequence[Frame], scale: _Scale) -> Page:
    update = trace.updates[frames[0].update]
    ratios = [p.ratio for p in update.parameters if p.ratio is not None and p.gradient is not None]
    own = _Scale(ratios)
    columns = (*UPDATE, Column("bar", f"{own}", 6, bar=True))
    rows = []
    for p in update.parameters:
        cells: dict[str, str | float] = {"parameter": p.name, "shape": _shape(p.weight), "weight": _norm(p.weight)}
        if p.gradient is None:
            cells |= {"gradient": "–", "ratio": "stays"}
        else:
            ratio = {"ratio": "from 0"} if p.ratio is None else {"ratio": _number(p.ratio), "bar": own.share(p.ratio)}
            cells |= {"gradient": _norm(p.gradient), "update": _number(p.update)} | ratio
        rows.append(Row(cells, OWNER_STYLES.get(update.owner, ())))

    def body(look: Look) -> list[str]:
        return [*look.lines(f"learning rate {update.lr:g}"), *table(look, columns, rows), *_alarms(rows, look)]

    range_ = f"ratio {min(ratios):.2g} … {max(ratios):.2g}" if ratios else ""
    return Page(
        f"{update.owner}'s turn" if update.owner else "",
        f"update of {update.owner} by {update.optimizer}",
        range_,
        body,
    )


def _comparison(trace: Trace, look: Look) -> list[str]:
    """Each objective's gradient at G(z), from the same verdicts of D; then as if D were surer of them."""
    scale = _Scale(c.border.norm for c in trace.comparisons)
    as_it_is = {c.objective: c.border.norm for c in trace.comparisons if not c.surer}
    columns = (*COMPARISON, Column("bar", f"{scale}", 4, bar=True))
    rows: list[Row | Drawn] = []
    surer = None
    for c in trace.comparisons:
        if c.surer != surer:
            surer = c.surer
            how = f"D surer, its logits lowered by {surer:g}" if surer else "D as it is"
            verdict = "" if c.verdict is None else f": G(z) is real with probability {_number(c.verdict)}"
            rows.append(Drawn(lambda look, text=f"{how}{verdict}": ["", *look.lines(text, "bold")]))
        before = as_it_is.get(c.objective)
        times = _number(c.border.norm / before) if surer and before else ""
        cells = {
            "objective": c.objective, "formula": c.formula, "loss": "" if c.loss is None else _number(c.loss),
            "border": _norm(c.border), "times": times, "bar": scale.share(c.border.norm),
        }  # fmt: skip
        rows.append(Row(cells))
    same = "All from the same point: D's verdict on G(z) from which G learns in this step, with its dropout masks."
    own = f" The step's own is {own.objective}: {_exact(own.border.norm)} arrived." if (own := _own(trace)) else ""
    return [*look.lines(same + own), *table(look, columns, rows), *_alarms(rows, look)]


def _own(trace: Trace) -> Comparison | None:
    """Of the objectives compared, the one that the step was taken with: it has sent back the same numbers."""
    arrived = {c.at_input.norm for c in trace.crossings if c.kind != "wall" and c.at_input}
    return next((c for c in trace.comparisons if not c.surer and c.border.norm in arrived), None)


_PAGES = {"forward": _forward, "backward": _backward, "update": _update}


# --- numbers -------------------------------------------------------------------------------------


class _Scale:
    """A logarithmic scale over whole decades that holds all these numbers."""

    def __init__(self, numbers: Iterable[float]) -> None:
        logs = [math.log10(x) for x in numbers if x > 0]
        self.low = math.floor(min(logs, default=0))
        self.high = max(math.ceil(max(logs, default=0)), self.low + 1)

    def share(self, number: float) -> float:
        """How full a bar is: 0 only for 0."""
        if number <= 0:
            return 0.0
        return min(1.0, max(1e-9, (math.log10(number) - self.low) / (self.high - self.low)))

    def __str__(self) -> str:
        return f"log scale\n{_decade(self.low)} … {_decade(self.high)}"


def _decade(power: int) -> str:
    return f"{10.0**power:g}" if -4 < power < 4 else f"1e{power}"


def _gradient_norms(trace: Trace) -> list[float]:
    return [dx.norm for back in trace.backs for dx in back.gradients_out if dx is not None]


def _number(x: float) -> str:
    return f"{x:.4g}"


def _exact(x: float) -> str:
    """All that the trace knows of it."""
    return f"{x:.9g}"


def _norm(array: Array) -> str:
    return _number(array.norm) + ("" if array.finite else "!")


def _alarms(rows: Sequence[Row | Drawn], look: Look) -> list[str]:
    marked = any(isinstance(v, str) and v.endswith("!") for r in rows if isinstance(r, Row) for v in r.cells.values())
    return look.lines("!: NaN or Inf are among these numbers; the norm is of the finite ones.", "red") if marked else []


def _shape(array: Array) -> str:
    return "×".join(map(str, array.shape)) or "number"

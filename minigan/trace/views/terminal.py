"""A trace in the terminal: a page for each pass of the step, with a row for each layer in the order of the step.

    minigan trace --text

A forward page shows each layer's output; a backward page the gradient at its output and the one at its input, from
the loss down to the noise, with the border between D and G across it.
"""

from __future__ import annotations

from collections.abc import Sequence

from minigan import terminal
from minigan.trace.schema import Frame, Trace
from minigan.trace.views import terminal_pages
from minigan.trace.views.table import NARROWEST, Console, LogScale, Row, fits, table
from minigan.trace.views.terminal_pages import Page, make_page

OVERVIEW = {"page": 0, "whose": 1, "what": 2, "result": 3}
TURNS = {"both": "both turns", "all": "all turns", "": ""}


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
            found.append(terminal_pages.update_page(trace, console, turn, number))
        elif kind == "forward":
            found.append(terminal_pages.forward_page(trace, console, turn, frames))
        else:
            found.append(terminal_pages.backward_page(trace, console, turn, frames, scale))
    if trace.comparisons:
        found.append(terminal_pages.comparison_page(trace, console))
    model = trace.about.get("model")
    title = f"a training step of {model}" if model else "a trace"
    return [make_page(console, title, _overview(trace, found, console)), *found]


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

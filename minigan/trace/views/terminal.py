"""A trace in the terminal: a page for each pass of the step, with a row for each layer in the order of the step.

    minigan trace --text

A forward page shows each layer's output; a backward page the gradient at its output and the one at its input, from
the loss down to the noise, with the border between D and G across it.
"""

from __future__ import annotations

from collections.abc import Sequence

from minigan import terminal
from minigan.trace.schema import Frame, Trace
from minigan.trace.views.numbers import LogScale
from minigan.trace.views.table import NARROWEST, Column, Console, Row, fits, table
from minigan.trace.views.terminal_backward import backward_page
from minigan.trace.views.terminal_pages import Page, comparison_page, forward_page, update_page

ABOUT = {"at": "at step"}


def trace_text(trace: Trace, width: int | None = None) -> str:
    """All pages, without colours, as wide as the terminal or that many columns (at least 40)."""
    console = Console(max(NARROWEST, width or terminal.width()))
    return "\n\n".join("\n".join(page.lines(console)) for page in pages(trace)) + "\n"


def step_through(trace: Trace) -> None:
    """Show the pages one after another, and go on with a key; where there are no keys, all at once."""
    all_pages = pages(trace)

    def show(number: int) -> None:
        console = Console(max(NARROWEST, terminal.width(120)), terminal.signs, terminal.styled)
        print("\n".join(all_pages[number].lines(console)) + "\n")

    terminal.step(len(all_pages), show)


def pages(trace: Trace) -> list[Page]:
    """What the step is about and what pages there are, then a page for each pass, then the objectives compared."""
    scale = LogScale(dx.norm for backward in trace.layer_backwards for dx in backward.grad_inputs if dx is not None)
    found = [_page(trace, kind, frames, scale) for kind, frames in _passes(trace)]
    if trace.comparisons:
        found.append(comparison_page(trace))
    model = trace.about.get("model")
    title = f"a training step of {model}" if model else "a trace"
    return [Page("", title, "", lambda console: _overview(trace, found, console)), *found]


def _page(trace: Trace, kind: str, frames: Sequence[Frame], scale: LogScale) -> Page:
    turn = frames[0].turn
    turn = {"both": "both turns", "all": "all turns", "": ""}.get(turn, f"{turn}'s turn")
    if kind == "update":
        return update_page(trace, frames)
    return forward_page(trace, turn, frames) if kind == "forward" else backward_page(trace, turn, frames, scale)


# --- from frames to passes -----------------------------------------------------------------------


def _passes(trace: Trace) -> list[tuple[str, list[Frame]]]:
    """Frames that belong on one page, and of which kind it is."""
    began = {g.border: g.backward_pass for g in trace.border_gradients if g.kind == "carried"}
    passes: list[tuple[tuple[str, int | None], list[Frame]]] = []
    for frame in trace.frames:
        key = _pass(trace, frame, began)
        if passes and (passes[-1][0] == key or frame.direction == "loss" and passes[-1][0][0] == "forward"):
            passes[-1][1].append(frame)
        else:
            passes.append((key, [frame]))
    return [(key[0], frames) for key, frames in passes]


def _pass(trace: Trace, frame: Frame, began: dict[int, int]) -> tuple[str, int | None]:
    """The kind and number of a frame's pass: one that carries on another's gradient is the same pass. began: by a
    border, the pass that left a gradient there."""
    if frame.direction == "update":
        return "update", frame.update
    if frame.backward_pass is None:
        return "forward", frame.call
    number, seen = frame.backward_pass, set()
    while (border := trace.backward_passes[number].carries) in began and number not in seen:
        seen.add(number)
        number = began[border]
    return "backward", number


# --- the first page ------------------------------------------------------------------------------


def _overview(trace: Trace, others: Sequence[Page], console: Console) -> list[str]:
    about = [f"{ABOUT.get(name, name)}: {value}" for name, value in trace.about.items() if name != "model"]
    columns = [
        Column("page", "page", 0),
        Column("turn", "whose", 1, left=True),
        Column("what", "what", 2, left=True),
        Column("result", "result", 3, left=True),
    ]
    numbered = list(enumerate(others, 2))
    rows = [Row({"page": str(n), "turn": page.turn, "what": page.what, "result": page.result}) for n, page in numbered]
    if not fits(console, columns, rows):
        columns, rows = [columns[0], columns[2]], [row for n, page in numbered for row in _in_two_lines(n, page)]
    return [*console.lines(" · ".join(about)), "", *table(console, columns, rows)]


def _in_two_lines(number: int, page: Page) -> list[Row]:
    """An entry of the overview where there is no room: whose turn stands before the what, the result below."""
    turn = page.turn.split("'")[0].split()
    below = [Row({"page": "", "what": f"  {page.result}"})] if page.result else []
    return [Row({"page": str(number), "what": ": ".join([*turn[:1], page.what])}), *below]

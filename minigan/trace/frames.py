"""Frames: a trace in order, one thing to look at after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from minigan.trace.grouping import What
from minigan.trace.schema import Frame, Layer, Trace

# Titles and notes at a border, by its kind: on the way forward, and on the way back.
ENTERED = {
    "detached": (
        "The wall: {output} enters {to}, cut from what made it",
        "The same numbers, and no way back: no gradient that arrives here will reach {source}.",
    ),
    "carried": (
        "The threshold: {output} enters {to} as a leaf",
        "The same numbers on both sides, and a place where the gradient that comes back can be met.",
    ),
    "attached": ("{output} enters {to}", "One graph runs through both: the gradient will pass by itself."),
}
_DIFFERENCE = "max|∂L/∂{to}.input − ∂L/∂{source}.output| = {difference}"
ARRIVED = {
    "detached": ("The wall: the gradient stops at {to}'s input", "Nothing of it goes on into {source}: exactly 0."),
    "carried": ("The door: ∂L/∂{to}.input becomes ∂L/∂{source}.output", _DIFFERENCE),
    "attached": ("The border: ∂L/∂{to}.input is ∂L/∂{source}.output", _DIFFERENCE),
}
STATUSES = {"not asked": "not asked for"}


Timeline = Sequence[tuple[What, int]]


def make_frames(trace: Trace, timeline: Timeline, carried: Mapping[int, int]) -> Iterator[Frame]:
    """The frames of a trace. timeline: what happened, in order; carried: by the number of a backward pass, the
    gradient that it took up at a border."""
    last_of = {(trace.layers[b.layer].call, b.backward_pass): i for i, b in enumerate(trace.layer_backwards)}
    arrived: dict[int, list[int]] = {}  # by the last layer's backward of a call: the gradients at its input
    for i, g in enumerate(trace.border_gradients):
        if g.kind != "carried":
            arrived.setdefault(last_of[trace.borders[g.border].to_call, g.backward_pass], []).append(i)
    for (what, number), turn in zip(timeline, _turns(trace, timeline), strict=True):
        if what == "call":
            yield from _call(trace, number, turn)
        elif what == "layer":
            yield _layer(trace, number, turn)
        elif what == "layer_backward":
            yield _layer_backward(trace, number, turn)
            yield from (_border_gradient(trace, i, turn) for i in arrived.get(number, ()))
        elif what == "update":
            yield _update(trace, number, turn)
        elif number in carried:
            yield _border_gradient(trace, carried[number], turn)


def _turns(trace: Trace, timeline: Timeline) -> list[str]:
    """Whose turn each entry belongs to: of those who are updated next. Where several are, that of a backward pass
    or an update is its own player's."""
    turns: list[str] = []
    owners: set[str] = set()
    later = None
    for what, number in reversed(timeline):
        if what == "update":
            owners = (owners if later == "update" else set()) | {trace.updates[number].owner}
        turn = {0: "", 1: next(iter(owners), ""), 2: "both"}.get(len(owners), "all")
        if len(owners) > 1 and what == "update":
            turn = trace.updates[number].owner
        elif len(owners) > 1 and what in ("backward_pass", "layer_backward"):
            begun = number if what == "backward_pass" else trace.layer_backwards[number].backward_pass
            turn = trace.backward_passes[begun].player
        turns.append(turn)
        later = what
    return turns[::-1]


def _call(trace: Trace, number: int, turn: str) -> Iterator[Frame]:
    """What enters a network: another one's output, or what comes from outside."""
    call = trace.calls[number]
    at = {border.to_call: i for i, border in enumerate(trace.borders)}.get(number)
    if at is not None:
        source, value = trace.calls[trace.borders[at].from_call], trace.borders[at].value
        names = {"output": source.label, "to": call.owner, "source": source.owner}
        title, note = (text.format(**names) for text in ENTERED[trace.borders[at].kind])
        yield Frame(title, note, turn, call.owner, "border", call=number, border=at, input=value, output=value)
        return
    for name, array in zip(call.input_names, call.inputs, strict=True):
        title, note = f"{name} enters {call.owner}", array.dimensions
        yield Frame(title, note, turn, call.owner, "enter", call=number, input=array, output=array)


def _layer(trace: Trace, number: int, turn: str) -> Frame:
    layer = trace.layers[number]
    value, given = layer.output, layer.inputs[0] if layer.inputs else None
    if layer.owner == "loss":
        title = layer.name if value.shape else f"{layer.name} = {value.mean:.4g}"
        return Frame(title, layer.kind, turn, "loss", "loss", layer=number, input=given, output=value)
    title = f"Forward through {_title(trace, layer)}"
    note = " → ".join(array.dimensions for array in (given, value) if array is not None)
    return Frame(title, note, turn, layer.owner, "forward", call=layer.call, layer=number, input=given, output=value)


def _layer_backward(trace: Trace, number: int, turn: str) -> Frame:
    backward = trace.layer_backwards[number]
    layer = trace.layers[backward.layer]
    counts = backward.statuses.items()
    note = "; ".join(f"{n} parameter gradient{'s' * (n > 1)} {STATUSES.get(s, s)}" for s, n in counts)
    return Frame(
        f"Back through {_title(trace, layer)}", note, turn, layer.owner, "backward", "backward", call=layer.call,
        layer=backward.layer, layer_backward=number, backward_pass=backward.backward_pass,
        input=layer.inputs[0] if layer.inputs else None, output=layer.output, grad_output=backward.grad_output,
        grad_input=next((dx for dx in backward.grad_inputs if dx is not None), None),
    )  # fmt: skip


def _border_gradient(trace: Trace, number: int, turn: str) -> Frame:
    gradient = trace.border_gradients[number]
    border = trace.borders[gradient.border]
    source, to = trace.calls[border.from_call].owner, trace.calls[border.to_call].owner
    title, note = (text.format(to=to, source=source, difference=gradient.difference) for text in ARRIVED[gradient.kind])
    return Frame(
        title, note, turn, to, "border", "backward", call=border.to_call, backward_pass=gradient.backward_pass,
        border=gradient.border, border_gradient=number, input=border.value, output=border.value,
        grad_output=gradient.at_input, grad_input=gradient.at_output,
    )  # fmt: skip


def _update(trace: Trace, number: int, turn: str) -> Frame:
    update = trace.updates[number]
    changed = [p for p in update.parameters if p.gradient is not None]
    ratios = [p.ratio for p in changed if p.ratio is not None]
    note = f"{update.optimizer}, learning rate {update.lr:g}: {len(changed)} parameters changed"
    if ratios:
        which = "" if len(ratios) == len(changed) else f"{len(ratios)} of them "
        note += f", {which}by {min(ratios):.1e} to {max(ratios):.1e} of their norms"
    if 0 < len(ratios) < len(changed):
        note += f"; the norms of the other {len(changed) - len(ratios)} were 0"
    return Frame(f"{update.owner}'s update", note, turn, update.owner, "update", update=number)


def _title(trace: Trace, layer: Layer) -> str:
    """What a layer is called in a title: "G.main.0 (Dense) in G(z)"."""
    is_bare = layer.owner == "loss" or layer.kind == layer.name
    named = layer.name if is_bare else f"{layer.name} ({layer.kind})"
    return named if layer.call is None else f"{named} in {trace.call_label(layer)}"

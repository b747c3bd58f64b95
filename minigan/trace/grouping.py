"""Functions grouped into layers, and layers into calls of networks, forward and back."""

from __future__ import annotations

import itertools
from typing import Literal, TypeVar

from minigan.nn.module import ModuleCall
from minigan.trace.events import BackwardEvent, BackwardStart, ForwardEvent, FunctionInput, OptimizerEvent, Recording

What = Literal["call", "layer", "backward_pass", "layer_backward", "update"]
T = TypeVar("T")


class Grouping:
    """A recorder's events, grouped. A layer are functions that a module called one after another; a layer's backward
    are those of its functions that a backward pass goes through one after another."""

    def __init__(self, recording: Recording) -> None:
        self.timeline: list[tuple[What, int]] = []  # what happened, and its number among its like
        self.layers: list[list[ForwardEvent]] = []
        self.calls: list[ModuleCall] = []  # of networks
        self.call_of: list[int | None] = []  # of each layer
        self.starts: list[BackwardStart] = []
        self.layer_backwards: list[list[BackwardEvent]] = []
        self.updates: list[OptimizerEvent] = []
        by_kind = itertools.groupby(recording.events, lambda event: (type(event), getattr(event, "module_call", None)))
        for _, run in by_kind:
            events = list(run)
            self._add_functions([e for e in events if isinstance(e, ForwardEvent)])
            backward = (e for e in events if isinstance(e, BackwardEvent))
            for _, of_layer in itertools.groupby(backward, lambda event: event.function.layer):
                self._add("layer_backward", self.layer_backwards, list(of_layer))
            for event in events:
                if isinstance(event, BackwardStart):
                    self._add("backward_pass", self.starts, event)
                elif isinstance(event, OptimizerEvent):
                    self._add("update", self.updates, event)

    def _add_functions(self, functions: list[ForwardEvent]) -> None:
        """Functions called one after another, by one module or by none."""
        network = functions[0].network if functions else None
        if network is not None and network not in self.calls:
            self._add("call", self.calls, network)
        for layer in _computed_from_one_another(functions) if network is None else [functions]:
            for function in layer:
                function.layer = len(self.layers)
            self._add("layer", self.layers, layer)
            self.call_of.append(None if network is None else self.calls.index(network))

    def _add(self, what: What, like: list[T], item: T) -> None:
        self.timeline.append((what, len(like)))
        like.append(item)

    def inputs(self, functions: list[ForwardEvent]) -> list[FunctionInput]:
        """What enters some functions from outside of them, each once."""
        inside = set(functions)
        entries: dict[object, FunctionInput] = {}
        for function in functions:
            for i in function.inputs:
                if i.parameter is None and i.maker not in inside:
                    entries.setdefault(id(i.summary) if i.key is None else i.key, i)
        flowing = [i for i in entries.values() if not i.constant]
        return flowing or list(entries.values())[:1]  # (a module may be called with bare arrays)

    def inputs_of_call(self, call: int) -> list[FunctionInput]:
        """What the functions of a call take in from outside of it."""
        layers = zip(self.call_of, self.layers, strict=True)
        return self.inputs([function for of, layer in layers if of == call for function in layer])

    def source_call(self, entry: FunctionInput) -> int | None:
        """The call that an input was made in."""
        return None if entry.maker is None else self.call_of[entry.maker.layer]


def _computed_from_one_another(functions: list[ForwardEvent]) -> list[list[ForwardEvent]]:
    """The layers of functions that no module called. A loss ends where a backward pass begins."""
    first_of: dict[ForwardEvent, int] = {}  # the number of the first of its layer
    for number, function in enumerate(functions):
        makers = (i.maker for i in function.inputs if i.maker is not None and not i.maker.starts_backward)
        joined = {first_of[maker] for maker in makers if maker in first_of}
        if len(joined) > 1:
            first_of |= {f: min(joined) for f, first in first_of.items() if first in joined}
        first_of[function] = min(joined, default=number)
    layers: dict[int, list[ForwardEvent]] = {}
    for function, first in first_of.items():
        layers.setdefault(first, []).append(function)
    return list(layers.values())

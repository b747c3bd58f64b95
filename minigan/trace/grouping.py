"""Functions grouped into layers, and layers into calls of networks, forward and back."""

from __future__ import annotations

from typing import Literal

from minigan.nn.module import ModuleCall
from minigan.trace.events import BackwardEvent, BackwardStart, Event, ForwardEvent, FunctionInput, OptimizerEvent
from minigan.trace.recorder import Recorder

# What happened, and its number among its like.
TimelineEntry = tuple[Literal["call", "layer", "backward_pass", "layer_backward", "update"], int]


class Grouping:
    """A recorder's events, grouped. A layer are functions that a module called one after another; a layer's backward
    are those of its functions that a backward pass goes through one after another."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.timeline: list[TimelineEntry] = []
        self.layers: list[list[int]] = []  # the functions of each, by number
        self.layer_of: dict[int, int] = {}  # by the number of a function
        self.calls: list[ModuleCall] = []  # of networks
        self.call_of: list[int | None] = []  # of each layer
        self.starts: list[BackwardStart] = []
        self.layer_backwards: list[list[BackwardEvent]] = []
        self.updates: list[OptimizerEvent] = []
        self.start_functions = {n for e in recorder.events if isinstance(e, BackwardStart) for n, _ in e.starts}
        self._first_of = self._functions_without_module()
        self._numbers: dict[ModuleCall, int] = {}
        last: Event | None = None
        for event in recorder.events:
            self._add(event, last)
            last = event

    # Reading it.

    def events(self, layer: int) -> list[ForwardEvent]:
        """The functions of a layer."""
        return [self.recorder.forward_events[n] for n in self.layers[layer]]

    def inputs(self, functions: list[int]) -> list[FunctionInput]:
        """What enters some functions from outside of them, each once."""
        inside = set(functions)
        entries: dict[object, FunctionInput] = {}
        for n in functions:
            for i in self.recorder.forward_events[n].inputs:
                if i.parameter is None and i.maker not in inside:
                    entries.setdefault(id(i.summary) if i.key is None else i.key, i)
        flowing = [i for i in entries.values() if not i.constant]
        return flowing or list(entries.values())[:1]  # (a module may be called with bare arrays)

    def call_inputs(self, call: int) -> list[FunctionInput]:
        """What enters a call: what it was given, as its functions took it in, or (labels) not; then all else."""
        taken = self.inputs(self.call_functions(call))
        entries = []
        for given in self.recorder.call_inputs.get(self.calls[call], ()):
            same = next((i for i in taken if i.summary is given.summary), None)
            entries.append(same or given)
            taken = [i for i in taken if i is not same]
        return entries + taken

    def call_functions(self, call: int) -> list[int]:
        """The functions of a call, by number."""
        return [n for layer, functions in enumerate(self.layers) if self.call_of[layer] == call for n in functions]

    def source(self, entry: FunctionInput) -> int | None:
        """The layer that made an input."""
        return None if entry.maker is None else self.layer_of[entry.maker]

    def source_call(self, entry: FunctionInput) -> int | None:
        """The call that an input was made in."""
        source = self.source(entry)
        return None if source is None else self.call_of[source]

    # Making it.

    def _add(self, event: Event, last: Event | None) -> None:
        if isinstance(event, ForwardEvent):
            self._add_function(event, last)
        elif isinstance(event, BackwardStart):
            self.timeline.append(("backward_pass", event.number))
            self.starts.append(event)
        elif isinstance(event, BackwardEvent):
            if isinstance(last, BackwardEvent) and self._is_same_backward(event, last):
                self.layer_backwards[-1].append(event)
            else:
                self.timeline.append(("layer_backward", len(self.layer_backwards)))
                self.layer_backwards.append([event])
        else:
            self.timeline.append(("update", len(self.updates)))
            self.updates.append(event)

    def _is_same_backward(self, a: BackwardEvent, b: BackwardEvent) -> bool:
        return a.backward_pass == b.backward_pass and self.layer_of[a.function] == self.layer_of[b.function]

    def _add_function(self, event: ForwardEvent, last: Event | None) -> None:
        number = len(self.layer_of)
        network = self.recorder.network_call(event.module_call)
        if network is None:
            first = self._first_of[number]
            if first == number:
                self._begin_layer(None)
                self.layer_of[number] = len(self.layers) - 1
            layer = self.layer_of[first]
        else:
            if network not in self._numbers:
                self._numbers[network] = len(self.calls)
                self.timeline.append(("call", len(self.calls)))
                self.calls.append(network)
            if not (isinstance(last, ForwardEvent) and last.module_call is event.module_call):
                self._begin_layer(self._numbers[network])
            layer = len(self.layers) - 1
        self.layer_of[number] = layer
        self.layers[layer].append(number)

    def _begin_layer(self, call: int | None) -> None:
        self.timeline.append(("layer", len(self.layers)))
        self.layers.append([])
        self.call_of.append(call)

    def _functions_without_module(self) -> dict[int, int]:
        """Functions that no network called, each with the first of its layer: a layer are those that were called with
        nothing else between, and computed from one another. A loss ends where a backward pass begins."""
        first: dict[int, int] = {}
        members: dict[int, list[int]] = {}  # of the layers that may go on
        number = -1
        for event in self.recorder.events:
            number += isinstance(event, ForwardEvent)
            if not isinstance(event, ForwardEvent) or event.module_call is not None:
                members = {}
                continue
            makers = {i.maker for i in event.inputs if i.maker is not None and i.maker not in self.start_functions}
            joined = {first[maker] for maker in makers if maker in first}
            layers = sorted(joined & members.keys())
            together = [n for layer in layers for n in members.pop(layer)] + [number]
            members[together[0]] = together
            first |= dict.fromkeys(together, together[0])
        return first

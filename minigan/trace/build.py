"""From what a recorder wrote down to a trace: layers, calls, backward passes, borders, updates, and frames in order."""

from __future__ import annotations

import dataclasses

from minigan.autograd import Function, Tensor
from minigan.trace import schema
from minigan.trace.border_gradients import Borders
from minigan.trace.events import BackwardEvent, BackwardStart, FunctionInput, OptimizerEvent, ParameterResult, Recording
from minigan.trace.formulas import function_text, optimizer_text
from minigan.trace.frames import make_frames
from minigan.trace.grouping import Grouping


class Builder:
    """Makes the parts of a trace, each of those before."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.grouping = recording, Grouping(recording)
        self.named: dict[int, tuple[str, str]] = {}  # by id of a parameter: its network's name, and its own
        called = [(recording.owner(call), call.module) for call in self.grouping.calls]
        for network, module in (*recording.modules.items(), *called):
            for name, p in module.named_parameters():
                self.named.setdefault(id(p), (network, f"{network}.{name}"))
        self.losses_are_named = any(function.loss for function in recording.functions)
        self.updated_by: dict[int, str] = {}  # by id of a parameter: the owner of its update
        self.updates = [self._update(event) for event in self.grouping.updates]
        self.layers = [self._layer(number) for number in range(len(self.grouping.layers))]
        self.calls = [self._call(number) for number in range(len(self.grouping.calls))]
        self.borders = Borders(self.grouping)

    def trace(self) -> schema.Trace:
        """The trace of all that the recorder wrote down."""
        passes = tuple(self._backward_pass(start) for start in self.grouping.starts)
        backwards = tuple(self._layer_backward(events) for events in self.grouping.layer_backwards)
        trace = schema.Trace(
            self.recording.about, tuple(self.calls), tuple(self.layers), passes, backwards,
            tuple(self.borders.borders), tuple(self.borders.gradients), tuple(self.updates), frames=(),
            comparisons=self.recording.comparisons, texts=self._texts(),
        )  # fmt: skip
        frames = make_frames(trace, self.grouping.timeline, self.borders.carried)
        return dataclasses.replace(trace, frames=tuple(frames))

    def _texts(self) -> tuple[schema.FunctionText, ...]:
        functions = dict.fromkeys(type(function.node) for function in self.recording.functions)
        optimizers = dict.fromkeys(type(event.optimizer) for event in self.grouping.updates)
        known = (function_text(f) for f in functions if issubclass(f, Function))
        return (*known, *map(optimizer_text, optimizers), *self.recording.methods)

    # Forward.

    def _layer(self, number: int) -> schema.Layer:
        functions, call = self.grouping.layers[number], self.grouping.call_of[number]
        if call is None:
            kind = ", ".join(function.node.name for function in functions)
            loss = next((function.loss for function in functions if function.loss), None)
            owner = "loss" if loss or any(function.starts_backward for function in functions) else ""
            name = loss or (kind if self.losses_are_named else owner or kind)
        else:
            owner, name, kind = self.recording.describe(functions)
        taken = self.grouping.inputs(functions)
        inputs = tuple(i.summary for i in taken)
        sources = tuple(None if i.maker is None else i.maker.layer for i in taken)
        detached = tuple(i.maker is not None and not i.attached for i in taken)
        called = tuple(schema.FunctionCall(function.node.name, function.output) for function in functions)
        own = {id(p): (p, i) for function in functions for i in function.inputs if (p := i.parameter) is not None}
        parameters = tuple(schema.LayerParameter(self._name(p), i.summary, i.key is None) for p, i in own.values())
        output = functions[-1].output
        return schema.Layer(
            name, kind, owner, call, inputs, sources, detached, output, called, parameters, functions[-1].terms
        )

    def _call(self, number: int) -> schema.NetworkCall:
        call, taken = self.grouping.calls[number], self._call_inputs(number)
        owner, kind = self.recording.owner(call), type(call.module).__name__
        training = self.recording.in_training.get(call, call.module.training)
        inputs, names = tuple(i.summary for i in taken), tuple(map(self._input_name, taken))
        layers = tuple(layer for layer, of in enumerate(self.grouping.call_of) if of == number)
        label, output = self._call_label(number), self.layers[layers[-1]].output
        return schema.NetworkCall(label, owner, kind, training, inputs, names, output, layers)

    def _call_inputs(self, number: int) -> list[FunctionInput]:
        """What enters a call: what it was given, as its functions took it in, or (labels) not; then all else."""
        taken, entries = self.grouping.inputs_of_call(number), []
        for given in self.recording.call_inputs.get(self.grouping.calls[number], ()):
            same = next((i for i in taken if i.summary is given.summary), None)
            entries.append(same or given)
            taken = [i for i in taken if i is not same]
        return entries + taken

    def _input_name(self, entry: FunctionInput) -> str:
        """What enters a call: another call's output, or by its name."""
        call = self.grouping.source_call(entry)
        if call is not None:
            return self._call_label(call)
        return entry.name or ("input" if entry.maker is None else self.layers[entry.maker.layer].name)

    def _call_label(self, number: int) -> str:
        names = map(self._input_name, self._call_inputs(number))
        return f"{self.recording.owner(self.grouping.calls[number])}({', '.join(names)})"

    # Backward.

    def _layer_backward(self, events: list[BackwardEvent]) -> schema.LayerBackward:
        number = events[0].function.layer
        functions = self.grouping.layers[number]
        gradients = {key: summary for event in events for key, summary in event.grad_inputs.items()}
        results = {id(result.parameter): result for event in events for result in event.parameters}
        # All that are frozen, also those that a function without a gradient took in: BatchNorm's, by a reshape.
        for item in (i for function in functions for i in function.inputs):
            if item.parameter is not None and item.key is None:
                results.setdefault(id(item.parameter), ParameterResult(item.parameter, "frozen", None))
        grad_inputs = tuple(None if i.key is None else gradients.get(i.key) for i in self.grouping.inputs(functions))
        told = ((self._name(result.parameter), result.status, result.gradient) for result in results.values())
        parameters = tuple(schema.ParameterGradient(*each) for each in told)
        backward_pass, grad_output = events[0].start.number, events[0].grad_output
        first = self.grouping.inputs(functions)[:1]
        terms = next((e.terms for e in events if e.terms is not None and e.function.inputs[0] in first), None)
        return schema.LayerBackward(number, backward_pass, grad_output, grad_inputs, parameters, terms)

    def _backward_pass(self, start: BackwardStart) -> schema.BackwardPass:
        label, player = self._label(start), self._player(start)
        begun = [function.output for function in start.functions]
        loss = begun[0].mean if len(begun) == 1 and not begun[0].shape and begun[0].finite else None
        first = start.functions[0].layer if start.functions else None
        carried = self.borders.carried.get(start.number)
        carries = None if carried is None else self.borders.gradients[carried].border
        backwards = tuple(i for i, events in enumerate(self.grouping.layer_backwards) if events[0].start is start)
        return schema.BackwardPass(label, loss, player, first, carries, backwards)

    def _label(self, start: BackwardStart) -> str:
        if start.number in self.borders.carried:
            gradient = self.borders.gradients[self.borders.carried[start.number]]
            output = self.calls[self.borders.borders[gradient.border].from_call].label
            return f"∂{self._label(self.grouping.starts[gradient.backward_pass])}/∂{output}"
        if start.loss or not start.functions:
            return start.loss or "a backward pass"
        return self.layers[start.functions[0].layer].name

    def _player(self, start: BackwardStart) -> str:
        """Whom a backward pass was for: in whose turn the parameters change whose gradients it computed. If it
        computed none, whom the pass was for that carried its gradient on."""
        for name in (*self.recording.modules, *self.updated_by.values()):
            if start.loss == f"loss_{name}":
                return name
        names = {
            self.updated_by.get(id(result.parameter), self.layers[event.function.layer].owner)
            for events in self.grouping.layer_backwards
            for event in events
            if event.start is start
            for result in event.parameters
            if result.status == "computed"
        }
        if len(names) == 1:
            return names.pop()
        gradients, starts = self.borders.gradients, self.grouping.starts
        on = [n for n, carried in self.borders.carried.items() if gradients[carried].backward_pass == start.number]
        return self._player(starts[on[0]]) if on and not names else ""

    # Updates and parameters.

    def _update(self, event: OptimizerEvent) -> schema.Update:
        owner = self._updated_owner(event)
        self.updated_by |= {id(c.parameter): owner for c in event.changes if owner}
        changes = []
        for c in event.changes:
            ratio = c.update / c.weight.norm if c.weight.norm else None
            changes.append(schema.ParameterUpdate(self._name(c.parameter), c.weight, c.gradient, c.update, ratio))
        return schema.Update(owner, type(event.optimizer).__name__, event.lr, tuple(changes))

    def _updated_owner(self, event: OptimizerEvent) -> str:
        """The network that an optimiser changes; of several, the optimiser's name."""
        networks = dict.fromkeys(self._named(change.parameter)[0] for change in event.changes)
        if len(networks) > 1:
            for name, optimizer in self.recording.optimizers.items():
                if optimizer is event.optimizer:
                    return name
        return " and ".join(filter(None, networks))

    def _name(self, p: Tensor) -> str:
        return self._named(p)[1]

    def _named(self, p: Tensor) -> tuple[str, str]:
        """The network that a parameter is of, and its name; if that was never called, what the name says."""
        name = p.name or "parameter"
        return self.named.get(id(p), (name.rpartition(".")[0].split(".")[0], name))

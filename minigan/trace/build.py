"""From what a recorder wrote down to a trace: layers, calls, backward passes, borders, updates, and frames in order."""

from __future__ import annotations

import dataclasses

from minigan.autograd import Tensor
from minigan.trace.borders import Borders
from minigan.trace.events import BackwardEvent, BackwardStart, FunctionInput, OptimizerEvent, ParameterResult
from minigan.trace.frames import make_frames
from minigan.trace.grouping import Grouping
from minigan.trace.recorder import Recorder
from minigan.trace.schema import (
    BackwardPass,
    FunctionCall,
    Layer,
    LayerBackward,
    LayerParameter,
    NetworkCall,
    ParameterGradient,
    ParameterUpdate,
    Trace,
    Update,
)


def build_trace(recorder: Recorder) -> Trace:
    """The trace of all that a recorder wrote down."""
    return _Builder(recorder).trace()


class _Builder:
    """Makes the parts of a trace, each of those before."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.grouping = recorder, Grouping(recorder)
        self.named: dict[int, tuple[str, str]] = {}  # by id of a parameter: its network's name, and its own
        called = [(recorder.owner(call), call.module) for call in self.grouping.calls]
        for network, module in (*recorder.modules.items(), *called):
            for name, p in module.named_parameters():
                self.named.setdefault(id(p), (network, f"{network}.{name}"))
        self.updated_by: dict[int, str] = {}  # by id of a parameter: the owner of its update
        self.updates = [self._update(event) for event in self.grouping.updates]
        self.layers = [self._layer(number) for number in range(len(self.grouping.layers))]
        self.calls = [self._call(number) for number in range(len(self.grouping.calls))]
        self.layer_backwards = [self._layer_backward(events) for events in self.grouping.layer_backwards]
        self.borders = Borders(self.grouping, self.layer_backwards)

    def trace(self) -> Trace:
        """The trace."""
        passes = tuple(self._backward_pass(start) for start in self.grouping.starts)
        trace = Trace(
            self.recorder.about, tuple(self.calls), tuple(self.layers), passes, tuple(self.layer_backwards),
            tuple(self.borders.borders), tuple(self.borders.gradients), tuple(self.updates), frames=(),
        )  # fmt: skip
        frames = make_frames(trace, self.grouping.timeline, self.borders.carried)
        return dataclasses.replace(trace, frames=tuple(frames))

    # Forward.

    def _layer(self, number: int) -> Layer:
        grouping, losses = self.grouping, self.recorder.losses
        functions, events = grouping.layers[number], grouping.events(number)
        if grouping.call_of[number] is None:
            kind = ", ".join(event.node.name for event in events)
            is_loss = any(n in grouping.start_functions or n in losses for n in functions)
            owner = "loss" if is_loss else ""
            unnamed = kind if losses else owner or kind  # others were named
            name = next((losses[n] for n in functions if n in losses), unnamed)
        else:
            owner, name, kind = self.recorder.describe(events)
        inputs = grouping.inputs(functions)
        parameters = {
            id(i.parameter): (i.parameter, i) for event in events for i in event.inputs if i.parameter is not None
        }
        return Layer(
            name=name,
            kind=kind,
            owner=owner,
            call=grouping.call_of[number],
            inputs=tuple(i.summary for i in inputs),
            sources=tuple(grouping.source(i) for i in inputs),
            detached=tuple(i.maker is not None and not i.attached for i in inputs),
            output=events[-1].output,
            functions=tuple(FunctionCall(event.node.name, event.output) for event in events),
            parameters=tuple(LayerParameter(self._name(p), i.summary, i.key is None) for p, i in parameters.values()),
        )

    def _call(self, number: int) -> NetworkCall:
        call = self.grouping.calls[number]
        layers = tuple(layer for layer, of in enumerate(self.grouping.call_of) if of == number)
        inputs = self.grouping.call_inputs(number)
        return NetworkCall(
            label=self._call_label(number),
            owner=self.recorder.owner(call),
            kind=type(call.module).__name__,
            training=bool(call.module.training),
            inputs=tuple(i.summary for i in inputs),
            input_names=tuple(self._input_name(i) for i in inputs),
            output=self.layers[layers[-1]].output,
            layers=layers,
        )

    def _input_name(self, entry: FunctionInput) -> str:
        """What enters a call: another call's output, or by its name."""
        source, call = self.grouping.source(entry), self.grouping.source_call(entry)
        if call is not None:
            return self._call_label(call)
        return entry.name or ("input" if source is None else self.layers[source].name)

    def _call_label(self, number: int) -> str:
        names = map(self._input_name, self.grouping.call_inputs(number))
        return f"{self.recorder.owner(self.grouping.calls[number])}({', '.join(names)})"

    # Backward.

    def _layer_backward(self, events: list[BackwardEvent]) -> LayerBackward:
        layer = self.grouping.layer_of[events[0].function]
        gradients = {key: summary for event in events for key, summary in event.grad_inputs.items()}
        results = {id(result.parameter): result for event in events for result in event.parameters}
        # All that are frozen, also those that a function without a gradient took in: BatchNorm's, by a reshape.
        for item in (i for event in self.grouping.events(layer) for i in event.inputs):
            if item.parameter is not None and item.key is None:
                results.setdefault(id(item.parameter), ParameterResult(item.parameter, "frozen", None))
        keys = [i.key for i in self.grouping.inputs(self.grouping.layers[layer])]
        return LayerBackward(
            layer=layer,
            backward_pass=events[0].backward_pass,
            grad_output=events[0].grad_output,
            grad_inputs=tuple(None if key is None else gradients.get(key) for key in keys),
            parameters=tuple(
                ParameterGradient(self._name(r.parameter), r.status, r.gradient) for r in results.values()
            ),
        )

    def _backward_pass(self, start: BackwardStart) -> BackwardPass:
        carried = self.borders.carried.get(start.number)
        backwards = enumerate(self.layer_backwards)
        return BackwardPass(
            label=self._label(start),
            loss=self._loss(start),
            player=self._player(start.number),
            start=self.grouping.layer_of[start.starts[0][0]] if start.starts else None,
            carries=None if carried is None else self.borders.gradients[carried].border,
            layer_backwards=tuple(i for i, backward in backwards if backward.backward_pass == start.number),
        )

    def _label(self, start: BackwardStart) -> str:
        if start.number in self.borders.carried:
            gradient = self.borders.gradients[self.borders.carried[start.number]]
            output = self.calls[self.borders.borders[gradient.border].from_call].label
            return f"∂{self._label(self.grouping.starts[gradient.backward_pass])}/∂{output}"
        if start.loss or not start.starts:
            return start.loss or "a backward pass"
        return self.layers[self.grouping.layer_of[start.starts[0][0]]].name

    def _loss(self, start: BackwardStart) -> float | None:
        """The number that a backward pass begins at, if it is one."""
        outputs = [self.recorder.forward_events[function].output for function, _ in start.starts]
        return outputs[0].mean if len(outputs) == 1 and not outputs[0].shape and outputs[0].finite else None

    def _player(self, backward_pass: int) -> str:
        """Whom a backward pass was for: in whose turn the parameters change whose gradients it computed. If it
        computed none, whom the pass was for that carried its gradient on."""
        loss = self.grouping.starts[backward_pass].loss
        for name in (*self.recorder.modules, *self.updated_by.values()):
            if loss == f"loss_{name}":
                return name
        names = {
            self.updated_by.get(id(result.parameter), self.layers[self.grouping.layer_of[event.function]].owner)
            for events in self.grouping.layer_backwards
            for event in events
            if event.backward_pass == backward_pass
            for result in event.parameters
            if result.status == "computed"
        }
        if len(names) == 1:
            return names.pop()
        gradients = self.borders.gradients
        on = [later for later, n in self.borders.carried.items() if gradients[n].backward_pass == backward_pass]
        return self._player(on[0]) if on and not names else ""

    # Updates and parameters.

    def _update(self, event: OptimizerEvent) -> Update:
        changes = tuple(
            ParameterUpdate(
                self._name(c.parameter), c.weight, c.gradient, c.update,
                c.update / c.weight.norm if c.weight.norm else None,
            )
            for c in event.changes
        )  # fmt: skip
        owner = self.owner_of(event)
        self.updated_by |= {id(c.parameter): owner for c in event.changes if owner}
        return Update(owner, type(event.optimizer).__name__, event.lr, changes)

    def owner_of(self, event: OptimizerEvent) -> str:
        """The network that an optimiser changes; of several, the optimiser's name."""
        networks = dict.fromkeys(self._network(change.parameter) for change in event.changes)
        if len(networks) > 1:
            for name, optimizer in self.recorder.optimizers.items():
                if optimizer is event.optimizer:
                    return name
        return " and ".join(filter(None, networks))

    def _name(self, p: Tensor) -> str:
        return self.named[id(p)][1] if id(p) in self.named else p.name or "parameter"

    def _network(self, p: Tensor) -> str:
        """The network that a parameter is of; if that was never called, what the parameter's name says."""
        return self.named[id(p)][0] if id(p) in self.named else (p.name or "").rpartition(".")[0].split(".")[0]

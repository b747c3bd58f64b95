"""The recorder: an observer that writes down what happens, and changes no number of it.

    with Recorder({"G": G, "D": D}) as recorder:
        ...                                 # any forward and backward passes, any optimiser's steps
    trace = recorder.trace

It keeps summaries, taken as things happen; the few arrays it holds on to are the gradients at the
borders, which are compared number by number. `build.build_trace` makes a trace of its events.

One thing it adds: where a network is given another one's output, cut from its graph, the gradient there is asked for
too, which nobody else would compute. All other gradients are the same to the bit.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextlib import ExitStack

from minigan.autograd import Function, Observer, Tensor, in_backward_of, is_grad_enabled, observe
from minigan.backend import Array, get_array_module
from minigan.nn import Module, Parameter
from minigan.nn.module import ModuleCall
from minigan.optim import Optimizer
from minigan.trace.events import (
    BackwardEvent,
    BackwardStart,
    Event,
    ForwardEvent,
    FunctionInput,
    GradientKey,
    OptimizerEvent,
    ParameterChange,
    ParameterResult,
)
from minigan.trace.schema import About, Trace
from minigan.trace.summary import ArraySummary, TensorSummaries, summarize


class Recorder(Observer):
    """Records what happens in its `with` block; afterwards `trace` holds it.

    modules: the networks, by what they shall be called. optimizers: likewise; one of a single network is called as
    that is. What comes from outside is called by its tensor's name. about: said of the trace as a whole.
    """

    trace: Trace | None = None

    def __init__(
        self,
        modules: Mapping[str, Module] | None = None,
        optimizers: Mapping[str, Optimizer] | None = None,
        **about: str | int | float | bool | None,
    ) -> None:
        self.modules, self.optimizers = dict(modules or {}), dict(optimizers or {})
        self.about: About = about
        self.events: list[Event] = []
        self.forward_events: list[ForwardEvent] = []
        self.losses: dict[int, str] = {}  # by the number of the function that computed it, a loss's name
        self.call_inputs: dict[ModuleCall, list[FunctionInput]] = {}  # what each call of a network was given
        self.at_input: dict[tuple[int, GradientKey], Array] = {}  # by (backward pass, key): ∂L/∂input of a network
        self.at_output: dict[tuple[int, int], Array] = {}  # by (backward pass, function): ∂L/∂output of a network
        self._numbers: dict[Function, int] = {}
        self._makers: dict[int, tuple[weakref.ref[Array], int]] = {}  # by id of an array: the array, who made it
        self._border_keys: set[GradientKey] = set()  # of what one network made and another took in,
        self._border_makers: set[int] = set()  # and the functions that made it
        self._new_leaves: list[tuple[Tensor, Tensor | None]] = []  # made to require a gradient; .grad before
        self._summary = TensorSummaries()
        self._passes = 0
        self._layer: ModuleCall | None = None  # whose functions are gone back through now
        self._layer_gradients: dict[GradientKey, Array] = {}  # that it has given so far
        self._unused: dict[Tensor, list[ParameterResult]] = {}
        self._weights_before: list[Array | None] = []
        self._stack = ExitStack()

    def __enter__(self) -> Recorder:
        self._stack.enter_context(observe(self))
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        from minigan.trace.build import build_trace

        self._stack.close()
        for leaf, gradient in self._new_leaves:
            leaf.requires_grad, leaf.grad = False, gradient
        if kind is None:
            self._mark_discarded(at_end=True)
            self.trace = build_trace(self)
        self.__dict__ = {"trace": self.trace}  # let go of graphs and arrays

    def on_loss(self, name: str, loss: Tensor) -> None:
        """Call a loss by its name."""
        number = self._number(loss)
        if number is not None:
            self.losses[number] = name

    def loss_of(self, outputs: list[Tensor]) -> str | None:
        """The name of the loss among these, if one of them was named."""
        return next((self.losses[n] for y in outputs if (n := self._number(y)) in self.losses), None)

    # Networks and layers.

    def network_call(self, call: ModuleCall | None) -> ModuleCall | None:
        """The call of a network that a module was called in: of one of `modules`, or else the outermost."""
        outermost = network = None
        networks = set(map(id, self.modules.values()))
        while call is not None:
            outermost = call
            if id(call.module) in networks:
                network = call
            call = call.caller
        return network or outermost

    def owner(self, call: ModuleCall) -> str:
        """The name of the network that a call is of."""
        return next((name for name, module in self.modules.items() if module is call.module), call.path)

    def describe(self, functions: list[ForwardEvent]) -> tuple[str, str, str]:
        """Owner, name and kind of the layer that called these functions one after another."""
        call = functions[0].module_call
        network = self.network_call(call)
        assert call is not None and network is not None
        owner, kind = self.owner(network), type(call.module).__name__
        if sum(1 for _ in call.module.modules()) > 1:  # what a module of several does itself
            kind = ", ".join(event.node.name for event in functions)
        is_part = call.path.startswith(network.path)
        return owner, owner + call.path[len(network.path) :] if is_part else call.path, kind

    # Forward.

    def before_module(self, call: ModuleCall, inputs: tuple[object, ...]) -> None:
        """What a network is given; another one's output, cut from its graph, is made to require a gradient."""
        if self.network_call(call) is not call:
            return
        tensors = [t for t in inputs if isinstance(t, Tensor)]
        # Frozen, and given nothing that requires a gradient, a network has no graph: it is given none.
        records = is_grad_enabled() and any(t.requires_grad for t in (*tensors, *call.module.parameters()))
        for t in tensors:
            if records and not t.requires_grad and t.dtype.kind == "f" and self.made_in(t) not in (None, call):
                self._new_leaves.append((t, t.grad))
                t.requires_grad = True
        self.call_inputs[call] = [self._input(t, _key(t), call) for t in tensors]

    def made_in(self, t: Tensor) -> ModuleCall | None:
        """The call of a network that a tensor was made in, if that was recorded."""
        maker, _ = self._maker(t)
        return None if maker is None else self.network_call(self.forward_events[maker].module_call)

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None:
        """A function was called."""
        if in_backward_of() is not None:
            return  # a part of some other function's backward
        edges = getattr(node, "edges", [None] * len(inputs))
        pairs = enumerate(zip(inputs, edges, strict=True))
        taken = [self._input(t, edge, node.called_in, i) for i, (t, edge) in pairs if t is not None]
        number = len(self.forward_events)
        event = ForwardEvent(node, node.called_in, taken, self._summary(outputs[0]))
        self._numbers[node] = number
        for y in outputs:
            self._makers[id(y.array)] = weakref.ref(y.array), number
        self.forward_events.append(event)
        self.events.append(event)
        to = self.network_call(event.module_call)
        for item in taken:
            if to is not None and item.maker is not None and item.key is not None:
                if self.network_call(self.forward_events[item.maker].module_call) not in (None, to):
                    self._border_keys.add(item.key)
                    self._border_makers.add(item.maker)

    def _input(self, t: Tensor, key: GradientKey | None, call: ModuleCall | None, position: int = 0) -> FunctionInput:
        if isinstance(t, Parameter):
            return FunctionInput(key, self._summary(t, picture=False), t, None, False, None, False, position)
        maker, attached = self._maker(t)
        constant = maker is None and key is None and not _is_given(t, call)
        return FunctionInput(key, self._summary(t), None, maker, attached, t.name, constant, position)

    def _maker(self, t: Tensor) -> tuple[int | None, bool]:
        """The number of the function that made a tensor, and whether the graph leads back to it."""
        number = self._number(t)
        if number is not None:
            return number, True
        array, number = self._makers.get(id(t.array), (None, None))  # detached, or made under no_grad
        return (number if array is not None and array() is t.array else None), False

    def _number(self, t: Tensor) -> int | None:
        """The number of the function that a tensor has for its creator."""
        return None if t.creator is None else self._numbers.get(t.creator)

    # Backward.

    def before_backward_pass(
        self, outputs: list[Tensor], cotangents: list[Tensor], wanted: set[GradientKey] | None, create_graph: bool
    ) -> None:
        """A backward pass begins. One that asks for some gradients of a loss is asked for those at borders too."""
        self._mark_discarded()
        requested = None if wanted is None else set(wanted)
        pairs = [(self._number(y), dy.array) for y, dy in zip(outputs, cotangents, strict=True)]
        starts = [(number, dy) for number, dy in pairs if number is not None]
        loss = self.loss_of(outputs)
        if wanted is not None and loss is not None and not create_graph:
            wanted |= {key for key in self._border_keys if isinstance(key, Tensor)}
        self.events.append(BackwardStart(self._passes, starts, requested, loss))
        for number, dy in starts:
            if number in self._border_makers:
                self.at_output[self._passes, number] = dy.copy()
        self._passes += 1
        self._layer, self._layer_gradients = None, {}

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        """The backward of a function."""
        number = self._numbers.get(node)
        if number is None:
            return  # a function of a backward pass, differentiated in its turn
        backward_pass, forward = self._passes - 1, self.forward_events[number]
        if forward.module_call is not self._layer or forward.module_call is None:
            self._layer, self._layer_gradients = forward.module_call, {}
        if number in self._border_makers:  # where the pass begins at a border: what it was given, whatever joined it
            self.at_output.setdefault((backward_pass, number), cotangents[0].array.copy())
        event = BackwardEvent(backward_pass, number, self._summary(cotangents[0], signed=True))
        of_edges = zip(node.edges, gradients, node.needs_input_grad, strict=True)
        given = [(dx if needed else None) for edge, dx, needed in of_edges if edge is not None]
        keyed = [(item, item.key) for item in forward.inputs if item.key is not None]
        for (item, key), dx in zip(keyed, given, strict=True):
            summary = None if dx is None else self._gradient_summary(key, dx, item.parameter is None, backward_pass)
            if item.parameter is not None:
                result = ParameterResult(item.parameter, "computed" if summary else "not asked", summary)
                event.parameters.append(result)
                if summary:
                    self._unused.setdefault(item.parameter, []).append(result)
            elif summary:
                event.grad_inputs[key] = summary
        self.events.append(event)

    def _gradient_summary(self, key: GradientKey, dx: Tensor, flows: bool, backward_pass: int) -> ArraySummary:
        """The summary of a gradient, added to what the same layer, calling several functions, gave to the same input
        before. flows: it is of no parameter."""
        before = self._layer_gradients.get(key)
        if before is None:
            self._layer_gradients[key] = dx.array
            summary = self._summary(dx, signed=True, picture=flows)
        else:
            self._layer_gradients[key] = total = before + dx.array
            summary = summarize(total, True, flows)
        if flows and key in self._border_keys:
            arrived = self.at_input.get((backward_pass, key))
            self.at_input[backward_pass, key] = dx.array.copy() if arrived is None else arrived + dx.array
        return summary

    # Updates.

    def before_step(self, optimizer: Optimizer) -> None:
        """Look at weights and gradients before the optimiser changes them."""
        self._mark_discarded()
        event = OptimizerEvent(optimizer, optimizer.lr)
        self._weights_before = []
        for p in optimizer.params:
            g = p.grad
            if g is not None:
                self._unused.pop(p, None)
            summary = None if g is None else self._summary(g, signed=True, picture=False)
            event.changes.append(ParameterChange(p, self._summary(p, picture=False), summary))
            self._weights_before.append(None if g is None else p.array.copy())
        self.events.append(event)

    def after_step(self, optimizer: Optimizer) -> None:
        """By how much it changed them."""
        event = self.events[-1]
        assert isinstance(event, OptimizerEvent)
        for change, before in zip(event.changes, self._weights_before, strict=True):
            if before is not None:
                get_array_module(before).subtract(change.parameter.array, before, out=before)
                change.update = summarize(before, picture=False).norm
        self._weights_before = []

    def _mark_discarded(self, at_end: bool = False) -> None:
        """Gradients that were cleared, or left when all is over, without any optimiser having used them."""
        stepped = any(isinstance(event, OptimizerEvent) for event in self.events)
        for p, results in list(self._unused.items()):
            if (at_end and stepped) or (not at_end and p.grad is None and not self._was_requested(p)):
                for result in results:
                    result.status = "discarded"
                del self._unused[p]

    def _was_requested(self, p: Tensor) -> bool:
        """Whether the last backward pass gave p's gradient to who asked for it, instead of adding it to .grad."""
        last = next((event for event in reversed(self.events) if isinstance(event, BackwardStart)), None)
        return last is not None and last.requested is not None and p in last.requested


def _is_given(t: Tensor, call: ModuleCall | None) -> bool:
    """Whether a module was called with the tensor; if not, the module made it itself, out of nothing."""
    while call is not None:
        if id(t) in call.given:
            return True
        call = call.caller
    return False


def _key(t: Tensor) -> GradientKey | None:
    """What a backward pass keys the gradient of a tensor by; None if it has none."""
    if not t.requires_grad:
        return None
    return t if t.creator is None else (t.creator, t.output_index)

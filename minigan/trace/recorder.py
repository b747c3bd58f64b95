"""The recorder: an observer that writes down what happens, and changes no number of it.

    with Recorder({"G": G, "D": D}) as recorder:
        ...                                 # any forward and backward passes, any optimiser's steps
    trace = recorder.trace

It keeps summaries, taken as things happen; the few arrays it holds on to are the gradients at the borders, which are
compared number by number. One thing it adds: where a network is given another one's output, cut from its graph, the
gradient there is asked for too, which nobody else would compute. All other gradients are the same to the bit.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress

from minigan.algorithms import Algorithm
from minigan.autograd import GraphError, Node, Observer, Tensor, in_backward_of, is_grad_enabled, observe
from minigan.autograd.backward_pass import key_of, nodes_before
from minigan.autograd.tensor import Key
from minigan.backend import Array
from minigan.data import Batch
from minigan.functions.convolution import Conv2d
from minigan.nn import Module, Parameter
from minigan.nn.module import ModuleCall
from minigan.optim import Optimizer
from minigan.trace import events
from minigan.trace.build import Builder
from minigan.trace.compare import compare
from minigan.trace.formulas import step_texts
from minigan.trace.schema import Trace
from minigan.trace.summary import ArraySummary, TensorSummaries, summarize
from minigan.trace.terms import CHANNELS, CONVOLUTIONS, terms_of


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
        self.recording = events.Recording(dict(modules or {}), dict(optimizers or {}), about)
        self._functions: dict[Node, events.ForwardEvent] = {}
        self._makers: dict[
            int, tuple[weakref.ref[Array], events.ForwardEvent]
        ] = {}  # by id of an array: it, who made it
        self._border_keys: set[Key] = set()  # of what one network made and another took in,
        self._border_makers: set[events.ForwardEvent] = set()  # and the functions that made it
        self._new_leaves: list[tuple[Tensor, Tensor | None]] = []  # made to require a gradient; .grad before
        self._summary = TensorSummaries()
        self._start: events.BackwardStart | None = None  # of the last backward pass
        self._layer: ModuleCall | None = None  # whose functions are gone back through now
        self._layer_gradients: dict[Key, Array] = {}  # that it has given so far
        self._unused: dict[Tensor, list[events.ParameterResult]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Recorder:
        self._stack.enter_context(observe(self))
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._stack.close()
        for leaf, gradient in self._new_leaves:
            leaf.requires_grad, leaf.grad = False, gradient
        if kind is None:
            self._mark_discarded(at_end=True)
            self.trace = Builder(self.recording).trace()
        self.__dict__ = {"trace": self.trace}  # let go of graphs and arrays

    def on_loss(self, name: str, loss: Tensor) -> None:
        """Call a loss by its name."""
        function = self._function(loss)
        if function is not None:
            function.loss = name

    def loss_of(self, outputs: list[Tensor]) -> str | None:
        """The name of the loss among these, if one of them was named."""
        return next((f.loss for f in map(self._function, outputs) if f is not None and f.loss), None)

    # Forward.

    def before_module(self, call: ModuleCall, inputs: tuple[object, ...]) -> None:
        """What a network is given; another one's output, cut from its graph, is made to require a gradient."""
        if self.recording.network_call(call) is not call:
            return
        self.recording.in_training[call] = call.module.training
        tensors = [t for t in inputs if isinstance(t, Tensor)]
        # Frozen, and given nothing that requires a gradient, a network has no graph: it is given none.
        records = is_grad_enabled() and any(t.requires_grad for t in (*tensors, *call.module.parameters()))
        for t in tensors:
            if records and not t.requires_grad and t.dtype.kind == "f" and self.made_in(t) not in (None, call):
                self._new_leaves.append((t, t.grad))
                t.requires_grad = True
        keys = [key_of(t) if t.requires_grad else None for t in tensors]
        self.recording.call_inputs[call] = [self._input(t, key, call) for t, key in zip(tensors, keys, strict=True)]

    def made_in(self, t: Tensor) -> ModuleCall | None:
        """The call of a network that a tensor was made in, if that was recorded."""
        maker, _ = self._maker(t)
        return None if maker is None else maker.network

    def after_forward(self, node: Node, inputs: list[Tensor | None], outputs: list[Tensor]) -> None:
        """A function was called."""
        if in_backward_of() is not None:
            return  # a part of some other function's backward
        edges = getattr(node, "edges", [None] * len(inputs))
        pairs = enumerate(zip(inputs, edges, strict=True))
        call = node.called_in if isinstance(node.called_in, ModuleCall) else None
        taken = [self._input(t, edge, call, i) for i, (t, edge) in pairs if t is not None]
        network = self.recording.network_call(call)
        event = self._functions[node] = events.ForwardEvent(node, call, network, taken, self._summary(outputs[0]))
        if isinstance(node, CONVOLUTIONS):
            x, weight, bias = (None if t is None else t.array for t in (*inputs, None)[:3])
            assert x is not None and weight is not None  # a convolution has both
            event.kernels = weight[:CHANNELS, :CHANNELS].copy()
            event.terms = terms_of(node.geometry, x, weight, outputs[0].array, isinstance(node, Conv2d), bias)
        for y in outputs:
            self._makers[id(y.array)] = weakref.ref(y.array), event
        self.recording.events.append(event)
        for item in taken:
            if network and item.key is not None and item.maker and item.maker.network not in (None, network):
                self._border_keys.add(item.key)
                self._border_makers.add(item.maker)

    def _input(self, t: Tensor, key: Key | None, call: ModuleCall | None, position: int = 0) -> events.FunctionInput:
        if isinstance(t, Parameter):
            return events.FunctionInput(key, self._summary(t, picture=False), position, parameter=t)
        maker, attached = self._maker(t)
        while call is not None and id(t) not in call.given:
            call = call.caller
        # What no module was called with, a module made itself, out of nothing.
        constant = maker is None and key is None and call is None
        return events.FunctionInput(key, self._summary(t), position, None, maker, attached, t.name, constant)

    def _maker(self, t: Tensor) -> tuple[events.ForwardEvent | None, bool]:
        """The function that made a tensor, and whether the graph leads back to it."""
        function = self._function(t)
        if function is not None:
            return function, True
        array, function = self._makers.get(id(t.array), (None, None))  # detached, or made under no_grad
        return (function if array is not None and array() is t.array else None), False

    def _function(self, t: Tensor) -> events.ForwardEvent | None:
        """The function that a tensor has for its creator."""
        return None if t.creator is None else self._functions.get(t.creator)

    # Backward.

    def before_backward_pass(
        self, outputs: list[Tensor], cotangents: list[Tensor], wanted: set[Key] | None, create_graph: bool
    ) -> None:
        """A backward pass begins. One that asks for some gradients of a loss is asked for those at borders too."""
        self._mark_discarded()
        requested = None if wanted is None else set(wanted)
        loss = self.loss_of(outputs)
        if wanted is not None and loss is not None and not create_graph:
            wanted |= {key for key in self._border_keys if isinstance(key, Tensor)}
        self._start = events.BackwardStart(self._start.number + 1 if self._start else 0, [], requested, loss)
        self.recording.events.append(self._start)
        for y, dy in zip(outputs, cotangents, strict=True):
            function = self._function(y)
            if function is not None:
                function.starts_backward = True
                self._start.functions.append(function)
                if function in self._border_makers:
                    self._start.at_output[function] = dy.array.copy()
        self._layer, self._layer_gradients = None, {}

    def after_backward(self, node: Node, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        """The backward of a function."""
        function, start = self._functions.get(node), self._start
        if function is None or start is None:
            return  # a function of a backward pass, differentiated in its turn
        if function.module_call is not self._layer or function.module_call is None:
            self._layer, self._layer_gradients = function.module_call, {}
        if function in self._border_makers:  # where the pass begins at a border: what it was given, whatever joined it
            start.at_output.setdefault(function, cotangents[0].array.copy())
        event = events.BackwardEvent(start, function, self._summary(cotangents[0], signed=True))
        for item in function.inputs:
            if item.key is None:
                continue
            key, dx = item.key, gradients[item.position] if node.needs_input_grad[item.position] else None
            summary = None if dx is None else self._gradient_summary(key, dx, item.parameter is None, start)
            if item.parameter is not None:
                result = events.ParameterResult(item.parameter, "computed" if summary else "not asked", summary)
                event.parameters.append(result)
                if summary:
                    self._unused.setdefault(item.parameter, []).append(result)
            elif summary:
                event.grad_inputs[key] = summary
        of_images = gradients[0]
        if isinstance(node, CONVOLUTIONS) and of_images is not None and function.kernels is not None:
            gathers = not isinstance(node, Conv2d)
            dy = cotangents[0].array
            event.terms = terms_of(node.geometry, dy, function.kernels, of_images.array, gathers)
        self.recording.events.append(event)

    def _gradient_summary(self, key: Key, dx: Tensor, flows: bool, start: events.BackwardStart) -> ArraySummary:
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
            arrived = start.at_input.get(key)
            start.at_input[key] = dx.array.copy() if arrived is None else arrived + dx.array
        return summary

    # Updates.

    def before_step(self, optimizer: Optimizer) -> None:
        """Look at weights and gradients before the optimiser changes them."""
        self._mark_discarded()
        event = events.OptimizerEvent(optimizer, optimizer.lr)
        for p in optimizer.params:
            change = events.ParameterChange(p, self._summary(p, picture=False))
            if p.grad is not None:
                self._unused.pop(p, None)
                change.gradient, change.before = self._summary(p.grad, signed=True, picture=False), p.array.copy()
            event.changes.append(change)
        self.recording.events.append(event)

    def after_step(self, optimizer: Optimizer) -> None:
        """By how much it changed them."""
        event = self.recording.events[-1]
        assert isinstance(event, events.OptimizerEvent)
        for change in event.changes:
            if change.before is not None:
                change.update = summarize(change.parameter.array - change.before, picture=False).norm
                change.before = None

    def _mark_discarded(self, at_end: bool = False) -> None:
        """Gradients that were cleared, or left when all is over, without any optimiser having used them."""
        stepped = any(isinstance(event, events.OptimizerEvent) for event in self.recording.events)
        # What the last pass was asked for it gave to who asked, instead of adding it to .grad.
        handed_out = (self._start.requested if self._start else None) or set()
        for p in list(self._unused):
            if stepped if at_end else p.grad is None and p not in handed_out:
                for result in self._unused.pop(p):
                    result.status = "discarded"


class StepRecorder(Recorder):
    """Records one step of an algorithm, taken in its `with` block, and compares objectives at the point from which
    its generator learns. about: as for `trace_step`.

    That point is where the backward pass of loss_G begins, for a network G of the algorithm whose output was given to
    another one: there the graph from that one's output (D's logits) back through both networks is at hand.
    """

    def __init__(self, algorithm: Algorithm, **about: str | int | float) -> None:
        known = {"algorithm": type(algorithm).__name__}
        objective = getattr(algorithm, "objective", None)
        if isinstance(objective, str):
            known["objective"] = objective
        super().__init__(algorithm.networks, algorithm.optimizers, **known)
        self.recording.methods = step_texts(algorithm)
        self._more_about = about
        self._objectives = algorithm.losses_to_compare()
        self._outputs: dict[ModuleCall, Tensor] = {}  # of calls of networks
        self._inputs: list[tuple[ModuleCall, Tensor]] = []  # of such calls

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.recording.about |= self._more_about
        super().__exit__(kind, *rest)

    def before_module(self, call: ModuleCall, inputs: tuple[object, ...]) -> None:
        """Note how many samples the step is on, and what one network is given of another."""
        super().before_module(call, inputs)
        if self.recording.network_call(call) is not call:
            return
        tensors = [t for t in inputs if isinstance(t, Tensor)]
        first = next((t for t in tensors if t.ndim), None)
        if first is not None and "batch" not in self.recording.about:
            self.recording.about |= {"batch": len(first), "dtype": str(first.dtype), "device": str(first.device)}
        self._inputs += [(call, t) for t in tensors if t.requires_grad]

    def after_module(self, call: ModuleCall, output: object) -> None:
        """Note what a network returned."""
        if isinstance(output, Tensor) and self.recording.network_call(call) is call:
            self._outputs[call] = output

    def before_backward_pass(
        self, outputs: list[Tensor], cotangents: list[Tensor], wanted: set[Key] | None, create_graph: bool
    ) -> None:
        """Compare, if this is the pass from which the generator learns."""
        self._compare(outputs)
        super().before_backward_pass(outputs, cotangents, wanted, create_graph)

    def _compare(self, outputs: list[Tensor]) -> None:
        generators = {f"loss_{name}": module for name, module in self.recording.modules.items()}
        generator = generators.get(self.loss_of(outputs) or "")
        if not self._objectives or generator is None:
            return
        before = nodes_before(outputs)
        for call, border in self._inputs:
            made_in, logits = self.made_in(border), self._outputs.get(call)
            if made_in is None or made_in.module is not generator or logits is None or logits.creator not in before:
                continue
            fake = self._outputs.get(made_in)
            if fake is not None and fake.data is border.data:
                with suppress(GraphError):  # the generator's graph was freed: there is no way back through it
                    self.recording.comparisons = compare(
                        self.recording, self._objectives, logits, border, fake, made_in
                    )
            return


def trace_step(algorithm: Algorithm, batches: Iterator[Batch], **about: str | int | float) -> Trace:
    """Take one step of an algorithm, and give its trace, objectives compared. The step is the same to the bit.

    about: said of the trace: model="dcgan28", at=300 (the step's number).
    """
    with StepRecorder(algorithm, **about) as recorder:
        algorithm(batches)
    assert recorder.trace is not None  # the block has ended without an error
    return recorder.trace

"""The recorder: an observer that writes down what happens, and changes no number of it.

    with Recorder({"G": G, "D": D}) as recorder:
        ...                                 # any forward and backward passes, any optimiser's steps
    trace = recorder.trace

It keeps summaries, taken as things happen; the few arrays it holds on to are the gradients at the
borders, which are compared number by number. `story.tell` makes a trace of what was written down.

One thing it adds: where a network is given another one's output, cut from its graph, the gradient there is asked for
too, which nobody else would compute. All other gradients are the same to the bit.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from minigan.autograd import Function, Tensor, in_backward_of, is_grad_enabled, observe
from minigan.autograd.hooks import Observer
from minigan.autograd.tensor import owner_of
from minigan.backend import Array as Numbers
from minigan.backend import get_array_module
from minigan.nn import Module, Parameter
from minigan.optim import Optimizer
from minigan.trace.summary import Array, summarize

# --- what is written down ------------------------------------------------------------------------


@dataclass(eq=False)
class Input:
    """A function's input. key: what its gradient is called in a walk (None: it gets none).

    maker: the number of the function that made it, if that was seen; attached: whether the graph says so.
    position: which of the function's inputs it is.
    """

    key: Any
    summary: Array
    parameter: Parameter | None
    maker: int | None
    attached: bool
    label: str | None
    constant: bool  # a number, a buffer, a target: nothing that flows through the network
    position: int = 0


@dataclass(eq=False)
class Called:
    """A function was called, within a call of a module or none."""

    node: Function
    within: Any
    inputs: list[Input]
    output: Array


@dataclass(eq=False)
class Begun:
    """A backward pass began, at functions' outputs with cotangents. asked: for these gradients only (None: all)."""

    number: int
    starts: list[tuple[int, Numbers]]
    asked: set | None
    loss: str | None


@dataclass(eq=False)
class ParameterResult:
    """What a walk did for a parameter: see `trace.ParameterGradient`."""

    parameter: Parameter
    status: str
    gradient: Array | None


@dataclass(eq=False)
class Walked:
    """A function was walked back. gradients: by key, summed over what the same layer gave before."""

    walk: int
    function: int
    gradient_in: Array
    gradients: dict[Any, Array]
    parameters: list[ParameterResult]


@dataclass(eq=False)
class Changed:
    """A parameter, and how an optimiser changed it."""

    parameter: Parameter
    weight: Array
    gradient: Array | None
    update: float = 0.0


@dataclass(eq=False)
class Stepped:
    """An optimiser's step."""

    optimizer: Optimizer
    lr: float
    changes: list[Changed] = field(default_factory=list)


class Recorder(Observer):
    """Records what happens in its `with` block; afterwards `trace` holds it.

    modules: the networks, by what they shall be called. optimizers: likewise; one of a single network is called as
    that is. What comes from outside is called by its tensor's name. about: said of the trace as a whole.
    """

    def __init__(
        self,
        modules: Mapping[str, Module] | None = None,
        optimizers: Mapping[str, Optimizer] | None = None,
        **about: Any,
    ) -> None:
        self.modules, self.optimizers = dict(modules or {}), dict(optimizers or {})
        self.about = about
        self.trace: Any = None
        self.events: list[Called | Begun | Walked | Stepped] = []
        self.called: list[Called] = []
        self.losses: dict[int, str] = {}  # function's number: what its output is called
        self.at_input: dict[tuple[int, Any], Numbers] = {}  # (walk, key): ∂L/∂ what entered a call
        self.at_output: dict[tuple[int, int], Numbers] = {}  # (walk, function): what arrived at a call's output
        self.given: dict[Any, list[Input]] = {}  # what each call of a network was given
        self._numbers: dict[Function, int] = {}
        self._crossing: set = set()  # keys of what entered one call from another, and makers of these
        self._leaves: list[tuple[Tensor, Tensor | None]] = []  # made to require a gradient; .grad before
        self._makers: dict[int, tuple[Any, int]] = {}  # id of an array: (weak reference to it, who made it)
        self._known: dict[tuple, tuple[Any, Any]] = {}  # summaries taken
        self._walks = 0
        self._layer: Any = None  # that is walked back now, and the gradients it has given so far
        self._given: dict[Any, Numbers] = {}
        self._unused: dict[Parameter, list[ParameterResult]] = {}
        self._before: list[Numbers | None] = []
        self._stack = ExitStack()

    def __enter__(self) -> Recorder:
        self._stack.enter_context(observe(self))
        return self

    def __exit__(self, kind: Any, *rest: Any) -> None:
        from minigan.trace.story import tell

        self._stack.close()
        for leaf, gradient in self._leaves:
            leaf.requires_grad, leaf.grad = False, gradient
        if kind is None:
            self._settle(at_end=True)
            self.trace = tell(self)
        self.__dict__ = {"trace": self.trace}  # let go of graphs and arrays

    def on_loss(self, name: str, loss: Tensor) -> None:
        """Call a loss by its name."""
        number = self._numbers.get(loss.creator)
        if number is not None:
            self.losses[number] = name

    def loss_of(self, outputs: list[Tensor]) -> str | None:
        """By what name the loss among these was reported, if one was."""
        return next((self.losses[n] for y in outputs if (n := self._numbers.get(y.creator)) in self.losses), None)

    # Forward.

    def before_module(self, call: Any, inputs: tuple) -> None:
        """What a network is given; another one's output, cut from its graph, is made to require a gradient."""
        if self.root(call) is not call:
            return
        tensors = [t for t in inputs if isinstance(t, Tensor)]
        # Frozen, and given nothing that requires a gradient, a network has no graph: it is given none.
        records = is_grad_enabled() and any(t.requires_grad for t in (*tensors, *call.module.parameters()))
        for t in tensors:
            if records and not t.requires_grad and t.dtype.kind == "f" and self.made_by(t) not in (None, call):
                self._leaves.append((t, t.grad))
                t.requires_grad = True
        self.given[call] = [self._input(t, _key(t), call) for t in tensors]

    def made_by(self, t: Tensor) -> Any:
        """The call of a network that it was made in, if that was seen."""
        maker, _ = self._maker(t)
        return None if maker is None else self.root(self.called[maker].within)

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None:
        if in_backward_of() is not None:
            return  # a part of some other function's backward pass
        edges = getattr(node, "edges", [None] * len(inputs))
        pairs = enumerate(zip(inputs, edges, strict=True))
        seen = [self._input(t, edge, node.called_in, i) for i, (t, edge) in pairs if t is not None]
        number = len(self.called)
        called = Called(node, node.called_in, seen, self._summary(outputs[0]))
        self._numbers[node] = number
        for y in outputs:
            self._makers[id(y._data)] = weakref.ref(y._data), number
        self.called.append(called)
        self.events.append(called)
        for item in seen:
            if item.maker is not None and item.key is not None and self._crosses(called, self.called[item.maker]):
                self._crossing |= {item.key, item.maker}

    def _input(self, t: Tensor, key: Any, within: Any, position: int = 0) -> Input:
        if isinstance(t, Parameter):
            return Input(key, self._summary(t, picture=False), t, None, False, None, False, position)
        maker, attached = self._maker(t)
        constant = maker is None and key is None and not self._is_given(t, within)
        return Input(key, self._summary(t), None, maker, attached, t.name, constant, position)

    def _maker(self, t: Tensor) -> tuple[int | None, bool]:
        """The number of the function that made it, and whether the graph says so."""
        maker = self._numbers.get(t.creator) if t.creator is not None else None
        if maker is not None:
            return maker, True
        array, number = self._makers.get(id(t._data), (None, None))  # detached, or made under no_grad
        return (number if array is not None and array() is t._data else None), False

    def _is_given(self, t: Tensor, within: Any) -> bool:
        """Whether it is what a module was called with; if not, the module made it itself, out of nothing."""
        while within is not None:
            if id(t) in within.given:
                return True
            within = within.caller
        return False

    def root(self, within: Any) -> Any:
        """The call of a network that a module was called in: of a player, or else the outermost."""
        if within is None:
            return None
        outermost = player = None
        players = set(map(id, self.modules.values()))
        while within is not None:
            outermost = within
            if id(within.module) in players:
                player = within
            within = within.caller
        return player or outermost

    def owner(self, root: Any) -> str:
        """What the network of a call is called."""
        return next((name for name, module in self.modules.items() if module is root.module), root.path)

    def describe(self, run: list[Called]) -> tuple[str, str, str]:
        """Owner, name and kind of the layer that called these functions one after another."""
        within = run[0].within
        root, path = self.root(within), within.path
        owner, kind = self.owner(root), type(within.module).__name__
        if within.module._modules:  # what a module of several does itself
            kind = ", ".join(called.node.name for called in run)
        return owner, owner + path[len(root.path) :] if path.startswith(root.path) else path, kind

    def _crosses(self, to: Called, maker: Called) -> bool:
        a, b = self.root(maker.within), self.root(to.within)
        return a is not None and b is not None and a is not b

    # Backward.

    def before_backward_pass(
        self, outputs: list[Tensor], cotangents: list[Tensor], wanted: set | None, create_graph: bool
    ) -> None:
        """A backward pass begins. One that asks for some gradients of a loss is asked for those at borders too."""
        self._settle()
        asked = None if wanted is None else set(wanted)
        starts = [
            (self._numbers[y.creator], dy._data)
            for y, dy in zip(outputs, cotangents, strict=True)
            if y.creator in self._numbers
        ]
        loss = self.loss_of(outputs)
        if wanted is not None and loss is not None and not create_graph:
            wanted |= {key for key in self._crossing if isinstance(key, Tensor)}
        self.events.append(Begun(self._walks, starts, asked, loss))
        for number, dy in starts:
            if number in self._crossing:
                self.at_output[self._walks, number] = dy.copy()
        self._walks += 1
        self._layer, self._given = None, {}

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        number = self._numbers.get(node)
        if number is None:
            return  # a function of a backward pass, differentiated in its turn
        walk, called = self._walks - 1, self.called[number]
        if called.within is not self._layer or called.within is None:
            self._layer, self._given = called.within, {}
        if number in self._crossing:  # at a border where the walk begins: what it was given, whatever joined it
            self.at_output.setdefault((walk, number), cotangents[0]._data.copy())
        walked = Walked(walk, number, self._summary(cotangents[0], signed=True), {}, [])
        given = [t for t, edge in zip(gradients, node.edges, strict=True) if edge is not None]
        asked = [needed for needed, edge in zip(node.needs_input_grad, node.edges, strict=True) if edge is not None]
        keyed = [item for item in called.inputs if item.key is not None]
        for item, dx, needed in zip(keyed, given, asked, strict=True):
            summary = self._collected(item, dx, walk) if needed and dx is not None else None
            if item.parameter is not None:
                result = ParameterResult(item.parameter, "computed" if summary else "not asked", summary)
                walked.parameters.append(result)
                if summary:
                    self._unused.setdefault(item.parameter, []).append(result)
            elif summary:
                walked.gradients[item.key] = summary
        self.events.append(walked)

    def _collected(self, item: Input, dx: Tensor, walk: int) -> Array:
        """A gradient, with what the same layer, calling several functions, gave to the same input before."""
        before = self._given.get(item.key)
        if before is None:
            self._given[item.key] = dx._data
            summary = self._summary(dx, signed=True, picture=item.parameter is None)
        else:
            self._given[item.key] = total = before + dx._data
            summary = summarize(total, True, item.parameter is None)
        if item.parameter is None and item.key in self._crossing:
            arrived = self.at_input.get((walk, item.key))
            self.at_input[walk, item.key] = dx._data.copy() if arrived is None else arrived + dx._data
        return summary

    # Updates.

    def before_step(self, optimizer: Optimizer) -> None:
        """Look at weights and gradients before the optimiser changes them."""
        self._settle()
        step = Stepped(optimizer, optimizer.lr)
        self._before = []
        for p in optimizer.params:
            g = p.grad
            if g is not None:
                self._unused.pop(p, None)
            summary = None if g is None else self._summary(g, signed=True, picture=False)
            step.changes.append(Changed(p, self._summary(p, picture=False), summary))
            self._before.append(None if g is None else p._data.copy())
        self.events.append(step)

    def after_step(self, optimizer: Optimizer) -> None:
        """By how much it changed them."""
        for change, before in zip(self.events[-1].changes, self._before, strict=True):
            if before is not None:
                xp = get_array_module(before)
                xp.subtract(change.parameter._data, before, out=before)
                change.update = summarize(before, picture=False).norm
        self._before = []

    def _settle(self, at_end: bool = False) -> None:
        """Gradients that were cleared, or left when all is over, without any optimiser having used them."""
        stepped = any(isinstance(event, Stepped) for event in self.events)
        for p, results in list(self._unused.items()):
            if (at_end and stepped) or (not at_end and p.grad is None and not self._asked_for(p)):
                for result in results:
                    result.status = "discarded"
                del self._unused[p]

    def _asked_for(self, p: Parameter) -> bool:
        """Whether the last walk handed its gradient to whoever asked for it, instead of putting it into .grad."""
        last = next((event for event in reversed(self.events) if isinstance(event, Begun)), None)
        return last is not None and last.asked is not None and p in last.asked

    # Summaries: each memory is read once, however many tensors show it.

    def _summary(self, t: Tensor, signed: bool = False, picture: bool = True) -> Array:
        array = t._data
        owner = owner_of(array)
        if owner.size != array.size:
            owner = array  # a part of some memory: known by itself only
        key = id(owner), t.shape, array.strides, t.version, signed, picture
        memory, summary = self._known.get(key, (None, None))
        if memory is None or memory() is not owner:
            summary = summarize(array, signed, picture)
            self._known[key] = weakref.ref(owner), summary
        return summary


def _key(t: Tensor) -> Any:
    """What its gradient is called in a walk; None if it has none."""
    if not t.requires_grad:
        return None
    return t if t.creator is None else (t.creator, t.output_index)

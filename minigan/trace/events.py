"""What a recorder writes down, event by event, in the order in which they happened."""

from __future__ import annotations

from dataclasses import dataclass, field

from minigan.autograd import Node, Tensor
from minigan.autograd.tensor import Key
from minigan.backend import Array
from minigan.nn import Module, Parameter
from minigan.nn.module import ModuleCall
from minigan.optim import Optimizer
from minigan.trace.schema import About, Comparison, FunctionText, Terms
from minigan.trace.summary import ArraySummary


@dataclass(eq=False)
class FunctionInput:
    """An input of a function.

    key: its gradient's (None: it gets none). maker: the function that made it, if that was recorded; attached: whether
    the graph leads back to that function. position: which of the function's inputs it is.
    """

    key: Key | None
    summary: ArraySummary
    position: int
    parameter: Parameter | None = None
    maker: ForwardEvent | None = None
    attached: bool = False
    name: str | None = None
    constant: bool = False  # a number, a buffer, a target: nothing that flows through the network


@dataclass(eq=False)
class ForwardEvent:
    """A function was called, by a module of a network or by none. loss: the name of the loss that it computed;
    starts_backward: whether a backward pass begins at it; layer: the number of its layer, once that is known. Of a
    convolution, terms: what its output adds up from; kernels: its weights, of the first channels."""

    node: Node
    module_call: ModuleCall | None
    network: ModuleCall | None
    inputs: list[FunctionInput]
    output: ArraySummary
    loss: str | None = None
    starts_backward: bool = False
    layer: int = -1
    terms: Terms | None = None
    kernels: Array | None = None


@dataclass(eq=False)
class BackwardStart:
    """A backward pass began at some functions, at the loss of that name or at none. requested: only these gradients
    are wanted (None: those of all leaves). At borders: at_input, ∂L/∂input of a network, by key; at_output, ∂L/∂output
    of a network, by the function that made it."""

    number: int
    functions: list[ForwardEvent]
    requested: set[Key] | None
    loss: str | None
    at_input: dict[Key, Array] = field(default_factory=dict)
    at_output: dict[ForwardEvent, Array] = field(default_factory=dict)


@dataclass(eq=False)
class ParameterResult:
    """What a backward pass did for a parameter. status: as in `schema.ParameterGradient`."""

    parameter: Parameter
    status: str
    gradient: ArraySummary | None


@dataclass(eq=False)
class BackwardEvent:
    """The backward of one function. grad_inputs: by key, added to what the same layer gave that input before."""

    start: BackwardStart
    function: ForwardEvent
    grad_output: ArraySummary
    grad_inputs: dict[Key, ArraySummary] = field(default_factory=dict)
    parameters: list[ParameterResult] = field(default_factory=list)
    terms: Terms | None = None  # what the gradient at a convolution's input adds up from


@dataclass(eq=False)
class ParameterChange:
    """How an optimiser changed a parameter. weight: before; update: ‖after − before‖."""

    parameter: Tensor
    weight: ArraySummary
    gradient: ArraySummary | None = None
    before: Array | None = None  # until it is changed
    update: float = 0.0


@dataclass(eq=False)
class OptimizerEvent:
    """A step of an optimiser."""

    optimizer: Optimizer
    lr: float
    changes: list[ParameterChange] = field(default_factory=list)


@dataclass(eq=False)
class Recording:
    """All that a recorder wrote down. call_inputs: what each call of a network was given; in_training: whether it
    was in training mode then; methods: of an algorithm, that its step is made of."""

    modules: dict[str, Module]
    optimizers: dict[str, Optimizer]
    about: About
    events: list[ForwardEvent | BackwardStart | BackwardEvent | OptimizerEvent] = field(default_factory=list)
    call_inputs: dict[ModuleCall, list[FunctionInput]] = field(default_factory=dict)
    in_training: dict[ModuleCall, bool] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    methods: tuple[FunctionText, ...] = ()

    @property
    def functions(self) -> list[ForwardEvent]:
        """All that were called."""
        return [event for event in self.events if isinstance(event, ForwardEvent)]

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
        call, network = functions[0].module_call, functions[0].network
        assert call is not None and network is not None
        owner, kind = self.owner(network), type(call.module).__name__
        if sum(1 for _ in call.module.modules()) > 1:  # what a module of several does itself
            kind = ", ".join(event.node.name for event in functions)
        is_part = call.path.startswith(network.path)
        return owner, owner + call.path[len(network.path) :] if is_part else call.path, kind

"""What a recorder writes down, event by event, in the order in which they happened.

A function that was called is known by its number: the position of its `ForwardEvent` among all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from minigan.autograd import Node, Tensor
from minigan.autograd.tensor import Key
from minigan.backend import Array
from minigan.nn import Module, Parameter
from minigan.nn.module import ModuleCall
from minigan.optim import Optimizer
from minigan.trace.schema import About, Comparison
from minigan.trace.summary import ArraySummary


@dataclass(eq=False)
class FunctionInput:
    """An input of a function.

    key: its gradient's (None: it gets none). maker: the number of the function that made it, if that was recorded;
    attached: whether the graph leads back to that function. position: which of the function's inputs it is.
    """

    key: Key | None
    summary: ArraySummary
    parameter: Parameter | None
    maker: int | None
    attached: bool
    name: str | None
    constant: bool  # a number, a buffer, a target: nothing that flows through the network
    position: int = 0


@dataclass(eq=False)
class ForwardEvent:
    """A function was called, by a module or by none."""

    node: Node
    module_call: ModuleCall | None
    inputs: list[FunctionInput]
    output: ArraySummary


@dataclass(eq=False)
class BackwardStart:
    """A backward pass began at outputs of functions, with their gradients. requested: only these gradients are
    wanted (None: those of all leaves)."""

    number: int
    starts: list[tuple[int, Array]]
    requested: set[Key] | None
    loss: str | None


@dataclass(eq=False)
class ParameterResult:
    """What a backward pass did for a parameter. status: as in `schema.ParameterGradient`."""

    parameter: Parameter
    status: str
    gradient: ArraySummary | None


@dataclass(eq=False)
class BackwardEvent:
    """The backward of one function. grad_inputs: by key, added to what the same layer gave that input before."""

    backward_pass: int
    function: int
    grad_output: ArraySummary
    grad_inputs: dict[Key, ArraySummary] = field(default_factory=dict)
    parameters: list[ParameterResult] = field(default_factory=list)


@dataclass(eq=False)
class ParameterChange:
    """How an optimiser changed a parameter. weight: before; update: ‖after − before‖."""

    parameter: Tensor
    weight: ArraySummary
    gradient: ArraySummary | None
    update: float = 0.0


@dataclass(eq=False)
class OptimizerEvent:
    """A step of an optimiser."""

    optimizer: Optimizer
    lr: float
    changes: list[ParameterChange] = field(default_factory=list)


Event = ForwardEvent | BackwardStart | BackwardEvent | OptimizerEvent


@dataclass(eq=False)
class Recording:
    """All that a recorder wrote down.

    losses: their names, each by the number of the function that computed it. call_inputs: what each call of a network
    was given. at_input: ∂L/∂input of a network, by (backward pass, key). at_output: ∂L/∂output of a network, by
    (backward pass, function).
    """

    modules: dict[str, Module]
    optimizers: dict[str, Optimizer]
    about: About
    events: list[Event] = field(default_factory=list)
    forward_events: list[ForwardEvent] = field(default_factory=list)
    losses: dict[int, str] = field(default_factory=dict)
    call_inputs: dict[ModuleCall, list[FunctionInput]] = field(default_factory=dict)
    at_input: dict[tuple[int, Key], Array] = field(default_factory=dict)
    at_output: dict[tuple[int, int], Array] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()

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

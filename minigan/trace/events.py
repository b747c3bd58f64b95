"""What a recorder writes down, event by event, in the order in which they happened.

A function that was called is known by its number: the position of its `ForwardEvent` among all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from minigan.autograd import Function, Tensor
from minigan.backend import Array
from minigan.nn import Parameter
from minigan.nn.module import ModuleCall
from minigan.optim import Optimizer
from minigan.trace.summary import ArraySummary

# What a backward pass keys a gradient by: a leaf, or a function and which of its outputs.
GradientKey = Tensor | tuple[Function, int]


@dataclass(eq=False)
class FunctionInput:
    """An input of a function.

    key: its gradient's (None: it gets none). maker: the number of the function that made it, if that was recorded;
    attached: whether the graph leads back to that function. position: which of the function's inputs it is.
    """

    key: GradientKey | None
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

    node: Function
    module_call: ModuleCall | None
    inputs: list[FunctionInput]
    output: ArraySummary


@dataclass(eq=False)
class BackwardStart:
    """A backward pass began at outputs of functions, with their gradients. requested: only these gradients are
    wanted (None: those of all leaves)."""

    number: int
    starts: list[tuple[int, Array]]
    requested: set[GradientKey] | None
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
    grad_inputs: dict[GradientKey, ArraySummary] = field(default_factory=dict)
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

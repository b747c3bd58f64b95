"""What a trace holds: plain data, written as JSON and read back equal. All refer to each other by number in its lists.

Where one network's output becomes another's input there is a border. Its `kind` says how the gradient gets across:

    "detached"    the input is cut from its graph, and no gradient goes on into the first network
    "carried"     the input is cut from its graph, and a second backward pass, begun at the output, carries on the
                  gradient that the first one left at the input
    "attached"    one graph runs through both networks: the engine takes the gradient across
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeVar

from minigan.trace.summary import ArraySummary

FORMAT, VERSION = "minigan-trace", 3

About = dict[str, str | int | float | bool | None]
T = TypeVar("T")


class TraceError(ValueError):
    """What should be a trace is none, or is one of another version."""


@dataclass(frozen=True)
class LayerParameter:
    """A layer's parameter as it was when the layer was called. frozen: it required no gradient then."""

    name: str  # "G.main.0.weight"
    value: ArraySummary
    frozen: bool


@dataclass(frozen=True)
class FunctionCall:
    """A function that a layer called, and its output."""

    name: str  # "ConvTranspose2d"
    output: ArraySummary


@dataclass(frozen=True)
class Numbers:
    """Numbers as they are: float32 in base64, little end first, row by row."""

    shape: tuple[int, ...]
    data: str


@dataclass(frozen=True)
class Terms:
    """What the numbers of a convolution's result add up from, for the first channels of the first sample.

    gathers: each number of the target is Σ source[k, i·S + kh − P, j·S + kw − P] · weight[t, k, kh, kw], as of a
    convolution; else Σ source[k, i, j] · weight[t, k, kh, kw] over all i, j, kh, kw that meet at its place.
    channels: of the source in all, of which only the first are here. weight: (t, k, KH, KW). target: with the bias.
    """

    gathers: bool
    channels: int
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    source: Numbers
    weight: Numbers
    target: Numbers
    bias: Numbers | None


@dataclass(frozen=True)
class Layer:
    """A layer in one forward pass: the functions that a module's own `forward` called, between its submodules' calls.
    Functions that no module called (the losses') are layers too, with the owner "loss"."""

    name: str  # "G.main.3"
    kind: str  # "BatchNorm"
    owner: str  # "G", "D", "loss"
    call: int | None  # the network call that it is a part of
    inputs: tuple[ArraySummary, ...]
    sources: tuple[int | None, ...]  # the layer that made each input
    detached: tuple[bool, ...]  # whether each input was cut from that layer: detach, no_grad, or a leaf of its own
    output: ArraySummary
    functions: tuple[FunctionCall, ...]
    parameters: tuple[LayerParameter, ...]
    terms: Terms | None  # of the output, if a convolution made it


@dataclass(frozen=True)
class NetworkCall:
    """A call of a whole network: G(z), D(x), D(G(z))."""

    label: str  # "D(G(z))"
    owner: str  # "D"
    kind: str  # "Discriminator"
    training: bool
    inputs: tuple[ArraySummary, ...]
    input_names: tuple[str, ...]  # "G(z)"
    output: ArraySummary
    layers: tuple[int, ...]

    def input_name(self, array: ArraySummary) -> str:
        """The name of an input, "input" if it is none of the call's."""
        return next((name for name, a in zip(self.input_names, self.inputs, strict=True) if a == array), "input")


@dataclass(frozen=True)
class ParameterGradient:
    """What a backward pass did for a parameter. status: "computed"; "discarded" (computed, and no optimiser used it);
    "frozen" (the parameter required none); "not asked" (the pass was asked for other gradients only)."""

    name: str
    status: str
    gradient: ArraySummary | None


@dataclass(frozen=True)
class LayerBackward:
    """The backward of a layer: from ∂L/∂output to ∂L/∂inputs (None where nobody needs it)."""

    layer: int
    backward_pass: int
    grad_output: ArraySummary
    grad_inputs: tuple[ArraySummary | None, ...]
    parameters: tuple[ParameterGradient, ...]
    terms: Terms | None  # of the first of grad_inputs, if a convolution's backward made it

    @property
    def statuses(self) -> dict[str, int]:
        """How many of the parameters have each status."""
        return Counter(p.status for p in self.parameters)


@dataclass(frozen=True)
class BackwardPass:
    """One backward pass. carries: the border whose gradient, left there by another pass, it carries on."""

    label: str  # "loss_D", or "∂loss_G/∂G(z)" for one that carries on
    loss: float | None  # the number it began at, if it was one
    player: str  # in whose turn what it computes is used: "D", "G", or ""
    start: int | None  # the layer it began at
    carries: int | None
    layer_backwards: tuple[int, ...]


@dataclass(frozen=True)
class Border:
    """Where one network's output became another's input. value: the numbers, the same on both sides."""

    kind: str
    from_call: int
    to_call: int
    value: ArraySummary


@dataclass(frozen=True)
class BorderGradient:
    """The gradient that a backward pass brought to a border. at_input: ∂L/∂D.input (None: nobody asked for it).
    at_output: ∂L/∂G.output (None if detached). norm_into: the norm of what went on into G, 0.0 if detached.
    difference: max|∂L/∂D.input − ∂L/∂G.output|."""

    kind: str
    border: int
    backward_pass: int
    at_input: ArraySummary | None
    at_output: ArraySummary | None = None
    norm_into: float = 0.0
    difference: float | None = None


@dataclass(frozen=True)
class ParameterUpdate:
    """An optimiser's change of a parameter. ratio: ‖update‖ / ‖weight before‖, None if that is 0."""

    name: str
    weight: ArraySummary  # before
    gradient: ArraySummary | None  # as the optimiser found it; None: it had none, and stayed
    update: float  # ‖after − before‖
    ratio: float | None


@dataclass(frozen=True)
class Update:
    """An optimiser's step."""

    owner: str
    optimizer: str  # "Adam"
    lr: float
    parameters: tuple[ParameterUpdate, ...]


@dataclass(frozen=True)
class Frame:
    """A thing to look at, in the order of the step. turn: whose parameters change next, "D", "G", "both", "all" (of
    more than two) or "". direction: "enter" (noise or images come in), "forward", "loss", "border", "backward",
    "update". way: at a border, "forward" or "backward". The numbers say of what."""

    title: str
    note: str
    turn: str
    owner: str
    direction: str
    way: str = "forward"
    call: int | None = None
    layer: int | None = None
    layer_backward: int | None = None
    backward_pass: int | None = None
    border: int | None = None
    border_gradient: int | None = None
    update: int | None = None
    input: ArraySummary | None = None
    output: ArraySummary | None = None
    grad_output: ArraySummary | None = None
    grad_input: ArraySummary | None = None


@dataclass(frozen=True)
class ComparedLayer:
    """The norm of the gradient at a layer's input."""

    name: str
    kind: str
    norm: float


@dataclass(frozen=True)
class Comparison:
    """What one objective would send back to G, at the same point as the others. gradient: ∂L_G/∂G(z). layers: the
    norms on through G, its last layer first, down to the noise."""

    objective: str  # "minimax", by which it is known to `minigan train`
    formula: str  # of G's loss
    logit_shift: float  # by how much D's logits were lowered: 0 is D as it is
    real_probability: float | None  # mean of σ(logits of G(z)): how real D then finds the fakes; None if no number
    loss: float | None
    gradient: ArraySummary
    layers: tuple[ComparedLayer, ...]


@dataclass(frozen=True)
class FunctionText:
    """What is written of a function, of an optimiser, or of a method that an algorithm's step is made of (these have no
    way back). place: file and line."""

    name: str  # "Conv2d", as in FunctionCall and Update; "GAN.generator_turn"
    forward: tuple[str, ...]  # formulas, from the docstring; of an algorithm's noise, what it draws
    backward: tuple[str, ...]
    place: str  # "minigan/functions/convolution.py:28"
    source: str


@dataclass(frozen=True)
class Trace:
    """A recorded step, or any forward and backward. about: of what, in words and numbers. texts: of each function and
    optimiser that took part, its formulas; of a step, the methods that it is made of."""

    about: About
    calls: tuple[NetworkCall, ...]
    layers: tuple[Layer, ...]
    backward_passes: tuple[BackwardPass, ...]
    layer_backwards: tuple[LayerBackward, ...]
    borders: tuple[Border, ...]
    border_gradients: tuple[BorderGradient, ...]
    updates: tuple[Update, ...]
    frames: tuple[Frame, ...]
    comparisons: tuple[Comparison, ...] = ()
    texts: tuple[FunctionText, ...] = ()

    def call_label(self, layer: Layer) -> str:
        """The label of the call that a layer is a part of, "" if it is of none."""
        return "" if layer.call is None else self.calls[layer.call].label

    def to_json(self) -> str:
        """As JSON: {"format", "version", "arrays": […], and the fields above}. It holds no NaN or Infinity.

        Summaries are written once, into the list "arrays"; wherever one is meant stands its number in that list.
        """
        arrays: list[ArraySummary] = []
        numbers: dict[int, int] = {}  # by id

        def plain(value: Any) -> Any:
            if not isinstance(value, ArraySummary):
                return vars(value)
            if id(value) not in numbers:
                numbers[id(value)] = len(arrays)
                arrays.append(value)
            return numbers[id(value)]

        fields = json.loads(json.dumps(self, default=plain))
        whole = {"format": FORMAT, "version": VERSION, "arrays": arrays, **fields}
        return json.dumps(whole, default=vars, allow_nan=False, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """The trace that `to_json` wrote.

        Raises: TraceError if it is no trace, one of another version, or damaged.
        """
        try:
            whole = json.loads(text, parse_constant=_no_constant)
            kind, version = whole["format"], whole["version"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise TraceError("this is no trace: it is not JSON that minigan trace wrote") from None
        if (kind, version) != (FORMAT, VERSION):
            raise TraceError(
                f"this is {kind} of version {version}, but this minigan reads {FORMAT} of version {VERSION}: "
                "record the trace anew"
            )
        try:
            arrays = [_object(ArraySummary, item, []) for item in whole["arrays"]]
            return _object(cls, whole, arrays)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise TraceError(f"the trace is damaged: {type(error).__name__}: {error}") from None


_hints = functools.cache(typing.get_type_hints)  # the types of a dataclass' fields, by name


def _object(cls: type[T], fields: dict[str, Any], arrays: list[ArraySummary]) -> T:
    """An object of a dataclass from its fields in JSON."""
    hints = _hints(cls)  # type: ignore[arg-type]  # a class is hashable
    return cls(**{name: _decoded(hint, fields[name], arrays) for name, hint in hints.items()})


def _decoded(hint: Any, value: Any, arrays: list[ArraySummary]) -> Any:
    """A field's value, of the type that its annotation says."""
    if isinstance(hint, types.UnionType):  # X | None
        return None if value is None else _decoded(typing.get_args(hint)[0], value, arrays)
    if typing.get_origin(hint) is tuple:
        return tuple(_decoded(typing.get_args(hint)[0], item, arrays) for item in value)
    if hint is ArraySummary:
        return arrays[value]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _object(hint, value, arrays)
    kinds = (int, float) if hint is float else typing.get_origin(hint) or hint
    if isinstance(kinds, (type, tuple)) and (
        not isinstance(value, kinds) or isinstance(value, bool) and hint is not bool
    ):
        raise TypeError(f"{value!r:.40} stands where {hint} belongs")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")

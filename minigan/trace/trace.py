"""What a trace is: plain data, written as JSON and read back equal.

Everything refers to everything else by its number in one of the trace's lists. Summaries of arrays
are shared objects here; in JSON they are a list of their own, `arrays`, referred to by number too.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from typing import Any

from minigan.trace.summary import Array

FORMAT, VERSION = "minigan-trace", 1


class TraceError(ValueError):
    """What should be a trace is none, or is one of another version."""


@dataclass(frozen=True)
class Parameter:
    """A layer's parameter as it was when the layer was called. frozen: it required no gradient then."""

    name: str  # "G.main.0.weight"
    value: Array
    frozen: bool


@dataclass(frozen=True)
class FunctionCall:
    """A function that a layer called, and what it gave."""

    name: str  # "ConvTranspose2d"
    output: Array


@dataclass(frozen=True)
class Layer:
    """A layer at work in one forward pass: what a module's own `forward` computed, between its parts' calls.

    Functions that no module called (the losses') are layers too, with the owner "loss".
    """

    name: str  # "G.main.3"
    kind: str  # "BatchNorm"
    owner: str  # "G", "D", "loss"
    call: int | None  # of which call it is a part
    inputs: tuple[Array, ...]
    sources: tuple[int | None, ...]  # the layer that made each input
    detached: tuple[bool, ...]  # whether each input was cut from that layer: detach, no_grad, or a leaf of its own
    output: Array
    functions: tuple[FunctionCall, ...]
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Call:
    """A call of a whole network: G(z), D(x), D(G(z))."""

    label: str  # "D(G(z))"
    owner: str  # "D"
    kind: str  # "Discriminator"
    training: bool
    inputs: tuple[Array, ...]
    input_names: tuple[str, ...]  # "G(z)"
    output: Array
    layers: tuple[int, ...]


@dataclass(frozen=True)
class ParameterGradient:
    """What a walk did for a parameter.

    status: "computed"; "discarded" (computed, and no optimiser used it); "frozen" (the parameter
    required none); "not asked" (the walk was asked for other gradients only).
    """

    name: str
    status: str
    gradient: Array | None


@dataclass(frozen=True)
class Back:
    """A layer walked back: ∂L/∂output came in, ∂L/∂inputs went out (None where nobody needs it)."""

    layer: int
    walk: int
    gradient_in: Array
    gradients_out: tuple[Array | None, ...]
    parameters: tuple[ParameterGradient, ...]


@dataclass(frozen=True)
class Walk:
    """One backward pass. carries: the border at which it took up another walk's gradient by hand."""

    label: str  # "loss_D", or "∂loss_G/∂G(z)" for one that carries on
    loss: float | None  # the number it began at, if it was one
    player: str  # in whose turn what it computes is used: "D", "G", or ""
    start: int | None  # the layer it began at
    carries: int | None
    backs: tuple[int, ...]


@dataclass(frozen=True)
class Border:
    """Where one network's output became another's input. fakes: the numbers, the same on both sides.

    kind: "wall" (detached, and no gradient was carried over), "door" (a leaf, whose gradient was
    carried over by hand), "open" (one graph: the engine carries it).
    """

    kind: str
    from_call: int
    to_call: int
    value: Array


@dataclass(frozen=True)
class Crossing:
    """A backward pass at a border.

    at_input: ∂L/∂D.input (None: nobody asked for it). at_output: ∂L/∂G.output (None at a wall). norm_into: the norm
    of what went on into G, 0.0 at a wall. difference: max|∂L/∂D.input − ∂L/∂G.output|.
    """

    kind: str
    border: int
    walk: int
    at_input: Array | None
    at_output: Array | None
    norm_into: float
    difference: float | None


@dataclass(frozen=True)
class ParameterUpdate:
    """An optimiser's change of a parameter. ratio: ‖update‖ / ‖weight before‖, None if that is 0."""

    name: str
    weight: Array  # before
    gradient: Array | None  # as the optimiser found it; None: it had none, and stayed
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
    """A thing to look at: frames in order are the step as it happened.

    turn: whose parameters change next, "D", "G", "both", "all" (of more than two) or "". direction: "enter" (noise
    or images come in), "forward", "loss", "border", "backward", "update". way: at a border, "forward" or "backward".
    The numbers say of what.
    """

    title: str
    note: str
    turn: str
    owner: str
    direction: str
    way: str = "forward"
    call: int | None = None
    layer: int | None = None
    back: int | None = None
    walk: int | None = None
    border: int | None = None
    crossing: int | None = None
    update: int | None = None
    input: Array | None = None
    output: Array | None = None
    gradient_in: Array | None = None
    gradient_out: Array | None = None


@dataclass(frozen=True)
class ComparedLayer:
    """The gradient at a layer's input."""

    name: str
    kind: str
    norm: float


@dataclass(frozen=True)
class Comparison:
    """What one objective would send back to G, at the same point as the others.

    border: ∂L_G/∂G(z). layers: the norms on through G, its last layer first, down to the noise.
    """

    objective: str  # "minimax", by which it is known to `minigan train`
    formula: str  # of G's loss
    surer: float  # by how much D's logits were lowered: 0 is D as it is
    verdict: float | None  # mean of σ(l(G(z))): how real D then finds the fakes; None if it is no number
    loss: float | None
    border: Array
    layers: tuple[ComparedLayer, ...]


@dataclass(frozen=True)
class Trace:
    """A recorded step, or any forward and backward. about: of what, in words and numbers."""

    about: dict[str, Any]
    calls: tuple[Call, ...]
    layers: tuple[Layer, ...]
    walks: tuple[Walk, ...]
    backs: tuple[Back, ...]
    borders: tuple[Border, ...]
    crossings: tuple[Crossing, ...]
    updates: tuple[Update, ...]
    frames: tuple[Frame, ...]
    comparisons: tuple[Comparison, ...] = ()

    def with_comparisons(self, comparisons: tuple[Comparison, ...]) -> Trace:
        """This trace, and what objectives would send back."""
        return dataclasses.replace(self, comparisons=comparisons)

    def to_json(self) -> str:
        """As JSON: {"format", "version", "arrays": […], and the fields above}. It holds no NaN or Infinity."""
        arrays: list[Any] = []
        content = _encoded(self, arrays, {})
        whole = {"format": FORMAT, "version": VERSION, "arrays": arrays, **content}
        return json.dumps(whole, allow_nan=False, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """What `to_json` wrote."""
        try:
            whole = json.loads(text)
            kind, version = whole["format"], whole["version"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise TraceError("this is no trace: it is not JSON that minigan trace wrote") from None
        if (kind, version) != (FORMAT, VERSION):
            raise TraceError(f"this is {kind} of version {version}, but this minigan reads {FORMAT} of {VERSION}")
        try:
            arrays = [_fields(Array, item, []) for item in whole["arrays"]]
            return _fields(cls, whole, arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise TraceError(f"the trace is damaged: {type(error).__name__}: {error}") from None


def _encoded(value: Any, arrays: list, numbers: dict[int, int]) -> Any:
    """As what JSON knows; a summary is put into `arrays` once, and stands as its number there."""
    if isinstance(value, Array):
        if id(value) not in numbers:
            numbers[id(value)] = len(arrays)
            arrays.append(dataclasses.asdict(value))
        return numbers[id(value)]
    if dataclasses.is_dataclass(value):
        return {f.name: _encoded(getattr(value, f.name), arrays, numbers) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_encoded(item, arrays, numbers) for item in value]
    return value


def _fields(cls: Any, value: dict, arrays: list[Array]) -> Any:
    """An object of a dataclass from its fields as JSON has them."""
    hints = _hints(cls)
    return cls(**{f.name: _decoded(hints[f.name], value[f.name], arrays) for f in dataclasses.fields(cls)})


def _decoded(hint: Any, value: Any, arrays: list[Array]) -> Any:
    if isinstance(hint, types.UnionType):  # X | None
        return None if value is None else _decoded(typing.get_args(hint)[0], value, arrays)
    if typing.get_origin(hint) is tuple:
        return tuple(_decoded(typing.get_args(hint)[0], item, arrays) for item in value)
    if hint is Array:
        return arrays[value]
    return _fields(hint, value, arrays) if dataclasses.is_dataclass(hint) else value


_HINTS: dict[Any, dict[str, Any]] = {}


def _hints(cls: Any) -> dict[str, Any]:
    if cls not in _HINTS:
        _HINTS[cls] = typing.get_type_hints(cls)
    return _HINTS[cls]

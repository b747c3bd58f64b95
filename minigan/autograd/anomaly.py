"""Anomaly mode: the first NaN or Inf is an error that says where it comes from.

What comes out of a forward pass, or of a node's backward pass, is looked at before anything else is computed from it.
A look waits for the device and reads every number: it is for finding a fault, not for training.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from minigan.autograd.checks import input_label
from minigan.autograd.errors import GraphError
from minigan.autograd.hooks import in_backward_of, observe
from minigan.autograd.tensor import Key, Node, Tensor
from minigan.backend import Array, get_array_module

# Where a line of the user's code is looked for: not in the engine, and not in what calls the trainer.
ENGINE = ("backend", "kernels", "autograd", "functions", "nn")
TRAINER = ("training", "cli", "doctor")

HINTS = {
    "Log": "ln 0 is -inf, and of a negative number NaN; the slope at 0 is infinite. Stay with logits "
    "(log_softmax, binary_cross_entropy_with_logits), or add a small number first",
    "Sqrt": "√ of a negative number is NaN, and the slope at 0 is infinite: add a small number first, sqrt(x + 1e-12)",
    "Div": "it divides by 0, or by next to it: add a small number to the divisor",
    "Exp": "eˣ overflows float32 above x = 88 and float64 above 709: subtract the largest x first, or use "
    "softmax, sigmoid or softplus, which are safe",
    "Power": "0 to a negative power is infinite, and a broken power of a negative number is NaN: add a small number "
    "first, or clip the base",
    "PowerScalar": "0 to a negative power (1 / x is one) is infinite, and so is the slope at 0 below exponent 1; a "
    "broken power of a negative number is NaN. Add a small number first",
    "BinaryCrossEntropy": "probabilities have no room near 0 and 1: use binary_cross_entropy_with_logits",
}


class AnomalyError(GraphError):
    """The first NaN or Inf. source: what gave it: "Log's forward pass in D.main.2 (Log)". cause, arose_here: whether
    it arose there, or what it came in with."""

    def __init__(self, message: str, source: str = "", cause: str = "", arose_here: bool = True) -> None:
        super().__init__(message)
        self.source, self.cause, self.arose_here = source, cause, arose_here


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """`with detect_anomaly():` or `@detect_anomaly()`: raise `AnomalyError` at the first NaN or Inf in this thread.

    It names the function, the layer, and the line of the user's code: for a backward pass the line of the forward
    call too, if that was made under detect_anomaly.
    """
    with observe(_Detector()):
        yield


def is_finite(x: Tensor | Array) -> bool:
    """Whether no element is NaN or infinite."""
    array = x.array if isinstance(x, Tensor) else x
    return array.dtype.kind not in "fc" or bool(get_array_module(array).isfinite(array).all())


class _Detector:
    """The observer. What a backward pass computes on the way is not looked at: what comes out of it is."""

    def after_forward(self, node: Node, inputs: list[Tensor | None], outputs: list[Tensor]) -> None:
        what_for = in_backward_of()
        if any(node.needs_input_grad):
            node.place = _place(node, inputs, what_for)
        if isinstance(what_for, Node):
            return
        bad = _first_bad(outputs)
        if bad is not None:
            raise _in_forward(node, inputs, outputs, bad) if what_for is None else _in_sum(what_for, inputs, outputs[0])

    def after_backward(self, node: Node, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        bad = _first_bad([dx if needed else None for dx, needed in zip(gradients, node.needs_input_grad, strict=True)])
        if bad is not None:
            raise _in_backward(node, cotangents, gradients, bad)


def _first_bad(tensors: list) -> int | None:
    return next((i for i, t in enumerate(tensors) if t is not None and not is_finite(t)), None)


# --- where a function was called -----------------------------------------------------------------


def _place(node: Node, inputs: list[Tensor | None], what_for: Node | Key | None) -> list[str]:
    """What is said of where a function was called: kept on its node, it keeps no part of the graph alive.

    For a part of a gradient, it is followed by where the function was called whose gradient that is.
    """
    names = ", ".join(t.name for t in inputs if t is not None and t.name)
    purpose = ""
    if isinstance(what_for, Node):
        purpose = f" in {what_for.name}'s backward pass"
    elif what_for is not None:
        purpose = f" to add up the gradients of {_receiver(what_for)}"
    called = f"{node.name} was called{purpose}{f' with {names}' if names else ''} at {_line_of_user()}"
    return [called, *_place_of(what_for)]


def _place_of(target: Node | Key | None) -> list[str]:
    """Where a node was called, or the node that an output came from; nothing if nobody noted it."""
    node = target[0] if isinstance(target, tuple) else target
    return node.place or [] if isinstance(node, Node) else []


def _line_of_user() -> str:
    """The innermost line outside of minigan; in a run of minigan's own trainer, the innermost outside of the engine."""
    frame: FrameType | None = sys._getframe(1)
    near = None
    while frame is not None:
        root, package, *_ = (*str(frame.f_globals.get("__name__")).split("."), "")
        if root != "minigan" or (near is None and package not in ENGINE):
            near = frame
        if root != "minigan" or package in TRAINER:
            break
        frame = frame.f_back
    if near is None:
        return "unknown:0"
    place, source = near.f_code.co_filename, linecache.getline(near.f_code.co_filename, near.f_lineno).strip()
    return f"{place}:{near.f_lineno}" + (f": {source}" if source else "")


# --- what is said --------------------------------------------------------------------------------


def _in_forward(node: Node, inputs: list[Tensor | None], outputs: list[Tensor], bad: int) -> AnomalyError:
    given = _first_bad(inputs)
    culprit = None
    if given is not None and (tensor := inputs[given]) is not None:
        culprit = f"{tensor.name or f'its input {input_label(node, given)}'} of shape {tensor.shape}"
    found = _found(outputs[bad], f"its output {bad}" if len(outputs) > 1 else "its output")
    return _error(_source(node, "forward"), found, culprit, node, _place(node, inputs, None))


def _in_backward(node: Node, cotangents: list[Tensor], gradients: list, bad: int) -> AnomalyError:
    edge = node.edges[bad]
    receiver = isinstance(edge, Tensor) and edge.name or f"its input {input_label(node, bad)}"
    culprit = None
    if _first_bad(cotangents) is not None:  # of all gradients only those that the pass began with are not looked at
        culprit = "the gradient that the backward pass was given"
    elif _first_bad(node.saved_arrays) is not None:
        culprit = "what its forward pass had saved"
    place = _place_of(node) or [f"where {node.name} was called is not known: it was not under detect_anomaly"]
    notes = [*place, f"the backward pass was called at {_line_of_user()}"]
    found = _found(gradients[bad], f"the gradient of {receiver}")
    return _error(_source(node, "backward"), found, culprit, node, notes)


def _in_sum(target: Key, inputs: list[Tensor | None], total: Tensor) -> AnomalyError:
    notes = [*_place_of(target), f"the backward pass was called at {_line_of_user()}"]
    culprit = None if _first_bad(inputs) is None else "one of them"
    return _error(f"Adding up the gradients of {_receiver(target)}", _found(total, "the sum"), culprit, None, notes)


def _error(source: str, found: str, culprit: str | None, node: Node | None, notes: list[str]) -> AnomalyError:
    arose_here = "it arose here, as all that went in was finite"
    cause = f"it came in with {culprit}, which was not finite already" if culprit else arose_here
    lines = [f"{source} gave {found}", cause, *notes]
    if culprit is None and node is not None and node.name in HINTS:
        lines.append(f"hint: {HINTS[node.name]}")
    return AnomalyError("\n  ".join(lines), source, cause, culprit is None)


def _source(node: Node, way: str) -> str:
    return f"{node.name}'s {way} pass" + ("" if node.called_in is None else f" in {node.called_in}")


def _receiver(target: Key) -> str:
    if isinstance(target, Tensor):
        return target.name or f"a leaf of shape {target.shape}"
    return f"{target[0].name}'s output"


def _found(tensor: Tensor, what: str) -> str:
    """How many elements are not finite, and the first of them."""
    array, shape = tensor.array, tensor.shape
    xp = get_array_module(array)
    index = [int(i) for i in xp.unravel_index(xp.isfinite(array).ravel().argmin(), shape)]
    value = float(array[tuple(index)])
    if not shape:
        return f"{value} as {what}"
    counts = {"NaN": int(xp.isnan(array).sum()), "Inf": int(xp.isinf(array).sum())}
    many = " and ".join(f"{n} {kind}" for kind, n in counts.items() if n)
    return f"{many} in {what} of shape {shape}, the first ({value}) at {index}"

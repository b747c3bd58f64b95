"""The backward pass: from outputs to inputs, node by node, the youngest first. `run_backward` is all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Literal, TypeAlias, overload

from minigan import backend
from minigan.autograd.checks import as_cotangent, checked_gradients
from minigan.autograd.errors import GraphError
from minigan.autograd.grad_mode import set_grad_enabled
from minigan.autograd.hooks import context, meanwhile, notify
from minigan.autograd.tensor import Key, LateBound, Node, Tensor, describe, owner_of

Tensors: TypeAlias = "Tensor | Sequence[Tensor]"  # one, or several


def run_backward(
    outputs: list[Tensor], cotangents: list[Tensor], wanted: set[Key] | None, retain_graph: bool, create_graph: bool
) -> dict[Key, Tensor]:
    """The gradients by key: of all leaves that the outputs depend on, or of those `wanted`.

    A node is made after its inputs, so from the youngest to the oldest each comes after all that use its outputs.
    """
    notify("before_backward_pass", outputs, cotangents, wanted, create_graph)
    gradient_of: dict[Key, Tensor] = {}
    with set_grad_enabled(create_graph), meanwhile(backward_of=None):
        for y, dy in zip(outputs, cotangents, strict=True):
            _accumulate(gradient_of, key_of(y), dy)
        for node, needs_input_grad in _nodes_to_differentiate(outputs, wanted):
            node.needs_input_grad = needs_input_grad
            dys = _take_cotangents(node, gradient_of, wanted)
            if dys is None:
                continue
            if node.retained and wanted is None:
                _retain(node.retained, dys)
            for edge, dx, needed in zip(node.edges, _differentiate(node, dys), needs_input_grad, strict=True):
                if needed and edge is not None and dx is not None:
                    _accumulate(gradient_of, edge, dx)
            if not retain_graph:
                node.free()
    if wanted is None:
        return {key: dx for key, dx in gradient_of.items() if isinstance(key, Tensor)}
    return {key: dx for key, dx in gradient_of.items() if key in wanted}


def key_of(tensor: Tensor) -> Key:
    """What a tensor's gradient is found by: the tensor itself if it is a leaf, else (its node, which output)."""
    return tensor if tensor.creator is None else (tensor.creator, tensor.output_index)


def _accumulate(gradient_of: dict[Key, Tensor], key: Key, gradient: Tensor) -> None:
    """Add a gradient to those that arrived before: what is used several times gets their sum."""
    if key in gradient_of:
        context.backward_of = key
        gradient = gradient_of[key] + gradient
    gradient_of[key] = gradient


def _take_cotangents(node: Node, gradient_of: dict[Key, Tensor], wanted: set[Key] | None) -> list[Tensor] | None:
    """The cotangents of a node's outputs, zeros for those that got none; None if none got one. They are let go of,
    unless somebody wants them."""
    dys: list[Tensor] = []
    found = False
    for i, like in enumerate(node.outputs_like):
        key = (node, i)
        dy = gradient_of.get(key) if wanted and key in wanted else gradient_of.pop(key, None)
        found = found or dy is not None
        dys.append(Tensor.from_array(backend.zeros(*like)) if dy is None else dy)
    return dys if found else None


def _retain(outputs: dict[int, Any], dys: list[Tensor]) -> None:
    """Add the gradients of a node's outputs to the `.grad` of those that were asked to keep it."""
    for i, reference in outputs.items():
        tensor = reference()
        if tensor is not None:
            gradient = Tensor.from_array(dys[i].array.copy(order="K")) if dys[i].creator is None else dys[i]
            tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient


def _differentiate(node: Node, dys: list[Tensor]) -> list[Tensor | None]:
    """The gradients as backward returned them: also such as nobody needs."""
    if node.freed:
        raise node.freed_error()
    observers = context.observers
    if observers:
        context.layer, context.backward_of = node.called_in, node
    gradients = checked_gradients(node, node.backward(*dys))
    for observer in observers:
        observer.after_backward(node, dys, gradients)
    return gradients


def nodes_before(outputs: list[Tensor]) -> list[Node]:
    """All nodes that the outputs depend on, the youngest first. (Not recursive: a graph may be 100,000 nodes deep.)"""
    stack = [y.creator for y in outputs if y.creator is not None]
    seen = set(stack)
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, tuple) and edge[0] not in seen:
                seen.add(edge[0])
                stack.append(edge[0])
    return sorted(seen, key=attrgetter("serial"), reverse=True)


def _nodes_to_differentiate(outputs: list[Tensor], wanted: set[Key] | None) -> Iterable[tuple[Node, tuple[bool, ...]]]:
    """The nodes, the youngest first, and of each which inputs' gradients are needed: all that require one, or those
    that are wanted or lead to what is wanted."""
    needs: dict[Node, tuple[bool, ...]] = {}
    for node in reversed(nodes_before(outputs)):
        leads = []
        for edge in node.edges:
            if edge is None or wanted is None:
                leads.append(edge is not None)
            else:
                leads.append(edge in wanted or (isinstance(edge, tuple) and edge[0] in needs))
        if True in leads:
            needs[node] = tuple(leads)
    return reversed(needs.items())


# --- as one calls it -----------------------------------------------------------------------------


def backward(
    tensors: Tensors, grad_tensors: Any = None, retain_graph: bool = False, create_graph: bool = False
) -> None:
    """Add Σ d(tensor)/d(leaf), each tensor contracted with its own of `grad_tensors`, to `.grad` of every leaf.

    One pass from several outputs: what they have in common is differentiated once, with the sum of their cotangents
    (grad_tensors: of each tensor's shape, or None where it is a single number (1)). For one, `Tensor.backward`.
    """
    tensors = _as_tensors("backward: tensor", tensors)
    given = _one_for_each("backward", "grad_tensors", grad_tensors, "tensors", tensors)
    cotangents = [as_cotangent(y, dy) for y, dy in zip(tensors, given, strict=True)]
    gradients = run_backward(tensors, cotangents, None, retain_graph or create_graph, create_graph)
    if not create_graph:
        gradients = _unshared(gradients, cotangents)
    for leaf, gradient in gradients.items():
        assert isinstance(leaf, Tensor)  # as nothing on the way was wanted
        if leaf.grad is not None:
            with set_grad_enabled(create_graph), meanwhile(backward_of=leaf):
                gradient = leaf.grad + gradient
        leaf.grad = gradient


LateBound.backward = backward


@overload
def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, create_graph: bool = False,
    retain_graph: bool | None = None, allow_unused: Literal[False] = False,
) -> tuple[Tensor, ...]: ...  # fmt: skip


@overload
def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, create_graph: bool = False,
    retain_graph: bool | None = None, *, allow_unused: bool,
) -> tuple[Tensor | None, ...]: ...  # fmt: skip


def grad(
    outputs: Tensors, inputs: Tensors, grad_outputs: Any = None, create_graph: bool = False,
    retain_graph: bool | None = None, allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """d(outputs)/d(inputs), contracted with `grad_outputs`: one Tensor for each input.

    Touches no `.grad`, and computes only what lies between outputs and inputs: the gradient at D's input without any
    weight's gradient. inputs: leaves, or tensors on the way. grad_outputs: a cotangent for each output; may be left
    out for single numbers. create_graph: record the gradient's own graph. retain_graph: keep what was saved (default:
    create_graph). allow_unused: give None for an input that the outputs do not depend on, instead of an error.
    """
    outputs, inputs = _as_tensors("grad: output", outputs), _as_tensors("grad: input", inputs)
    given = _one_for_each("grad", "grad_outputs", grad_outputs, "outputs", outputs)
    retain = create_graph if retain_graph is None else retain_graph
    # With allow_unused, an output outside of any graph is one that depends on no input.
    pairs = [(y, dy) for y, dy in zip(outputs, given, strict=True) if y.requires_grad or not allow_unused]
    cotangents = [as_cotangent(y, dy) for y, dy in pairs]
    found = run_backward([y for y, _ in pairs], cotangents, {key_of(x) for x in inputs}, retain, create_graph)
    for i, x in enumerate(inputs):
        if key_of(x) not in found and not allow_unused:
            why = ": was it detached, or used under no_grad? Pass allow_unused=True to get None for it"
            if not x.requires_grad:
                why = ", which requires no gradient: make it with requires_grad=True before the outputs are computed"
            raise GraphError(f"the outputs do not depend on input {i} ({describe(x)}){why}")
    return tuple(found.get(key_of(x)) for x in inputs)


def _as_list(value: Any) -> list:
    if isinstance(value, (list, tuple)):
        return list(value)
    alone = isinstance(value, Tensor) or backend.is_array(value) or not isinstance(value, Iterable)
    return [value] if alone else list(value)


def _one_for_each(function: str, argument: str, value: Any, of: str, tensors: list[Tensor]) -> list:
    """The cotangents as they were given, None for each if none was."""
    given = [None] * len(tensors) if value is None else _as_list(value)
    if len(given) != len(tensors):
        raise ValueError(f"{function}: {len(given)} {argument} were given for {len(tensors)} {of}: one for each")
    return given


def _as_tensors(argument: str, value: Any) -> list[Tensor]:
    tensors = _as_list(value)
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"{argument} {i} must be a Tensor, not {type(t).__name__}")
    return tensors


def _unshared(gradients: dict[Key, Tensor], cotangents: list[Tensor]) -> dict[Key, Tensor]:
    """The gradients with no memory in common, so that each may be changed in place by its owner.
    (An addition hands one cotangent to both of its inputs, a sum hands on one number as many.)"""
    owners = {id(owner_of(dy.array)) for dy in cotangents}
    unshared = {}
    for leaf, gradient in gradients.items():
        array = gradient.array
        owner, is_broadcast = id(owner_of(array)), 0 in array.strides  # elements that are one place in memory
        shared = owner in owners or is_broadcast
        unshared[leaf] = Tensor.from_array(array.copy(order="K")) if shared else gradient
        owners.add(owner)
    return unshared

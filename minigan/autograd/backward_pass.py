"""The backward pass: from outputs to inputs, node by node, the youngest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minigan import backend
from minigan.autograd.errors import GraphError
from minigan.autograd.function import Function
from minigan.autograd.hooks import _grad_mode, _mode, _observers_here, notify
from minigan.autograd.tensor import Tensor, _describe, _owner
from minigan.backend import Array, DeviceError


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """d(outputs)/d(inputs), contracted with `grad_outputs`: one Tensor for each input.

    Touches no `.grad`, and computes only what lies between inputs and outputs: the gradient at
    D's input is had without any weight's gradient. inputs may be leaves or tensors on the way.
    grad_outputs: a cotangent for each output; may be left out for single numbers. create_graph:
    record the gradient's own graph. retain_graph: keep what was saved (default: create_graph).
    allow_unused: give None for an input that the outputs do not depend on, instead of an error.
    """
    outputs, inputs = _as_tensors("output", outputs), _as_tensors("input", inputs)
    cotangents = [None] * len(outputs) if grad_outputs is None else _as_list(grad_outputs)
    if len(cotangents) != len(outputs):
        raise ValueError(f"grad: {len(cotangents)} grad_outputs were given for {len(outputs)} outputs: one for each")
    retain = create_graph if retain_graph is None else retain_graph
    if allow_unused:  # an output outside of any graph depends on no input
        pairs = [(y, dy) for y, dy in zip(outputs, cotangents, strict=True) if y.requires_grad]
    else:
        pairs = list(zip(outputs, cotangents, strict=True))
    cotangents = [_cotangent_of(y, dy) for y, dy in pairs]
    found = _walk_back([y for y, _ in pairs], cotangents, {_key(x) for x in inputs}, retain, create_graph)
    gradients = tuple(found.get(_key(x)) for x in inputs)
    if not allow_unused:
        for i, (x, dx) in enumerate(zip(inputs, gradients, strict=True)):
            if dx is None and not x.requires_grad:
                raise GraphError(
                    f"the outputs do not depend on input {i} ({_describe(x)}), which requires no gradient: make it "
                    "with requires_grad=True before the outputs are computed from it"
                )
            if dx is None:
                raise GraphError(
                    f"the outputs do not depend on input {i} ({_describe(x)}): was it detached, or used under "
                    "no_grad? Pass allow_unused=True to get None for it"
                )
    return gradients


def backward(
    tensors: Tensor | Sequence[Tensor], grad_tensors: Any = None, retain_graph: bool = False, create_graph: bool = False
) -> None:
    """Add Σ d(tensor)/d(leaf), each tensor contracted with its own of `grad_tensors`, to `.grad` of every leaf.

    One walk from several roots: what they have in common is walked once, with the sum of their cotangents. So a loss
    on G's output and what came back through D to the same output go through G together. grad_tensors: a cotangent of
    each tensor's shape, or None where it is a single number (1). For one root, `Tensor.backward`.
    """
    tensors = _as_tensors("tensor", tensors)
    given = [None] * len(tensors) if grad_tensors is None else _as_list(grad_tensors)
    if len(given) != len(tensors):
        raise ValueError(f"backward: {len(given)} grad_tensors were given for {len(tensors)} tensors: one for each")
    cotangents = [_cotangent_of(y, dy) for y, dy in zip(tensors, given, strict=True)]
    gradients = _walk_back(tensors, cotangents, None, retain_graph or create_graph, create_graph)
    if not create_graph:
        gradients = _unshared(gradients, cotangents)
    for leaf, gradient in gradients.items():
        if leaf.grad is not None:
            with _grad_mode(create_graph, leaf):
                gradient = leaf.grad + gradient
        leaf.grad = gradient


def _as_list(value: Any) -> list:
    alone = isinstance(value, Tensor) or backend.is_array(value) or not isinstance(value, Iterable)
    return [value] if alone else list(value)


def _as_tensors(what: str, value: Any) -> list[Tensor]:
    tensors = _as_list(value)
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"grad: {what} {i} must be a Tensor, not {type(t).__name__}")
    return tensors


def _key(tensor: Tensor) -> Any:
    """What a tensor is called during a walk: itself if a leaf, else (its maker, which output)."""
    return tensor if tensor.creator is None else (tensor.creator, tensor.output_index)


def _cotangent_of(output: Tensor, cotangent: Any) -> Tensor:
    """The cotangent to start from: as given, checked, or 1 for a single number."""
    if not output.requires_grad:
        raise GraphError(
            f"{_describe(output)} has no gradient: nothing that made it requires one, or it was made under no_grad. "
            "Give a Tensor that it is computed from requires_grad=True, and compute it again"
        )
    if cotangent is None:
        if output.size != 1:
            raise GraphError(
                f"backward needs the cotangent of {_describe(output)}: only a single number has an obvious one (1). "
                "Pass it (backward: grad=…, mg.grad: grad_outputs=…), or take .mean() or .sum() first"
            )
        xp = backend.get_array_module(output._data)
        return Tensor._of(xp.ones_like(output._data))
    if not isinstance(cotangent, Tensor):
        try:
            cotangent = Tensor(cotangent, dtype=output.dtype, device=output.device)
        except (TypeError, ValueError) as error:
            raise type(error)(f"the cotangent of {_describe(output)}: {error}") from None
    if cotangent.shape != output.shape:
        raise ValueError(f"the cotangent has shape {cotangent.shape}, but must have its output's, {output.shape}")
    if cotangent.dtype != output.dtype:
        raise TypeError(f"the cotangent has dtype {cotangent.dtype}, but must have its output's, {output.dtype}")
    if type(cotangent._data) is not type(output._data) and cotangent.device != output.device:
        raise DeviceError(f"the cotangent is on {cotangent.device}, but must be where its output is, {output.device}")
    return cotangent


def _walk_back(
    outputs: list[Tensor], cotangents: list[Tensor], wanted: set | None, retain_graph: bool, create_graph: bool
) -> dict:
    """Walk back from `outputs`; the gradients by key: of all leaves, or of those `wanted`."""
    nodes = _nodes_before([y.creator for y in outputs if y.creator is not None])
    arrived: dict = {}
    observers = _observers_here()
    notify("before_walk", outputs, cotangents, wanted, create_graph)
    leads_to_wanted = None if wanted is None else _nodes_leading_to(wanted, nodes)  # an observer may want more
    with _grad_mode(create_graph):
        for y, dy in zip(outputs, cotangents, strict=True):
            _accumulate(arrived, _key(y), dy)
        for node in nodes:
            if leads_to_wanted is not None and node not in leads_to_wanted:
                continue
            keys = [(node, i) for i in range(len(node.outputs_like))]
            dys = [arrived.get(key) for key in keys]
            for key in keys:
                if wanted is None or key not in wanted:
                    arrived.pop(key, None)
            if all(dy is None for dy in dys):
                continue
            node.check_not_freed()
            node.needs_input_grad = tuple(
                edge is not None and (wanted is None or edge in wanted or _maker(edge) in leads_to_wanted)
                for edge in node.edges
            )
            dys = [_zeros(like) if dy is None else dy for dy, like in zip(dys, node.outputs_like, strict=True)]
            if observers:
                _mode.layer, _mode.differentiating = node.called_in, node
            gradients = _checked_gradients(node, node.backward(*dys))
            for observer in observers:
                observer.after_backward(node, dys, gradients)
            for edge, dx, needed in zip(node.edges, gradients, node.needs_input_grad, strict=True):
                if needed and dx is not None:
                    _accumulate(arrived, edge, dx)
            if not retain_graph:
                node.free()
    if wanted is None:
        return {key: dy for key, dy in arrived.items() if isinstance(key, Tensor)}
    return {key: dy for key, dy in arrived.items() if key in wanted}


def _nodes_before(starts: list[Function]) -> list[Function]:
    """All nodes the starts depend on, themselves included, the youngest first."""
    seen, stack = set(starts), list(starts)
    while stack:
        for edge in stack.pop().edges:
            maker = _maker(edge)
            if maker is not None and maker not in seen:
                seen.add(maker)
                stack.append(maker)
    return sorted(seen, key=lambda node: node.serial, reverse=True)


def _nodes_leading_to(wanted: set, nodes: list[Function]) -> set[Function]:
    """The nodes with a wanted tensor among, or before, their inputs."""
    leading: set[Function] = set()
    for node in reversed(nodes):
        if any(edge is not None and (edge in wanted or _maker(edge) in leading) for edge in node.edges):
            leading.add(node)
    return leading


def _unshared(gradients: dict, cotangents: list[Tensor]) -> dict:
    """The gradients with no memory in common, so that each may be changed in place by its owner.
    (An addition hands one cotangent to both of its inputs, a sum hands on one number as many.)"""
    owners = {id(_owner(dy._data)) for dy in cotangents}
    unshared = {}
    for leaf, gradient in gradients.items():
        owner = id(_owner(gradient._data))
        shared = owner in owners or _is_broadcast(gradient._data)
        unshared[leaf] = Tensor._of(gradient._data.copy()) if shared else gradient
        owners.add(owner)
    return unshared


def _is_broadcast(array: Array) -> bool:
    """Whether several of its elements are one place in memory."""
    return any(stride == 0 and n > 1 for stride, n in zip(array.strides, array.shape, strict=True))


def _maker(edge: Any) -> Function | None:
    return edge[0] if isinstance(edge, tuple) else None


def _accumulate(arrived: dict, key: Any, gradient: Tensor) -> None:
    before = arrived.get(key)
    if before is not None:
        _mode.differentiating = key
        gradient = before + gradient
    arrived[key] = gradient


def _zeros(like: tuple) -> Tensor:
    shape, dtype, device = like
    return Tensor._of(backend.zeros(shape, dtype, device))


def _checked_gradients(node: Function, gradients: Any) -> list[Tensor | None]:
    """What backward returned, as a list with one gradient of the right shape for each input."""
    gradients = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
    if len(gradients) != len(node.edges):
        raise GraphError(
            f"{node.name}.backward returned {len(gradients)} gradients for {len(node.edges)} inputs: return one for "
            "each input of forward, None for one that needs none"
        )
    dtype = node.outputs_like[0][1]  # one call has one floating dtype
    for i, (dx, shape, needed) in enumerate(zip(gradients, node.input_shapes, node.needs_input_grad, strict=True)):
        if dx is None or not needed:
            continue
        if not isinstance(dx, Tensor):
            raise GraphError(
                f"{node.name}.backward must return Tensors, but gradient {i} is {type(dx).__name__}: write it in "
                "operations of Tensors, so that it can be differentiated again"
            )
        if dx.shape != shape:
            raise GraphError(
                f"{node.name}.backward returned shape {dx.shape} for input {i}, which has shape {shape}"
                f"{_shape_hint(dx.shape, shape)}"
            )
        if dx._data.dtype != dtype:
            raise GraphError(
                f"{node.name}.backward returned {dx.dtype} for input {i}, which is {dtype}: keep to the cotangent's "
                "dtype (Python numbers never change it, arrays and numbers of NumPy may)"
            )
    return gradients


def _shape_hint(returned: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What to do about a gradient of this shape for an input of that one."""
    extra = len(returned) - len(shape)
    if extra >= 0 and all(n in (1, m) for n, m in zip(shape, returned[extra:], strict=True)):
        return (
            ". forward broadcast it: a number used several times gets the sum of its gradients, so the gradient must "
            f"be summed over the broadcast axes. Return functions.sum_to(gradient, {shape})"
        )
    if len(returned) < len(shape) and any(n in shape for n in returned) or returned == ():
        return (
            ". If forward summed over axes, each number that went in gets the gradient of its sum: repeat it, "
            "functions.broadcast_to, back to the input's shape"
        )
    if sorted(returned) == sorted(shape):
        return ". These are its lengths in another order: is a transpose missing, or the wrong axis summed or repeated?"
    return ". Was the wrong axis summed or repeated?" if extra == 0 else ""

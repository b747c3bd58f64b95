"""Tensors, functions, and the backward pass between them. No particular function lives here.

A `Function` object is one call: it is made, called once on tensors, and stays as the node of the
graph that its outputs point to. What it needs for its backward pass it keeps on itself, so two
calls (D on real images, D on fakes) never overwrite each other.

The backward pass walks the nodes in the reverse order of their making. That is all the order a
graph needs: a node's inputs exist before it does. Nothing recurses, and cotangents travel in a
dict, so a graph can be walked again, or walked while its own derivative is being recorded.

Because every `backward` is written in functions of the engine, the same walk under
`create_graph=True` records a graph of the gradient itself, which can be differentiated again.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from minigan import backend
from minigan.backend import Array, Device

__all__ = ["Tensor", "Function", "GraphError", "StaleTensorError", "grad", "no_grad", "observe"]


class GraphError(RuntimeError):
    """A backward pass that cannot be walked; the message says why and what to do."""


class StaleTensorError(GraphError):
    """A tensor saved for the backward pass was changed in place before the pass used it."""


# --- tensors -------------------------------------------------------------------------------------


class _Version:
    """How often a piece of memory was written to in place, and by whom last. Views share one."""

    __slots__ = ("count", "cause")

    def __init__(self, cause: str = "") -> None:
        self.count = 0
        self.cause = cause


class Tensor:
    """An array that remembers how it was made.

    data: array, nested list, scalar or Tensor. Python floats become float32, arrays keep their
    dtype. requires_grad: whether gradients are wanted for it (floating dtypes only). device:
    "cpu", "gpu" or "gpu:N". name: used in error messages and traces.
    """

    __slots__ = ("_data", "requires_grad", "grad", "name", "creator", "output_index", "_version", "__weakref__")
    __array_ufunc__ = None  # NumPy arrays leave `array * tensor` to Tensor.__rmul__

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        dtype: Any = None,
        device: str | Device | None = None,
        name: str | None = None,
    ) -> None:
        self._data = _as_array(data, dtype, device)
        if requires_grad and self._data.dtype.kind != "f":
            raise TypeError(f"only floating tensors can require a gradient; this one is {self._data.dtype}")
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.name = name
        self.creator: Function | None = None
        self.output_index = 0
        shared = isinstance(data, Tensor) and data._data is self._data
        self._version = data._version if shared else _Version()

    @classmethod
    def _of(cls, array: Array, version: _Version | None = None) -> Tensor:
        """A tensor of an array as it is: the short way for the engine, which makes one for every call."""
        tensor = cls.__new__(cls)
        tensor._data = array
        tensor.requires_grad = False
        tensor.grad = tensor.name = tensor.creator = None
        tensor.output_index = 0
        tensor._version = _Version() if version is None else version
        return tensor

    # What it holds.

    @property
    def data(self) -> Array:
        """The array. Change it with `t.data = …`, `t.data += …` or `t.copy_(…)`: these are noticed
        by a backward pass that still needs the old values. A write through another name for the
        same array (`a = t.data; a[0] = 1`) is not."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        cause = "an assignment to its .data"
        source = value if isinstance(value, Tensor) else None
        array = value if source is None else source._data
        if array is self._data:  # what `t.data += …` comes to
            self._touch(cause)
            return
        array = _as_array(array, self._data.dtype, self.device)
        if array.shape != self.shape:
            raise ValueError(f"{_describe(self)} cannot take data of shape {array.shape}: the shapes must be equal")
        # The old memory was not written to: other tensors that show it are as they were.
        shared = source is not None and source._data is array
        self._data, self._version = array, source._version if shared else _Version(cause)

    def copy_(self, value: Any, cause: str = "copy_()") -> Tensor:
        """Write `value` (broadcast to this shape) into this tensor's memory."""
        value = value._data if isinstance(value, Tensor) else value
        self._data[...] = _as_array(value, self._data.dtype, self.device)
        self._touch(cause)
        return self

    def _touch(self, cause: str) -> None:
        """Note that the memory was written to in place by `cause`."""
        self._version.count += 1
        self._version.cause = cause

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def size(self) -> int:
        return self._data.size

    @property
    def dtype(self) -> np.dtype:
        return self._data.dtype

    @property
    def device(self) -> Device:
        return backend.device_of(self._data)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by a user rather than by a recorded function."""
        return self.creator is None

    def item(self) -> float:
        """The value of a tensor of one element as a Python number."""
        return self._data.item()

    def numpy(self) -> np.ndarray:
        """The values on the host, outside of any graph. On a CPU this is the tensor's own memory."""
        return backend.to_numpy(self._data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        wanted = array.astype(dtype or array.dtype, copy=bool(copy))
        if copy is False and wanted is not array:
            raise ValueError(f"{_describe(self)} cannot be shown as {dtype} without a copy")
        return wanted

    def __len__(self) -> int:
        return len(self._data)

    def __float__(self) -> float:
        return float(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __repr__(self) -> str:
        text = np.array2string(self.numpy(), separator=", ", prefix="Tensor(", threshold=200)
        notes = [f", dtype={self.dtype}"]
        notes += [f", device={self.device}"] if self.device != backend.CPU else []
        notes += [f", made by {self.creator.name}"] if self.creator else []
        notes += [", requires_grad=True"] if self.requires_grad and not self.creator else []
        notes += [f", name={self.name!r}"] if self.name else []
        return f"Tensor({text}{''.join(notes)})"

    if TYPE_CHECKING:  # set by functions.methods; declared here for type checkers and editors
        T: Tensor

        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __pow__(self, exponent: float) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def reshape(self, *shape: Any) -> Tensor: ...
        def transpose(self, *axes: Any) -> Tensor: ...
        def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def max(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def min(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def exp(self) -> Tensor: ...
        def log(self) -> Tensor: ...
        def sqrt(self) -> Tensor: ...
        def abs(self) -> Tensor: ...

    # Its place in the graph.

    def backward(self, grad: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Add d(self)/d(leaf), contracted with `grad`, to `.grad` of every leaf that requires it.

        grad: the cotangent of this tensor, of its shape; may be left out for a single number (1).
        retain_graph: keep what the functions saved, for another pass. create_graph: record the
        gradient's own graph, so that it can be differentiated again (implies retain_graph).
        """
        cotangent = _cotangent_of(self, grad)
        gradients = _walk_back([self], [cotangent], None, retain_graph or create_graph, create_graph)
        if not create_graph:
            gradients = _unshared(gradients, cotangent)
        for leaf, gradient in gradients.items():
            if leaf.grad is not None:
                with _grad_mode(create_graph):
                    gradient = leaf.grad + gradient
            leaf.grad = gradient

    def detach(self) -> Tensor:
        """The same memory, outside of the graph: no gradient passes here."""
        tensor = Tensor._of(self._data, self._version)
        tensor.name = self.name
        return tensor

    def to(self, device: str | Device | None = None, dtype: Any = None) -> Tensor:
        """This tensor on another device or of another dtype, as a new leaf; itself if it is so already."""
        data = _as_array(self._data, dtype, device)
        return self if data is self._data else Tensor(data, self.requires_grad, name=self.name)


def _as_array(value: Any, dtype: Any, device: str | Device | None) -> Array:
    """`value` as an array of `dtype` on `device`; Python floats become float32. No copy if none is needed."""
    if isinstance(value, Tensor):
        value = value._data
    if not backend.is_array(value):
        array = np.asarray(value)
        if array.dtype == object:
            raise TypeError(f"cannot make a tensor of {type(value).__name__}: use numbers, (nested) lists or arrays")
        if array.dtype == np.float64 and dtype is None and not isinstance(value, np.generic):
            array = array.astype(np.float32)
        value = array
    if dtype is not None and value.dtype != dtype:
        value = value.astype(dtype)
    if device is not None:
        value = backend.to_device(value, backend.parse_device(device))
    return value


def _describe(tensor: Tensor) -> str:
    name = f"{tensor.name!r} " if tensor.name else ""
    return f"tensor {name}of shape {tensor.shape}"


# --- functions -----------------------------------------------------------------------------------

_serial = itertools.count()
_FREED = object()  # stands for what a function had saved, after a backward pass let go of it


class Function:
    """A differentiable function and, once called, its node in the graph.

    Subclass it with two methods side by side:

        class Square(Function):
            '''y = x²        dx = 2x · dy'''

            def forward(self, x):               # arrays in, array (or tuple of arrays) out
                self.save_for_backward(x)
                return x * x

            def backward(self, dy):             # Tensors in, Tensors out: one for each input
                (x,) = self.saved_tensors
                return dy * x * 2

        y = Square()(x)                         # or Square.apply(x)

    Options go to `__init__`. `backward` is written with Tensors and engine functions, so that it
    can be differentiated in its turn. `self.needs_input_grad[i]` says whether the i-th gradient is
    wanted: return None where it is not, and spare the work.
    """

    needs_input_grad: tuple[bool, ...] = ()

    @classmethod
    def apply(cls, *inputs: Any, **options: Any) -> Any:
        """Make the function with `options` and call it on `inputs`."""
        return cls(**options)(*inputs)

    @property
    def name(self) -> str:
        """The function's name in messages and traces."""
        return type(self).__name__

    def forward(self, *arrays: Array) -> Any:
        """The value: arrays in, an array or a tuple of arrays out."""
        raise TypeError(f"{self.name} has no forward method")

    def backward(self, *cotangents: Tensor) -> Any:
        """The gradient of each input, given the cotangent of each output: Tensors in and out."""
        raise TypeError(f"{self.name} has no backward method")

    def __call__(self, *inputs: Any) -> Any:
        if hasattr(self, "_to_save"):
            raise GraphError(f"this {self.name} was called before: a Function object is one call, make a new one")
        tensors = [x if x is None or isinstance(x, Tensor) else Tensor(x) for x in inputs]
        _check_dtypes(self, tensors)
        recording = _mode.enabled
        self.needs_input_grad = tuple([recording and t is not None and t.requires_grad for t in tensors])
        recording = any(self.needs_input_grad)
        arrays = _distinct_arrays(tensors)
        self._to_save: tuple[Array, ...] = ()
        self._constants: Any = ()
        result = self.forward(*arrays)
        many = isinstance(result, tuple)
        results = result if many else (result,)
        checked = [_checked_output(self, y) for y in results]
        outputs = [Tensor._of(y, _version_of_view(y, tensors)) for y in checked]
        if recording:
            self._record(tensors, arrays, outputs, results)
        else:
            self._to_save = self._constants = ()
        for observer in _observers:
            observer.after_forward(self, tensors, outputs)
        return tuple(outputs) if many else outputs[0]

    def _record(self, tensors: list, arrays: list, outputs: list[Tensor], results: tuple) -> None:
        """Become a node: remember where the inputs came from, and what backward needs."""
        self.serial = next(_serial)
        self.edges = [
            None if not needed else t if t.creator is None else (t.creator, t.output_index)
            for t, needed in zip(tensors, self.needs_input_grad, strict=True)
        ]
        self.input_shapes = [None if t is None else t.shape for t in tensors]
        self.outputs_like = [(y.shape, y.dtype, y.device) for y in outputs]
        self._saved: Any = [self._remember(a, tensors, arrays, outputs, results) for a in self._to_save]
        self._to_save = ()
        for i, y in enumerate(outputs):
            y.requires_grad, y.creator, y.output_index = True, self, i

    def _remember(self, array: Array, tensors: list, arrays: list, outputs: list, results: tuple) -> tuple:
        """An input is kept as its tensor (its graph stays attached), an output as array and number
        (keeping the tensor would tie the node to itself); both with the version seen now."""
        for t, a in zip(tensors, arrays, strict=True):
            if a is array and t is not None:
                return t, None, t._version, t._version.count
        for i, (y, result) in enumerate(zip(outputs, results, strict=True)):
            if result is array:
                return y._data, i, y._version, y._version.count
        raise TypeError(
            f"{self.name}.save_for_backward takes the very arrays that forward was given or returns; "
            "for what else backward needs and does not depend on them, use save_constants"
        )

    def save_for_backward(self, *arrays: Array) -> None:
        """Keep inputs or outputs of `forward` for `backward`, where they are `self.saved_tensors`."""
        self._to_save = arrays

    def save_constants(self, *values: Any) -> None:
        """Keep what backward needs and what must not be differentiated (masks, indices), or what
        backward uses as a cache of something it differentiates by formula."""
        self._constants = values

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """What `save_for_backward` kept, attached to the graph, and checked for changes since."""
        self._check_not_freed()
        restored = []
        for kept, index, version, count in self._saved:
            now = version if index is not None else kept._version  # another one if .data was bound anew
            if now is not version or now.count != count:
                raise StaleTensorError(self._stale_message(kept, index, now, now.count - count))
            if index is None:
                restored.append(kept)
            else:
                tensor = Tensor._of(kept, version)
                tensor.requires_grad, tensor.creator, tensor.output_index = True, self, index
                restored.append(tensor)
        return tuple(restored)

    @property
    def saved_constants(self) -> tuple[Any, ...]:
        """What `save_constants` kept."""
        self._check_not_freed()
        return self._constants

    def free(self) -> None:
        """Let go of all that was saved for backward."""
        self._saved = self._constants = _FREED

    def _check_not_freed(self) -> None:
        if self._saved is _FREED:
            raise GraphError(
                f"{self.name} was walked back once already and let go of what it had saved: pass "
                "retain_graph=True to the first backward, or compute the value again"
            )

    def _stale_message(self, kept: Any, index: int | None, version: _Version, times: int) -> str:
        what = f"its output {index}" if index is not None else _describe(kept)
        times = max(1, times)  # a version begun by binding .data anew has counted nothing yet
        return (
            f"{self.name} saved {what} for its backward pass, but it was changed in place since then "
            f"({times} time{'s' * (times > 1)}, last by {version.cause}), so the gradient would mix old and "
            "new values. Compute the output again after the change (for a GAN: call D(fake) afresh after "
            "D's optimiser has stepped), or take all gradients before the first change"
        )


def _distinct_arrays(tensors: list[Tensor | None]) -> list[Array | None]:
    """The tensors' arrays, no two tensors by the same object: saved arrays are told apart by identity."""
    if len(tensors) == 1:
        return [None if tensors[0] is None else tensors[0]._data]
    arrays: list[Array | None] = []
    for i, t in enumerate(tensors):
        array = None if t is None else t._data
        if array is not None and any(a is array and tensors[j] is not t for j, a in enumerate(arrays[:i])):
            array = array[...]
        arrays.append(array)
    return arrays


def _check_dtypes(function: Function, tensors: list[Tensor | None]) -> None:
    """One dtype to a call if any is floating: NumPy would widen float32 to float64 without a word."""
    if len(tensors) == 1:
        return
    dtypes = {t._data.dtype for t in tensors if t is not None}
    if len(dtypes) > 1 and any(dtype.kind == "f" for dtype in dtypes):
        mixed = " and ".join(sorted(map(str, dtypes)))
        raise TypeError(f"{function.name}: dtypes {mixed} are mixed; convert one with .to(dtype=…)")


def _version_of_view(array: Array, inputs: list[Tensor | None]) -> _Version | None:
    """The version of the input whose memory an output shows (a reshape, a transpose); None if it has its own."""
    if array.base is None and not any(t is not None and t._data is array for t in inputs):
        return None
    owner = _owner(array)
    return next((t._version for t in inputs if t is not None and _owner(t._data) is owner), None)


def _checked_output(function: Function, value: Any) -> Array:
    """Forward's result as an array: a reduction's NumPy scalar becomes an array of no dimensions."""
    if backend.is_array(value):
        return value
    if isinstance(value, np.generic):
        return np.asarray(value)
    raise TypeError(f"{function.name}.forward must return an array or a tuple of arrays, not {type(value).__name__}")


# --- modes and observers -------------------------------------------------------------------------


class _Mode(threading.local):
    enabled = True


_mode = _Mode()


@contextmanager
def _grad_mode(enabled: bool) -> Iterator[None]:
    before, _mode.enabled = _mode.enabled, enabled
    try:
        yield
    finally:
        _mode.enabled = before


class no_grad:
    """`with no_grad():` or `@no_grad()`: compute without recording a graph."""

    def __init__(self) -> None:
        self._before: list[bool] = []  # one for each time it was entered and not left

    def __enter__(self) -> None:
        self._before.append(_mode.enabled)
        _mode.enabled = False

    def __exit__(self, *exc: Any) -> None:
        _mode.enabled = self._before.pop()

    def __call__(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def without_graph(*args: Any, **kwargs: Any) -> Any:
            with no_grad():
                return function(*args, **kwargs)

        return without_graph


class Observer(Protocol):
    """What `observe` calls: after each forward, and after each backward of a node."""

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None: ...

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None: ...


_observers: list[Observer] = []


@contextmanager
def observe(observer: Observer) -> Iterator[None]:
    """Let `observer` see every function call and every step of a backward pass meanwhile."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


# --- the backward pass ---------------------------------------------------------------------------


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
    outputs, inputs = _as_list(outputs), _as_list(inputs)
    cotangents = [None] * len(outputs) if grad_outputs is None else _as_list(grad_outputs)
    if len(cotangents) != len(outputs):
        raise ValueError(f"{len(cotangents)} grad_outputs were given for {len(outputs)} outputs")
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
            if dx is None:
                raise GraphError(
                    f"the outputs do not depend on input {i} ({_describe(x)}): was it detached, or used under "
                    "no_grad? Pass allow_unused=True to get None for it"
                )
    return gradients


def _as_list(value: Any) -> list:
    alone = isinstance(value, Tensor) or backend.is_array(value) or not isinstance(value, Iterable)
    return [value] if alone else list(value)


def _key(tensor: Tensor) -> Any:
    """What a tensor is called during a walk: itself if a leaf, else (its maker, which output)."""
    return tensor if tensor.creator is None else (tensor.creator, tensor.output_index)


def _cotangent_of(output: Tensor, cotangent: Any) -> Tensor:
    """The cotangent to start from: as given, checked, or 1 for a single number."""
    if not output.requires_grad:
        raise GraphError(
            f"{_describe(output)} has no gradient: nothing that made it requires one, or it was made under no_grad"
        )
    if cotangent is None:
        if output.size != 1:
            raise GraphError(
                f"backward needs the cotangent of {_describe(output)}: only a single number has an obvious one (1). "
                "Pass grad=…, or take .mean() or .sum() first"
            )
        xp = backend.get_array_module(output._data)
        return Tensor(xp.ones_like(output._data))
    cotangent = cotangent if isinstance(cotangent, Tensor) else Tensor(cotangent, dtype=output.dtype)
    if cotangent.shape != output.shape:
        raise ValueError(f"the cotangent has shape {cotangent.shape}, but must have its output's, {output.shape}")
    if cotangent.dtype != output.dtype:
        raise TypeError(f"the cotangent has dtype {cotangent.dtype}, but must have its output's, {output.dtype}")
    return cotangent


def _walk_back(
    outputs: list[Tensor], cotangents: list[Tensor], wanted: set | None, retain_graph: bool, create_graph: bool
) -> dict:
    """Walk back from `outputs`; the gradients by key: of all leaves, or of those `wanted`."""
    nodes = _nodes_before([y.creator for y in outputs if y.creator is not None])
    leads_to_wanted = None if wanted is None else _nodes_leading_to(wanted, nodes)
    arrived: dict = {}
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
            node.needs_input_grad = tuple(
                edge is not None and (wanted is None or edge in wanted or _maker(edge) in leads_to_wanted)
                for edge in node.edges
            )
            dys = [_zeros(like) if dy is None else dy for dy, like in zip(dys, node.outputs_like, strict=True)]
            gradients = _checked_gradients(node, node.backward(*dys))
            for observer in _observers:
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


def _unshared(gradients: dict, cotangent: Tensor) -> dict:
    """The gradients with no memory in common, so that each may be changed in place by its owner.
    (An addition hands one cotangent to both of its inputs, a sum hands on one number as many.)"""
    owners = {id(_owner(cotangent._data))}
    unshared = {}
    for leaf, gradient in gradients.items():
        owner = id(_owner(gradient._data))
        shared = owner in owners or _is_broadcast(gradient._data)
        unshared[leaf] = Tensor(gradient._data.copy()) if shared else gradient
        owners.add(owner)
    return unshared


def _is_broadcast(array: Array) -> bool:
    """Whether several of its elements are one place in memory."""
    return any(stride == 0 and n > 1 for stride, n in zip(array.strides, array.shape, strict=True))


def _owner(array: Array) -> Array:
    """The array whose memory a view shows."""
    while getattr(array, "base", None) is not None and backend.is_array(array.base):
        array = array.base
    return array


def _maker(edge: Any) -> Function | None:
    return edge[0] if isinstance(edge, tuple) else None


def _accumulate(arrived: dict, key: Any, gradient: Tensor) -> None:
    before = arrived.get(key)
    arrived[key] = gradient if before is None else before + gradient


def _zeros(like: tuple) -> Tensor:
    shape, dtype, device = like
    return Tensor(backend.zeros(shape, dtype, device))


def _checked_gradients(node: Function, gradients: Any) -> list[Tensor | None]:
    """What backward returned, as a list with one gradient of the right shape for each input."""
    gradients = list(gradients) if isinstance(gradients, (tuple, list)) else [gradients]
    if len(gradients) != len(node.edges):
        raise GraphError(f"{node.name}.backward returned {len(gradients)} gradients for {len(node.edges)} inputs")
    dtype = node.outputs_like[0][1]  # one call has one floating dtype
    for i, (dx, shape, needed) in enumerate(zip(gradients, node.input_shapes, node.needs_input_grad, strict=True)):
        if dx is None or not needed:
            continue
        if not isinstance(dx, Tensor):
            raise GraphError(f"{node.name}.backward must return Tensors, but gradient {i} is {type(dx).__name__}")
        if dx.shape != shape:
            raise GraphError(f"{node.name}.backward returned shape {dx.shape} for input {i}, which has shape {shape}")
        if dx._data.dtype != dtype:
            raise GraphError(f"{node.name}.backward returned {dx.dtype} for input {i}, which is {dtype}")
    return gradients

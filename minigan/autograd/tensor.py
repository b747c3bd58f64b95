"""`Tensor`: an array that remembers how it was made, and how often it was changed in place; `Node`: what made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, Union

import numpy as np

from minigan import backend
from minigan.backend import Array, Device

# How a gradient is found by during a backward pass: by a leaf itself, or by a node and the number of its output.
Key: TypeAlias = Union["Tensor", "tuple[Node, int]"]


class GraphError(RuntimeError):
    """A backward pass that cannot be made; the message says why and what to do."""


class StaleTensorError(GraphError):
    """A tensor saved for the backward pass was changed in place before the pass used it."""


class Node:
    """A place in the graph: one call of a function. `Function` fills it when it is called on tensors.

    serial: its number in the order of calls. edges: for each input, where its gradient goes: to a leaf, to an output
    of another node, or nowhere. outputs_like: shape, dtype and device of each output.
    """

    serial: int
    edges: list[Key | None]
    input_shapes: list[tuple[int, ...]]
    outputs_like: list[tuple[tuple[int, ...], np.dtype, Device]]
    needs_input_grad: tuple[bool, ...] = ()
    called_in: Any = None  # the layer, as text its path; known if somebody observed the call
    place: Any = None  # where it was called, if anomaly mode noted it
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    free: Callable[[], None]
    check_not_freed: Callable[[], None]

    @property
    def name(self) -> str:
        """The function's name in messages and traces."""
        return type(self).__name__

    @property
    def saved_arrays(self) -> list[Array]:
        """What `forward` kept and no backward pass has let go of."""
        return []


class Bound:
    """What methods of Tensor call and what is itself made of tensors: each binds itself here when it is imported."""

    backward: Callable[..., None]  # autograd.backward_pass
    functions: dict[str, Callable[..., Tensor]]  # by name, those of minigan.functions: operators and methods


def _operator(name: str) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The function of two arguments as an operator: of a tensor on the left, and on the right."""

    def operator(self: Tensor, other: Any) -> Tensor:
        return Bound.functions[name](self, other)

    def reflected(self: Tensor, other: Any) -> Tensor:
        return Bound.functions[name](other, self)

    return operator, reflected


def _elementwise(name: str) -> Callable[..., Tensor]:
    def elementwise(self: Tensor) -> Tensor:
        return Bound.functions[name](self)

    return elementwise


def _reduction(name: str) -> Callable[..., Tensor]:
    def reduction(self: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
        return Bound.functions[name](self, axis, keepdims)

    return reduction


# What NumPy calls for `array ∘ tensor`, and the function for it.
_OF_UFUNC = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "matmul": "matmul"}


class Version:
    """How often a piece of memory was written to in place, and by whom last. Views share one."""

    count = 0
    cause = ""


class Tensor:
    """An array that remembers how it was made.

    data: array, nested list, scalar or Tensor. Python floats become float32, arrays keep their dtype. requires_grad:
    whether gradients are wanted for it (floating dtypes only). device: "cpu", "gpu" or "gpu:N" (None: the default).
    name: for error messages and traces.
    """

    __slots__ = ("array", "requires_grad", "grad", "name", "creator", "output_index", "_version", "__weakref__")

    def __init__(
        self,
        data: Any,
        requires_grad: bool = False,
        dtype: Any = None,
        device: str | Device | None = None,
        name: str | None = None,
    ) -> None:
        self.array = _as_array(data, dtype, device)
        if requires_grad and self.array.dtype.kind != "f":
            raise TypeError(
                f"only floating tensors can require a gradient; this one is {self.array.dtype}: "
                "give it floats or dtype='float32', or leave requires_grad out"
            )
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.name = name
        self.creator: Node | None = None
        self.output_index = 0
        shared = isinstance(data, Tensor) and data.array is self.array
        self._version = data._version if shared else Version()

    @classmethod
    def from_array(cls, array: Array, version: Version | None = None) -> Tensor:
        """A tensor of an array as it is: the short way for the engine, which makes one for every call."""
        tensor = cls.__new__(cls)
        tensor.array = array
        tensor.requires_grad = False
        tensor.grad = tensor.name = tensor.creator = None
        tensor.output_index = 0
        tensor._version = Version() if version is None else version
        return tensor

    # What it holds.

    @property
    def data(self) -> Array:
        """The array, to be changed by `t.data = …`, `t.data += …` or `t.copy_(…)`, which a backward pass notices that
        still needs the old values; a write through another name (`a = t.data; a[0] = 1`) is not noticed."""
        return self.array

    @data.setter
    def data(self, value: Any) -> None:
        cause = "an assignment to its .data"
        source = value if isinstance(value, Tensor) else None
        array = value if source is None else source.array
        if array is self.array:  # what `t.data += …` comes to
            self.increment_version(cause)
            return
        array = _as_array(array, self.array.dtype, self.device)
        if array.shape != self.shape:
            raise ValueError(f"{describe(self)} cannot take data of shape {array.shape}: the shapes must be equal")
        # The old memory was not written to: other tensors that show it are as they were.
        self.array = array
        if source is not None and source.array is array:
            self._version = source._version
        else:
            self._version = Version()
            self._version.cause = cause

    def copy_(self, value: Any, cause: str = "copy_()") -> Tensor:
        """Write `value` (broadcast to this shape) into this tensor's memory."""
        array = _as_array(value, self.array.dtype, self.device)
        try:
            self.array[...] = array
        except ValueError as error:
            values = f"the values of an array of shape {array.shape}"
            raise ValueError(f"{describe(self)} cannot take {values}: {error}") from None
        self.increment_version(cause)
        return self

    @property
    def version(self) -> int:
        """How often its memory was written to in place."""
        return self._version.count

    def increment_version(self, cause: str) -> None:
        """Note that the memory was written to in place by `cause`: who still needs the old values will say so."""
        self._version.count += 1
        self._version.cause = cause

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    @property
    def device(self) -> Device:
        return backend.device_of(self.array)

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by a user rather than by a recorded function."""
        return self.creator is None

    def item(self) -> float:
        """The value of a tensor of one element as a Python number."""
        self._check_single("read as a Python number: take .mean() or .sum(), index one, or use .numpy() for all")
        return self.array.item()

    def numpy(self) -> np.ndarray:
        """The values on the host, outside of any graph. On a CPU this is the tensor's own memory."""
        return backend.to_numpy(self.array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        wanted = array.astype(dtype or array.dtype, copy=bool(copy))
        if copy is False and wanted is not array:
            raise ValueError(f"{describe(self)} cannot be shown as {dtype} without a copy")
        return wanted

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """`array * tensor` is left to the tensor's own operator; NumPy's functions know no gradient."""
        function = _OF_UFUNC.get(ufunc.__name__)
        if function and method == "__call__" and not options and not isinstance(inputs[0], Tensor):
            return Bound.functions[function](*inputs)
        raise TypeError(
            f"np.{ufunc.__name__} of a Tensor would lose its gradient: use the function of minigan.functions, "
            "or give NumPy its array, .data"
        )

    def __len__(self) -> int:
        if not self.array.shape:
            raise TypeError(f"{describe(self)} is a single number and has no length: read it with .item()")
        return len(self.array)

    def __float__(self) -> float:
        return float(self.item())

    def __bool__(self) -> bool:
        self._check_single("true or false: compare .numpy(), and take .any() or .all()")
        return bool(self.array.item())

    def _check_single(self, what: str) -> None:
        if self.array.size != 1:
            raise ValueError(f"{describe(self)} holds {self.array.size} numbers; only one can be {what}")

    def __repr__(self) -> str:
        text = np.array2string(self.numpy(), separator=", ", prefix="Tensor(", threshold=200)
        notes = [f", dtype={self.dtype}"]
        notes += [f", device={self.device}"] if self.device != backend.CPU else []
        notes += [f", made by {self.creator.name}"] if self.creator else []
        notes += [", requires_grad=True"] if self.requires_grad and not self.creator else []
        notes += [f", name={self.name!r}"] if self.name else []
        return f"Tensor({text}{''.join(notes)})"

    # Operators and methods, each a function of `minigan.functions`.

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("sub")
    __mul__, __rmul__ = _operator("mul")
    __truediv__, __rtruediv__ = _operator("div")
    __matmul__, __rmatmul__ = _operator("matmul")
    __pow__, __getitem__ = _operator("power")[0], _operator("getitem")[0]
    __neg__, __abs__, abs, exp, log, sqrt = map(_elementwise, ("neg", "abs", "abs", "exp", "log", "sqrt"))
    sum, mean, max, min = map(_reduction, ("sum", "mean", "max", "min"))

    def reshape(self, *shape: Any) -> Tensor:
        """x.reshape(2, 3) or x.reshape((2, 3))."""
        return Bound.functions["reshape"](self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """x.transpose(), x.transpose(1, 0) or x.transpose((1, 0)): NumPy's."""
        return Bound.functions["transpose"](self, (axes[0] if len(axes) == 1 else axes) if axes else None)

    @property
    def T(self) -> Tensor:
        """All axes in the opposite order."""
        return Bound.functions["transpose"](self)

    # Its place in the graph.

    def backward(self, grad: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Add d(self)/d(leaf), contracted with `grad`, to `.grad` of every leaf that requires it.

        grad: the cotangent of this tensor; may be left out for a single number (1). retain_graph: keep what was saved,
        for another pass. create_graph: record the gradient's own graph (implies retain_graph).
        """
        Bound.backward([self], [grad], retain_graph, create_graph)

    def new_tensor(self, data: Any, dtype: Any = None) -> Tensor:
        """A Tensor of `data` where this one is, of its dtype unless another is given."""
        return Tensor(data, dtype=dtype or self.dtype, device=self.device)

    def detach(self) -> Tensor:
        """The same memory, outside of the graph: no gradient passes here."""
        tensor = Tensor.from_array(self.array, self._version)
        tensor.name = self.name
        return tensor

    def to(self, device: str | Device | None = None, dtype: Any = None) -> Tensor:
        """This tensor on another device or of another dtype, as a new leaf; itself if it is so already."""
        data = _as_array(self, dtype, device)
        if data is self.array:
            return self
        return Tensor(data, self.requires_grad, device=backend.device_of(data), name=self.name)


def _as_array(value: Any, dtype: Any, device: str | Device | None) -> Array:
    """`value` as an array of `dtype` on `device`; Python floats become float32. No copy if none is needed.

    Without a device, Tensors and arrays of a GPU stay where they are, and all else goes to the default device.
    """
    if isinstance(value, Tensor):
        value = value.array
    elif device is None and backend.get_default_device() != backend.CPU and not backend.is_on_gpu(value):
        device = backend.get_default_device()
    given = value
    if not backend.is_array(given):
        try:
            value = np.asarray(given)
        except ValueError:
            why = "its rows differ in length, and must be equal"
            raise ValueError(f"cannot make a tensor of this {type(given).__name__}: {why}") from None
        if value.dtype == np.float64 and dtype is None and not isinstance(given, np.generic):
            value = value.astype(np.float32)
    _check_numbers(value, given)
    if dtype is not None and value.dtype != dtype:
        if value.dtype.kind == "c" and np.dtype(dtype).kind in "biuf":
            raise TypeError(f"{value.dtype} cannot become {dtype}: it would lose its imaginary part")
        value = value.astype(dtype)
        _check_numbers(value, value)
    if device is not None:
        value = backend.to_device(value, backend.parse_device(device))
    return value


def _check_numbers(array: Array, value: Any) -> None:
    """The array that was made of `value` must hold numbers."""
    if array.dtype.kind not in "fiubc":
        what = f"an array of {array.dtype}" if array is value else type(value).__name__
        raise TypeError(f"cannot make a tensor of {what}: use numbers, (nested) lists or arrays of them")


def describe(tensor: Tensor) -> str:
    """What an error calls it: by its name, if it has one, and shape."""
    name = f"{tensor.name!r} " if tensor.name else ""
    return f"tensor {name}of shape {tensor.shape}"


def owner_of(array: Array) -> Array:
    """The array whose memory a view shows."""
    while getattr(array, "base", None) is not None and backend.is_array(array.base):
        array = array.base
    return array

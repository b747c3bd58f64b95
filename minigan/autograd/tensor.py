"""`Tensor`: an array that remembers how it was made, and how often it was changed in place; `Node`: what made it."""

from __future__ import annotations

import operator
import warnings
import weakref
from collections.abc import Callable
from numbers import Number
from typing import Any, TypeAlias, TypeVar, Union

import numpy as np

from minigan import backend
from minigan.autograd.errors import FunctionError, GraphError
from minigan.autograd.grad_mode import grad_mode, set_grad_enabled
from minigan.backend import Array, Device
from minigan.renamed import peer_name

# How a gradient is found by during a backward pass: by a leaf itself, or by a node and the number of its output.
Key: TypeAlias = Union["Tensor", "tuple[Node, int]"]
Operator: TypeAlias = "Callable[[Tensor, Any], Tensor]"  # a method of one argument
Method = TypeVar("Method", bound=Callable[..., Any])


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
    retained: dict[int, Any] | None = None  # weak references to the outputs that keep their gradient
    called_in: object | None = None  # the layer, as text its path; known if somebody observed the call
    place: list[str] | None = None  # where it was called, if anomaly mode noted it
    freed: bool = False  # whether what it had saved was let go of
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    free: Callable[[], None]
    freed_error: Callable[[], Exception]

    @property
    def name(self) -> str:
        """The function's name in messages and traces."""
        return type(self).__name__

    @property
    def saved_arrays(self) -> list[Array]:
        """What `forward` kept and no backward pass has let go of."""
        return []


class LateBound:
    """What methods of Tensor call and what is itself made of tensors: each binds itself here when it is imported."""

    backward: Callable[..., None]  # autograd.backward_pass
    functions: dict[str, Callable[..., Tensor]]  # by name, those of minigan.functions: operators and methods


def _named(method: Method, name: str, doc: str) -> Method:
    method.__name__, method.__qualname__, method.__doc__ = name, f"Tensor.{name}", doc
    return method


def _binary(method: str, symbol: str, name: str) -> tuple[Operator, Operator]:
    """The function of two arguments as an operator: of a tensor on the left, and on the right."""

    def operator(self: Tensor, other: Any) -> Tensor:
        return LateBound.functions[name](self, other)

    def reflected(self: Tensor, other: Any) -> Tensor:
        return LateBound.functions[name](other, self)

    left = _named(operator, f"__{method}__", f"self {symbol} other")
    return left, _named(reflected, f"__r{method}__", f"other {symbol} self")


def _unary(method: str, name: str, doc: str) -> Callable[[Tensor], Tensor]:
    """The function of one argument as a method."""

    def unary(self: Tensor) -> Tensor:
        return LateBound.functions[name](self)

    return _named(unary, method, doc)


def _comparison(method: str, symbol: str) -> Callable[[Tensor, Any], Any]:
    """The comparison (or what joins two, & and |) as an operator, elementwise: booleans, which know no gradient."""
    compare = getattr(operator, method)

    def compared(self: Tensor, other: Any) -> Any:
        other = other.array if isinstance(other, Tensor) else other
        if not (backend.is_array(other) or isinstance(other, Number)):
            return NotImplemented
        return Tensor.from_array(backend.as_array(compare(self.array, other)))

    return _named(compared, f"__{method.rstrip('_')}__", f"self {symbol} other, elementwise: a tensor of booleans")


def _augmented(method: str, symbol: str, name: str) -> Operator:
    """`t -= x`. A leaf is changed in place, as every tensor is under `no_grad`. While a graph is recorded, a leaf that
    requires a gradient cannot be: it raises GraphError. What was computed, or meets what requires a gradient, is
    computed anew: `loss += term` is `loss = loss + term`."""

    def augmented(self: Tensor, other: Any) -> Tensor:
        if grad_mode.enabled:
            if self.creator is not None or (isinstance(other, Tensor) and other.requires_grad):
                if self.creator is not None or not self.requires_grad:
                    return LateBound.functions[name](self, other)
            if self.requires_grad:
                raise GraphError(
                    f"{describe(self)} requires a gradient and cannot be changed by {symbol} while a graph is "
                    "recorded: change it within `with no_grad():`, or make a new tensor"
                )
        with set_grad_enabled(False):
            result = LateBound.functions[name](self, other)
        if result.shape != self.shape:
            raise ValueError(f"{describe(self)} cannot become one of shape {result.shape} in place, by {symbol}")
        if not np.can_cast(result.dtype, self.dtype, "same_kind"):
            raise TypeError(f"{describe(self)} of {self.dtype} cannot take {result.dtype} values in place, by {symbol}")
        return self.copy_(result, symbol)

    return _named(augmented, f"__{method}__", f"self {symbol} other: in place where that is allowed")


# What NumPy calls for `array ∘ tensor`, and the function for it; and the comparisons.
_OF_UFUNC = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "matmul": "matmul", "power": "power",
}  # fmt: skip
_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")

# What NumPy may say of a tensor: its answer knows no gradient in any case.
_WITHOUT_GRADIENT = {
    "all", "allclose", "any", "argmax", "argmin", "argsort", "array2string", "array_equal", "array_equiv", "array_repr",
    "array_str", "broadcast_arrays", "can_cast", "copyto", "count_nonzero", "histogram", "isclose", "iscomplexobj",
    "isin", "isrealobj", "may_share_memory", "ndim", "nonzero", "result_type", "save", "savetxt", "savez",
    "savez_compressed", "shape", "shares_memory", "size",
}  # fmt: skip


class Version:
    """How often a piece of memory was written to in place, and by whom last. Views share one."""

    count = 0
    cause = ""


class Tensor:
    """An array that remembers how it was made.

    data: array, nested list, scalar or Tensor. Python floats become float32; arrays keep their dtype, and the tensor
    shows their memory, as `torch.from_numpy` does (a `Parameter` is a copy). requires_grad: whether gradients are
    wanted for it (floating dtypes only). device: "cpu", "gpu" or "gpu:N"; without it, the default device. name: used
    in error messages and traces.
    """

    __slots__ = ("array", "_requires_grad", "grad", "name", "creator", "output_index", "_version", "__weakref__")

    grad: Tensor | None

    def __init__(
        self, data: Any, requires_grad: bool = False, dtype: Any = None, device: str | Device | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        self.array = _as_array(data, dtype, device)
        if requires_grad:
            _check_floating(self.array, "f")
        self._requires_grad = requires_grad
        self.grad = None
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
        tensor._requires_grad = False
        tensor.name = tensor.creator = None
        tensor.output_index = 0
        tensor._version = Version() if version is None else version
        return tensor

    def __getattr__(self, name: str) -> Any:
        """What was never set: a `grad`, which a leaf has none of yet, and which what was computed does not keep."""
        if name != "grad":
            raise AttributeError(f"'Tensor' object has no attribute {name!r}{peer_name('Tensor', name)}")
        if self.creator is not None:
            warnings.warn(
                f"{describe(self)} was computed, and backward keeps the .grad of leaves only: call its retain_grad() "
                "before, or use minigan.grad",
                stacklevel=2,
            )
            return None
        self.grad = None
        return None

    # What it holds.

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are wanted for it, or for what it was computed from. Floating tensors only."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted:
            _check_floating(self.array, "fc")
        self._requires_grad = wanted

    @property
    def data(self) -> Array:
        """The array, to be changed by `t.data = …`, `t.data += …` or `t.copy_(…)`, which a backward pass notices that
        still needs the old values; a write through another name (`a = t.data; a[0] = 1`) is not noticed. (To read it,
        `t.array` is the same, and quicker.)"""
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
        """The values on the host, outside of any graph, in C order. On a CPU this is the tensor's own memory, unless
        that lies in another order, as images do that a convolution made, and a convolution's weight: to write to it,
        use `t.copy_` or `t.data[...]`."""
        return np.asarray(backend.to_numpy(self.array), order="C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        wanted = array.astype(dtype or array.dtype, copy=bool(copy))
        if copy is False and wanted is not array:
            raise ValueError(f"{describe(self)} cannot be shown as {dtype} without a copy")
        return wanted

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """`array * tensor` is left to the tensor's own operator; NumPy's functions know no gradient."""
        name = ufunc.__name__
        if method == "__call__" and not options and not isinstance(inputs[0], Tensor):
            if name in _OF_UFUNC:
                return LateBound.functions[_OF_UFUNC[name]](*inputs)
            if name in _COMPARISONS:
                return Tensor.from_array(backend.as_array(ufunc(inputs[0], self.array)))
        raise _lost_gradient(name)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        """NumPy's functions know no gradient: only those may be called that have none."""
        if function.__name__ in _WITHOUT_GRADIENT:
            return function(*_as_arrays(args), **_as_arrays(kwargs))
        raise _lost_gradient(function.__name__)

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

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        if self.array.size != 1:
            raise TypeError(f"{describe(self)} holds {self.array.size} numbers; only one can be written as {spec!r}")
        return format(self.array.item(), spec)

    def __repr__(self) -> str:
        text = np.array2string(self.numpy(), separator=", ", prefix="Tensor(", threshold=200)
        notes = [f", dtype={self.dtype}"]
        notes += [f", device={self.device}"] if self.device != backend.CPU else []
        notes += [f", made by {self.creator.name}"] if self.creator else []
        notes += [", requires_grad=True"] if self.requires_grad and not self.creator else []
        notes += [f", name={self.name!r}"] if self.name else []
        return f"Tensor({text}{''.join(notes)})"

    # Operators and methods, each a function of `minigan.functions`.

    __add__, __radd__ = _binary("add", "+", "add")
    __sub__, __rsub__ = _binary("sub", "-", "sub")
    __mul__, __rmul__ = _binary("mul", "*", "mul")
    __truediv__, __rtruediv__ = _binary("truediv", "/", "div")
    __matmul__, __rmatmul__ = _binary("matmul", "@", "matmul")
    __iadd__ = _augmented("iadd", "+=", "add")
    __isub__ = _augmented("isub", "-=", "sub")
    __imul__ = _augmented("imul", "*=", "mul")
    __itruediv__ = _augmented("itruediv", "/=", "div")
    __ipow__ = _augmented("ipow", "**=", "power")
    __imatmul__ = _augmented("imatmul", "@=", "matmul")
    __lt__ = _comparison("lt", "<")
    __le__ = _comparison("le", "<=")
    __gt__ = _comparison("gt", ">")
    __ge__ = _comparison("ge", ">=")
    __eq__ = _comparison("eq", "==")
    __ne__ = _comparison("ne", "!=")
    __and__ = _comparison("and_", "&")
    __or__ = _comparison("or_", "|")
    __hash__ = object.__hash__  # by which tensor it is, not by its values, which may change
    __neg__ = _unary("__neg__", "neg", "-self")
    __abs__ = _unary("__abs__", "abs", "|self|, as abs(x).")
    abs = _unary("abs", "abs", "|self|")
    exp = _unary("exp", "exp", "eˣ of each element.")
    log = _unary("log", "log", "ln of each element.")
    sqrt = _unary("sqrt", "sqrt", "√ of each element.")

    __pow__, __rpow__ = _binary("pow", "**", "power")

    def __invert__(self) -> Tensor:
        """~self, of booleans and whole numbers."""
        return Tensor.from_array(backend.as_array(~self.array))

    def __getitem__(self, index: Any) -> Tensor:
        """self[index], with NumPy's indices."""
        return LateBound.functions["getitem"](self, index)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The sum over all axes, or over `axis`: one or several."""
        return LateBound.functions["sum"](self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The mean over all axes, or over `axis`."""
        return LateBound.functions["mean"](self, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The largest over all axes, or over `axis`."""
        return LateBound.functions["max"](self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The smallest over all axes, or over `axis`."""
        return LateBound.functions["min"](self, axis, keepdims)

    def norm(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """The 2-norm over all axes, or over `axis`."""
        return LateBound.functions["norm"](self, axis, keepdims)

    def var(self, axis: Any = None, keepdims: bool = False, correction: float = 1) -> Tensor:
        """The variance over axes: unbiased, or with correction=0 biased."""
        return LateBound.functions["var"](self, axis, keepdims, correction)

    def clip(self, min: float | None = None, max: float | None = None) -> Tensor:
        """x, but at least `min` and at most `max`."""
        return LateBound.functions["clip"](self, min, max)

    def reshape(self, *shape: Any) -> Tensor:
        """x.reshape(2, 3) or x.reshape((2, 3))."""
        return LateBound.functions["reshape"](self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Tensor:
        """x.transpose(), x.transpose(1, 0) or x.transpose((1, 0)): NumPy's."""
        return LateBound.functions["transpose"](self, (axes[0] if len(axes) == 1 else axes) if axes else None)

    @property
    def T(self) -> Tensor:
        """All axes in the opposite order."""
        return LateBound.functions["transpose"](self)

    # Its place in the graph.

    def backward(self, grad: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Add d(self)/d(leaf), contracted with `grad`, to `.grad` of every leaf that requires it.

        grad: the cotangent of this tensor; may be left out for a single number (1). retain_graph: keep what was saved,
        for another pass. create_graph: record the gradient's own graph (implies retain_graph).
        """
        LateBound.backward([self], [grad], retain_graph, create_graph)

    def retain_grad(self) -> None:
        """Let backward keep the gradient of this tensor in `.grad`, though it was computed."""
        if not self.requires_grad:
            raise TypeError(f"{describe(self)} requires no gradient: only floating tensors that do can keep one")
        if self.creator is not None:
            self.grad = None
            self.creator.retained = {**(self.creator.retained or {}), self.output_index: weakref.ref(self)}

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
    else:
        if isinstance(value, np.ndarray) and type(value) is not np.ndarray and backend.device_of(value) == backend.CPU:
            if np.ma.is_masked(value):
                raise TypeError("cannot make a tensor of a masked array: say what stands in the gaps, x.filled(0)")
            value = np.asarray(value)  # np.matrix and the like compute by rules of their own
        elif isinstance(value, (list, tuple)) and _holds_tensor(value):
            raise TypeError(
                "a Tensor of Tensors would lose their gradients: join them with F.stack or F.concatenate, or give "
                "their .numpy()"
            )
        if device is None and backend.get_default_device() != backend.CPU and not backend.is_on_gpu(value):
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
    if value.dtype == np.float16:  # its sums overflow at 65,504
        raise TypeError("float16 is not computed with, for its sums overflow: use float32 (x.astype('float32'))")
    if device is not None:
        value = backend.to_device(value, backend.parse_device(device))
    return value


def _holds_tensor(value: list | tuple) -> bool:
    return any(isinstance(v, Tensor) or (isinstance(v, (list, tuple)) and _holds_tensor(v)) for v in value)


def _as_arrays(value: Any) -> Any:
    """The value with arrays in the places of tensors."""
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, dict):
        return {name: _as_arrays(v) for name, v in value.items()}
    return type(value)(map(_as_arrays, value)) if isinstance(value, (list, tuple)) else value


def _lost_gradient(name: str) -> FunctionError:
    return FunctionError(
        f"np.{name} of a Tensor would lose its gradient: use the function of minigan.functions, "
        "or give NumPy its array, .data"
    )


def _check_floating(array: Array, kinds: str) -> None:
    if array.dtype.kind not in kinds:
        raise TypeError(
            f"only floating tensors can require a gradient; this one is {array.dtype}: "
            "give it floats or dtype='float32', or leave requires_grad out"
        )


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
    base = array.base
    while base is not None and backend.is_array(base):
        array, base = base, base.base
    return array

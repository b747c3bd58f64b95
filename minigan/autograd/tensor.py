"""`Tensor`: an array that remembers how it was made, and how often it was changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigan import backend
from minigan.backend import Array, Device

if TYPE_CHECKING:
    from minigan.autograd.function import Function


# What NumPy calls for `array ∘ tensor`, and the tensor's method for it.
_REFLECTED = {
    "add": "__radd__",
    "subtract": "__rsub__",
    "multiply": "__rmul__",
    "divide": "__rtruediv__",
    "matmul": "__rmatmul__",
}


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
    "cpu", "gpu" or "gpu:N"; without it, the default device. name: used in error messages and traces.
    """

    __slots__ = ("_data", "requires_grad", "grad", "name", "creator", "output_index", "_version", "__weakref__")

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
            raise TypeError(
                f"only floating tensors can require a gradient; this one is {self._data.dtype}: "
                "give it floats or dtype='float32', or leave requires_grad out"
            )
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
        array = _as_array(value, self._data.dtype, self.device)
        try:
            self._data[...] = array
        except ValueError as error:
            raise ValueError(
                f"{_describe(self)} cannot take the values of an array of shape {array.shape}: {error}"
            ) from None
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
        self._check_single("read as a Python number: take .mean() or .sum(), index one, or use .numpy() for all")
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

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """`array * tensor` is left to the tensor's own operator; NumPy's functions know no gradient."""
        operator = _REFLECTED.get(ufunc.__name__)
        if operator and method == "__call__" and not options and not isinstance(inputs[0], Tensor):
            return getattr(inputs[1], operator)(inputs[0])
        raise TypeError(
            f"np.{ufunc.__name__} of a Tensor would lose its gradient: use the function of minigan.functions, "
            "or give NumPy its array, .data"
        )

    def __len__(self) -> int:
        if not self._data.shape:
            raise TypeError(f"{_describe(self)} is a single number and has no length: read it with .item()")
        return len(self._data)

    def __float__(self) -> float:
        return float(self.item())

    def __bool__(self) -> bool:
        self._check_single("true or false: compare .numpy(), and take .any() or .all()")
        return bool(self._data.item())

    def _check_single(self, what: str) -> None:
        if self._data.size != 1:
            raise ValueError(f"{_describe(self)} holds {self._data.size} numbers; only one can be {what}")

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
        from minigan.autograd.backward_pass import backward  # it is made of tensors

        backward([self], [grad], retain_graph, create_graph)

    def detach(self) -> Tensor:
        """The same memory, outside of the graph: no gradient passes here."""
        tensor = Tensor._of(self._data, self._version)
        tensor.name = self.name
        return tensor

    def to(self, device: str | Device | None = None, dtype: Any = None) -> Tensor:
        """This tensor on another device or of another dtype, as a new leaf; itself if it is so already."""
        data = _as_array(self, dtype, device)
        if data is self._data:
            return self
        return Tensor(data, self.requires_grad, device=backend.device_of(data), name=self.name)


def _as_array(value: Any, dtype: Any, device: str | Device | None) -> Array:
    """`value` as an array of `dtype` on `device`; Python floats become float32. No copy if none is needed.

    Without a device, Tensors and arrays of a GPU stay where they are, and all else goes to the default device.
    """
    if isinstance(value, Tensor):
        value = value._data
    elif device is None and backend.get_default_device() != backend.CPU and not backend.is_on_gpu(value):
        device = backend.get_default_device()
    if not backend.is_array(value):
        try:
            array = np.asarray(value)
        except ValueError:
            raise ValueError(
                f"cannot make a tensor of this {type(value).__name__}: its rows differ in length, and must be equal"
            ) from None
        if array.dtype == np.float64 and dtype is None and not isinstance(value, np.generic):
            array = array.astype(np.float32)
        _check_numbers(array, value)
        value = array
    else:
        _check_numbers(value, value)
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


def _describe(tensor: Tensor) -> str:
    name = f"{tensor.name!r} " if tensor.name else ""
    return f"tensor {name}of shape {tensor.shape}"


def _owner(array: Array) -> Array:
    """The array whose memory a view shows."""
    while getattr(array, "base", None) is not None and backend.is_array(array.base):
        array = array.base
    return array

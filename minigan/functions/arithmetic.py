"""Elementwise arithmetic, with NumPy's broadcasting.

A broadcast input was used more than once, so its gradient is the sum over its copies: `sum_to`. Python numbers stay
Python numbers (`AddScalar`, `MulScalar`, `PowerScalar`): they neither widen a float32 array nor have to travel to a
GPU. Arrays of whole numbers have no gradient, and meet whole numbers as NumPy's do.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import inf
from numbers import Integral
from typing import Any

from minigan.autograd import Function, Tensor
from minigan.backend import Array, as_array, get_array_module
from minigan.functions.arguments import NUMBER, as_floating, as_number, as_tensor, like, prefix_errors
from minigan.functions.manipulation import sum_to
from minigan.kernels import arithmetic as kernels
from minigan.kernels.layout import beside
from minigan.renamed import renamed_in


class _Binary(Function):
    compute: Callable[[Any, Any], Any]

    def forward(self, a: Any, b: Any) -> Any:
        try:
            return self.compute(a, b)
        except ValueError:
            raise ValueError(
                f"{self.name.lower()}: {self._shapes(a, b)} do not broadcast to one: counted from the last axis, "
                "lengths must be equal, or one of them 1"
            ) from None
        except TypeError:  # NumPy subtracts no booleans
            raise TypeError(
                f"{self.name.lower()} is not defined for a of {a.dtype} and b of {b.dtype}: convert them with "
                ".to(dtype='float32')"
            ) from None

    def _shapes(self, a: Array, b: Array) -> str:
        return f"a of shape {a.shape} and b of shape {b.shape}"


class Add(_Binary):
    """y = a + b        da = dy        db = dy"""

    def compute(self, a: Array, b: Array) -> Array:
        return kernels.add(a, b)

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        shape_a, shape_b = self.input_shapes
        need_a, need_b = self.needs_input_grad
        return sum_to(dy, shape_a) if need_a else None, sum_to(dy, shape_b) if need_b else None


class Sub(_Binary):
    """y = a − b        da = dy        db = −dy"""

    def compute(self, a: Array, b: Array) -> Array:
        return a - b

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        shape_a, shape_b = self.input_shapes
        need_a, need_b = self.needs_input_grad
        return sum_to(dy, shape_a) if need_a else None, sum_to(-dy, shape_b) if need_b else None


class Mul(_Binary):
    """y = a · b        da = dy · b        db = dy · a"""

    def compute(self, a: Array, b: Array) -> Array:
        self.save_for_backward(a, b)
        return kernels.multiply(a, b)

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.saved_tensors
        need_a, need_b = self.needs_input_grad
        return sum_to(dy * b, a.shape) if need_a else None, sum_to(dy * a, b.shape) if need_b else None


class Div(_Binary):
    """y = a / b        da = dy / b        db = −dy · a / b²"""

    def compute(self, a: Array, b: Array) -> Array:
        self.save_for_backward(a, b)
        return a / b

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        a, b = self.saved_tensors
        need_a, need_b = self.needs_input_grad
        da = sum_to(dy / b, a.shape) if need_a else None
        db = sum_to(-dy * a / (b * b), b.shape) if need_b else None
        return da, db


class _Choice(_Binary):
    """a or b. Saved is a's share of the gradient: 1 where a is taken, 0 where b is."""

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        (share,) = self.saved_constants
        shape_a, shape_b = self.input_shapes
        need_a, need_b = self.needs_input_grad
        da = sum_to(GateMul(share)(dy), shape_a) if need_a else None
        db = sum_to(GateMul(1.0 - share)(dy), shape_b) if need_b else None
        return da, db


class Where(_Choice):
    """y = a where the condition is true, else b        da = dy where it is true, else 0        db = dy − that"""

    def __init__(self, condition: Array) -> None:
        self.condition = condition

    def compute(self, a: Array, b: Array) -> Array:
        self.save_constants(self.condition.astype(a.dtype))
        return get_array_module(a, b).where(self.condition, a, b)

    def _shapes(self, a: Array, b: Array) -> str:
        return f"condition of shape {self.condition.shape}, {super()._shapes(a, b)}"


class Maximum(_Choice):
    """y = max(a, b)        da = dy where a > b, ½ dy where a = b        db = dy − that"""

    def compute(self, a: Array, b: Array) -> Array:
        self._save_share(a > b, a == b, a.dtype)
        return get_array_module(a, b).maximum(a, b)

    def _save_share(self, taken: Array, tied: Array, dtype: Any) -> None:
        """½ in a tie."""
        self.save_constants(taken.astype(dtype) + tied * dtype.type(0.5))


class Minimum(Maximum):
    """y = min(a, b)        da = dy where a < b, ½ dy where a = b        db = dy − that"""

    def compute(self, a: Array, b: Array) -> Array:
        self._save_share(a < b, a == b, a.dtype)
        return get_array_module(a, b).minimum(a, b)


class MaskMul(Function):
    """y = m · x for a constant array m (a mask)        dx = m · dy

    Dropout, both ways. m: broadcasts to x's shape.
    """

    def __init__(self, factor: Array) -> None:
        self.save_constants(factor)

    def forward(self, x: Array) -> Array:
        return kernels.multiply(x, *self.saved_constants)

    def backward(self, dy: Tensor) -> Tensor:
        return type(self)(*self.saved_constants)(dy)


class GateMul(MaskMul):
    """y = m · x for a constant array m, and 0 where m is 0        dx = m · dy, and 0 where m is 0

    The backward pass of piecewise linear functions: the gradient passes where and as much as the value did. Where it
    does not, it is 0 even if it comes as infinity or NaN, as from √x at 0: a gate chooses, it does not multiply.
    """

    def forward(self, x: Array) -> Array:
        (factor,) = self.saved_constants
        return kernels.multiply(get_array_module(x).where(factor == 0, x.dtype.type(0), x), factor)


class AddScalar(Function):
    """y = x + c        dx = dy"""

    def __init__(self, c: float) -> None:
        self.c = c

    def forward(self, x: Array) -> Array:
        return kernels.add(x, self.c)

    def backward(self, dy: Tensor) -> Tensor:
        return dy


class MulScalar(Function):
    """y = c · x        dx = c · dy"""

    def __init__(self, c: float) -> None:
        self.c = c

    def forward(self, x: Array) -> Array:
        return kernels.multiply(x, self.c)

    def backward(self, dy: Tensor) -> Tensor:
        return MulScalar(self.c)(dy)


class Power(_Binary):
    """y = a^b        da = dy · b · a^(b−1)        db = dy · y · ln a, 0 where a = 0 and b ≥ 0

    Where a = b = 0, da is 0. Where a < 0 there is no ln a, and db is NaN. Both as PyTorch's.
    """

    def compute(self, a: Array, b: Array) -> Array:
        y = a**b
        self.save_for_backward(a, b, y)
        return y

    def backward(self, dy: Tensor) -> tuple[Tensor | None, ...]:
        a, b, y = self.saved_tensors
        need_a, need_b = self.needs_input_grad
        # What is infinite at a = 0 is not made: not even a gate could keep its own derivatives from being NaN.
        da = db = None
        if need_a:
            exponent = where((a.array == 0) & (b.array == 0), 1.0, b)
            da = sum_to(dy * b * a ** (exponent - 1.0), a.shape)
        if need_b:
            db = sum_to(dy * y * log(where((a.array == 0) & (b.array >= 0), 1.0, a)), b.shape)
        return da, db


class PowerScalar(Function):
    """y = x^p, p a number        dx = p · x^(p−1) · dy"""

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return x * x if self.exponent == 2 else x**self.exponent

    def backward(self, dy: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        p = self.exponent
        if p == 2:
            return dy * x * 2.0
        return MulScalar(0.0)(dy) if p == 0 else dy * power(x, p - 1) * p


class Exp(Function):
    """y = eˣ        dx = y · dy"""

    def forward(self, x: Array) -> Array:
        y = get_array_module(x).exp(x)
        self.save_for_backward(y)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        (y,) = self.saved_tensors
        return dy * y


class Log(Function):
    """y = ln x        dx = dy / x"""

    def forward(self, x: Array) -> Array:
        self.save_for_backward(x)
        return get_array_module(x).log(x)

    def backward(self, dy: Tensor) -> Tensor:
        (x,) = self.saved_tensors
        return dy / x


class Sqrt(Function):
    """y = √x        dx = dy / (2 y)

    At x = 0 the derivative is infinite: add a small number first where 0 can occur.
    """

    def forward(self, x: Array) -> Array:
        y = get_array_module(x).sqrt(x)
        self.save_for_backward(y)
        return y

    def backward(self, dy: Tensor) -> Tensor:
        (y,) = self.saved_tensors
        return dy / y * 0.5


class Clip(Function):
    """y = x, but at least `min` and at most `max`        dx = dy where min ≤ x ≤ max, else 0"""

    def __init__(self, min: float, max: float) -> None:
        self.min, self.max = min, max

    def forward(self, x: Array) -> Array:
        self.save_constants((x >= self.min) & (x <= self.max))
        return x.clip(self.min, self.max)

    def backward(self, dy: Tensor) -> Tensor:
        return GateMul(*self.saved_constants)(dy)


class Abs(Function):
    """y = |x|        dx = sign(x) · dy, 0 at x = 0"""

    def forward(self, x: Array) -> Array:
        if x.dtype.kind == "b":
            raise TypeError("abs: x is bool, but must be of numbers: convert it with .to(dtype='float32')")
        xp = get_array_module(x)
        self.save_constants(xp.sign(x))
        return xp.abs(x)

    def backward(self, dy: Tensor) -> Tensor:
        return GateMul(*self.saved_constants)(dy)


# --- as one calls them ---------------------------------------------------------------------------


def add(a: Any, b: Any) -> Tensor:
    """y = a + b, broadcast. Either may be a Tensor, an array or a number."""
    return _of_two("add", Add, AddScalar, a, b)


def sub(a: Any, b: Any) -> Tensor:
    """y = a − b, broadcast. Either may be a Tensor, an array or a number."""
    return _of_two("sub", Sub, _minus, a, b)


def mul(a: Any, b: Any) -> Tensor:
    """y = a · b elementwise, broadcast. Either may be a Tensor, an array or a number."""
    return _of_two("mul", Mul, MulScalar, a, b)


def div(a: Any, b: Any) -> Tensor:
    """y = a / b elementwise, broadcast. Either may be a Tensor, an array or a number."""
    if isinstance(b, NUMBER):
        if b == 0:
            raise ZeroDivisionError("div: b is 0, and nothing can be divided by it")
        return MulScalar(1.0 / float(b))(as_floating("div", a, "a"))
    if isinstance(a, NUMBER):
        return MulScalar(float(a))(power(as_floating("div", b, "b"), -1))
    a, b = _matched("div", a, b)
    return Div()(as_floating("div", a, "a"), b)


def neg(x: Any) -> Tensor:
    """y = −x."""
    return _with_number(MulScalar, "neg", x, -1, "x")


def power(x: Any, exponent: Any) -> Tensor:
    """y = x^exponent, broadcast. Either may be a Tensor, an array or a number."""
    if isinstance(exponent, NUMBER):
        x = as_floating("power", x) if float(exponent) < 0 else x
        return _with_number(PowerScalar, "power", x, exponent, "x")
    if isinstance(x, NUMBER):
        return _with_number(_power_of, "power", exponent, x, "b")
    x, exponent = _matched("power", x, exponent)
    return Power()(as_floating("power", x, "a"), exponent)


def clip(x: Any, min: float | None = None, max: float | None = None) -> Tensor:
    """x, but at least `min` and at most `max`; one of the two may be left out."""
    if min is None and max is None:
        raise TypeError("clip: neither min nor max was given: there is nothing to clip to")
    low = -inf if min is None else as_number("clip", "min", min)
    high = inf if max is None else as_number("clip", "max", max, low)
    return Clip(low, high)(as_floating("clip", x))


def where(condition: Any, a: Any, b: Any) -> Tensor:
    """y = a where the condition is true, else b; all three broadcast. condition: booleans, such as `x > 0`."""
    condition = as_tensor("where", condition, "condition")
    if condition.dtype != bool:
        raise TypeError(f"where: condition is {condition.dtype}, but must be of booleans, such as x > 0")
    a, b = _matched("where", a, b)
    return Where(beside(condition.array, a.array))(a, b)


def maximum(a: Any, b: Any) -> Tensor:
    """y = max(a, b) elementwise, broadcast; in a tie each gets half of the gradient."""
    return Maximum()(*_matched("maximum", a, b))


def minimum(a: Any, b: Any) -> Tensor:
    """y = min(a, b) elementwise, broadcast; in a tie each gets half of the gradient."""
    return Minimum()(*_matched("minimum", a, b))


def exp(x: Any) -> Tensor:
    """y = eˣ."""
    return Exp()(as_floating("exp", x))


def log(x: Any) -> Tensor:
    """y = ln x, the natural logarithm."""
    return Log()(as_floating("log", x))


def sqrt(x: Any) -> Tensor:
    """y = √x."""
    return Sqrt()(as_floating("sqrt", x))


def abs(x: Any) -> Tensor:
    """y = |x|."""
    return Abs()(as_tensor("abs", x))


def _of_two(
    name: str, function: type[Function], with_number: Callable[[float], Callable[..., Any]], a: Any, b: Any
) -> Tensor:
    """`function` of a and b; or `with_number`, of the one, where the other is a number."""
    if not isinstance(b, Tensor) and isinstance(b, NUMBER):
        return _with_number(with_number, name, a, b, "a")
    if not isinstance(a, Tensor) and isinstance(a, NUMBER):
        return _with_number(with_number, name, b, a, "b")
    return function()(*_matched(name, a, b))


def _with_number(function: Callable[[float], Callable[..., Any]], name: str, x: Any, number: Any, label: str) -> Tensor:
    """The function, with a number as its option, of x. Whole numbers, which have no gradient, meet only whole numbers,
    and give what NumPy's operator gives."""
    if not isinstance(x, Tensor):
        x = as_tensor(name, x, label)
    if x.array.dtype.kind in "fc":
        if function is _minus and label == "b":
            return AddScalar(float(number))(MulScalar(-1.0)(x))
        return function(float(number))(x)
    if not isinstance(number, Integral):
        as_floating(name, x, label)  # which raises
    number = int(number)  # NumPy's own numbers would widen the array
    a, b = (number, x.array) if label == "b" else (x.array, number)
    return Tensor.from_array(as_array(prefix_errors(name, _OF_WHOLE_NUMBERS[name], a, b)))


def _minus(number: float) -> AddScalar:
    return AddScalar(-number)


def _power_of(base: float) -> Callable[[Tensor], Tensor]:
    return lambda exponent: Power()(exponent.new_tensor(base), exponent)


_OF_WHOLE_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "power": operator.pow, "neg": lambda x, _: -x,
}  # fmt: skip


def _matched(name: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Both as Tensors of one floating dtype: numbers, lists and integer arrays take the other's."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.array.dtype is b.array.dtype or a.dtype == b.dtype or (_is_floating(a) and _is_floating(b)):
            return a, b  # float32 and float64 do not mix: the call itself says so
        return (a, b.to(dtype=a.dtype)) if _is_floating(a) else (a.to(dtype=b.dtype), b)
    if isinstance(a, Tensor):
        return (a, like(name, "b", b, a)) if _is_floating(a) else _matched(name, a, _beside(name, "b", b, a))
    if isinstance(b, Tensor):
        return (like(name, "a", a, b), b) if _is_floating(b) else _matched(name, _beside(name, "a", a, b), b)
    return as_tensor(name, a, "a"), as_tensor(name, b, "b")


def _beside(name: str, label: str, value: Any, x: Tensor) -> Tensor:
    """`value` as a Tensor where x is, of the dtype that a Tensor of it has."""
    return x.new_tensor(value, as_tensor(name, value, label).dtype)


def _is_floating(x: Tensor) -> bool:
    return x.array.dtype.kind in "fc"


__getattr__ = renamed_in(__name__)

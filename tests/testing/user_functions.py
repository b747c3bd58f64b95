"""Functions as users write them: RIGHT ones that a careless checker rejects, WRONG ones that it accepts.

WRONG gives beside each what its report must say.
"""

import numpy as np

import minigan as mg
from minigan import functions as F

RIGHT, WRONG = {}, {}


def right(cls):
    RIGHT[cls.__name__] = cls
    return cls


def wrong(says):
    def register(fn):
        WRONG[fn.__name__] = fn, says
        return fn

    return register


def drawn(*shape, scale=1.0, offset=0.0, count=1):
    """samples(rng) for a class body."""
    return staticmethod(lambda rng: [scale * rng.standard_normal(shape) + offset for _ in range(count)])


# --- right, where terms cancel --------------------------------------------------------------------


@right
class Norm(mg.Function):
    """‖x‖: of a single number the second derivative is c (v/|x| − x x v/|x|³) = 0."""

    def forward(self, x):
        y = np.sqrt((x * x).sum())
        self.save_for_backward(x, y)
        return y

    def backward(self, dy):
        x, y = self.saved_tensors
        return dy * x / y


@right
class LogSumExp(mg.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return x.max() + np.log(np.exp(x - x.max()).sum())

    def backward(self, dy):
        (x,) = self.saved_tensors
        exp = F.exp(x - x.data.max())
        return dy * exp / F.sum(exp)


@right
class LogSumExpOfLargeNumbers(LogSumExp):
    samples = drawn(4, scale=300.0)


@right
class LogSumExpFarFromZero(LogSumExp):
    samples = drawn(3, offset=1e4)


@right
class LogSumExpVeryFarFromZero(LogSumExp):
    samples = drawn(3, offset=1e8)


@right
class PixelNormOfOneChannel(mg.Function):
    """x/|x|: all but the ε of its derivative cancels."""

    samples = drawn(2, 1, 3, 4)

    def forward(self, x):
        self.save_for_backward(x)
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + x.dtype.type(1e-8))

    def backward(self, dy):
        (x,) = self.saved_tensors
        square = F.mean(x * x, 1, keepdims=True) + 1e-8
        return dy * square**-0.5 - x * F.mean(dy * x, 1, keepdims=True) * square**-1.5


class TanhByItsOutput(mg.Function):
    def forward(self, x):
        y = np.tanh(x)
        self.save_for_backward(y)
        return y

    def backward(self, dy):
        (y,) = self.saved_tensors
        return dy * (1.0 - y * y)


@right
class SaturatedTanh(TanhByItsOutput):
    samples = drawn(3, 4, offset=15.0)


@right
class SaturatedSigmoid(mg.Function):
    samples = drawn(3, 4, scale=2.0, offset=20.0)

    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        self.save_for_backward(y)
        return y

    def backward(self, dy):
        (y,) = self.saved_tensors
        return dy * y * (1.0 - y)


@right
class SumOfSoftmax(mg.Function):
    """It is 1, and its gradient 0, but for rounding."""

    def forward(self, x):
        exp = np.exp(x - x.max())
        self.save_for_backward(x)
        return (exp / exp.sum()).sum()

    def backward(self, dy):
        (x,) = self.saved_tensors
        s = F.softmax(F.reshape(x, (-1,)), 0)
        return F.reshape(s * (dy - F.sum(dy * s)), x.shape)


@right
class StandardisedPair(mg.Function):
    """Of two numbers, always (1, −1) or (−1, 1)."""

    samples = drawn(2)

    def forward(self, x):
        self.save_for_backward(x)
        return (x - x.mean()) / x.std()

    def backward(self, dy):
        (x,) = self.saved_tensors
        centred = x - F.mean(x)
        std = F.sqrt(F.mean(centred * centred))
        h = centred / std
        return (dy - F.mean(dy) - h * F.mean(dy * h)) / std


@right
class LinearAndZero(mg.Function):
    """3.1 x + x − 4.1 x: what rounding leaves of it depends on dy alone, as x is moved."""

    def forward(self, x):
        return x * 3.1 + x - x * 4.1

    def backward(self, dy):
        return dy * 3.1 + dy - dy * 4.1


@right
class MaximumToTheFirst(mg.Function):
    """Of two that tie, the first gets it all."""

    samples = drawn(3, 4, count=2)

    def forward(self, a, b):
        self.save_for_backward(a, b)
        return np.maximum(a, b)

    def backward(self, dy):
        a, b = self.saved_tensors
        first = (a.data >= b.data).astype(a.dtype)
        return dy * first, dy * (1.0 - mg.Tensor(first))


# --- wrong, somewhere only ------------------------------------------------------------------------


class Exp(mg.Function):
    def forward(self, x):
        y = np.exp(x)
        self.save_for_backward(y)
        return y

    def backward(self, dy):
        (y,) = self.saved_tensors
        return dy * y


@wrong("of float32 inputs, values or gradients are others than of float64, by more than rounding")
class OnePercentInFloat32(Exp):
    def backward(self, dy):
        return super().backward(dy) * (1.01 if dy.dtype == np.float32 else 1.0)


@wrong("of float32 inputs, values or gradients are others")
class OnePercentInFloat32WhereTermsCancel(SumOfSoftmax):
    def forward(self, x):
        return super().forward(x) * x.dtype.type(1.01 if x.dtype == np.float32 else 1.0)


def _beyond_four(x):
    return (abs(x.data) > 4).astype(x.dtype)


@wrong("the first-order gradient with respect to input 0")
class WrongBeyondFour(mg.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return x * x

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy * x * (2.0 - mg.Tensor(_beyond_four(x)))


@wrong("the first-order gradient with respect to input 0")
class WrongNearZero(mg.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return x * x * x + x

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy * (x * x * 3.0 + 1.0) * (1.0 + mg.Tensor((abs(x.data) < 0.1).astype(x.dtype)))


class _EverySecond(mg.Function):
    def __init__(self, stride):
        self.stride = stride

    def forward(self, x):
        self.shape = x.shape
        return x[..., :: self.stride] * 1

    def backward(self, dy):
        if self.stride == 1:
            return dy * 1.0
        there = np.zeros(self.shape, dy.dtype)
        there[..., 1 :: self.stride] = 1  # must be 0 :: stride
        return F.broadcast_to(F.sum(dy), self.shape) * there


@wrong("with stride=2, the first-order gradient with respect to input 0")
class WrongAtStrideTwo(_EverySecond):
    def __init__(self, stride=1):
        super().__init__(stride)


@wrong("with stride=2, the first-order gradient with respect to input 0")
def wrong_at_stride_two(x, stride=1):
    return _EverySecond(stride)(x)


@wrong("with keepdims=True, the first-order gradient")
def wrong_with_keepdims(x, keepdims=False):
    return F.sum(x, 0, keepdims=True) * F.sum(x.detach()) if keepdims else F.sum(x, 0)


@wrong("given one tensor as inputs 0 and 1, its gradient is not the sum of those of two copies")
class WrongForOneTensorTwice(mg.Function):
    samples = drawn(3, 4, count=2)

    def forward(self, a, b):
        self.same = a is b
        self.save_for_backward(a, b)
        return a * b

    def backward(self, dy):
        a, b = self.saved_tensors
        return dy * b, None if self.same else dy * a


@wrong("where entries are equal, the gradient is none of those that forward allows")
class MaxToEveryTie(mg.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return x.max()

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy * (x.data == x.data.max()).astype(x.dtype)


@wrong("where entries are equal, the gradient is none of those that forward allows")
class MaximumToBoth(MaximumToTheFirst):
    def backward(self, dy):
        a, b = self.saved_tensors
        return dy * (a.data >= b.data).astype(a.dtype), dy * (b.data >= a.data).astype(a.dtype)


@wrong("where entries are equal, the gradient is none of those that forward allows")
class MaximumToNone(MaximumToTheFirst):
    def backward(self, dy):
        a, b = self.saved_tensors
        return dy * (a.data > b.data).astype(a.dtype), dy * (b.data > a.data).astype(a.dtype)


@wrong("forward takes an empty batch, but backward raises ValueError")
class RefusesAnEmptyBatch(Exp):
    samples = drawn(3, 4)

    def backward(self, dy):
        return super().backward(dy) + 0.0 * dy.max()


@wrong("input 0 was changed in place by forward or backward")
class WritesToItsInput(Exp):
    samples = drawn(3, 4)

    def forward(self, x):
        y = super().forward(x)
        if getattr(x.flags, "writeable", True):
            x *= 1 + 1e-9
        return y


@wrong("the first-order gradient with respect to input 0")
class WrongBySomeMillionths(Exp):
    def backward(self, dy):
        return super().backward(dy) * (1 + 3e-6)


@wrong("the first-order gradient with respect to input 0")
class WrongSumOfSoftmax(SumOfSoftmax):
    def backward(self, dy):
        return super().backward(dy) + 1e-6 * dy


@wrong("the first-order gradient with respect to input 0")
class WrongSaturatedTanh(TanhByItsOutput):
    samples = drawn(3, 4, scale=5.0)

    def backward(self, dy):
        return super().backward(dy) * 1.0001


@wrong("the second-order gradient with respect to input 0")
class WrongInSecondOrder(Norm):
    def backward(self, dy):
        x, y = self.saved_tensors
        return dy * x / y.detach()

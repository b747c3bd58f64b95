"""A wrong gradient is told what mistake it looks like."""

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan.testing import GradientError, assert_gradients, gradcheck

pytestmark = pytest.mark.host_only("which device computes is no matter here")

RNG = np.random.default_rng(0)
X, SQUARE = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 3))
IMAGES, KERNELS = RNG.standard_normal((2, 1, 5, 5)), RNG.standard_normal((2, 1, 3, 3))


def function(forward, backward):
    class Made(mg.Function):
        def forward(self, *xs):
            self.save_for_backward(*xs)
            return forward(*xs)

        def backward(self, dy):
            return backward(dy, *self.saved_tensors)

    return Made


def softmax(x):
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def softmax_over_the_wrong_axis(dy, x):
    y = F.softmax(x, 1)
    return y * (dy - F.sum(dy * y, 0, keepdims=True))


def conv_with_a_flipped_kernel_gradient(dy, x, w):
    dw = F.conv2d(x.transpose(1, 0, 2, 3), dy.transpose(1, 0, 2, 3)).transpose(1, 0, 2, 3)
    return F.conv_transpose2d(dy, w), dw[:, :, ::-1, ::-1]


MISTAKES = {
    "sign": (function(np.tanh, lambda dy, x: -dy * (1.0 - F.tanh(x) ** 2)), [X], "opposite sign: a minus"),
    "twice": (function(np.square, lambda dy, x: dy * x * 4.0), [X], "is twice what it should be.* ½ lost"),
    "half": (function(np.square, lambda dy, x: dy * x), [X], "is half of what it should be.*factor of 2"),
    "twice, and the sign": (
        function(np.square, lambda dy, x: dy * x * -4.0), [X], "has the opposite sign and is twice",
    ),
    "lost 1/N": (
        function(np.mean, lambda dy, x: F.broadcast_to(dy, x.shape) * 1.0), [X],
        "12 times too large, N = 12 being the number of entries of input 0: did the mean's 1/N get lost",
    ),
    "lost 1/N of one axis": (
        function(lambda x: x.mean(0), lambda dy, x: F.broadcast_to(dy, x.shape) * 1.0), [X],
        "3 times too large, N = 3 being the length of input 0 along axis 0: did the mean's 1/N",
    ),
    "1/N too much": (
        function(lambda x: x.sum(0), lambda dy, x: F.broadcast_to(dy, x.shape) / 3), [X], "3 times too small.*too much",
    ),
    "lost ½ where N is 2": (
        function(lambda x: x.mean(0), lambda dy, x: F.broadcast_to(dy, x.shape) * 1.0), [X[:2]],
        "2 times too large, N = 2 .* 1/N get lost\\? \\(Or is one path counted twice",
    ),
    "any factor": (function(np.tanh, lambda dy, x: dy * (1.0 - F.tanh(x) ** 2) * 1.7), [X], "is 1.7 times"),
    "wrong axis": (
        function(softmax, softmax_over_the_wrong_axis), [X],
        "spreads along axis 0 of the input, but forward mixes along axis 1: was the wrong axis summed",
    ),
    "wrong axis, by its shape": (
        function(lambda x, b: x + b, lambda dy, x, b: (dy, F.sum(dy, 1))), [X, X[0]],
        r"returned shape \(3,\) for input 1, which has shape \(4,\).*wrong axis",
    ),
    "swapped axes, by their shape": (
        function(lambda x: x.sum(1), lambda dy, x: F.broadcast_to(dy, (4, 3))), [X],
        r"returned shape \(4, 3\) for input 0, which has shape \(3, 4\).*transpose",
    ),
    "transposed": (
        function(lambda x: x.sum(1), lambda dy, x: F.broadcast_to(dy, (3, 3))), [SQUARE],
        r"axes in the order \(1, 0\): a transpose is missing",
    ),
    "missing broadcast reduction": (
        function(lambda x, b: x * b, lambda dy, x, b: (dy * b, dy * x)), [X, X[0]],
        r"returned shape \(3, 4\) for input 1, which has shape \(4,\).*summed over the broadcast axes.*sum_to",
    ),
    "a mean that is lost": (
        function(lambda x: x - x.mean(0), lambda dy, x: dy * 1.0), [X],
        r"missing that is summed or averaged along axis 0, such as - mean\(dy\)",
    ),
    "flipped": (
        function(lambda x, w: F.conv2d(x, w).data, conv_with_a_flipped_kernel_gradient), [IMAGES, KERNELS],
        "backwards along axes 2, 3: a flip",
    ),
    "a crop off by one": (
        function(lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), lambda dy, x: dy[:, :, :5, 1:6]), [IMAGES],
        r"\+1 place along axis 2: a crop or a padding is off by one",
    ),
    "the last column": (
        function(np.exp, lambda dy, x: dy * F.exp(x) * np.array([1.0, 1, 1, 0])), [X],
        "only the last place along axis 1",
    ),
    "wrong axis of a square": (
        function(lambda x, b: x + b, lambda dy, x, b: (dy, F.sum(dy, 1))), [SQUARE, SQUARE[0]],
        "lands where forward did not read it from: was the wrong axis summed",
    ),
    "a square weight": (
        function(lambda x, w: x @ w, lambda dy, x, w: (dy @ w, x.T @ dy)), [X[:, :3], SQUARE],
        r"backward applies to dy what forward applies .* must apply its transpose: dy @ w\.T",
    ),
    "a running sum": (
        function(np.cumsum, lambda dy, x: dy @ np.triu(np.ones((4, 4)))), [X[0]],
        "must apply its transpose: .* a running sum from the end where forward's is from the start",
    ),
    "a running sum that is forgotten": (
        function(np.cumsum, lambda dy, x: dy * 1.0), [X[0]],
        "uses an entry for several outputs, backward keeps the gradient of some of them: add all of them up",
    ),
    "a repeated index": (
        function(lambda x: x[[0, 2, 0]], lambda dy, x: F.stack([dy[2], dy[2] * 0.0, dy[1]])), [X[0, :3]],
        r"keeps the gradient of some of them: add all of them up \(of a repeated index, np.add.at",
    ),
    "one entry, used three times": (
        function(lambda x: x[[1, 1, 1]], lambda dy, x: dy[2] * np.array([0.0, 1.0, 0.0, 0.0])), [X[0]],
        "hint: where forward uses an entry for several outputs",
    ),
    "the first of a broadcast": (
        function(lambda x, b: x * b, lambda dy, x, b: (dy * b, (dy * x)[:, :1])), [X, X[:, :1]],
        "keeps the gradient of some of them: add all of them up .* of a broadcast",
    ),
    "swapped inputs": (
        function(lambda a, b: a * np.exp(b), lambda dy, a, b: (dy * a * F.exp(b), dy * F.exp(b))), [X, X + 1],
        "this is what backward returns for input 1: are the two in the wrong order",
    ),
    "summed, and not repeated": (
        function(lambda x: x.sum(0), lambda dy, x: dy * 1.0), [X], r"shape \(4,\) .*If forward summed.*broadcast_to",
    ),
    "a loss without its cotangent": (
        function(lambda x: (x * x).sum(), lambda dy, x: x * 2.0), [X], "must be multiplied by dy",
    ),
    "a sign, of many": (
        function(np.tanh, lambda dy, x: -dy * (1.0 - F.tanh(x) ** 2)), [RNG.standard_normal((60, 60))], "opposite sign",
    ),
    "a power's factor": (function(lambda x: x**3, lambda dy, x: dy * x * x), [X], "3 times too small.* a factor of 3"),
    "no cotangent": (function(np.exp, lambda dy, x: F.exp(x)), [X], "must be multiplied by dy"),
    "not linear": (function(np.exp, lambda dy, x: dy * dy * F.exp(x)), [X], "backward must be linear in dy"),
    "None": (function(np.exp, lambda dy, x: None), [X], "no gradient arrives at all: did backward return None"),
    "NaN": (function(np.exp, lambda dy, x: dy * np.nan), [X], "12 of 12 entries are NaN or infinite"),
    "a constant": (
        function(np.exp, lambda dy, x: dy * np.exp(x.data)), [X],
        "nothing arrives in this order.*order before was right.*constant.*depends on input 0",
    ),
    "a constant factor of two": (
        function(lambda x: x**3, lambda dy, x: dy * x * 3.0 * x.data), [X], "order before was right.*constant",
    ),
    "dy detached": (function(np.exp, lambda dy, x: dy.detach() * F.exp(x)), [X], "constant.*depends on dy"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_gets_its_hint(mistake):
    fn, inputs, expected = MISTAKES[mistake]
    with pytest.raises(GradientError, match=f"(?s){expected}"):
        gradcheck(fn, inputs)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_none_of_them_passes_as_a_whole(mistake):
    fn, inputs, _ = MISTAKES[mistake]
    with pytest.raises(GradientError):
        assert_gradients(fn, inputs)


def test_a_mistake_that_looks_like_no_other_gets_no_hint():
    wrong = function(np.exp, lambda dy, x: dy * F.exp(x) * np.where(np.arange(12).reshape(3, 4) == 5, 0.5, 1.0))
    with pytest.raises(GradientError) as caught:
        gradcheck(wrong, X, order=1)
    assert caught.value.hint == "" and "hint" not in str(caught.value)

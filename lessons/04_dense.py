# %% [markdown]
# # 4. The dense layer
#
# **Goal.** A dense layer is one matrix product, y = x Wᵀ + b. Its backward pass has three parts: one for
# each thing that goes in. At the end you write them, and they are checked.

# %% [markdown]
# ## Predict
#
# A batch of N = 2 samples with C = 3 numbers each goes through a layer with O = 2 outputs. Before
# you go on, write down:
#
# 1. the shape of W, and of its gradient dW;
# 2. the gradient of the bias, db, if the cotangent dy is all ones;
# 3. which of x, W and b you need to know to compute dx.

# %%
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan.functions.dense import Dense
from minigan.lesson import Unsolved, run_check, show
from minigan.testing import GradientError, assert_gradients, gradcheck

x = mg.Tensor(np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]]), requires_grad=True, name="x")
W = mg.Tensor(np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]), requires_grad=True, name="W")
b = mg.Tensor(np.array([0.5, -0.5]), requires_grad=True, name="b")

y = F.dense(x, W, b)
print(y)

# %% [markdown]
# The first sample's first output is 1·1 + 2·0 + 3·(−1) + 0.5 = −1.5. Now a cotangent comes in:
# dy[n, o] says how much the loss at the end changes when y[n, o] does. Say it is all ones.

# %%
assert y.numpy()[0, 0] == -1.5

y.backward(np.ones((2, 2)))
for t in (x, W, b):
    print(f"d{t.name} of shape {t.grad.shape}:\n{t.grad.numpy()}")

assert W.grad.shape == W.shape == (2, 3)  # a gradient has the shape of what it is the gradient of
assert b.grad.numpy().tolist() == [2, 2]  # each bias was used once for each sample: the uses add up
assert x.grad.numpy().tolist() == [[3, 1, -1], [3, 1, -1]]  # the sums of W's columns: x itself is not needed

# %% [markdown]
# ## Where the three sums come from
#
# Write the layer in letters: y[n, o] = Σ over c of x[n, c] · W[o, c] + b[o]. The chain rule asks, for
# each number that went in, where it was used, and adds up dy over those places, each times what the number
# was multiplied by there:
#
# - x[n, c] was used in row n, once for each o: dx[n, c] = Σ over o of dy[n, o] · W[o, c].
# - W[o, c] was used in column o, once for each sample: dW[o, c] = Σ over n of dy[n, o] · x[n, c].
# - b[o] was used in column o, once for each sample: db[o] = Σ over n of dy[n, o].
#
# What was summed over on the way forth is what stays free on the way back.
#
# ## Picture
#
# The layer of above as lines: each of the three numbers of a sample goes to each of its two outputs, by way of
# one weight. Both samples go through the same weights. Marked is where one number of x, one of W
# and one of b was used. Back along each marked line comes the cotangent of its output, times what the
# number was multiplied by, and they add up.

# %%
dy = np.array([[1.0, -2.0], [3.0, 0.5]])
x.grad = W.grad = b.grad = None
F.dense(x, W, b).backward(dy)
ORANGE = "#b35806"


def number(value):
    return f"{value:g}".replace("-", "−")


def draw(ax, title, used, inputs=(), weights=()):
    """used: lines (n, c, o) in orange. inputs, weights: whether x[n, c], or W[o, c], is written down."""
    for n in range(2):
        left, right = [(0, 4 - c - 3.6 * n) for c in range(3)], [(3, 3.5 - o - 3.6 * n) for o in range(2)]
        for c, o in np.ndindex(3, 2):
            (x0, y0), (x1, y1) = left[c], right[o]
            mark = (n, c, o) in used
            style = {"color": ORANGE, "linewidth": 2.4, "zorder": 2} if mark else {"color": "0.8", "zorder": 1}
            ax.plot((x0, x1), (y0, y1), **style)
            if (o, c) in weights and mark:
                text = f"W[{o}, {c}] = {number(W.numpy()[o, c])}"
                ax.text(0.4 * x0 + 0.6 * x1, 0.4 * y0 + 0.6 * y1, text, color=ORANGE, **MIDDLE)
        for c, place in enumerate(left):
            color = ORANGE if (n, c) in inputs else "0.35"
            ax.plot(*place, "o", color=color, markersize=9, zorder=3)
            ax.text(place[0] - 0.2, place[1], f"x[{n}, {c}] = {number(x.numpy()[n, c])}", color=color, **RIGHT)
        for o, place in enumerate(right):
            color = ORANGE if any(line[::2] == (n, o) for line in used) else "0.35"
            ax.plot(*place, "o", color=color, markersize=9, zorder=3)
            ax.text(place[0] + 0.2, place[1], f"dy[{n}, {o}] = {number(dy[n, o])}", color=color, **LEFT)
    ax.set(xlim=(-1.9, 5), ylim=(-1.9, 4.3))
    ax.set_title(title, fontsize=11)
    ax.set_axis_off()


LEFT, RIGHT, MIDDLE = ({"ha": side, "va": "center", "fontsize": 9} for side in ("left", "right", "center"))
MIDDLE["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1}
figure, axes = plt.subplots(1, 3, figsize=(12, 4.6), layout="constrained")
found = x.grad.numpy()[0, 2], W.grad.numpy()[1, 2], b.grad.numpy()[1]
assert found == (1 * -1 + -2 * 0, -2 * 3 + 0.5 * 1, -2 + 0.5)
title = f"x[0, 2] goes to both outputs of its sample:\ndx[0, 2] = 1 · W[0, 2] + (−2) · W[1, 2] = {number(found[0])}"
draw(axes[0], title, [(0, 2, 0), (0, 2, 1)], inputs=[(0, 2)], weights=[(0, 2), (1, 2)])
title = f"W[1, 2] is used once in each sample:\ndW[1, 2] = (−2) · x[0, 2] + 0.5 · x[1, 2] = {number(found[1])}"
draw(axes[1], title, [(0, 2, 1), (1, 2, 1)], inputs=[(0, 2), (1, 2)], weights=[(1, 2)])
title = f"b[1] is added once in each sample:\ndb[1] = (−2) + 0.5 = {number(found[2])}"
draw(axes[2], title, [(n, None, 1) for n in range(2)])
show(figure, "04_dense")

# %% [markdown]
# ## Warm-up
#
# The forward pass, for NumPy arrays: x (N, C), weight (O, C), bias (O). One line, with `@`.


# %%
def dense(x, weight, bias):
    """y (N, O): y[n, o] = Σ over c of x[n, c] · W[o, c], plus b[o]."""
    raise Unsolved("write dense: one line, a matrix product and the bias")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    for n, c, o in [(2, 3, 2), (4, 4, 4), (5, 3, 2), (1, 2, 3)]:
        rng = np.random.default_rng(n)
        inputs = [rng.standard_normal(s) for s in ((n, c), (o, c), (o,))]
        found, right = dense(*inputs), F.dense(*inputs).numpy()
        assert isinstance(found, np.ndarray), f"return an array, not {type(found).__name__}"
        assert found.shape == right.shape, f"y must have the shape (N, O), here {right.shape}; yours has {found.shape}"
        assert not np.allclose(found, right - inputs[2]), "the product is right; the bias is missing"
        assert np.allclose(found, right), (
            f"for N = {n}, C = {c}, O = {o}, y[0, {o - 1}] should be {right[0, -1]:.4g}, yours is {found[0, -1]:.4g}: "
            "is W turned as the formula says, and each output's own bias added?"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write the backward pass. `x`, `weight` and `dy` are Tensors; use `@`, `.T` and `F.sum`, and return
# three Tensors. A sum over an index that two matrices share is their product: (A B)[i, k] = Σ over j of
# A[i, j] · B[j, k]. The shared index stands last in the left one and first in the right one; where it does not,
# `.T` turns a matrix. The shapes tell whether it can be right: dx has the shape of x, (N, C), dW that of W, (O, C).


# %%
def dense_backward(x, weight, dy):
    """dx, dW and db of y = x Wᵀ + b, for x (N, C), weight (O, C) and dy (N, O)."""
    raise Unsolved("write dense_backward: three lines, one for each of dx, dW and db")


# %% [markdown]
# ## Check
#
# Your three lines become a Function, which is checked as the engine's own are: against slopes along random
# lines, to second order. In the terminal: `minigan lesson check 04`. The engine's own dense layer, to be
# compared with yours when it is right, is shown by `minigan functions dense`.


# %%
def layer_of(backward):
    """A dense layer with this backward pass."""

    class Layer(mg.Function):
        def forward(self, x, weight, bias):
            self.save_for_backward(x, weight)
            return np.einsum("nc,oc->no", x, weight) + bias

        def backward(self, dy):
            return backward(*self.saved_tensors, dy)

    return Layer


def check():
    """Raise unless the exercise is solved."""
    for n, c, o in [(5, 3, 2), (4, 4, 4), (1, 2, 3)]:
        rng = np.random.default_rng(n)
        shapes = (n, c), (o, c), (o,)
        assert_gradients(layer_of(dense_backward), [rng.standard_normal(s) for s in shapes])


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# dW adds up over the samples: sample n's own share is dy[n, o] · x[n, c]. Some methods need to know how long each share
# is, the root of the sum of the squares of its O·C numbers (to train on private data, each is cut to a length). To make
# all shares takes N·O·C numbers, N times as many as the weights. There is a way that makes none of them (Goodfellow,
# 2015). Find it, with NumPy.


# %%
def share_norms(x, dy):
    """(N,): the norm of each sample's own dW, for x (N, C) and dy (N, O)."""
    raise Unsolved("write share_norms: write the sum of the squares down, and take apart what does not belong together")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    for n, c, o in [(5, 3, 2), (4, 4, 4), (1, 2, 3)]:
        rng = np.random.default_rng(n)
        x, dy = rng.standard_normal((n, c)), rng.standard_normal((n, o))
        right = np.array([np.linalg.norm(np.outer(dy[i], x[i])) for i in range(n)])
        found = np.asarray(share_norms(x, dy))
        assert found.shape == (n,), f"return one number for each of the {n} samples; yours has the shape {found.shape}"
        assert not np.allclose(found, right**2) or np.allclose(found, right), "these are the squares: take the root"
        assert np.allclose(found, right), f"sample 0's share is {right[0]:.4g} long, yours says {found[0]:.4g}"
    x, dy = np.ones((60, 200)), np.ones((60, 200))
    tracemalloc.start()
    try:
        share_norms(x, dy)
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert used < 60 * 200 * 200 * 4, (
        f"right, but {used / 1e6:.0f} MB were used: all N·O·C numbers? x and dy have 0.2 MB"
    )


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# Averaging the bias's gradient over the batch, instead of adding it up. With plain gradient descent it
# still trains, only slower; Adam, which divides by the gradients' size, hides it altogether (lesson 3).
# With N = 5 samples it is five times too small, and `gradcheck` says so. (The engine's own layer is spoilt here.)


# %%
class WithAMean(Dense):
    def backward(self, dy):
        dx, dW, db = super().backward(dy)
        return dx, dW, db / dy.shape[0]


rng = np.random.default_rng(0)
try:
    gradcheck(WithAMean, [rng.standard_normal(s) for s in ((5, 3), (2, 3), (2,))])
except GradientError as error:
    print(error)
    assert error.input == "input 2 (bias)" and "5 times too small" in error.hint
else:
    raise AssertionError("gradcheck found nothing")

# %% [markdown]
# A matrix that is turned where it should not be is found by its shape, unless C = O, when the shapes fit and
# the numbers do not. That is why the check above also tries a square layer.


# %%
class Turned(Dense):
    def backward(self, dy):
        dx, dW, db = super().backward(dy)
        return dx, dW.T, db


try:
    gradcheck(Turned, [rng.standard_normal(s) for s in ((4, 4), (4, 4), (4,))])
except GradientError as error:
    print(error)
    assert error.input == "input 1 (weight)"
else:
    raise AssertionError("gradcheck found nothing")

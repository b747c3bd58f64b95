# %% [markdown]
# # 4. The dense layer
#
# **Goal.** A dense layer is one matrix product, y = x Wᵀ + b. Its backward pass is three: one for
# each thing that goes in. At the end you write them, and they are judged.

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
import inspect

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan.functions.dense import Dense
from minigan.lesson import Unsolved, show
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
# ## Where the three products come from
#
# Write the layer in letters: y[n, o] = Σ over c of x[n, c] · W[o, c] + b[o]. The chain rule asks, for
# each number that went in, where it was used, and adds up dy over those places:
#
# - x[n, c] was used in row n, once for each o: dx[n, c] = Σ over o of dy[n, o] · W[o, c]. That is dx = dy W.
# - W[o, c] was used in column o, once for each sample: dW[o, c] = Σ over n of dy[n, o] · x[n, c], or dW = dyᵀ x.
# - b[o] was used in column o, once for each sample: db[o] = Σ over n of dy[n, o].
#
# What was summed over on the way forth is what stays free on the way back. This is the engine's own
# layer, the one that trains; `need_w` is false for a frozen layer, and then its product is not made.

# %%
print(inspect.getsource(Dense.backward))

# %% [markdown]
# ## Picture
#
# A layer from 6 numbers to 4 in a batch of 5. Each row of dW is a weighted sum of the samples, weighted
# by what the loss wanted of that output.

# %%
rng = np.random.default_rng(0)
arrays = {"x (N, C)": rng.standard_normal((5, 6)), "W (O, C)": rng.standard_normal((4, 6))}
arrays["dy (N, O)"] = rng.standard_normal((5, 4))
arrays["dx = dy W"] = arrays["dy (N, O)"] @ arrays["W (O, C)"]
arrays["dW = dyᵀ x"] = arrays["dy (N, O)"].T @ arrays["x (N, C)"]
arrays["db = Σₙ dy"] = arrays["dy (N, O)"].sum(axis=0, keepdims=True)

figure, axes = plt.subplots(2, 3, figsize=(9, 5), layout="constrained")
largest = max(np.abs(a).max() for a in arrays.values())
for (name, array), ax in zip(arrays.items(), axes.T.reshape(-1, order="F"), strict=True):
    image = ax.imshow(array, cmap="PuOr", vmin=-largest, vmax=largest)
    ax.set(title=name, xticks=[], yticks=[])
    for (row, column), value in np.ndenumerate(array):
        paper = "white" if abs(value) > 0.6 * largest else "black"
        ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=8, color=paper)
figure.colorbar(image, ax=axes, label="orange: negative, violet: positive", shrink=0.8)
show(figure, "04_dense")

# %% [markdown]
# ## Exercise
#
# Write the backward pass. `x`, `weight` and `dy` are Tensors; use `@`, `.T` and `F.sum`, and return
# three Tensors.


# %%
def dense_backward(x, weight, dy):
    """dx, dW and db of y = x Wᵀ + b, for x (N, C), weight (O, C) and dy (N, O)."""
    raise Unsolved("write dense_backward: three lines, one for each of dx, dW and db")


# %% [markdown]
# ## Check
#
# Your three lines become a Function, and the same judge as for the engine's own looks at them: slopes
# along random lines, to second order. In the terminal: `minigan check-lesson 04`.


# %%
def layer_of(backward):
    """A dense layer with this backward pass."""

    class Layer(mg.Function):
        def forward(self, x, weight, bias):
            self.save_for_backward(x, weight)
            return x @ weight.T + bias

        def backward(self, dy):
            return backward(*self.saved_tensors, dy)

    return Layer


def check():
    """Raise unless the exercise is solved."""
    for n, c, o in [(5, 3, 2), (4, 4, 4), (1, 2, 3)]:
        rng = np.random.default_rng(n)
        shapes = (n, c), (o, c), (o,)
        assert_gradients(layer_of(dense_backward), [rng.standard_normal(s) for s in shapes])


# %% [markdown]
# ## What would break it
#
# Averaging the bias's gradient over the batch, instead of adding it up. With plain gradient descent it
# still trains, only slower; Adam, which divides by the gradients' size, hides it altogether (lesson 3).
# With N = 5 samples it is five times too small, and the judge says so.


# %%
def with_a_mean(x, weight, dy):
    return dy @ weight, dy.T @ x, F.mean(dy, axis=0)


try:
    gradcheck(layer_of(with_a_mean), [rng.standard_normal(s) for s in ((5, 3), (2, 3), (2,))])
except GradientError as error:
    print(error)
    assert error.input == "input 2 (bias)" and "5 times too small" in error.hint
else:
    raise AssertionError("the judge was asleep")

# %% [markdown]
# A transpose forgotten is found by its shape, unless C = O, when the shapes fit and the numbers do
# not. That is why the check above also tries a square layer.


# %%
def without_a_transpose(x, weight, dy):
    return dy @ weight.T, dy.T @ x, F.sum(dy, axis=0)


try:
    gradcheck(layer_of(without_a_transpose), [rng.standard_normal(s) for s in ((4, 4), (4, 4), (4,))])
except GradientError as error:
    print(error)
    assert error.input == "input 0 (x)"
else:
    raise AssertionError("the judge was asleep")

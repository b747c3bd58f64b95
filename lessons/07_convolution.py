# %% [markdown]
# # 7. Convolution
#
# **Goal.** A convolution slides one small kernel of weights over an image, and the same few weights
# look at every place. You see it as loops, as one matrix product, and backwards. At the end you write
# the gradient of the kernel.

# %% [markdown]
# ## Predict
#
# A kernel of 3×3 weights is laid on an image. At each place, the nine pixels below it are multiplied
# by the nine weights and added up: one pixel of the output. Before you go on, write down:
#
# 1. how many pixels the output has if the image has 5×5 and the kernel may not stick out;
# 2. how many weights a dense layer from 28×28 pixels to 28×28 pixels has, and how many this kernel
#    has;
# 3. the gradient at the image if the loss depends on one output pixel only: which input pixels get
#    any, and does the kernel appear there as it is, or turned by half a turn?

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan.data import load_mnist
from minigan.functions.convolution import Conv2d
from minigan.kernels import convolution
from minigan.kernels.cook_toom import tile_matrices
from minigan.kernels.geometry import Geometry, normalize_padding
from minigan.lesson import Unsolved, run_check, show
from minigan.testing import GradientError, gradcheck, random_inputs

image = np.array([[1, 0, 2, 1, 0], [0, 3, 1, 0, 1], [2, 1, 0, 1, 2], [1, 0, 1, 2, 0], [0, 1, 2, 0, 1]], float)
kernel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float)

by_hand = np.zeros((3, 3))
for i in range(3):
    for j in range(3):
        for kh in range(3):
            for kw in range(3):
                by_hand[i, j] += image[i + kh, j + kw] * kernel[kh, kw]
print(by_hand)

by_engine = F.conv2d(image[None, None], kernel[None, None])  # (N, C, H, W) with (O, C, KH, KW)
assert by_engine.shape == (1, 1, 3, 3)
assert by_engine.numpy()[0, 0].tolist() == by_hand.tolist()
assert (28 * 28) ** 2 == 614_656 and kernel.size == 9  # the weights of a dense layer, and of this one

# %% [markdown]
# The answer to the second question is 614,656 against 9. A dense layer would have to learn what an
# edge is again at each place; a kernel learns it once.
#
# What networks call convolution, mathematics calls cross-correlation. Its own convolution turns the
# kernel by half a turn first. Where the kernel is learned it is all one: it would be learned turned.

# %%
row, taps = image[0], kernel[0]
assert (np.correlate(row, taps, "valid") == np.convolve(row, taps[::-1], "valid")).all()

# %% [markdown]
# ## Channels, padding, stride
#
# A real layer has N images of C channels, and O kernels, each with C channels of its own; every kernel
# makes one channel of the output. **Padding** P lays P rows and columns of zeros around the image.
# **Stride** S moves the kernel S pixels at a time. In letters, with zeros outside the image:
#
#     y[n, o, i, j] = Σ over c, kh, kw of  x[n, c, iS + kh − P, jS + kw − P] · w[o, c, kh, kw]
#
# The sum over c for fixed kh and kw is a matrix product: a convolution is a dense layer over the
# channels for each of the kernel's **taps** (its places kh, kw), applied to a shifted image, and added
# up.


# %%
def conv_by_loops(x, w, S=1, P=0):
    (KH, KW), x = w.shape[2:], np.pad(x, ((0, 0), (0, 0), (P, P), (P, P)))
    OH, OW = (x.shape[2] - KH) // S + 1, (x.shape[3] - KW) // S + 1
    y = np.zeros((len(x), len(w), OH, OW))
    for i in range(OH):
        for j in range(OW):
            for kh in range(KH):
                for kw in range(KW):
                    y[:, :, i, j] += x[:, :, i * S + kh, j * S + kw] @ w[:, :, kh, kw].T
    return y


rng = np.random.default_rng(0)
x, w = rng.standard_normal((2, 3, 7, 6)), rng.standard_normal((4, 3, 3, 2))
for S, P in [(1, 0), (1, 1), (2, 0), (2, 2), (3, 1)]:
    np.testing.assert_allclose(conv_by_loops(x, w, S, P), F.conv2d(x, w, None, S, P).numpy(), atol=1e-12)

# %% [markdown]
# ## Sizes
#
# The padded image has H + 2P pixels. The kernel's first place needs K of them; each further place S
# more. What does not make a whole step is left over, so the output has ⌊(H + 2P − K)/S⌋ + 1 pixels.
# (⌊…⌋ rounds down, ⌈…⌉ rounds up.)
#
# TensorFlow and Keras have another convention beside it, "same": the output shall have ⌈H/S⌉ pixels,
# and the padding is whatever that takes. If it is odd, the larger part comes after the image.

# %%
table = [  # H, K, S, P, the output's size, and "same": the padding before and after, and the output's size
    (5, 3, 1, 0, 3, (1, 1), 5),
    (5, 3, 1, 1, 5, (1, 1), 5),
    (28, 3, 2, 1, 14, (0, 1), 14),
    (28, 5, 2, 2, 14, (1, 2), 14),
    (7, 3, 2, 0, 3, (1, 1), 4),
    (8, 3, 2, 0, 3, (0, 1), 4),
]
print(' H  K  S  P   output    "same": padding  output')
for H, K, S, P, out, (before, after), same in table:
    print(f"{H:2} {K:2} {S:2} {P:2} {out:8} {before:14}, {after} {same:7}")
    x, w = np.zeros((1, 1, H, H)), np.zeros((1, 1, K, K))
    assert F.conv2d(x, w, None, S, P).shape[2] == (H + 2 * P - K) // S + 1 == out
    assert F.conv2d(x, w, None, S, "same").shape[2] == -(-H // S) == same
    assert normalize_padding("same", (H, H), (K, K), (S, S))[0] == (before, after)

# %% [markdown]
# Look at the last two rows: images of 7 and of 8 pixels both give 3. With a stride, the output's size
# does not tell the input's. You meet that again on the way back, in lesson 8.
#
# Look at K = 5, S = 2 on 28 pixels, the layer of the DCGAN tutorials. Both conventions give 14 pixels,
# but PyTorch's P = 2 begins two pixels before the image and "same" begins one before: every output is
# computed one pixel apart. Weights learnt with one convention do not fit the other. Move the image by
# one pixel, and the two agree (on a digit, whose border is black, so that nothing falls over the
# edge).

# %%
digits = load_mnist("test")
digit = digits.images[0, 0] / 255.0  # (28, 28), from 0 to 1
assert digits.labels[0] == 7

w5 = rng.standard_normal((1, 1, 5, 5))
as_keras = F.conv2d(digit[None, None], w5, None, 2, "same").numpy()
as_pytorch = F.conv2d(digit[None, None], w5, None, 2, 2).numpy()
assert as_keras.shape == as_pytorch.shape == (1, 1, 14, 14)
assert not np.allclose(as_keras, as_pytorch)
moved = np.roll(digit, (1, 1), axis=(0, 1))  # down and right
np.testing.assert_allclose(F.conv2d(moved[None, None], w5, None, 2, "same").numpy(), as_pytorch, atol=1e-12)
np.testing.assert_array_equal(F.conv2d(digit[None, None], w5, None, 2, ((1, 2), (1, 2))).numpy(), as_keras)

# %% [markdown]
# ## Backwards: shared weights, shared pixels
#
# The cotangent dy[n, o, i, j] says how much the loss changes when that output pixel does. As ever, the
# chain rule asks of each number where it was used, and adds up dy over those places, each times what
# the number was multiplied by there:
#
# - A weight is used at every place of the image. So its gradient is a sum over all places and images:
#   dw[o, c, kh, kw] = Σ over n, i, j of dy[n, o, i, j] · x[n, c, iS + kh − P, jS + kw − P].
# - A pixel is used by every output whose window it lies in. The easiest way to say it is from the
#   output's side: each output gives its share, dy times the weight, back to each pixel it has read.
#
# So dx has the loops of the forward pass once more, with the same indices. Only what is added to is
# another.


# %%
def conv_input_grad(dy, w, shape, S=1, P=0):
    """dx, for an image of this shape, by the loops of the forward pass."""
    n, c, H, W = shape
    dx = np.zeros((n, c, H + 2 * P, W + 2 * P))
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            for kh in range(w.shape[2]):
                for kw in range(w.shape[3]):
                    dx[:, :, i * S + kh, j * S + kw] += dy[:, :, i, j] @ w[:, :, kh, kw]
    return dx[:, :, P : P + H, P : P + W]  # what the padding was given is dropped: it is no input


x = mg.Tensor(rng.standard_normal((2, 3, 7, 6)), requires_grad=True)
w = mg.Tensor(rng.standard_normal((4, 3, 3, 2)), requires_grad=True)
y = F.conv2d(x, w, stride=2, padding=1)
dy = rng.standard_normal(y.shape)
y.backward(dy)
np.testing.assert_allclose(conv_input_grad(dy, w.numpy(), x.shape, S=2, P=1), x.grad.numpy(), atol=1e-12)

# %% [markdown]
# For the kernel, first the simplest case: dy all ones, one channel, no padding, stride 1. Then the
# gradient of each weight is the sum of all pixels it was laid on. On the 5×5 image of the beginning,
# these are a 3×3 block of pixels, which begins at the weight's own place (kh, kw).

# %%
w = mg.Tensor(kernel[None, None], requires_grad=True)
F.conv2d(image[None, None], w).sum().backward()
print(w.grad.numpy()[0, 0])
for kh in range(3):
    for kw in range(3):
        assert w.grad.numpy()[0, 0, kh, kw] == image[kh : kh + 3, kw : kw + 3].sum()

# %% [markdown]
# This is the engine's own backward pass. `ConvTranspose2d` is the function that gives shares back;
# lesson 8 is about it.

# %%
print(inspect.getsource(Conv2d.backward))

# %% [markdown]
# ## Picture
#
# A kernel that finds horizontal edges, on a digit. In the output, violet says "brighter above than
# below", orange the reverse. Then one output pixel alone is given the cotangent 1, all others 0. What
# arrives at the image is the kernel, in the window that this output has read, as it is: not turned.

# %%
edge = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], float)
x = mg.Tensor(digit[None, None], requires_grad=True)
y = F.conv2d(x, edge[None, None], padding=1)
assert y.shape == (1, 1, 28, 28)

row, column = 10, 14
dy = np.zeros(y.shape)
dy[0, 0, row, column] = 1
y.backward(dy)
footprint = x.grad.numpy()[0, 0]
assert footprint[row - 1 : row + 2, column - 1 : column + 2].tolist() == edge.tolist()  # not turned
assert np.count_nonzero(footprint) == np.count_nonzero(edge) == 6  # and nothing elsewhere

figure, axes = plt.subplots(2, 2, figsize=(8, 7.6), layout="constrained")
(top_left, top_right), (bottom_left, bottom_right) = axes
top_left.imshow(digit, cmap="gray")
top_left.set(title="Input: 28×28 pixels, and one window of 3×3", ylabel="row (pixel)")
top_right.imshow(edge, cmap="PuOr", vmin=-2, vmax=2)
for (kh, kw), value in np.ndenumerate(edge):
    colour = "white" if abs(value) > 1.5 else "black"
    top_right.text(kw, kh, f"{value:.0f}".replace("-", "−"), ha="center", va="center", color=colour, fontsize=14)
top_right.set(title="Kernel: 9 weights, the same everywhere", xticks=range(3), yticks=range(3))
top_right.set(xlabel="kw", ylabel="kh")
shown = bottom_left.imshow(y.numpy()[0, 0], cmap="PuOr", vmin=-4, vmax=4)
figure.colorbar(shown, ax=bottom_left, shrink=0.7, label="output", ticks=range(-4, 5, 2))
bottom_left.set(title="Output: horizontal edges", xlabel="column (pixel)", ylabel="row (pixel)")
arrow = {"arrowstyle": "->", "lw": 1.5}
bottom_left.annotate("its output:\ncotangent 1", (column, row), (1, 17), va="center", arrowprops=arrow)
shown = bottom_right.imshow(footprint, cmap="PuOr", vmin=-2, vmax=2)
figure.colorbar(shown, ax=bottom_right, shrink=0.7, label="gradient", ticks=range(-2, 3))
bottom_right.contour(digit, levels=[0.5], colors="0.6", linewidths=1)
bottom_right.set(title="Gradient at the input: the kernel", xlabel="column (pixel)")
for ax, colour in (top_left, "orange"), (bottom_right, "black"):
    ax.add_patch(plt.Rectangle((column - 1.5, row - 1.5), 3, 3, fill=False, lw=1.5, ec=colour))
show(figure, "07_convolution")

# %% [markdown]
# Where does the flipped kernel of the textbooks come from? Ask from the pixel's side. The output one
# row above the pixel has read it with the kernel's row below its centre. So if you write dx itself as
# a convolution of dy, the kernel in it is turned by half a turn. Both are one and the same sum.

# %%
dy = rng.standard_normal((1, 1, 28, 28))
shares_given = conv_input_grad(dy, edge[None, None], (1, 1, 28, 28), P=1)
shares_collected = F.conv2d(dy, edge[None, None, ::-1, ::-1].copy(), padding=1).numpy()
np.testing.assert_allclose(shares_given, shares_collected, atol=1e-12)

# %% [markdown]
# ## One matrix product
#
# Loops in Python are slow, matrix products are fast. So lay out each window of the image as a column
# ("im2col"; Chellapilla, Puri and Simard, 2006), the kernel as one row for each output channel, and
# multiply. The price is memory: for a 3×3 kernel with padding 1 and stride 1, the columns are nine
# times as large as the image.


# %%
def im2col(x, kernel, S=1):
    """Every window of x (N, C, H, W) as a column: (C·KH·KW, N·OH·OW)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))[:, :, ::S, ::S]
    N, C, OH, OW, KH, KW = windows.shape
    return windows.transpose(1, 4, 5, 0, 2, 3).reshape(C * KH * KW, N * OH * OW)


x, w = rng.standard_normal((2, 3, 7, 6)), rng.standard_normal((4, 3, 3, 2))
y = w.reshape(4, -1) @ im2col(x, (3, 2), S=2)  # (O, C·KH·KW) times (C·KH·KW, N·OH·OW)
y = y.reshape(4, 2, 3, 3).swapaxes(0, 1)
np.testing.assert_allclose(y, F.conv2d(x, w, stride=2).numpy(), atol=1e-12)

padded = np.pad(digit[None, None], ((0, 0), (0, 0), (1, 1), (1, 1)))
assert im2col(padded, (3, 3)).size == 9 * digit.size

# %% [markdown]
# ## Fewer products
#
# The engine's `kernels/im2col.py` does just that. For large layers it uses another way
# (`kernels/cook_toom.py`), which needs fewer multiplications. Neighbouring outputs share pixels and
# weights, and that can be used. Two outputs of a three-tap kernel on a line of four pixels d,
#
#     y₀ = d₀g₀ + d₁g₁ + d₂g₂        y₁ = d₁g₀ + d₂g₁ + d₃g₂
#
# are six products. Here are four that do (Winograd, 1980; from Cook, 1966, and Toom, 1963). The sums
# of weights are made once for the whole image, so they hardly count.

# %%
d, g = [1, 2, 3, 5], [2, 4, -2]
m0 = (d[0] - d[2]) * g[0]
m1 = (d[1] + d[2]) * (g[0] + g[1] + g[2]) / 2
m2 = (d[2] - d[1]) * (g[0] - g[1] + g[2]) / 2
m3 = (d[1] - d[3]) * g[2]
print(f"four products: {m0}, {m1:g}, {m2:g}, {m3};  y₀ = {m0 + m1 + m2:g}, y₁ = {m1 - m2 - m3:g}")
assert m0 + m1 + m2 == d[0] * g[0] + d[1] * g[1] + d[2] * g[2] == 4
assert m1 - m2 - m3 == d[1] * g[0] + d[2] * g[1] + d[3] * g[2] == 6

A, B, C = map(np.array, tile_matrices(2, 3))  # the engine's, in exact fractions: y = A [(B d) ⊙ (C g)]
assert (A @ ((B @ d) * (C @ g))).tolist() == [4, 6]
assert len(B) == 4 and len(B) ** 2 == 16 and (2 * 3) ** 2 == 36

# %% [markdown]
# In two dimensions the saving counts twice: a tile of 2×2 outputs of a 3×3 kernel takes 16 products
# instead of 36 (Lavin and Gray, 2015).

# %% [markdown]
# ## Warm-up
#
# Output row i lies over K rows of the image. Which? With stride S and padding P; a row above the
# image, in the padding, has a negative number. One line: return a `range`.


# %%
def rows_read(i, K, S, P):
    """The range of image rows that output row i reads."""
    raise Unsolved("write rows_read: one line, return range(first, last + 1)")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    for i, K, S, P in [
        (0, 3, 1, 0),
        (2, 3, 1, 0),
        (2, 3, 2, 0),
        (0, 3, 1, 1),
        (2, 5, 2, 2),
        (1, 4, 3, 1),
        (3, 1, 2, 0),
    ]:
        x = mg.Tensor(np.zeros((1, 1, 16, 1)), requires_grad=True)
        F.conv2d(x, np.ones((1, 1, K, 1)), None, (S, 1), ((P, P), (0, 0)))[0, 0, i, 0].backward()
        inside = np.flatnonzero(x.grad.numpy())
        right = range(int(inside[-1]) - K + 1, int(inside[-1]) + 1)
        found = rows_read(i, K, S, P)
        assert isinstance(found, range), f"return a range, not {type(found).__name__}"
        assert len(found) == K, f"a kernel of {K} rows reads {K} rows, yours are {len(found)}: {found}"
        assert found == right, (
            f"with K = {K}, S = {S}, P = {P}, output row {i} reads the rows {right[0]} to {right[-1]}, by yours "
            f"{found[0]} to {found[-1]}"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write the gradient of the kernel, in plain NumPy. The zeros of the padding are already around `x`, so
# P is 0 for you. You need loops over the taps (kh, kw) only: the pixels on which one tap was laid, at
# all places, are a slice of x with steps. Then sum over n, i, j: `np.einsum` takes such a
# sum in letters.
#
# The kernel's size is given, for as you saw the sizes of x and dy do not always tell it.


# %%
def conv_weight_grad(x, dy, kernel, stride):
    """dw (O, C, KH, KW) for x (N, C, H, W), dy (N, O, OH, OW), kernel = (KH, KW), stride = (SH, SW).

    dw[o, c, kh, kw] = Σ over n, i, j of dy[n, o, i, j] · x[n, c, i·SH + kh, j·SW + kw]
    """
    raise Unsolved("write conv_weight_grad: for each tap, the pixels it was laid on, times dy, added up")


# %% [markdown]
# ## Check
#
# Your function becomes the backward pass of a convolution whose forward pass is the engine's, with x
# held fixed. `gradcheck` compares it with slopes of the forward pass, for twenty random sizes, kernels,
# strides and paddings. (Only to first order: NumPy arrays keep no graph, so nothing can be
# differentiated again.) In the terminal: `minigan lesson check 07`.


# %%
def layer_of(weight_grad, x, kernel, stride, padding):
    """The convolution of a fixed image, as a function of its kernel, with this backward pass."""
    sides = normalize_padding(padding, x.shape[2:], kernel, stride)

    class Layer(mg.Function):
        def forward(self, w):
            return F.conv2d(x, w, None, stride, padding).numpy()

        def backward(self, dy):
            padded = np.pad(x, ((0, 0), (0, 0), *sides))
            return mg.Tensor(weight_grad(padded, dy.numpy(), kernel, stride))

    return Layer


def check_slopes(weight_grad, x, w, stride, padding=0):
    """Raise GradientError unless weight_grad is right on this image."""
    gradcheck(layer_of(weight_grad, x, w.shape[2:], stride, padding), w, order=1)


def check():
    """Raise unless the exercise is solved."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        size, kernel, options = random_inputs.convolution(rng)
        stride = np.broadcast_to(options["stride"], 2)
        stride, padding = (int(stride[0]), int(stride[1])), options["padding"]
        N, C, O = rng.integers(1, 4, 3)  # noqa: E741
        x, w = rng.standard_normal((N, C, *size)), rng.standard_normal((O, C, *kernel))
        case = f"x of shape {x.shape} with padding {padding}, kernel {kernel}, stride {stride}"

        padded = np.pad(x, ((0, 0), (0, 0), *normalize_padding(padding, size, kernel, stride)))
        dy = rng.standard_normal(F.conv2d(padded, w, None, stride).shape)
        x_before, dy_before = padded.copy(), dy.copy()
        dw = conv_weight_grad(padded, dy, kernel, stride)
        assert isinstance(dw, np.ndarray), f"conv_weight_grad must return an array, but returned {type(dw).__name__}"
        assert dw.shape == w.shape, f"dw must have the kernel's shape {w.shape}, but has {dw.shape}, for {case}"
        assert np.array_equal(padded, x_before) and np.array_equal(dy, dy_before), "x and dy must stay as they were"
        try:
            check_slopes(conv_weight_grad, x, w, stride, padding)
        except GradientError as error:
            raise AssertionError(f"for {case},\n{error}") from None


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# A *dilated* convolution has holes in its kernel: its taps lie d pixels apart, so it sees further with the same weights
# (Yu and Koltun, 2016). Write its forward pass for NumPy arrays, with stride 1 and no padding:
#
#     y[n, o, i, j] = Σ over c, kh, kw of x[n, c, i + d·kh, j + d·kw] · w[o, c, kh, kw]
#
# How large is y? Loops over the taps are enough.


# %%
def dilated_conv2d(x, weight, d):
    """y (N, O, OH, OW) for x (N, C, H, W), weight (O, C, KH, KW) and the dilation d."""
    raise Unsolved(
        "write dilated_conv2d: the output's size, then for each tap the pixels it lies on, times its weights"
    )


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    rng = np.random.default_rng(0)
    for d, kernel in [(1, (3, 2)), (2, (3, 2)), (3, (2, 3)), (2, (1, 1)), (2, (3, 3))]:
        x, w = rng.standard_normal((2, 3, 9, 10)), rng.standard_normal((4, 3, *kernel))
        holes = np.zeros((4, 3, d * (kernel[0] - 1) + 1, d * (kernel[1] - 1) + 1))
        holes[:, :, ::d, ::d] = w
        right, found = F.conv2d(x, holes).numpy(), dilated_conv2d(x, w, d)
        case = f"for x of shape {x.shape}, weight of shape {w.shape}, d = {d}"
        assert isinstance(found, np.ndarray), f"return an array, not {type(found).__name__}"
        assert found.shape == right.shape, f"{case} the output must have shape {right.shape}, yours has {found.shape}"
        turned = F.conv2d(x, holes[:, :, ::-1, ::-1].copy()).numpy()
        assert np.allclose(found, right) or not np.allclose(found, turned), (
            f"{case}: the kernel is turned by half a turn"
        )
        assert np.allclose(found, right), (
            f"{case}, y[0, 0, 0, 0] should be {right[0, 0, 0, 0]:.4g}, yours is {found[0, 0, 0, 0]:.4g}, and "
            f"y[0, 0, 0, 1] {right[0, 0, 0, 1]:.4g}, yours is {found[0, 0, 0, 1]:.4g}"
        )


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# The half turn where none belongs. All the numbers are right, and each stands in the place of another.


# %%
def right(x, dy, kernel, stride):
    """The engine's own, to be spoilt below."""
    return convolution.conv_weight_grad(x, dy, Geometry.of_conv(x.shape[2:], kernel, stride))


def flipped(x, dy, kernel, stride):
    return right(x, dy, kernel, stride)[:, :, ::-1, ::-1]


def caught(weight_grad, *arguments):
    """The hint of `gradcheck`."""
    try:
        check_slopes(weight_grad, *arguments)
    except GradientError as error:
        print(error, end="\n\n")
        return error.hint
    raise AssertionError("gradcheck found nothing")


x, w = rng.standard_normal((2, 2, 6, 6)), rng.standard_normal((3, 2, 3, 3))
check_slopes(right, x, w, (1, 1))
assert "backwards along axes 2, 3" in caught(flipped, x, w, (1, 1))

# %% [markdown]
# Padding off by one: the forward pass has one row of zeros above and one below, the backward pass two
# below. Each weight's gradient lands one row beside its place.


# %%
def off_by_one(x, dy, kernel, stride):
    return right(np.roll(x, -1, axis=2), dy, kernel, stride)  # the row of zeros at the top is moved to the bottom


assert "a crop or a padding is off by one" in caught(off_by_one, x, w, (1, 1), 1)

# %% [markdown]
# The two strides swapped. With stride (2, 2) nobody can see it. With (2, 1) the slices do not fit the
# cotangent on most images, and NumPy complains. But on one of 7×3 pixels they fit, and only the
# numbers are wrong. That is why the check draws strides that are not square.


# %%
def swapped(x, dy, kernel, stride):
    (SW, SH), (OH, OW) = stride, dy.shape[2:]  # the mistake
    reached = x[:, :, : (OH - 1) * SH + kernel[0], : (OW - 1) * SW + kernel[1]]  # what the slices lie in
    return right(reached, dy, kernel, (SH, SW))


check_slopes(swapped, x, w, (2, 2))  # not caught
try:
    check_slopes(swapped, x, w, (2, 1))  # caught by its shapes
except ValueError as error:
    print(error, end="\n\n")
else:
    raise AssertionError("the slices fitted")
tall = rng.standard_normal((2, 2, 7, 3))
caught(swapped, tall, w, (2, 1))

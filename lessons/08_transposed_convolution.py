# %% [markdown]
# # 8. Transposed convolution
#
# **Goal.** A transposed convolution is the gradient of a convolution at its image, used as a layer of
# its own: a generator grows images with it. You see why it bears that name, how its sizes come about,
# and why it can draw checkerboards. At the end you write one.

# %% [markdown]
# ## Predict
#
# A convolution reads a small window of pixels, through a **kernel** of weights, and writes one pixel.
# A transposed convolution does the reverse: each pixel that comes in **stamps** the whole kernel,
# times its own value, into the output; the next pixel's stamp lies S pixels further (S: the
# **stride**), and where stamps overlap they add up. Write down:
#
# 1. how many pixels 7 in a row become, with a kernel of K = 5 and stride S = 2, if nothing is cut off;
# 2. whether all pixels of the output are equal (away from its edges) if those of the input are all 1,
#    and the weights of the 5×5 kernel too;
# 3. whether a transposed convolution undoes a convolution with the same kernel.

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan.functions.convolution import ConvTranspose2d, ConvWeightGrad
from minigan.kernels.geometry import Geometry
from minigan.lesson import Unsolved, run_check, show
from minigan.models import dcgan28
from minigan.testing import GradientError, gradcheck, random_inputs

rng = np.random.default_rng(0)
seven, ones = np.ones((1, 1, 1, 7)), np.ones((1, 1, 1, 5))  # images (N, C, H, W), one row high
row = F.conv_transpose2d(seven, ones, stride=(1, 2))
print(row.numpy().ravel())
assert row.shape == (1, 1, 1, 17)
assert row.numpy().ravel().tolist() == [1, 1, 2, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 2, 1, 1]

# %% [markdown]
# The last stamp begins at pixel 6·2 = 12 and is 5 long: 17 pixels. And they are not equal: 3 and 2
# take turns. More of that below.
#
# ## Why "transposed"
#
# A convolution with fixed weights is linear (outputs of sums are sums of outputs), so there is a
# matrix M with y = M x. Its columns are the outputs for inputs that are 1 in one place and 0
# elsewhere. Here is the kernel (1, 2, 3) on a row of 7 pixels, with stride 2.


# %%
def matrix_of(linear, length):
    """The matrix of a linear function of rows of this length."""
    return np.stack([linear(unit.reshape(1, 1, 1, -1)).numpy().ravel() for unit in np.eye(length)], axis=1)


taps = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 1, 3)
M = matrix_of(lambda x: F.conv2d(x, taps, stride=(1, 2)), 7)
print(M)
assert M.tolist() == [[1, 2, 3, 0, 0, 0, 0], [0, 0, 1, 2, 3, 0, 0], [0, 0, 0, 0, 1, 2, 3]]

# %% [markdown]
# A cotangent dy says how much the loss changes when y does. For y = M x the gradient at x is Mᵀ dy:
# the transpose takes it back, from 3 pixels to 7. Now take the matrix of `conv_transpose2d` with the
# same kernel. It is Mᵀ.

# %%
back = matrix_of(lambda x: F.conv_transpose2d(x, taps, stride=(1, 2)), 3)
print(back)
np.testing.assert_array_equal(back, M.T)

x = mg.Tensor(rng.standard_normal((1, 1, 1, 7)), requires_grad=True)
dy = rng.standard_normal((1, 1, 1, 3))
F.conv2d(x, taps, stride=(1, 2)).backward(dy)
np.testing.assert_allclose(x.grad.numpy().ravel(), M.T @ dy.ravel(), atol=1e-12)
np.testing.assert_allclose(x.grad.numpy(), F.conv_transpose2d(dy, taps, stride=(1, 2)).numpy(), atol=1e-12)

# %% [markdown]
# A transpose is not an inverse. The name "deconvolution", which one meets too, promises what this does
# not do: shapes come back, numbers do not.

# %%
there_and_back = M.T @ (M @ np.ones(7))
print(there_and_back)
assert there_and_back.tolist() == [6, 12, 24, 12, 24, 12, 18]

# %% [markdown]
# ## Picture: the two matrices
#
# Along a row of M you see what an output reads, along a row of Mᵀ who writes into it. With stride 2,
# the pixels of the larger image are written once or twice in turns.

# %%
M1 = matrix_of(lambda x: F.conv2d(x, taps), 8)
panels = {"Stride 1: M, 8 → 6": M1, "Stride 1: Mᵀ, 6 → 8": M1.T, "Stride 2: M, 7 → 3": M, "Stride 2: Mᵀ, 3 → 7": M.T}
assert M1.shape == (6, 8) and (M.T != 0).sum(axis=1).tolist() == [1, 1, 2, 1, 2, 1, 1]

widths = [matrix.shape[1] for matrix in panels.values()]
figure, axes = plt.subplots(1, 4, figsize=(11, 3.9), width_ratios=widths, layout="constrained")
for (name, matrix), ax in zip(panels.items(), axes, strict=True):
    ax.imshow(np.where(matrix == 0, np.nan, matrix), cmap="viridis", vmin=0, vmax=3)
    for (i, j), value in np.ndenumerate(matrix):
        colour = "0.6" if value == 0 else "white" if value < 2 else "black"
        ax.text(j, i, f"{value:.0f}", ha="center", va="center", color=colour)
    ax.set(title=name, xlabel="input pixel", xticks=range(matrix.shape[1]), yticks=range(len(matrix)))
    ax.set_anchor("N")
    ax.tick_params(length=0)
axes[0].set_ylabel("output pixel")
show(figure, "08_transposed_convolution")

# %% [markdown]
# ## The dot-product test
#
# ⟨a, b⟩ is the sum of all products of entries at the same place. A transpose is known by one property:
# ⟨M x, g⟩ = ⟨x, Mᵀ g⟩, for all x and g. This holds with channels and padding too, and it is the best
# test of a transposed convolution there is: it needs no second implementation. Kernels of `conv2d`
# have the shape (O, I, KH, KW): out, in. Those of `conv_transpose2d` have (I, O, KH, KW): in, out. So
# the same array serves both.

# %%
x, w = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((4, 3, 3, 2))
g = rng.standard_normal((2, 4, 3, 3))
forth = F.conv2d(x, w, stride=2, padding=1).numpy()  # 3 channels to 4
back = F.conv_transpose2d(g, w, stride=2, padding=1, output_padding=1).numpy()  # 4 channels to 3
assert forth.shape == g.shape and back.shape == x.shape
print(np.vdot(forth, g), np.vdot(x, back))
np.testing.assert_allclose(np.vdot(forth, g), np.vdot(x, back), rtol=1e-12)

# %% [markdown]
# ## Three functions, one number
#
# That number, T(x, w, g) = ⟨conv(x, w), g⟩, is linear in each of its three arguments: double one, and
# it doubles. Its gradient at g is the convolution. Its gradient at x is the transposed convolution.
# Its gradient at w is the kernel's gradient, which you wrote in lesson 7.

# %%
x, w, g = (mg.Tensor(a, requires_grad=True) for a in (x, w, g))
T = (F.conv2d(x, w, stride=2, padding=1) * g).sum()
dx, dw, dg = mg.grad(T, (x, w, g))
geometry = Geometry.of_conv((6, 5), (3, 2), stride=2, padding=1)
kernel_gradient = ConvWeightGrad(geometry)(x, g)

np.testing.assert_allclose(dg.numpy(), forth, atol=1e-12)
np.testing.assert_allclose(dx.numpy(), back, atol=1e-12)
np.testing.assert_allclose(dw.numpy(), kernel_gradient.numpy(), atol=1e-12)
for argument, gradient in (x, dx), (w, dw), (g, dg):  # linear in each: ⟨argument, its gradient⟩ is T again
    np.testing.assert_allclose(np.vdot(argument.numpy(), gradient.numpy()), T.item(), rtol=1e-12)

# %% [markdown]
# So the three are each other's derivatives: the derivative of each is made of the other two, and of
# nothing else. That is why the engine can differentiate a convolution again and again. These are two
# of the three backward passes; the one of `Conv2d` is in lesson 7. `gradcheck` goes to the third
# order here.

# %%
print(inspect.getsource(ConvTranspose2d.backward))
print(inspect.getsource(ConvWeightGrad.backward))
small = [rng.standard_normal((1, 2, 2, 3)), rng.standard_normal((2, 1, 3, 2))]
assert gradcheck(lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1), small, order=3)

# %% [markdown]
# ## Sizes
#
# The full output, all stamps whole, has (H − 1)S + K pixels. **Padding** P is what a convolution would
# have laid around its image: a gradient that arrives there is dropped, so P pixels are cropped on each
# side.
#
# And `output_padding`? Lesson 7 saw that with a stride, images of several sizes give the same number
# of outputs. With K = 5, S = 2, P = 2, both 13 and 14 pixels become 7. On the way back somebody has to
# say which of them is meant: 0 gives 13, 1 gives 14, by cropping one pixel less at the end.

# %%
table = [(7, 5, 2, 2, 0, 13), (7, 5, 2, 2, 1, 14), (7, 5, 2, 0, 0, 17), (7, 4, 2, 1, 0, 14), (4, 4, 1, 0, 0, 7)]
print(" H  K  S  P  output_padding   output")
for H, K, S, P, extra, out in table:
    print(f"{H:2} {K:2} {S:2} {P:2} {extra:15} {out:8}")
    image, kernel = np.ones((1, 1, H, H)), np.ones((1, 1, K, K))
    grown = F.conv_transpose2d(image, kernel, None, S, P, extra)
    assert grown.shape[2] == (H - 1) * S - 2 * P + K + extra == out
    assert F.conv2d(grown, kernel, None, S, P).shape[2] == H  # and the convolution leads back

# %% [markdown]
# ## The other convention
#
# Keras' "same" makes H·S pixels: for K = 5, S = 2 these are 14 of the 17, too. But it crops 1 before
# and 2 after, where PyTorch's P = 2 with output_padding = 1 crops 2 before and 1 after. The two images
# are the same one, one pixel apart.

# %%
x, w = rng.standard_normal((1, 1, 7, 7)), rng.standard_normal((1, 1, 5, 5))
full = F.conv_transpose2d(x, w, stride=2).numpy()
as_keras = F.conv_transpose2d(x, w, stride=2, padding="same").numpy()
as_pytorch = F.conv_transpose2d(x, w, stride=2, padding=2, output_padding=1).numpy()
np.testing.assert_allclose(as_keras, full[:, :, 1:-2, 1:-2], atol=1e-12)
np.testing.assert_allclose(as_pytorch, full[:, :, 2:-1, 2:-1], atol=1e-12)
np.testing.assert_allclose(as_keras[:, :, 1:, 1:], as_pytorch[:, :, :-1, :-1], atol=1e-12)
assert as_keras.shape == as_pytorch.shape == (1, 1, 14, 14) and not np.allclose(as_keras, as_pytorch)

# %% [markdown]
# With it, the generator of the Keras DCGAN tutorial grows its images: 7, 7, 14, 28 pixels. While the
# image grows, the channels get fewer.

# %%
mg.manual_seed(0)
image = mg.Tensor(rng.standard_normal((2, 100)).astype(np.float32))
shapes = []
for layer in dcgan28.Generator().main:
    image = layer(image)
    if "Conv" in type(layer).__name__ or "Reshape" in type(layer).__name__:
        print(f"{type(layer).__name__:16} {image.shape[1:]}")
        shapes.append(image.shape[1:])
assert shapes == [(256, 7, 7), (128, 7, 7), (64, 14, 14), (1, 28, 28)]

# %% [markdown]
# ## Picture: checkerboards
#
# Let image and kernel be all ones: then the output counts how many stamps reach each pixel. Along one
# axis, with K = 5 and S = 2, a pixel is written by the taps 0, 2, 4 or by the taps 1, 3. That is 3 or
# 2 times in turns, and in two dimensions 9, 6 or 4 times. With K = 4 it is the taps 0, 2 or 1, 3:
# always 4 times.
#
# A generator with equal weights would draw a checkerboard, and one that has learnt must balance its
# weights against it. A kernel whose size is a multiple of the stride avoids the cause; so does
# enlarging the image first and then using a plain convolution. (Odena, Dumoulin and Olah,
# "Deconvolution and Checkerboard Artifacts", 2016.)


# %%
def counts(kernel, size=5, stride=2):
    """How many stamps reach each pixel of the output."""
    image, kernel = np.ones((1, 1, size, size)), np.ones((1, 1, kernel, kernel))
    return F.conv_transpose2d(image, kernel, stride=stride, padding="same").numpy()[0, 0].astype(int)


assert set(counts(5)[2:-2, 2:-2].ravel()) == {4, 6, 9}  # away from the edges
assert set(counts(4)[2:-2, 2:-2].ravel()) == {4}

figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
for kernel, ax in zip((5, 4), axes, strict=True):
    image = ax.imshow(counts(kernel), cmap="cividis", vmin=0, vmax=9)
    for (i, j), count in np.ndenumerate(counts(kernel)):
        ax.text(j, i, count, ha="center", va="center", color="white" if count < 5 else "black")
    what = "a checkerboard" if kernel == 5 else "even inside"
    ax.set(title=f"{kernel}×{kernel} kernel, stride 2: {what}", xlabel="column (pixel)")
    ax.set(xticks=range(10), yticks=range(10))
axes[0].set_ylabel("row (pixel)")
figure.colorbar(image, ax=axes, label="stamps that reach the pixel", shrink=0.8)
show(figure, "08_checkerboard")

# %% [markdown]
# ## Warm-up
#
# Along one axis, with kernel K and stride S, and nothing cropped: which pixels of the output does pixel h of the input
# stamp? One line: return a `range`.


# %%
def stamped(h, K, S):
    """The range of output pixels that input pixel h stamps."""
    raise Unsolved("write stamped: one line, return range(first, last + 1)")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    for h, K, S in [(0, 3, 1), (2, 3, 1), (2, 3, 2), (1, 5, 2), (3, 2, 3), (2, 1, 1)]:
        x = np.zeros((1, 1, 1, 4))
        x[..., h] = 1
        row = F.conv_transpose2d(x, np.ones((1, 1, 1, K)), None, (1, S)).numpy().ravel()
        first, found = int(np.flatnonzero(row)[0]), stamped(h, K, S)
        assert isinstance(found, range), f"return a range, not {type(found).__name__}"
        assert len(found) == K, f"a kernel of {K} stamps {K} pixels, yours are {len(found)}: {found}"
        assert found[0] == first, (
            f"with K = {K}, S = {S}, the stamp of pixel {h} begins at pixel {first}, by yours at {found[0]}"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write a transposed convolution in plain NumPy, without the engine's: each pixel of x stamps the
# kernel. Nothing is cropped. You need loops over the pixels (i, j) only; what one pixel stamps, with
# all channels at once, is np.einsum("ni,iohw->nohw", the pixel's values, weight).


# %%
def conv_transpose2d(x, weight, stride):
    """y (N, O, (H − 1)·SH + KH, (W − 1)·SW + KW) for x (N, I, H, W), weight (I, O, KH, KW), stride = (SH, SW)."""
    raise Unsolved("write conv_transpose2d: zeros of the full size, then for each pixel (i, j) one stamp, added")


# %% [markdown]
# ## Check
#
# Three things are tried. A single pixel must stamp the kernel, as it is, in its place. Then the dot-product test
# with `conv2d`, for twenty random geometries. And last, your function becomes the forward pass of a
# layer whose backward pass is the engine's `conv2d`: your forward pass, and its derivative. In the
# terminal: `minigan lesson check 08`.


# %%
def dot_products(transposed, x, weight, stride):
    """⟨conv(u, w), x⟩ and ⟨u, convT(x, w)⟩ for a random u: equal, if the one is the other's transpose."""
    y = transposed(x, weight, stride)
    u = np.random.default_rng(1).standard_normal(y.shape)
    return np.vdot(F.conv2d(u, weight, None, stride).numpy(), x), np.vdot(u, y)


class Layer(mg.Function):
    """Your forward pass; dx = convolution of dy with w, dw = the kernel's gradient."""

    def __init__(self, stride):
        self.stride = stride

    def forward(self, x, w):
        self.save_for_backward(x, w)
        return conv_transpose2d(x, w, self.stride)

    def backward(self, dy):
        x, w = self.saved_tensors
        geometry = Geometry.of_conv(dy.shape[2:], w.shape[2:], self.stride)
        return F.conv2d(dy, w, None, self.stride), ConvWeightGrad(geometry)(dy, x)


def check():
    """Raise unless the exercise is solved."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        (H, W), (KH, KW), options = random_inputs.transposed_convolution(rng)
        SH, SW = stride = tuple(int(s) for s in np.broadcast_to(options["stride"], 2))
        N, I, O = rng.integers(1, 4, 3)  # noqa: E741
        x, w = rng.standard_normal((N, I, H, W)), rng.standard_normal((I, O, KH, KW))
        case = f"x of shape {x.shape}, weight of shape {w.shape} (in, out, KH, KW), stride {stride}"

        x_before, w_before = x.copy(), w.copy()
        y = conv_transpose2d(x, w, stride)
        shape = (N, O, (H - 1) * SH + KH, (W - 1) * SW + KW)
        assert isinstance(y, np.ndarray), f"conv_transpose2d must return an array, but returned {type(y).__name__}"
        assert y.shape == shape, f"the output must have shape {tuple(map(int, shape))}, but has {y.shape}, for {case}"
        assert np.array_equal(x, x_before) and np.array_equal(w, w_before), "x and weight must stay as they were"

        n, c, i, j = (int(rng.integers(size)) for size in x.shape)
        pixel = np.zeros(x.shape)
        pixel[n, c, i, j] = 1
        y = conv_transpose2d(pixel, w, stride)
        stamp = y[n, :, i * SH : i * SH + KH, j * SW : j * SW + KW]
        turned = KH * KW > 1 and np.allclose(stamp, w[c, :, ::-1, ::-1])
        swapped = I == O > 1 and np.allclose(stamp, w[:, c])
        place = f"at rows {i * SH} to {i * SH + KH - 1}, columns {j * SW} to {j * SW + KW - 1}"
        assert not turned, f"the stamp is weight turned by half a turn: nothing is flipped here. For {case}"
        assert not swapped, (
            f"channel {c} of x stamps weight[:, {c}], but weight's first axis is in, not out. For {case}"
        )
        assert np.allclose(stamp, w[c]), f"x[{n}, {c}, {i}, {j}] = 1 alone must stamp weight[{c}] {place}. For {case}"
        assert np.isclose(np.abs(y).sum(), np.abs(w[c]).sum()), f"a single pixel wrote outside its stamp. For {case}"

        forth, back = dot_products(conv_transpose2d, x, w, stride)
        assert np.isclose(forth, back), (
            f"a single stamp is right, but ⟨conv(u, w), x⟩ = {forth:.6g} and ⟨u, convT(x, w)⟩ = {back:.6g} should be "
            f"equal: do overlapping stamps add up, and the channels of x? For {case}"
        )
    rng = np.random.default_rng(0)
    gradcheck(lambda x, w: Layer((2, 1))(x, w), [rng.standard_normal((2, 3, 3, 2)), rng.standard_normal((3, 2, 3, 2))])


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# A transposed convolution is a convolution of another image. Let `F.conv2d` with stride 1 be all
# there is, and make one: prepare the image and the kernel with NumPy, so that one call gives what
# the exercise gives. (In the older papers it is called *fractionally strided* for this.)


# %%
def by_convolution(x, weight, stride):
    """conv_transpose2d(x, weight, stride), by one F.conv2d with stride 1; arrays, and an array is returned."""
    raise Unsolved("write by_convolution: spread the pixels out, add a border of zeros, and turn the kernel")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    rng = np.random.default_rng(0)
    for size, kernel, stride in [((3, 4), (3, 2), (1, 1)), ((3, 4), (3, 2), (2, 1)), ((2, 3), (4, 4), (2, 3))]:
        for channels in [(1, 1), (2, 2), (2, 3)]:
            x, w = rng.standard_normal((2, channels[0], *size)), rng.standard_normal((*channels, *kernel))
            right = F.conv_transpose2d(x, w, None, stride).numpy()
            found = by_convolution(x, w, stride)
            case = f"for x of shape {x.shape}, weight of shape {w.shape} (in, out, KH, KW), stride {stride}"
            assert isinstance(found, np.ndarray), f"return an array (.numpy()), not {type(found).__name__}"
            assert found.shape == right.shape, (
                f"{case} the output must have the shape {right.shape}, yours has {found.shape}: so many zeros between "
                "the pixels that they lie a stride apart, and at each edge as many as a window may reach over it"
            )
            assert np.allclose(found, right), (
                f"{case}, the shape is right, the numbers are not: which tap meets a pixel first, as the window moves, "
                "and which of the kernel's axes does conv2d sum over?"
            )


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# The channels swapped. Where a kernel's two numbers of channels differ, the shapes refuse. Where they
# are equal, only numbers tell, and the dot-product test reads them.


# %%
def right(x, w, stride):
    """The engine's own, to be spoilt below."""
    return F.conv_transpose2d(x, w, None, stride).numpy()


def swapped(x, w, stride):
    return right(x, w.swapaxes(0, 1), stride)  # the mistake: takes the weight for (out, in, KH, KW)


def flipped(x, w, stride):
    return right(x, w[:, :, ::-1, ::-1], stride)  # the mistake: "a transposed kernel is turned"


x, w = rng.standard_normal((2, 3, 4, 4)), rng.standard_normal((3, 3, 3, 3))
for candidate in (right, swapped, flipped):
    forth, back = dot_products(candidate, x, w, (2, 2))
    print(f"{candidate.__name__:8} {forth:9.4f} {back:9.4f}")
    assert np.isclose(forth, back) == (candidate is right)

# %% [markdown]
# The flip is a favourite, for textbooks do turn the kernel, where they write the same sum from the
# output's side. If you try your code on a kernel that looks the same after half a turn, such as a
# blur, you do not see it.

# %%
blur = np.broadcast_to(np.outer([1.0, 2.0, 1.0], [1.0, 2.0, 1.0]) / 16, (3, 3, 3, 3))
forth, back = dot_products(flipped, x, blur, (2, 2))
assert np.isclose(forth, back)  # not caught

# %% [markdown]
# A crop of one convention with a backward pass of the other: forward as Keras, backward as PyTorch,
# for a kernel of 5×1 with stride 2. All shapes fit. The kernel's gradient is off by one place, and
# `gradcheck` says so.


# %%
class OneApart(mg.Function):
    """Forward crops 1 row before and 2 after, backward as if it had been 2 and 1."""

    def forward(self, w):
        return F.conv_transpose2d(column, w, None, (2, 1), ((1, 2), (0, 0))).numpy()

    def backward(self, dy):
        geometry = Geometry.of_conv(dy.shape[2:], (5, 1), (2, 1), ((2, 1), (0, 0)))
        return ConvWeightGrad(geometry)(dy, mg.Tensor(column))


column = rng.standard_normal((2, 1, 7, 1))
try:
    gradcheck(OneApart, rng.standard_normal((1, 1, 5, 1)), order=1)
except GradientError as error:
    print(error)
    assert "a crop or a padding is off by one" in error.hint
else:
    raise AssertionError("gradcheck found nothing")

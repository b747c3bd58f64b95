# %% [markdown]
# # 5. Activations
#
# **Goal.** Between two dense layers stands an activation: one curve, applied to every number by
# itself. Without it, two layers would be no more than one. On the way back it multiplies each
# gradient by its slope, so a flat curve stops the gradient. You will see which of sigmoid, tanh,
# ReLU and LeakyReLU do so, and where. At the end you write the backward pass of a fifth.

# %% [markdown]
# ## Predict
#
# Before you go on, write down:
#
# 1. The sigmoid σ(x) = 1 / (1 + e⁻ˣ) rises from 0 to 1. How steep is it where it is steepest?
# 2. Ten sigmoids in a row: what share of a gradient is left at the beginning, at the very best?
# 3. ReLU is max(x, 0). A unit gives 0 for every sample of the data. How many steps of training
#    does it need to give something else?
# 4. What is ReLU's slope at exactly 0?

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan.functions.activation import LeakyReLUBackward, Sigmoid, Tanh
from minigan.lesson import Unsolved, run_check, show
from minigan.testing import GradientError, assert_gradients, gradcheck
from minigan.testing.random_inputs import distinct

ACTIVATIONS = {
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "ReLU": F.relu,
    "LeakyReLU, s = 0.2": lambda x: F.leaky_relu(x, 0.2),
}


def slope(activation, x):
    """The activation's slope at each x: its backward pass, given a cotangent of ones."""
    x = mg.Tensor(np.array(x, ndmin=1), requires_grad=True)
    (dx,) = mg.grad(activation(x), [x], mg.Tensor(np.ones_like(x.data)))
    return dx.numpy()


for name, activation in ACTIVATIONS.items():
    print(f"{name:<18}  slope at −5, −1, 1, 5:", slope(activation, [-5.0, -1.0, 1.0, 5.0]).round(5))

# %% [markdown]
# ## The four slopes
#
# A cotangent dy says how much the loss changes when y does. An activation works number by number,
# so its backward pass is one multiplication, dx = slope · dy:
#
# - sigmoid: σ′(x) = σ(x) (1 − σ(x)). A product of two numbers that add up to 1 is largest where
#   both are ½: the slope is at most ¼, at x = 0.
# - tanh: tanh′(x) = 1 − tanh² x. At most 1, at x = 0. (tanh x = 2 σ(2x) − 1: the same curve,
#   stretched.)
# - ReLU: 1 where x > 0, else 0.
# - LeakyReLU: 1 where x > 0, else s, its negative slope. DCGAN takes s = 0.2.
#
# The first two can be written with the output y alone, so the engine keeps y and forgets x. Of a
# ReLU it keeps one bit a number: was it positive?

# %%
for function in (Sigmoid, Tanh, LeakyReLUBackward):
    print(function.__doc__.splitlines()[0])
    print(inspect.getsource(function.backward))

x = np.linspace(-6, 6, 1201)
assert slope(F.sigmoid, x).max() == slope(F.sigmoid, 0.0) == 0.25
assert slope(F.tanh, x).max() == slope(F.tanh, 0.0) == 1.0
assert np.allclose(np.tanh(x), 2 * F.sigmoid(2 * x).numpy() - 1)
assert slope(F.sigmoid, 5.0) < 0.007 and slope(F.tanh, 5.0) < 0.0002  # both are flat already

# %% [markdown]
# ## Ten in a row
#
# The chain rule multiplies slopes. Ten sigmoids leave at most (¼)¹⁰ of a gradient, less than one
# part in a million, wherever x is. Ten ReLUs leave all of it, or nothing.


# %%
def ten(activation):
    """The activation, ten times in a row."""

    def chain(x):
        for _ in range(10):
            x = activation(x)
        return x

    return chain


left = {name: slope(ten(activation), [-1.0, 1.0]) for name, activation in ACTIVATIONS.items()}
for name, (negative, positive) in left.items():
    print(f"{name:<18}  after 10, from x = −1: {negative:.1e}   from x = 1: {positive:.1e}")

assert slope(ten(F.sigmoid), x).max() < 0.25**10 < 1e-6
assert left["ReLU"].tolist() == [0, 1]
assert np.allclose(left["LeakyReLU, s = 0.2"], [0.2**10, 1])
assert 0.04 < left["tanh"].min() < 0.05  # some is left: tanh squeezes x towards 0, where its slope is 1

# %% [markdown]
# LeakyReLU leaves only 0.2¹⁰ from x = −1, which is no more than a sigmoid does. But here nothing
# turns a negative number into a positive one between two activations. In a network the layers'
# weights do that: half of the numbers, not the same ones each time, pass through in full.
#
# So take a network: 20 dense layers of 100 units, and a gradient that starts at its end. The
# weights are drawn so that a layer makes numbers neither larger nor smaller: with variance 1/100,
# or 2/100 for the ReLUs, which throw half away (He et al., 2015).

# %%
LAYERS, UNITS = 20, 100


def norms(activation, variance, seed=0):
    """The gradient's norm (the root of the sum of its squares) after 0, 1, … 20 layers, as a share of the first."""
    rng = np.random.default_rng(seed)
    passed = [mg.Tensor(rng.standard_normal((64, UNITS)), requires_grad=True)]
    for _ in range(LAYERS):
        weight = mg.Tensor(rng.standard_normal((UNITS, UNITS)) * (variance / UNITS) ** 0.5)
        passed.append(activation(F.dense(passed[-1], weight)))
    dy = mg.Tensor(rng.standard_normal((64, UNITS)))
    sizes = [np.linalg.norm(g.numpy()) for g in mg.grad(passed[-1], passed, dy)]
    return np.array(sizes[::-1]) / sizes[-1]


shares = {name: norms(f, 2.0 if "ReLU" in name else 1.0) for name, f in ACTIVATIONS.items()}
for name, share in shares.items():
    print(f"{name:<18}  after 10 layers {share[10]:.1e}, after 20 layers {share[20]:.1e}")

assert shares["sigmoid"][20] < 1e-12
assert 0.1 < shares["tanh"][20] < 0.3
assert 0.5 < shares["ReLU"][20] < 2 and 0.5 < shares["LeakyReLU, s = 0.2"][20] < 2

# %% [markdown]
# A network of twenty sigmoid layers cannot train its first: a millionth of a millionth arrives.
# tanh loses some at each layer. The ReLUs keep what they were given.

# %% [markdown]
# ## Dead ReLUs
#
# Where ReLU is flat, it is entirely flat. Say that one step that was too large has left a unit with
# the bias −10: it gives 0 for every sample. Its slope is 0 for every sample, so no gradient reaches
# its weights, and no step changes them. Such a unit is called dead. Here one is to learn to give 1.


# %%
def train(activation, steps=500):
    """A unit's bias and its outputs, after so many steps of gradient descent towards the output 1."""
    x = np.random.default_rng(0).standard_normal((64, 1))
    weight = mg.Tensor(np.ones((1, 1)), requires_grad=True)
    bias = mg.Tensor(np.array([-10.0]), requires_grad=True)
    descent = mg.optim.SGD([weight, bias], lr=0.1)
    for _ in range(steps):
        descent.zero_grad()
        y = activation(F.dense(x, weight, bias))
        F.mse_loss(y, 1.0).backward()
        descent.step()
    return bias.item(), y.numpy()


dead_bias, dead = train(F.relu)
leaky_bias, leaky = train(lambda x: F.leaky_relu(x, 0.2))
print(f"ReLU:      bias {dead_bias}, mean output {dead.mean():.3f}")
print(f"LeakyReLU: bias {leaky_bias:.3f}, mean output {leaky.mean():.3f}")

assert dead_bias == -10 and not dead.any()  # after 500 steps: not moved at all
assert abs(leaky.mean() - 1) < 0.01  # with a slope of 0.2 on the flat side it found its way back

# %% [markdown]
# ## Why a GAN's discriminator leaks
#
# All that the generator G learns comes through the discriminator D: from D's verdict back to the
# pixels, through every activation in D. Where D's units are off, that way is closed, and it is G
# that pays. DCGAN (Radford et al., 2016) has LeakyReLU all through D. Here is a D that is small
# enough for all its units to be off at once: 784 pixels, 4 units, one verdict.


# %%
def fakes_without_gradient(activation):
    """For how many of 1000 fakes D's verdict sends back nothing at all."""
    rng = np.random.default_rng(0)
    fakes = mg.Tensor(rng.standard_normal((1000, 784)), requires_grad=True)
    hidden, verdict = mg.Tensor(rng.standard_normal((4, 784))), mg.Tensor(rng.standard_normal((1, 4)))
    F.dense(activation(F.dense(fakes, hidden)), verdict).backward(np.ones((1000, 1)))
    return int((fakes.grad.numpy() == 0).all(axis=1).sum())


nothing = {name: fakes_without_gradient(f) for name, f in ACTIVATIONS.items() if "ReLU" in name}
print("fakes that learn nothing, of 1000:", nothing)
assert 30 < nothing["ReLU"] < 120 and nothing["LeakyReLU, s = 0.2"] == 0

# %% [markdown]
# About one in sixteen: each of four units is off for half of the fakes, (½)⁴ = 1/16. In a wide
# layer some unit is always on, but each that is off is a direction in which G hears nothing.
#
# G ends in tanh for another reason. Images are scaled to −1 … 1, and tanh keeps G's within the same
# bounds, so that D cannot tell them apart by their range. Its slope is 1 in the middle and the same
# to both sides. The price is that very bright and very dark pixels learn slowly.

# %%
print("tanh's slope where y is 0, 0.9 and 0.99:", slope(F.tanh, np.arctanh([0.0, 0.9, 0.99])).round(3))
assert np.allclose(slope(F.tanh, np.arctanh([0.0, 0.9, 0.99])), [1, 0.19, 0.0199])

# %% [markdown]
# ## At exactly 0
#
# A kink has no slope: to the left it is 0, to the right 1. What the backward pass gives there is a
# convention. The engine's LeakyReLU takes the negative slope, so its ReLU takes 0. Written as a
# maximum of x and 0, the same curve is a tie of two, and the engine halves the gradient of a tie.

# %%
at_zero = [slope(f, 0.0).item() for f in (F.relu, ACTIVATIONS["LeakyReLU, s = 0.2"], lambda x: F.maximum(x, 0.0))]
print("ReLU, LeakyReLU, maximum(x, 0) at 0:", at_zero)
assert at_zero == [0, 0.2, 0.5]

# %% [markdown]
# No convention is wrong, as no slope is right. So `gradcheck`, which compares a backward pass with
# slopes that it measures on the forward pass, leaves it open. Where the slope jumps it draws another
# point nearby, and says so.

# %%
for fn in (F.relu, lambda x: F.maximum(x, 0.0)):
    agreement = gradcheck(fn, np.zeros(3))
    print(agreement)
    assert agreement.redrawn == 1
assert gradcheck(F.relu, np.array([-1.0, 0.5, 2.0])).redrawn == 0

# %% [markdown]
# ## Picture
#
# Above, each curve and its slope. Below, the way of the gradient back through the 20 layers.

# %%
VIOLET, ORANGE, GREY = "#5e3c99", "#e66101", "#777777"

figure = plt.figure(figsize=(9, 6.4), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.15))
x = np.linspace(-4, 4, 802)  # an even number: 0, where ReLU's slope jumps, is not among them
for ax, (name, activation) in zip(top.subplots(1, 4, sharex=True, sharey=True), ACTIVATIONS.items(), strict=True):
    ax.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
    ax.plot(x, activation(mg.Tensor(x)).numpy(), color=VIOLET, linewidth=2, label="y")
    ax.plot(x, slope(activation, x), color=ORANGE, linewidth=2, linestyle=(0, (4, 1.5)), label="slope dy/dx")
    ax.set(title=name, xlabel="x", ylim=(-1.3, 2.3), xticks=(-4, 0, 4))
    ax.spines[["top", "right"]].set_visible(False)
    if name == "sigmoid":
        ax.legend(frameon=False, loc="upper left", borderaxespad=0, fontsize=9)

ax = bottom.subplots()
styles = {"sigmoid": (ORANGE, "-"), "tanh": (GREY, "-"), "ReLU": ("black", ":"), "LeakyReLU, s = 0.2": (VIOLET, "-")}
for name, (colour, dashes) in styles.items():
    ax.semilogy(shares[name], color=colour, linestyle=dashes, linewidth=2, marker="o", markersize=3)
for name, height in {"LeakyReLU, s = 0.2": 30, "ReLU": 0.9, "tanh": 0.02, "sigmoid": shares["sigmoid"][20]}.items():
    ax.text(20.4, height, name, color=styles[name][0], va="center")
ax.set(title="The gradient's norm on its way back: sigmoids stop it", xlim=(-0.3, 24.5), ylim=(1e-14, 1e3))
ax.set(xlabel="layers passed, from the last to the first", ylabel="share that is left", xticks=range(0, 21, 5))
ax.set_yticks([1e-12, 1e-8, 1e-4, 1])
ax.spines[["top", "right"]].set_visible(False)
show(figure, "05_activations")

# %% [markdown]
# ## Warm-up
#
# The slope of LeakyReLU at each number of an array x, for any negative slope s. One line;
# `np.where(condition, a, b)` is a where the condition holds, else b.


# %%
def leaky_relu_slope(x, s):
    """1 where x > 0, else s."""
    raise Unsolved("write leaky_relu_slope: one line")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    x = np.array([-5.0, -0.5, 0.25, 3.0])
    for s in (0.2, 0.01, 0.0):
        found, right = np.asarray(leaky_relu_slope(x, s)), slope(lambda t, s=s: F.leaky_relu(t, s), x)
        assert found.shape == x.shape, f"a slope for each number: the shape {x.shape}, yours has {found.shape}"
        assert not np.allclose(found, np.maximum(x, s * x)), "these are the values; their slopes are asked for"
        assert np.allclose(found, right), (
            f"with s = {s:g}, at x = {x.tolist()} the slopes are {right.tolist()}, yours are {found.tolist()}"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Softsign, y = x / (1 + |x|), is tanh's slower sister: it too rises from −1 to 1, but flattens much
# later. Find its slope. Take x > 0 first, where |x| = x, and use the rule for quotients; then the
# other side. Both are the same formula in |x|.
#
# Write `backward`: x and dy are Tensors; use `F.abs` and arithmetic, and return one Tensor.


# %%
class Softsign(mg.Function):
    """y = x / (1 + |x|)"""

    def forward(self, x):
        self.save_for_backward(x)
        return x / (1 + np.abs(x))

    def backward(self, dy):
        (x,) = self.saved_tensors
        raise Unsolved("write Softsign.backward: one line, dx = slope · dy")


# %% [markdown]
# ## Check
#
# In the terminal: `minigan lesson check 05`. It measures slopes along random lines, to second
# order: the slope of your slope must be right too.


# %%
def check():
    """Raise unless the exercise is solved."""
    for x, y in [(0.0, 0.0), (1.0, 0.5), (-3.0, -0.75)]:
        found = Softsign()(mg.Tensor(np.array(x))).item()
        assert found == y, f"forward gives {found} at x = {x}, and not {y}: put it back as it was"
    for x, right in [(3.0, 1 / 16), (-3.0, 1 / 16), (0.0, 1.0)]:
        found = slope(Softsign.apply, x).item()
        why = "is the quotient rule's square there?" if x > 0 else "a slope is the same at −x and x here: is it |x|?"
        assert abs(found - right) < 1e-12, f"at x = {x} the slope is {right}, yours is {found:.6g}: {why}"
    assert_gradients(Softsign, lambda rng: [distinct(rng, 3, 4)])  # none at 0, where the slope's slope jumps


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# Sigmoid and tanh keep their output y, and forget x: that saves memory where y is kept anyhow, by
# the next layer. Softsign can do so too. Here `forward` has kept y alone. Write its slope in y.


# %%
class SoftsignOfOutput(mg.Function):
    """y = x / (1 + |x|)"""

    def forward(self, x):
        y = x / (1 + np.abs(x))
        self.save_for_backward(y)
        return y

    def backward(self, dy):
        (y,) = self.saved_tensors
        raise Unsolved("write SoftsignOfOutput.backward: what is 1 / (1 + |x|), said with |y|?")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    for x, right in [(0.0, 1.0), (1.0, 1 / 4), (-1.0, 1 / 4), (3.0, 1 / 16)]:
        y = SoftsignOfOutput()(mg.Tensor(np.array(x))).item()
        assert y == x / (1 + abs(x)), f"forward gives {y} at x = {x}: put it back as it was"
        found = slope(SoftsignOfOutput.apply, x).item()
        assert abs(found - right) < 1e-12, f"at x = {x}, where y = {y}, the slope is {right}, yours is {found:.6g}"
    assert_gradients(SoftsignOfOutput, lambda rng: [distinct(rng, 3, 4)])


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **Numbers that are too large.** Sigmoid and tanh have a slope only near 0; further out they
# saturate: they are flat. In float32 that ends in an exact 0, since 1 − σ(x) has no digits left.
# The usual way to get there is to forget to scale the images: pixels in 0 … 255, where −1 … 1 was
# meant.

# %%
print("σ′ at 1, 10, 100:", slope(F.sigmoid, [1.0, 10.0, 100.0]))
assert slope(F.sigmoid, 10.0) < 5e-5
assert slope(F.sigmoid, np.float32(20)) == 0 and slope(F.tanh, np.float32(10)) == 0  # in float32, exactly

rng = np.random.default_rng(0)
images, weight = rng.integers(0, 256, (64, 784)), rng.standard_normal((UNITS, 784)) / 28
flat = {}
for name, pixels in {"−1 … 1": images / 127.5 - 1, "0 … 255": images * 1.0}.items():
    flat[name] = (slope(F.tanh, pixels @ weight.T) < 0.01).mean()
    print(f"pixels in {name}: {flat[name]:.0%} of the tanh units are flat (slope below 0.01)")
assert flat["−1 … 1"] < 0.01 and flat["0 … 255"] > 0.95

# %% [markdown]
# **The slope at the wrong place.** σ′ = y (1 − y) is written with the output y. With the input x in
# its place it looks the same, has the right shape, and is wrong everywhere.


# %%
class OfTheInput(mg.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return 1 / (1 + np.exp(-x))

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy * (x * (1.0 - x))


try:
    gradcheck(OfTheInput, np.array([-1.0, 0.5, 2.0]))
except GradientError as error:
    print(error)
    assert error.order == 1 and "3 of 3 entries are wrong" in str(error)
else:
    raise AssertionError("gradcheck found nothing")

# %% [markdown]
# **The cotangent forgotten.** The slope alone is not the gradient: it must be multiplied by what
# comes in. With a cotangent of ones nobody would notice; `gradcheck` takes random ones.


# %%
class WithoutDy(mg.Function):
    def forward(self, x):
        y = np.tanh(x)
        self.save_for_backward(y)
        return y

    def backward(self, dy):
        (y,) = self.saved_tensors
        return 1.0 - y * y


x = np.array([-1.0, 0.5, 2.0])
assert np.array_equal(slope(WithoutDy.apply, x), slope(F.tanh, x))  # ones: nothing to be seen
try:
    gradcheck(WithoutDy, x)
except GradientError as error:
    print(error)
    assert "the same whatever cotangent dy comes in" in error.hint
else:
    raise AssertionError("gradcheck found nothing")

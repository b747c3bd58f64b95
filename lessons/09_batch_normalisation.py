# %% [markdown]
# # 9. Batch normalisation
#
# **Goal.** Batch normalisation shifts and scales each channel of a batch to mean 0 and variance 1.
# That ties the samples of a batch together: each output depends on every sample, and so does each
# gradient. You will derive the backward pass, in which two parts of the gradient vanish, see why
# sampling must be done in another mode than training, and write it at the end.

# %% [markdown]
# ## Predict
#
# Before you go on, write down:
#
# 1. One adds 100 to every number of a channel, before batch normalisation. What changes after it?
# 2. The cotangent dy of the output is all ones. What is the gradient dx of the input?
# 3. A batch of two samples has in one channel the numbers 3 and 5. What comes out? And for 3 and
#    500?
# 4. A generator with batch normalisation draws an image from the noise z. On what beside z does the
#    image depend, if it is still in training mode?

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.functions.normalization import BatchNorm
from minigan.lesson import Unsolved, run_check, show
from minigan.testing import GradientError, assert_gradients, gradcheck

rng = np.random.default_rng(0)
x = rng.standard_normal((6, 3)) * [0.5, 1.0, 3.0] + [-4.0, 0.0, 3.0]  # M = 6 samples, 3 channels
print("before: mean", x.mean(axis=0).round(2), " variance", x.var(axis=0).round(2))
y = F.batch_norm(x).numpy()
print("after:  mean", np.abs(y.mean(axis=0)).round(2), " variance", y.var(axis=0).round(2))

# %% [markdown]
# ## Forward
#
# Of each channel take the mean μ and the variance v over the batch's M numbers (of images: over all
# pixels of all images), and with a small ε against division by 0:
#
#     r = 1 / √(v + ε)        x̂ = (x − μ) · r        y = γ x̂ + β
#
# x̂ ("x hat") has mean 0 and variance 1. γ and β, one number each for a channel, are learned: they
# give back the freedom to have another mean and variance (Ioffe and Szegedy, 2015).

# %%
EPS = 1e-5


def normalised(x, eps=EPS):
    """x̂ and r of an array x (M, C)."""
    r = 1 / np.sqrt(x.var(axis=0) + eps)
    return (x - x.mean(axis=0)) * r, r


gamma, beta = np.array([1.0, 2.0, 0.5]), np.array([0.0, -1.0, 4.0])
x_hat, r = normalised(x)
assert np.allclose(F.batch_norm(x, gamma, beta).numpy(), gamma * x_hat + beta)

assert np.allclose(F.batch_norm(x + 100).numpy(), F.batch_norm(x).numpy())  # a shift changes nothing
assert np.allclose(F.batch_norm(x * 7).numpy(), F.batch_norm(x).numpy(), atol=1e-4)  # nor a scale, but for ε

# %% [markdown]
# ## Backward, in small steps
#
# A cotangent comes in: dyᵢ says how much the loss changes when yᵢ does. Look at one channel.
#
# β was added to every sample, and γ multiplied x̂, so dβ = Σ dy and dγ = Σ dy·x̂. The cotangent of
# x̂ is γ dy.
#
# Now move one number, xᵢ, by a little. It reaches the outputs in three ways:
#
# 1. **directly**: x̂ᵢ moves r times as much. This gives γ r dyᵢ.
# 2. **through the mean**: μ moves 1/M as much, and every x̂ⱼ moves −r/M as much. All of them
#    count, whichever i it was: −γ r · Σ dy / M.
# 3. **through the variance**: v = Σ (xⱼ − μ)²/M moves 2 (xᵢ − μ)/M as much. (μ moves too, but that adds
#    nothing to v: it moves it by −2/M² · Σ (xⱼ − μ), and deviations from the mean add up to 0.) r =
#    (v + ε)^−½ moves −½ r³ times as much as v, and every x̂ⱼ = (xⱼ − μ) r with it.
#
# The third term is left to you, for the exercise. Here is what the engine's dx has beside the first two: in each
# channel a multiple of x̂.

# %%
dy = rng.standard_normal(x.shape)


def gradients(dy, x, eps=EPS):
    """dx, dγ and dβ by the engine."""
    leaves = [mg.Tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    return [g.numpy() for g in mg.grad(F.batch_norm(*leaves, eps=eps), leaves, mg.Tensor(dy))]


directly = gamma * r * dy
through_mean = -gamma * r * dy.mean(axis=0)

dx, dgamma, dbeta = gradients(dy, x)
through_variance = dx - directly - through_mean
print("the third term over x̂, sample by sample:", (through_variance / x_hat).round(4), sep="\n")
assert np.allclose(through_variance / x_hat, (through_variance / x_hat)[0])
assert np.allclose(dgamma, (dy * x_hat).sum(axis=0)) and np.allclose(dbeta, dy.sum(axis=0))

# %% [markdown]
# ## Why two parts are taken out
#
# To add a number to the whole channel changes no output. So the gradient cannot ask for it: dx has
# no component along the constants, Σ dx = 0. To stretch the channel about its mean changes no
# output either (but for ε), so dx has none along x̂: Σ dx·x̂ = 0. The two terms with a minus take
# out of dy just these components.
#
# If that reminds you of fitting a straight line: it is the same. Take the line through the points (x̂, dy)
# that has the least squares. dx is what the line leaves over, times γ r: the mean's term is its height,
# the variance's term its slope.

# %%
exact, _, _ = gradients(dy, x, eps=0.0)
assert np.abs(dx.sum(axis=0)).max() < 1e-12
assert np.abs((exact * normalised(x, 0.0)[0]).sum(axis=0)).max() < 1e-12
# With ε, of the component along x̂ the share ε/(v + ε) is left:
assert np.allclose((dx * x_hat).sum(axis=0), gamma * r * dgamma * EPS / (x.var(axis=0) + EPS), atol=1e-12)

for channel in range(3):
    steepness, height = np.polyfit(x_hat[:, channel], dy[:, channel], deg=1)
    left_over = dy[:, channel] - (height + steepness * x_hat[:, channel])
    assert np.allclose(dx[:, channel], (gamma * r)[channel] * left_over, atol=1e-4)

# %% [markdown]
# ## The cotangent that sees nothing
#
# The sum of a channel's outputs is β·M, whatever x is. So with a cotangent of ones, which asks for
# the slope of that sum, dx is 0. A test of the backward pass that takes the sum of the outputs for
# its loss therefore finds a gradient of 0 where 0 is expected, and would find it of a wrong one
# too. That is why `gradcheck` draws cotangents at random.

# %%
ones = np.ones_like(x)
sums = [F.batch_norm(a, gamma, beta).numpy().sum(axis=0) for a in (x, x**3 - x, rng.uniform(size=x.shape))]
assert np.allclose(sums, beta * len(x))
assert np.abs(gradients(ones, x)[0]).max() < 1e-12
assert np.abs(gamma * r * (ones - ones.mean(axis=0))).max() == 0  # the third term forgotten: 0 all the same

# %% [markdown]
# ## Running statistics
#
# After training there may be no batch: one wants a single image. For that, the layer keeps running
# averages of mean and variance while it trains. After each batch, with momentum 0.1:
#
#     running ← 0.9 · running + 0.1 · batch's
#
# That is PyTorch's convention, and the engine's. The variance that enters is the unbiased one, with
# the divisor M − 1, though x̂ is made with the divisor M. Keras counts the other way round, its
# momentum 0.99 weighs the old value, and enters the biased variance: here `momentum=0.01,
# unbiased=False`.

# %%
mean, var = np.zeros(3), np.ones(3)
F.batch_norm(x, running_mean=mean, running_var=var)  # changes the two in place
assert np.allclose(mean, 0.1 * x.mean(axis=0)) and np.allclose(var, 0.9 + 0.1 * x.var(axis=0, ddof=1))

mean, var = np.zeros(3), np.ones(3)
F.batch_norm(x, running_mean=mean, running_var=var, momentum=0.01, unbiased=False)
assert np.allclose(mean, 0.01 * x.mean(axis=0)) and np.allclose(var, 0.99 + 0.01 * x.var(axis=0))

print(f"after 100 batches, PyTorch's holds {0.9**100:.0e} of where it began, Keras' {0.99**100:.0%}")
assert 0.9**100 < 3e-5 and round(0.99**100, 2) == 0.37

# %% [markdown]
# A layer's `eval()` mode uses the running statistics, and leaves them alone. They are constants
# then: y is x times a number plus a number, and no sample looks at another.
#
# ## Training against sampling
#
# Here is a small generator. A hundred batches in training mode have set its statistics. Then it
# draws an image from the same noise z three times: alone, and in the company of two different
# batches.

# %%
mg.manual_seed(0)
generator = nn.Sequential(nn.Dense(8, 32, bias=False), nn.BatchNorm(32), nn.ReLU(), nn.Dense(32, 25), nn.Tanh())
generator.to(dtype="float64")
with mg.no_grad():
    for _ in range(100):
        generator(mg.Tensor(rng.standard_normal((64, 8))))

z = rng.standard_normal((1, 8))
companies = [rng.standard_normal((7, 8)), 2 + rng.standard_normal((7, 8))]


def drawn(*others):
    """The image of z, drawn in one batch with others."""
    with mg.no_grad():
        return generator(mg.Tensor(np.concatenate([z, *others]))).numpy()[0]


generator.eval()
alone, one, other = drawn(), drawn(companies[0]), drawn(companies[1])
print(f"eval mode:     the pixels differ by at most {np.ptp([alone, one, other], axis=0).max():.1e}")
assert np.allclose(alone, one, rtol=0, atol=1e-12) and np.allclose(alone, other, rtol=0, atol=1e-12)

generator.train()
one, other = drawn(companies[0]), drawn(companies[1])
print(f"training mode: the pixels differ by at most {np.abs(one - other).max():.2f}, of a range of 2")
assert np.abs(one - other).max() > 0.2

# %% [markdown]
# `minigan sample` draws in eval mode: image number 7 is the same in a grid of 8 and in one of 64.
#
# ## D(real) and D(fake): one batch, or two
#
# In the discriminator it matters who is in the batch. Say that in one channel real samples lie
# around 1, fakes around −1. In a batch together, batch normalisation keeps them apart. In two
# batches, each has its own mean taken away, and what told them apart is gone.

# %%
real, fake = 1 + 0.5 * rng.standard_normal((64, 1)), -1 + 0.5 * rng.standard_normal((64, 1))

together = F.batch_norm(np.concatenate([real, fake])).numpy()
gap_together = together[:64].mean() - together[64:].mean()
gap_apart = F.batch_norm(real).numpy().mean() - F.batch_norm(fake).numpy().mean()
print(f"between the means of real and fake: together {gap_together:.2f}, in two batches {abs(gap_apart):.2f}")
assert 1.5 < gap_together < 2 and abs(gap_apart) < 1e-12

# %% [markdown]
# So it is not the same loss written in two ways. Together, D's answer to a real sample depends on
# the fakes beside it; and G's step, where D sees fakes alone, shows it batches of a kind that it
# was never trained on. The PyTorch DCGAN tutorial feeds D in two batches, each all real or all
# fake. DCGAN's authors leave batch normalisation out of D's first layer and of G's last, since with it
# in all layers training was not stable (Radford et al., 2016). Our reading of it: there the means of
# brightness and colour are themselves what is to be learned.

# %% [markdown]
# ## Picture
#
# Above, three channels of a batch before and after. Below, one channel's cotangents dy over x̂ with
# their line, and what the line leaves over, the gradient: no height, no slope.

# %%
VIOLET, ORANGE, GREY = "#5e3c99", "#e66101", "#777777"

batch = rng.standard_normal((400, 3)) * [0.5, 1.0, 2.0] + [-4.0, 0.0, 4.0]
some = np.sort(rng.standard_normal(60))
wanted = 0.8 + 0.7 * some + 0.5 * rng.standard_normal(60)  # a cotangent with a mean, and a slope along x̂

figure, ((before, after), (fitted, rest)) = plt.subplots(2, 2, figsize=(9, 6.6), layout="constrained")
for ax, values, title in ((before, batch, "A batch before"), (after, F.batch_norm(batch).numpy(), "… and after")):
    for channel, (colour, hatch) in enumerate(((VIOLET, ""), (ORANGE, "///"), (GREY, "..."))):
        edges = np.arange(-8, 11.1, 0.5)
        ax.hist(values[:, channel], edges, histtype="stepfilled", facecolor=colour, alpha=0.25)
        ax.hist(values[:, channel], edges, histtype="step", color=colour, linewidth=1.5, hatch=hatch, label=channel)
    ax.set(
        title=f"{title} batch normalisation", xlim=(-8, 11), ylim=(0, 175), ylabel="samples", xticks=range(-8, 12, 4)
    )
before.set(xlabel="x")
after.set(xlabel="x̂")
before.legend(title="channel", frameon=False)

x_some = normalised(some[:, None])[0]
line = np.polyval(np.polyfit(x_some[:, 0], wanted, deg=1), x_some[:, 0])
for ax, values, through, label in ((fitted, wanted, line, "dy"), (rest, wanted - line, 0 * line, "dx / (γ r)")):
    ax.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
    ax.plot(x_some, values, "o", color=VIOLET, markersize=4)
    ax.plot(x_some, through, color=ORANGE, linewidth=2)
    ax.set(xlabel="x̂", ylabel=label, ylim=(-1.9, 3.6))
fitted.set(title="The cotangent, and its line")
rest.set(title="The gradient: what the line leaves over")
for ax in figure.axes:
    ax.spines[["top", "right"]].set_visible(False)
show(figure, "09_batch_normalisation")

# %% [markdown]
# ## Warm-up
#
# What a layer keeps for sampling: the running average, after one more batch. `momentum` is PyTorch's, the share of the
# new. One line.


# %%
def updated(running, batch, momentum):
    """The running average after a batch, from what it was and the batch's own."""
    raise Unsolved("write updated: one line, a share of the old and a share of the new")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    x = np.random.default_rng(0).standard_normal((8, 3)) + [1.0, 2.0, 3.0]
    for momentum in (0.1, 0.01, 1.0):
        before, mean, var = np.array([5.0, -1.0, 0.0]), np.array([5.0, -1.0, 0.0]), np.ones(3)
        F.batch_norm(x, running_mean=mean, running_var=var, momentum=momentum)  # changes the two in place
        found = np.asarray(updated(before, x.mean(axis=0), momentum))
        assert np.allclose(found, mean), (
            f"with momentum {momentum:g}, from {before[0]:g} and a batch's mean of {x.mean(axis=0)[0]:.3f} comes "
            f"{mean[0]:.4f}, by yours {np.ravel(found)[0]:.4f}: the new counts with the share "
            f"{momentum:g}, the old with the rest"
        )
        assert np.array_equal(before, [5.0, -1.0, 0.0]), "return the new average, and leave the old one as it is"


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write the backward pass for x (M, C). The third term of dx you find by going on from where way 3 stops, and
# adding up over j; or from the property that dx has nothing along x̂. dy, x and gamma are Tensors; use `F.mean`
# and `F.sum` with `axis=0`, arithmetic, and `** -0.5`, and return three Tensors. The check goes to second
# order, so all that depends on x must be computed from the Tensor x.


# %%
def batch_norm_backward(dy, x, gamma, eps):
    """dx (M, C), dγ (C) and dβ (C) of y = γ x̂ + β, for dy and x (M, C) and γ (C)."""
    raise Unsolved("write batch_norm_backward: x̂ and r again, then dx with its three terms, dγ and dβ")


# %% [markdown]
# ## Check
#
# Your dx is asked for what was found above: no component along constants, none along x̂, and linear
# in γ. Then it is compared with slopes. In the terminal: `minigan lesson check 09`; `minigan functions
# batch_norm` shows the engine's own, for when yours is right.


# %%
def layer_of(backward, eps=EPS):
    """Batch normalisation with this backward pass."""

    class Layer(mg.Function):
        def forward(self, x, gamma, beta):
            self.save_for_backward(x, gamma)
            centred = x - x.mean(axis=0)
            return gamma * centred / np.sqrt((centred * centred).mean(axis=0) + eps) + beta

        def backward(self, dy):
            return backward(dy, *self.saved_tensors, eps)

    return Layer


def check():
    """Raise unless the exercise is solved."""
    rng = np.random.default_rng(1)
    dy, x, gamma = rng.standard_normal((5, 3)), 1 + 2 * rng.standard_normal((5, 3)), rng.uniform(0.5, 2, 3)
    found = batch_norm_backward(mg.Tensor(dy), mg.Tensor(x), mg.Tensor(gamma), 0.0)
    given = f"{len(found)} things" if isinstance(found, tuple | list) else f"a {type(found).__name__}"
    assert isinstance(found, tuple | list) and len(found) == 3, f"return dx, dγ and dβ, three Tensors, not {given}"
    shapes = [getattr(g, "shape", None) for g in found]
    assert shapes == [(5, 3), (3,), (3,)], f"dx, dγ, dβ must have the shapes (5, 3), (3,), (3,), yours have {shapes}"
    dx = found[0].numpy()
    assert np.abs(dx.sum(axis=0)).max() < 1e-9, "your dx does not add up to 0 over the batch: is the mean's term right?"
    along = np.abs((dx * normalised(x, 0.0)[0]).sum(axis=0)).max()
    assert along < 1e-9, (
        "your dx has a component along x̂: is the variance's term right, and the variance Σ (x − μ)² / M?"
    )
    twice = batch_norm_backward(mg.Tensor(dy), mg.Tensor(x), mg.Tensor(2 * gamma), 0.0)[0].numpy()
    assert np.allclose(twice, 2 * dx), "your dx does not double with γ: the cotangent of x̂ is γ dy"
    for m, c, eps in [(5, 3, EPS), (4, 4, 0.1), (2, 1, 0.1)]:
        inputs = [rng.standard_normal((m, c)), rng.uniform(0.5, 2, c), rng.standard_normal(c)]
        assert_gradients(layer_of(batch_norm_backward, eps), inputs)


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# RMS normalisation (Zhang and Sennrich, 2019) takes no mean away, and looks at each sample by itself:
# y = γ x̂, x̂ = x r, r = (mean over c of x² + ε)^−½, for x (N, C) and γ (C). There are fewer ways by which x moves y
# than in batch normalisation. Write the backward pass with Tensors: `F.mean(…, axis=1, keepdims=True)`, `F.sum`.


# %%
def rms_norm_backward(dy, x, gamma, eps):
    """dx (N, C) and dγ (C) of y = γ x r, r = (mean over c of x² + ε)^−½."""
    raise Unsolved("write rms_norm_backward: r and x̂ again, the two ways to dx, and dγ")


# %%
def rms_layer_of(backward, eps):
    """RMS normalisation with this backward pass."""

    class Layer(mg.Function):
        def forward(self, x, gamma):
            self.save_for_backward(x, gamma)
            return gamma * (x / np.sqrt((x * x).mean(axis=1, keepdims=True) + eps))

        def backward(self, dy):
            return backward(dy, *self.saved_tensors, eps)

    return Layer


def check_stretch():
    """Raise unless the stretch is solved."""
    rng = np.random.default_rng(1)
    dy, x, gamma = (
        mg.Tensor(a) for a in (rng.standard_normal((5, 3)), rng.standard_normal((5, 3)), rng.uniform(1, 2, 3))
    )
    found = rms_norm_backward(dy, x, gamma, 0.0)
    assert isinstance(found, tuple | list) and len(found) == 2, "return dx and dγ, two Tensors"
    shapes = [getattr(g, "shape", None) for g in found]
    assert shapes == [(5, 3), (3,)], f"dx and dγ must have the shapes (5, 3) and (3,), yours have {shapes}"
    along = np.abs((found[0].numpy() * x.numpy()).sum(axis=1)).max()
    assert along < 1e-9, (
        "a sample that is stretched gives the same y, so dx must have nothing along x, Σ over c of dx·x = 0; yours has "
        f"{along:.3g}: is the way through r there, with γ dy, and over c?"
    )
    for n, c, eps in [(5, 3, 1e-5), (4, 4, 0.1), (1, 2, 0.1)]:
        assert_gradients(rms_layer_of(rms_norm_backward, eps), [rng.standard_normal((n, c)), rng.uniform(0.5, 2, c)])


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **The statistics taken for constants.** The mean's term forgotten, or the variance's, or both: then dx is not
# the slope of what forward computes, and `gradcheck` sees of what kind the lack is. (The engine's own
# layer is spoilt here.)


# %%
def spoilt(spoil):
    """The engine's batch normalisation, with another dx. spoil: of dx, dy and γ r."""

    class Layer(BatchNorm):
        def __init__(self):
            super().__init__((0,), EPS)

        def backward(self, dy):
            x, gamma = self.saved_tensors
            dx, dgamma, dbeta = super().backward(dy)
            return spoil(dx, dy, gamma * normalised(x.numpy())[1]), dgamma, dbeta

    return lambda x, gamma, beta: Layer()(x, gamma, beta)


def mean(t):
    return F.mean(t, axis=0, keepdims=True)


inputs = [rng.standard_normal((5, 3)), gamma[None], beta[None]]
for spoil, symptom in {
    lambda dx, dy, scale: dx + scale * mean(dy): "a term that is summed or averaged over it, such as - mean(dy), is",
    lambda dx, dy, scale: scale * dy: "spreads along no axis of the input, but forward mixes along axis 0",
    lambda dx, dy, scale: scale * (dy - mean(dy)): "",  # the variance's term alone: it is wrong, but no hint says why
}.items():
    try:
        gradcheck(spoilt(spoil), inputs)
    except GradientError as error:
        print(error)
        assert error.input == "input 0 (x)" and symptom in error.hint
    else:
        raise AssertionError("gradcheck found nothing")

# %% [markdown]
# **Statistics that were never updated.** A layer that has seen no batch in training mode still has
# the mean 0 and the variance 1 that it was made with. In eval mode it does nothing at all, and the
# image is not the one that training looked at. So it is when a checkpoint keeps the weights and
# forgets the statistics.

# %%
fresh = nn.BatchNorm(3).to(dtype="float64").eval()
assert np.allclose(fresh(mg.Tensor(x)).numpy(), x, rtol=1e-4)  # nothing is done but for ε

# %% [markdown]
# **A batch of one.** Its mean is itself, its variance 0, and x̂ is 0 whatever x is: the engine
# refuses. A batch of two is hardly better. One sample lies above the mean, the other as far below:
# x̂ is ±1, whether the numbers were 3 and 5, or 3 and 500.

# %%
try:
    F.batch_norm(np.array([[3.0, 5.0]]))
except ValueError as error:
    print(error)
else:
    raise AssertionError("a variance of one number")

for pair in ([[3.0], [5.0]], [[3.0], [500.0]]):
    out = F.batch_norm(np.array(pair)).numpy().ravel()
    print(pair, "becomes", out.round(3))
    assert np.allclose(out, [-1, 1], atol=1e-4)

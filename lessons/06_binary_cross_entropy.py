# %% [markdown]
# # 6. Binary cross-entropy
#
# **Goal.** The discriminator D looks at a sample and says how likely it is to be real. Binary
# cross-entropy turns that into a loss: what D pays for its answer. You will see why it is computed
# from logits, not from probabilities, and why the generator G minimises it turned around. At the
# end you write it, both ways, so that no number is too large for it.

# %% [markdown]
# ## Predict
#
# A logit l is any number; σ(l) = 1 / (1 + e⁻ˡ) makes a probability of it. The target t is 1 for a
# real sample, 0 for a fake. Before you go on, write down:
#
# 1. what D pays, −ln p, if it gives the truth the probability p = ½; p = 0.01; p = 1;
# 2. the gradient of the loss at the logit. How large can it be?
# 3. the l from which on float32, with its 24 binary digits, takes σ(l) for exactly 1;
# 4. D is sure that a fake is fake, at l = −8. G can minimise ln(1 − σ(l)), or −ln σ(l): both
#    fall when l rises. How much stronger is the second one's pull?

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan.lesson import Unsolved, run_check, show
from minigan.objectives import Minimax, NonSaturating
from minigan.testing import GradientError, assert_gradients, gradcheck

for p in (1.0, 0.99, 0.9, 0.5, 0.1, 0.01):
    print(f"the truth was given the probability {p:<4}: D pays {F.binary_cross_entropy(np.array([p]), 1.0).item():.3f}")

# %% [markdown]
# ## What it measures
#
# Of a real sample, t = 1, D pays −ln p, of a fake −ln(1 − p): minus the logarithm of the
# probability that it gave to the truth. One formula holds both, with t as a switch:
#
#     L = −t ln p − (1 − t) ln(1 − p)
#
# Being sure and right is free. To know nothing, p = ½, costs ln 2 = 0.693 a sample. To be sure and
# wrong costs without bound. And to be honest costs least: if three of four samples are real, and D
# cannot tell which, its best answer is ¾.

# %%
assert math.isclose(F.binary_cross_entropy(np.array([0.5]), 1.0).item(), math.log(2)) and round(math.log(2), 3) == 0.693

answers = np.linspace(0.01, 0.99, 99)
costs = [F.binary_cross_entropy(np.full(4, p), np.array([1.0, 1.0, 1.0, 0.0])).item() for p in answers]
print(f"three of four are real; the cheapest answer is {answers[np.argmin(costs)]:.2f}")
assert math.isclose(answers[np.argmin(costs)], 0.75)

# %% [markdown]
# ## The gradient, at the probability and at the logit
#
# The slope of −ln p is −1/p, so dL/dp = −t/p + (1 − t)/(1 − p), or on one denominator:
#
#     dL/dp = (p − t) / (p (1 − p))
#
# It grows without bound where D is sure and wrong. But p = σ(l), and the sigmoid's slope is p (1 −
# p) (lesson 5). The chain rule multiplies the two, and the denominator goes:
#
#     dL/dl = σ(l) − t
#
# What D said less what was true. It lies between −1 and 1, never overflows, and dies only where D
# is right.


# %%
def loss_and_slope(loss, at):
    """A loss at each of these numbers, and its slope there: each number stands for itself, nothing is averaged."""
    at = mg.Tensor(np.array(at, ndmin=1), requires_grad=True)
    y = loss(at)
    (slope,) = mg.grad(y, [at], mg.Tensor(np.ones_like(at.data)))
    return y.numpy(), slope.numpy()


def on_probabilities(target):
    return lambda logits: F.binary_cross_entropy(F.sigmoid(logits), target, reduction="none")


def on_logits(target):
    return lambda logits: F.binary_cross_entropy_with_logits(logits, target, reduction="none")


_, at_p = loss_and_slope(lambda p: F.binary_cross_entropy(p, 1.0, reduction="none"), [0.01, 0.5, 0.99])
print("t = 1: dL/dp at p = 0.01, 0.5, 0.99:", at_p.round(2))
assert np.allclose(at_p, [-100, -2, -1 / 0.99])

logits = np.linspace(-8, 8, 161)
for target in (0.0, 1.0):
    y, slope = loss_and_slope(on_logits(target), logits)
    assert np.allclose(slope, 1 / (1 + np.exp(-logits)) - target) and np.abs(slope).max() < 1
    assert np.allclose(y, loss_and_slope(on_probabilities(target), logits)[0])  # the same loss

# %% [markdown]
# ## What float32 does to probabilities
#
# Between 1 and 2, float32's numbers lie 2⁻²³ apart. Once e⁻ˡ is less than half of that, from l = 24 ln 2 =
# 16.6 on, 1 + e⁻ˡ is rounded to 1, and so is σ(l). Then 1 − p is 0, its logarithm is −∞, and the
# sigmoid's slope p (1 − p) is 0.
#
# The engine's `binary_cross_entropy` holds logarithms at −100 and above, as PyTorch's does. That
# keeps the loss finite, but no clamp brings back what p has lost. D is sure, and wrong, and learns
# nothing.

# %%
sure = np.array([15, 16, 17, 40], np.float32)
p = F.sigmoid(sure).numpy()
(loss_p, slope_p), (loss_l, slope_l) = (loss_and_slope(f(0.0), sure) for f in (on_probabilities, on_logits))
print("a fake, t = 0  l:", sure)
print("           1 − p:", 1 - p)
print("on probabilities: loss", loss_p, " slope", slope_p)
print("       on logits: loss", loss_l, " slope", slope_l)

assert np.spacing(np.float32(1)) == 2**-23 and round(24 * math.log(2), 1) == 16.6
assert p[1] < 1 and p[2] == p[3] == 1
assert loss_p[2:].tolist() == [100, 100] and slope_p[2:].tolist() == [0, 0]
assert loss_l.tolist() == [15, 16, 17, 40] and np.allclose(slope_l, 1)

# %% [markdown]
# On the other side, small numbers, float32 has more room, but not without end. At l = −40 and t = 1
# the loss is right, and the gradient is not: the engine also holds p (1 − p) at 10⁻¹² and above, so
# as not to divide by 0. The loss on logits is right at both ends.

# %%
for logit, target, loss, slope in [(40, 0.0, 40, 1), (-40, 1.0, 40, -1), (40, 1.0, 0, 0), (-40, 0.0, 0, 0)]:
    (loss_p,), (slope_p,) = loss_and_slope(on_probabilities(target), np.float32(logit))
    (loss_l,), (slope_l,) = loss_and_slope(on_logits(target), np.float32(logit))
    print(f"l = {logit:3}, t = {target:.0f}: slope on probabilities {slope_p:10.3g}, on logits {slope_l:10.3g}")
    assert math.isclose(loss_l, loss, abs_tol=1e-15) and math.isclose(slope_l, slope, abs_tol=1e-15)
    assert math.isclose(slope_p, slope, abs_tol=1e-4) == (slope == 0)  # where D is wrong, it is not told

# %% [markdown]
# How does it manage? With ln(1 + eˡ) = max(l, 0) + ln(1 + e^−|l|), in which no exponent is above 0. (For l ≤ 0
# both sides are the same; for l > 0 take eˡ out of the bracket.) Both logarithms of the loss are of this kind,
# −ln σ(l) = ln(1 + e⁻ˡ) and −ln(1 − σ(l)) = ln(1 + eˡ). In the exercise you put them together.
#
# NumPy's `log1p(z)` is ln(1 + z), also where z is too small for 1 + z to notice it.

# %%
for at in (-30.0, -1.0, 0.0, 1.0, 30.0):
    assert math.isclose(math.log(1 + math.exp(at)), max(at, 0) + math.log(1 + math.exp(-abs(at))))
assert np.log(1 + np.exp(-40.0)) == 0 < np.log1p(np.exp(-40.0))

# %% [markdown]
# ## Three losses for the generator
#
# All that G gets to know is D's logit l for its fake. It wants l to rise, and there are several
# ways to say so:
#
# - **saturating**: minimise ln(1 − σ(l)), minus what D pays for the fake. Slope −σ(l).
# - **non-saturating**: minimise −ln σ(l), what D would pay if the fake were real. Slope σ(l) − 1.
# - **least squares** (Mao et al., 2017): minimise ½ (l − 1)², D's output being trained to be 1 for
#   real samples, without a sigmoid. Slope l − 1.
#
# The first is the game as it is written down, the second is what its authors trained with
# (Goodfellow et al., 2014). At the beginning fakes are bad, and D is sure: l is far below 0. There
# σ(l) is about eˡ: the saturating loss is flat exactly where G has most to learn.

# %%
losses = {
    "saturating": lambda logits: -F.binary_cross_entropy_with_logits(logits, 0.0, reduction="none"),
    "non-saturating": on_logits(1.0),
    "least squares": lambda logits: 0.5 * (logits - 1.0) ** 2,
}
at = np.array([-8.0, 0.0, 8.0])
slopes = {name: loss_and_slope(loss, at)[1] for name, loss in losses.items()}
for name, slope in slopes.items():
    print(f"{name:<15} slope at l = −8, 0, 8: " + "".join(f"{s:10.6f}" for s in slope))

assert np.allclose(slopes["saturating"], [-0.000335, -0.5, -0.999665], atol=1e-6)
assert np.allclose(slopes["non-saturating"], [-0.999665, -0.5, -0.000335], atol=1e-6)
assert slopes["least squares"].tolist() == [-9, -1, 7]

stronger = slopes["non-saturating"][0] / slopes["saturating"][0]
print(f"at l = −8 the non-saturating pull is {stronger:.0f} times stronger")
assert math.isclose(stronger, math.exp(8)) and round(stronger) == 2981  # (1 − σ(l)) / σ(l) = e⁻ˡ

for name, objective in (("saturating", Minimax()), ("non-saturating", NonSaturating())):  # the engine's own
    assert math.isclose(objective.generator_loss(mg.Tensor(at)).item(), losses[name](mg.Tensor(at)).numpy().mean())

# %% [markdown]
# The least-squares loss does one thing more: it also pulls back a fake that D takes for more than
# real, at l > 1. The other two leave it in peace, or push on.
#
# ## Picture
#
# Above, G's three losses and their slopes. Below, what D pays for a fake in float32, when it is
# more and more sure that the fake is real.

# %%
VIOLET, ORANGE, GREY = "#5e3c99", "#e66101", "#555555"
styles = {"saturating": (ORANGE, (0, (5, 1.5))), "non-saturating": (VIOLET, "-"), "least squares": (GREY, (0, (1, 1)))}

figure, ((top, top_slope), (low, low_slope)) = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
logits = np.linspace(-8, 8, 401)
for name, loss in losses.items():
    colour, dashes = styles[name]
    for ax, values in zip((top, top_slope), loss_and_slope(loss, logits), strict=True):
        ax.plot(logits, values, color=colour, linestyle=dashes, linewidth=2.2, label=name)
top.set(title="G's loss", ylabel="loss", ylim=(-8.5, 8.5))
top_slope.set(title="Its slope: at the left, one of them is flat", ylabel="slope dL/dl", ylim=(-3, 3))
top.legend(frameon=False, loc="lower left")
for ax in (top, top_slope):
    ax.set(xlabel="surely fake  ←  D's logit l for a fake  →  surely real", xticks=range(-8, 9, 4))

sure = np.linspace(0, 40, 401, dtype=np.float32)
for loss, name, colour, dashes in (
    (on_probabilities, "on probabilities", ORANGE, (0, (5, 1.5))),
    (on_logits, "on logits", VIOLET, "-"),
):
    for ax, values in zip((low, low_slope), loss_and_slope(loss(0.0), sure), strict=True):
        ax.plot(sure, values, color=colour, linestyle=dashes, linewidth=2.2, label=name)
low.set(title="D's loss for a fake, float32", ylabel="loss", xlabel="D's logit l for a fake")
low_slope.set(title="Its slope: from l = 16.6 on, p has none", ylabel="slope dL/dl", xlabel="D's logit l for a fake")
low.legend(frameon=False, loc="center right")
for ax in (top, top_slope, low, low_slope):
    ax.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
    ax.spines[["top", "right"]].set_visible(False)
show(figure, "06_binary_cross_entropy")

# %% [markdown]
# ## Warm-up
#
# σ makes a probability of a logit. The way back: which logit l has σ(l) = p? For an array p of numbers between 0 and 1.
# One line, with one logarithm.


# %%
def logit_of(p):
    """The l with σ(l) = p."""
    raise Unsolved("write logit_of: one line, from p = 1 / (1 + e^−l)")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    l = np.array([-3.0, -1.0, 0.0, 0.5, 2.0])  # noqa: E741
    p = F.sigmoid(l).numpy()
    found = np.asarray(logit_of(p))
    assert found.shape == p.shape, f"a logit for each p: the shape {p.shape}, yours has {found.shape}"
    assert not np.allclose(found, -l) or np.allclose(found, l), "the sign: an answer above ½ has a logit above 0"
    for right, at, yours in zip(l, p, found, strict=True):
        assert math.isclose(yours, right, abs_tol=1e-9), (
            f"σ({right:g}) = {at:.4f}; of that p yours makes l = {yours:.4g}"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write the loss on logits, averaged over all N entries, forward and backward. `forward` gets two
# arrays of one shape, and uses NumPy: `np.maximum`, `np.log1p`, `np.exp`, `np.abs`. `backward` gets
# dy, one number, since the loss is one, and uses Tensors: `F.sigmoid`, arithmetic, `.size` for N.
# The target is given: its gradient is None.


# %%
class BCEWithLogits(mg.Function):
    """y = mean of −t ln σ(l) − (1 − t) ln(1 − σ(l))"""

    def forward(self, logits, target):
        self.save_for_backward(logits, target)
        raise Unsolved("write BCEWithLogits.forward: the mean of a loss that no logit makes overflow")

    def backward(self, dy):
        logits, target = self.saved_tensors
        raise Unsolved("write BCEWithLogits.backward: return the gradient at the logits, and None for the target")


# %% [markdown]
# ## Check
#
# Yours is compared with the engine's own loss, with slopes along random lines to second order, and tried
# with logits of ±1000 in float32, where nothing may overflow. In the terminal: `minigan lesson check 06`.
# `minigan functions binary_cross_entropy_with_logits` shows the engine's own, for when yours is right.


# %%
def check():
    """Raise unless the exercise is solved."""
    for shape in [(5,), (3, 4), (1,), (2, 1, 3, 3)]:
        rng = np.random.default_rng(len(shape))
        logits, target = 2 * rng.standard_normal(shape), rng.uniform(size=shape)
        y = BCEWithLogits()(logits, target)
        assert y.shape == (), f"the loss is one number, the mean over all entries, but has shape {y.shape}"
        right = F.binary_cross_entropy_with_logits(logits, target).item()
        assert math.isclose(y.item(), right), (
            f"for logits of shape {shape} the loss is {right:.6g}, yours {y.item():.6g}"
        )
        target = mg.Tensor(target, requires_grad=True)
        leaf = mg.Tensor(logits, requires_grad=True)
        *_, dt = mg.grad(BCEWithLogits()(leaf, target), [leaf, target], allow_unused=True)
        assert dt is None, "backward should return None for the target: it is given, nobody asks for its gradient"
        target = target.detach()
        assert_gradients(lambda x, t=target: BCEWithLogits()(x, t.to(dtype=x.dtype)), [logits])

    for logit, target, loss, slope in [(1000, 0, 1000, 1), (-1000, 1, 1000, -1), (1000, 1, 0, 0), (-1000, 0, 0, 0)]:
        at = f"at l = {logit}, t = {target} in float32"
        x = mg.Tensor(np.array([logit], np.float32), requires_grad=True)
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                y = BCEWithLogits()(x, np.array([target], np.float32))
                (dx,) = mg.grad(y, [x])
        except FloatingPointError as error:
            why = "take the exponential of −|l| only, and no logarithm of what may be 0"
            raise AssertionError(f"{at}: {error}: {why}") from None
        assert y.dtype == dx.dtype == np.float32, f"{at}: the loss is {y.dtype}, its gradient {dx.dtype}"
        assert y.item() == loss, f"{at} the loss is {loss}, yours is {y.item():.6g}: were digits lost, or clipped off?"
        assert dx.item() == slope, f"{at} the slope is {slope}, yours is {dx.item():.6g}: it is σ(l) − t"


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# Where one kind of answer is rare, or matters more, its loss is given a weight: each entry then
# costs −w t ln σ(l) − (1 − t) ln(1 − σ(l)). Find the slope at the logit. At w = 1 it must be σ(l) −
# t again. Write it for NumPy arrays, entry by entry, without a mean.


# %%
def weighted_slope(logits, target, weight):
    """∂/∂l of −w t ln σ(l) − (1 − t) ln(1 − σ(l)), for each entry."""
    raise Unsolved("write weighted_slope: the slope of each of the two terms, with its share")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""

    def loss(l, t, w):  # noqa: E741
        softplus = F.softplus(l).numpy()
        return w * t * (softplus - l) + (1 - t) * softplus

    rng = np.random.default_rng(0)
    logits, target = 2 * rng.standard_normal(8), np.array([0.0, 1.0, 0.3, 0.0, 1.0, 0.8, 0.5, 1.0])
    h = 1e-6
    for w in (1.0, 3.0, 0.25):
        right = (loss(logits + h, target, w) - loss(logits - h, target, w)) / (2 * h)
        found = np.asarray(weighted_slope(logits, target, w))
        assert found.shape == logits.shape, f"a slope for each entry, without a mean: yours has the shape {found.shape}"
        for l, t, slope, yours in zip(logits, target, right, found, strict=True):  # noqa: E741
            assert abs(yours - slope) < 1e-6, (
                f"with w = {w:g}, at l = {l:.3f}, t = {t:g} the slope is {slope:.5f}, yours is {yours:.5f}"
            )


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **ln σ(l), in two steps.** In float32 e⁻ˡ is more than the largest number if l is below −88.7, and
# σ(l) is 0 below −104. Its logarithm is −∞, and the slope of the logarithm, 1/0, times that of the
# sigmoid, 0, is not a number. One such NaN, and after the next step all weights are NaN.

# %%
with np.errstate(all="ignore"):
    assert np.exp(np.float32(88.7)) < np.inf and np.exp(np.float32(88.8)) == np.inf
    assert F.sigmoid(np.float32(-103)).item() > 0 == F.sigmoid(np.float32(-104)).item()
    naive = loss_and_slope(lambda logits: -F.log(F.sigmoid(logits)), np.float32(-110))
stable = loss_and_slope(on_logits(1.0), np.float32(-110))
print(f"−ln σ(−110) in two steps: loss {naive[0].item()}, slope {naive[1].item()}")
print(f"from the logit:           loss {stable[0].item()}, slope {stable[1].item()}")
assert naive[0] == np.inf and np.isnan(naive[1])
assert stable[0] == 110 and stable[1] == -1

# %% [markdown]
# **The mean's 1/N lost.** The loss is a mean, so each sample's share of the gradient is 1/N.
# Without it the step of plain gradient descent is N times too long. Training may still run, with a
# smaller learning rate, until somebody changes the batch size. Adam, which divides by the gradients'
# size, hides it (lesson 3). `gradcheck` counts.


# %%
class LostN(mg.Function):
    def forward(self, logits):
        self.save_for_backward(logits)
        return F.binary_cross_entropy_with_logits(logits, 0.0).numpy()  # of fakes, t = 0

    def backward(self, dy):
        (logits,) = self.saved_tensors
        return F.sigmoid(logits) * dy


try:
    gradcheck(LostN, np.random.default_rng(0).standard_normal((3, 4)))
except GradientError as error:
    print(error)
    assert "12 times too large" in error.hint and "did the mean's 1/N get lost?" in error.hint
else:
    raise AssertionError("gradcheck found nothing")

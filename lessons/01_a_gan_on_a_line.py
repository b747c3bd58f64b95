# %% [markdown]
# # 1. A GAN on a line
#
# **Goal.** A generative adversarial network (GAN, Goodfellow et al., 2014) is two players. The
# *discriminator* D is shown numbers, and learns to tell real ones from fakes. The *generator* G
# makes the fakes, and learns to pass. G never sees a real number: all it learns comes back through
# D. Here is the whole of it, on a line, where you can watch.

# %% [markdown]
# ## Predict
#
# The real numbers come from a bell curve (a Gaussian) with mean 4 and deviation 1.25. G takes noise
# z, from a bell curve with mean 0 and deviation 1, and returns a·z + b. It has two weights, a and
# b. Before you go on, write down:
#
# 1. which a and b make the fakes just like the real numbers (for a there are two answers);
# 2. what probability of being real D should then give to a number, and whether that depends on the
#    number;
# 3. whether D's loss will go down as both learn, as losses do.

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn, objectives, optim
from minigan.lesson import Unsolved, run_check, show
from minigan.testing import gradcheck

MEAN, DEVIATION = 4.0, 1.25

# %% [markdown]
# ## The two players
#
# G is one dense layer from one number to one number: a is its weight, b its bias. (What a dense
# layer is, and how it learns, is lesson 4. Here it is a box with weights that can be turned.)
#
# D is three dense layers, 1 → 16 → 16 → 1, with a bent function (tanh) between them, so that it can
# draw curves. Its last number is a *logit* l: any number at all, the higher the more real. The
# sigmoid σ(l) = 1 / (1 + e⁻ˡ) makes a probability of it: σ(0) = ½, and at large l it is next to 1.


# %%
def players(seed=0):
    """G and D, before they have learnt anything."""
    mg.manual_seed(seed)
    G = nn.Dense(1, 1)
    D = nn.Sequential(nn.Dense(1, 16), nn.Tanh(), nn.Dense(16, 16), nn.Tanh(), nn.Dense(16, 1))
    return G.to(dtype="float64"), D.to(dtype="float64")


G, D = players()
print(G, D, sep="\n")
print(f"G begins with a = {G.weight.item():.2f} and b = {G.bias.item():.2f}")
assert F.sigmoid(np.zeros(1)).item() == 0.5

# %% [markdown]
# ## What each wants
#
# Each player has a *loss*, a number that it wants to be small. If D gives the right answer the
# probability p, it pays −ln p: nothing if it was sure (p = 1), more and more the surer it was of
# the wrong answer. So, with averages over a batch of real numbers x and one of fakes G(z):
#
# - D pays: mean of −ln σ(l(x)), plus mean of −ln(1 − σ(l(G(z)))). Real ones should be called real,
#   fakes fake.
# - G pays: mean of −ln σ(l(G(z))). It wants its fakes to be called real.
#
# Both are in `minigan/objectives.py`. If D answers ½ to everything it pays ln 2 twice, 2 ln 2 ≈
# 1.386.

# %%
objective = objectives.NonSaturating()

undecided = mg.Tensor(np.zeros((5, 1)))  # five logits of 0
loss = objective.discriminator_loss(undecided, undecided).item()
print(f"D's loss where all its logits are 0: {loss:.3f}")
assert np.isclose(loss, 2 * np.log(2)) and f"{loss:.3f}" == "1.386"

# %% [markdown]
# ## The game
#
# The two take turns. Nothing is hidden in this cell: it is a whole GAN. Read it with these words at
# hand:
#
# - `loss.backward()` computes, for each weight, the *gradient*: how much the loss changes when the
#   weight does. An *optimiser* (Adam) then moves each weight a little against its gradient. The
#   learning rate `lr` says how far. It shrinks to nothing towards the end, so that the players come
#   to rest.
# - `fake.detach()` is the same numbers without their past: in D's turn no gradient reaches G.
# - The *border* is where D's input is G's output. The gradient of G's loss goes back through D
#   until there, and `border.grad` tells for each fake which way it should move to look more real.
#   Then `fake.backward(border.grad)` hands just that on to G's own weights. Lesson 10 is about this
#   line.


# %%
def play(G, D, objective, steps, seed=0, look=None):
    """D and G take turns. D's losses. look: called after each step with its number, if given."""
    rng = np.random.default_rng(seed)
    opt_G = optim.Adam(G.parameters(), betas=(0.5, 0.999))
    opt_D = optim.Adam(D.parameters(), betas=(0.5, 0.999))
    losses = []
    for step in range(steps):
        opt_G.lr, opt_D.lr = 0.02 * (1 - step / steps), 0.01 * (1 - step / steps)
        real = mg.Tensor(rng.normal(MEAN, DEVIATION, (128, 1)))
        fake = G(rng.standard_normal((128, 1)))

        # D's turn: real numbers should be called real, fakes fake.
        loss_D = objective.discriminator_loss(D(real), D(fake.detach()))
        D.zero_grad()
        loss_D.backward()
        opt_D.step()

        # G's turn: its fakes should be called real.
        border = fake.detach()
        border.requires_grad = True
        with nn.frozen(D):  # D lets the gradient pass, and learns nothing
            loss_G = objective.generator_loss(D(border))
        loss_G.backward()  # back through D, to its input
        G.zero_grad()
        fake.backward(border.grad)  # on through G: the same numbers
        opt_G.step()

        losses.append(loss_D.item())
        if look is not None:
            look(step + 1)
    return losses


# %% [markdown]
# Three moments are kept to be looked at: after 40 steps, after 150, and at the end, after 1000. A
# moment is what G makes of 10,000 noises, and what D says all along the line.

# %%
line = np.linspace(-3, 9, 241)
noises = np.random.default_rng(1).standard_normal((10_000, 1))
reals = np.random.default_rng(2).normal(MEAN, DEVIATION, 10_000)
moments = {}


def look(step):
    if step in (40, 150, 1000):
        with mg.no_grad():
            moments[step] = G(noises).numpy().ravel(), F.sigmoid(D(line[:, None])).numpy().ravel()


losses = play(G, D, objective, 1000, look=look)

for step, (fakes, _) in moments.items():
    seen = f"mean {fakes.mean():5.2f}, deviation {fakes.std():.2f}"
    print(f"after {step:4} steps: {seen}, D's loss {losses[step - 1]:.3f}")
print(f"G ends with a = {G.weight.item():.2f} and b = {G.bias.item():.2f}")

# %% [markdown]
# From noise, and from nothing but D's opinion, G has found mean 4 and deviation 1.25, to within
# 0.1. So b is near 4, and a near 1.25 or −1.25: noise is as often positive as negative, and a bell
# curve looks the same in a mirror.
#
# D ends at ½. Wherever real numbers are found (between 1.5 and 6.5, two deviations around the
# mean), its answer lies within 0.05 of ½. It is no worse than before. There is nothing left to
# tell. And its loss has gone *up*, to 1.386, within 0.05: in a game a loss says how the two stand,
# not how far they are.

# %%
fakes, answers = moments[1000]
assert abs(fakes.mean() - 4) < 0.1 and abs(fakes.std() - 1.25) < 0.1
assert abs(G.bias.item() - 4) < 0.1 and abs(abs(G.weight.item()) - 1.25) < 0.1

near = np.abs(line - MEAN) <= 2 * DEVIATION
assert np.abs(answers[near] - 0.5).max() < 0.05
assert abs(np.mean(losses[-50:]) - 2 * np.log(2)) < 0.05
assert losses[39] < 1 < losses[-1]

# %% [markdown]
# ## Picture
#
# How D should answer can be said exactly. Where real numbers are k times as frequent as fakes, a
# number that is found there is real with probability k / (k + 1) (Goodfellow et al., 2014,
# proposition 1). Where both are equally frequent, that is ½. This best answer is the dashed curve.
# After 150 steps D, which knows no formula, is within 0.1 of it wherever the real numbers are.


# %%
def density(x, mean, deviation):
    """How frequent numbers near x are, on a bell curve."""
    return np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))


def best_answer(fakes):
    """The probability that a number on the line is real, if as many are real as are fake."""
    of_reals, of_fakes = density(line, MEAN, DEVIATION), density(line, fakes.mean(), fakes.std())
    return of_reals / (of_reals + of_fakes)


assert np.abs(moments[150][1] - best_answer(moments[150][0]))[near].max() < 0.1

figure, axes = plt.subplots(1, 3, figsize=(10, 3.9), layout="constrained", sharey=True)
bins = np.linspace(-3, 9, 61)
for ax, (step, (fakes, answers)) in zip(axes, moments.items(), strict=True):
    ax.hist(reals, bins, density=True, color="0.75", label="real numbers")
    ax.hist(fakes, bins, density=True, color="tab:purple", alpha=0.55, label="fakes")
    ax.set(title=f"after {step} steps", xlabel="number", xlim=(-3, 9), ylim=(0, 0.8))
    right = ax.twinx()
    right.plot(line, best_answer(fakes), color="0.25", linestyle=(0, (3, 2)), linewidth=1.2, label="best answer")
    right.plot(line, answers, color="#d95f02", linewidth=2.4, label="D's answer σ(l)")
    right.set(ylim=(0, 1), yticks=[0, 0.5, 1])
    right.tick_params(right=ax is axes[-1], labelright=ax is axes[-1], colors="#a84900")
axes[0].set_ylabel("frequency (density)")
right.set_ylabel("probability of being real", color="#a84900")
handles = [h for side in (ax, right) for h in side.get_legend_handles_labels()[0]]
figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
figure.suptitle("The fakes climb D's curve until it is flat")
show(figure, "01_a_gan_on_a_line")

# %% [markdown]
# Where D's curve rises, a fake that moves to the right looks more real: that slope is what G gets.
# Where the fakes have arrived the curve is flat, and they stay. (Far out, where nobody ever was, D
# may answer anything.)

# %% [markdown]
# ## Warm-up
#
# The first prediction, for any bell curve. z has the mean 0 and the deviation 1; which a and b give
# a·z + b another mean and another deviation? One line.


# %%
def generator_weights(mean, deviation):
    """(a, b), such that a·z + b has this mean and this deviation."""
    raise Unsolved("write generator_weights: one line, return a and b")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    z = np.random.default_rng(0).standard_normal(1000)
    z = (z - z.mean()) / z.std()
    for mean, deviation in [(4.0, 1.25), (-3.0, 2.0), (0.0, 0.5)]:
        found = generator_weights(mean, deviation)
        assert isinstance(found, tuple | list) and len(found) == 2, f"return two numbers, a and b, not {found!r}"
        a, b = found
        fakes, yours = a * z + b, f"for mean {mean:g} and deviation {deviation:g} yours are a = {a:g}, b = {b:g}"
        assert np.isclose(fakes.mean(), mean), (
            f"{yours}: the fakes' mean is {fakes.mean():.3g}. Which of the two moves all numbers alike?"
        )
        assert np.isclose(fakes.std(), deviation), (
            f"{yours}: the fakes' deviation is {fakes.std():.3g}. Which of the two stretches, and how much?"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write D's loss yourself, from the logits. Do not compute σ(l) and then its logarithm: at l =
# −1000, σ(l) is 0 in a computer's numbers, and ln 0 is minus infinity. Two lines of school
# mathematics help:
#
# - −ln σ(l) = ln(1 + e⁻ˡ), and softplus(l) = ln(1 + eˡ) is `F.softplus`, which never overflows;
# - 1 − σ(l) = σ(−l).
#
# Both arguments are Tensors of shape (N, 1), though N may differ. Return a single number, a Tensor:
# use `F.softplus`, `F.mean` and a minus sign in the right place.


# %%
def discriminator_loss(real_logits, fake_logits):
    """mean of −ln σ(l) over the real ones, plus mean of −ln(1 − σ(l)) over the fakes."""
    raise Unsolved("write discriminator_loss: one line, with two means of a softplus")


# %% [markdown]
# ## Check
#
# Your loss is asked what any such loss must know: what it costs to be undecided, right, and wrong;
# which way it pulls; that it counts means, not sums. Then a GAN plays 100 steps with it, in which
# its fakes must set out for the real numbers. In the terminal: `minigan lesson check 01`.


# %%
def check():
    """Raise unless the exercise is solved."""
    rng = np.random.default_rng(0)

    def value(real, fake):
        loss = discriminator_loss(mg.Tensor(real), mg.Tensor(fake))
        assert isinstance(loss, mg.Tensor), f"return a Tensor, not {type(loss).__name__}"
        assert loss.shape == (), f"return a single number: yours has shape {loss.shape}. Is a mean missing?"
        return loss.item()

    zeros, sure = np.zeros((4, 1)), np.full((4, 1), 20.0)
    undecided = value(zeros, zeros)
    assert np.isclose(undecided, 2 * np.log(2)), (
        f"undecided (all logits 0) it should cost 2 ln 2 = 1.386, yours gives {undecided:.3f}: "
        "the answer ½ costs ln 2 on real numbers and ln 2 on fakes, each as a mean"
    )
    right, wrong = value(sure, -sure), value(-sure, sure)
    assert right < 1e-6, (
        f"right and sure (20 on real ones, −20 on fakes) it should cost next to nothing, yours {right:.3g}"
    )
    assert np.isclose(wrong, 40), (
        f"wrong and sure (−20 on real ones, 20 on fakes) it should cost 20 + 20, yours {wrong:.3g}: check the signs"
    )
    extreme = value(-50 * sure, 50 * sure)
    assert np.isclose(extreme, 2000), f"at logits of −1000 and 1000 it should cost 2000, yours gives {extreme}"
    uneven = value(np.zeros((3, 1)), np.zeros((9, 1)))
    assert np.isclose(uneven, 2 * np.log(2)), "with 3 real ones and 9 fakes: a mean over the 3, plus a mean over the 9"

    real, fake = (mg.Tensor(rng.standard_normal((n, 1)), requires_grad=True) for n in (6, 3))
    discriminator_loss(real, fake).backward()
    assert real.grad is not None and fake.grad is not None, "the loss must depend on both: use Tensors throughout"
    assert (real.grad.numpy() < 0).all(), "where a number is real, a higher logit should make the loss smaller"
    assert (fake.grad.numpy() > 0).all(), "where a number is fake, a higher logit should make the loss larger"
    expected = (F.sigmoid(real.detach()).numpy() - 1) / 6, F.sigmoid(fake.detach()).numpy() / 3
    assert np.allclose(real.grad.numpy(), expected[0]), "the gradient at a real one's logit is (σ(l) − 1) / N"
    assert np.allclose(fake.grad.numpy(), expected[1]), "the gradient at a fake's logit is σ(l) / N"
    gradcheck(discriminator_loss, [rng.standard_normal((n, 1)) for n in (6, 3)])
    for logit, right in ((1000.0, (-1, 1)), (-1000.0, (0, 0))):  # wrong and sure, right and sure
        real, fake = (mg.Tensor(np.full((2, 1), at), requires_grad=True) for at in (-logit, logit))
        with np.errstate(all="ignore"):
            discriminator_loss(real, fake).backward()
        found = real.grad.numpy()[0, 0], fake.grad.numpy()[0, 0]
        assert np.allclose(2 * np.array(found), right), (
            f"at logits of {-logit:g} (real) and {logit:g} (fake), two each, the gradients should be {right[0] / 2:g} "
            f"and {right[1] / 2:g}, yours are {found[0]:g} and {found[1]:g}: is there a function that overflows?"
        )

    class Yours(objectives.NonSaturating):
        def discriminator_loss(self, real_logits, fake_logits):
            return discriminator_loss(real_logits, fake_logits)

    G, D = players()
    begin = G.bias.item()
    play(G, D, Yours(), 100)
    moved = G.bias.item() - begin
    assert moved > 0.3, (
        f"in 100 steps with your loss the fakes' mean should rise by 0.3 and more, it moved by {moved:.2f}"
    )


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# A D that is told "certainly real" makes its logits ever larger. Salimans et al. (2016, section
# 3.4) tell it less: a real number is real with the probability `target`, say 0.9; fakes stay fakes.
# For a real number D then pays for both answers, −target · ln σ(l) − (1 − target) · ln(1 − σ(l)).
# Write its loss, such that no logit makes it overflow. Before you check it: at which logit is it
# smallest now, for a real number?


# %%
def smoothed_loss(real_logits, fake_logits, target):
    """D's loss where real numbers count as real with the probability `target`."""
    raise Unsolved("write smoothed_loss: for real ones a mean of two softplus, each with its share; fakes as before")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    rng = np.random.default_rng(0)

    def value(real, fake, target):
        loss = smoothed_loss(mg.Tensor(real), mg.Tensor(fake), target)
        assert isinstance(loss, mg.Tensor) and loss.shape == (), "return a single number, a Tensor: is a mean missing?"
        return loss.item()

    real, fake = rng.standard_normal((6, 1)), rng.standard_normal((3, 1))
    plain, yours = objective.discriminator_loss(mg.Tensor(real), mg.Tensor(fake)).item(), value(real, fake, 1.0)
    assert np.isclose(yours, plain), (
        f"with target 1 it should be the loss of above, here {plain:.4f}; yours is {yours:.4f}"
    )
    best, sure = np.log(0.9 / 0.1), np.full((3, 1), -40.0)  # σ(best) = 0.9
    at = {logit: value(np.full((6, 1), logit), sure, 0.9) for logit in (best - 0.3, best, best + 0.3)}
    assert at[best] == min(at.values()), (
        f"with target 0.9 it should be smallest where D answers 0.9, at l = {best:.3f}; yours is smaller at "
        f"{min(at, key=at.get):.3f}: does D pay for both answers, each with its share?"
    )
    entropy = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    assert np.isclose(at[best], entropy), (
        f"where D answers 0.9 on real numbers, and is sure of the fakes, it should cost {entropy:.4f}, yours "
        f"{at[best]:.4f}: fakes stay fakes, and means are means"
    )
    extreme = value(np.full((2, 1), 1000.0), np.full((2, 1), -1000.0), 0.9)
    assert np.isclose(extreme, 100), f"at logits of 1000 (real) and −1000 (fake) it should cost 100, yours {extreme}"
    gradcheck(lambda real, fake: smoothed_loss(real, fake, 0.9), [real, fake])


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **A sign.** D pays for fakes that look real. If G were to minimise that too, its fakes would be
# made to look fake: G helps D, and moves away from the real numbers until D is more than 99% sure
# of nearly every number. Nothing crashes, and D's loss is below 0.1. In a game, a loss next to 0 is
# bad news.


# %%
class SameSign(objectives.NonSaturating):
    def generator_loss(self, fake_logits):
        return F.binary_cross_entropy_with_logits(fake_logits, 0.0)  # what D pays for the fakes


G, D = players()
begin = G.bias.item()
losses = play(G, D, SameSign(), 300)
print(f"the fakes' mean went from {begin:.2f} to {G.bias.item():.2f}; D's loss is {losses[-1]:.3f}")

with mg.no_grad():
    answers = F.sigmoid(D(G(noises))).numpy()
assert G.bias.item() < begin < MEAN
assert np.median(answers) < 0.01 and losses[-1] < 0.1

# %% [markdown]
# **A discriminator far ahead.** In the first form of the game G minimises +ln(1 − σ(l)): minus what
# D pays. It has the same aim. But its slope at a logit is −σ(l): where D is sure of a fake, next to
# nothing. The slope of −ln σ(l), the loss above, is σ(l) − 1 there: next to −1. (Goodfellow et al.,
# 2014, section 3: the first one *saturates*.) Let G begin far off, at b = −4, and D have 500
# turns alone:

# %%
G, D = players()
G.bias.copy_(-4.0)
opt_D = optim.Adam(D.parameters(), lr=0.01, betas=(0.5, 0.999))
rng = np.random.default_rng(0)
for _ in range(500):
    real, fake = mg.Tensor(rng.normal(MEAN, DEVIATION, (128, 1))), G(rng.standard_normal((128, 1)))
    D.zero_grad()
    objective.discriminator_loss(D(real), D(fake.detach())).backward()
    opt_D.step()

pulls = {}
for name, kind in {"saturating": objectives.Minimax, "non-saturating": objectives.NonSaturating}.items():
    border = fake.detach()
    border.requires_grad = True
    with nn.frozen(D):
        kind().generator_loss(D(border)).backward()
    pulls[name] = border.grad.numpy().ravel()
    print(f"{name:>14}: G's loss changes by {pulls[name].sum():.6f} for each 1 that b is moved to the right")

answers = F.sigmoid(D(fake.detach())).numpy()
print(f"D's answer to the fakes: {answers.mean():.5f} in the mean")
assert answers.max() < 0.001
assert abs(pulls["non-saturating"].sum()) > 1000 * abs(pulls["saturating"].sum())
assert (np.sign(pulls["saturating"]) == np.sign(pulls["non-saturating"])).all()

# %% [markdown]
# Both pull every fake the same way, and D answers less than 0.001 to each. But the saturating pull
# is more than 1000 times weaker, just where G has everything to learn. That is why nearly
# everybody, and minigan, trains G with the other loss.

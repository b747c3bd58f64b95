# %% [markdown]
# # 13. When D wins
#
# **Goal.** Where real samples and fakes do not overlap, D can be right about each of them. Nothing is wrong with such
# a D, but G learns from D's slope, and a D that has won may have none left. You will see that the divergence which
# the first GAN minimises says nothing about distance, measure what each loss leaves for G, and write the two losses
# that do not depend on how sure D is: least squares and hinge.

# %% [markdown]
# ## Predict
#
# Real points lie on a vertical line, fakes on another, at the distance θ to its right. Before you go on, write down:
#
# 1. θ goes from 1 to 0.1: the fakes come ten times nearer. What becomes of the Jensen-Shannon divergence of the two
#    lines, and what of the Wasserstein distance, the way that the fakes have to be moved?
# 2. D trains alone on these lines, hundreds of steps. The gradient that a fake then gets is G's slope at the
#    logit times D's slope at the fake. Does it rise, fall or stay, if G's loss is minimax? non-saturating? least
#    squares? hinge? Wasserstein, with nothing that bounds D?
# 3. Adam divides a gradient by its size. Does it matter then that a gradient is a thousand times too small?

# %%
import copy

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn, optim
from minigan.lesson import Unsolved, run_check, show
from minigan.metrics import wasserstein_distance
from minigan.objectives import OBJECTIVES
from minigan.testing import assert_gradients

# %% [markdown]
# ## Two lines
#
# This is example 1 of Arjovsky et al. (2017, section 2): real points are (0, u), fakes (θ, u), with u uniform from 0
# to 1. The best answer of D is p / (p + q), where p is how frequent real samples are at a place, and q fakes. Then D
# pays, for the loss of lesson 1, 2 ln 2 − 2 JS(p, q): JS is the Jensen-Shannon divergence, and all that a D at its
# best can tell G by its loss (Goodfellow et al., 2014, theorem 1). It is 0 where p = q, and never more than ln 2.
#
# Let us take JS from what D pays. Along u both lines are alike, so the places along x will do: little boxes.


# %%
def best_loss(p, q):
    """What D pays at its best, for the shares p of the reals and q of the fakes in each box."""
    with np.errstate(divide="ignore", invalid="ignore"):
        of_reals, of_fakes = -p * np.log(p / (p + q)), -q * np.log(q / (p + q))
    return np.nansum(of_reals) + np.nansum(of_fakes)  # 0 ln 0 counts as 0


def jensen_shannon(p, q):
    return (2 * np.log(2) - best_loss(p, q)) / 2


boxes = np.arange(-400, 401) / 100  # along x, 0.01 apart


def line_at(theta):
    return np.isclose(boxes, theta).astype(float)


thetas = np.array([-2.0, -1.0, -0.1, 0.0, 0.1, 1.0, 2.0])
js = np.array([jensen_shannon(line_at(0), line_at(theta)) for theta in thetas])
w1 = np.array([wasserstein_distance(np.zeros(50), np.full(50, theta)) for theta in thetas])
for theta, one, other in zip(thetas, js, w1, strict=True):
    print(f"θ = {theta:4}: JS {one:.3f}, Wasserstein distance {other:.1f}")
assert np.allclose(js, np.where(thetas == 0, 0, np.log(2))) and np.allclose(w1, abs(thetas))

# %% [markdown]
# JS is ln 2 = 0.693 at every distance but 0, where it jumps to 0. Its slope in θ is 0 wherever it has one: a G that
# moves the line nearer is told nothing. The Wasserstein distance is |θ|. (Kullback and Leibler's divergence is infinite
# at every distance but 0.)
#
# It is not only lines. If reals and fakes lie in two thin sets of a space with many dimensions, the two hardly ever
# meet, and a perfect D exists (Arjovsky and Bottou, 2017, section 2). Blur helps: with Gaussian noise of deviation ½
# on both, the same two lines do overlap, and JS tells how far apart they are (there, section 3), as long as that is not
# many deviations: from θ = 3 to 3.5 it rises by less than 0.004, and is next to ln 2 again.


# %%
def blurred(theta, deviation=0.5):
    weights = np.exp(-0.5 * ((boxes - theta) / deviation) ** 2)
    return weights / weights.sum()


js_blurred = np.array([jensen_shannon(blurred(0), blurred(theta)) for theta in thetas])
far = [jensen_shannon(blurred(0), blurred(theta)) for theta in (3.0, 3.5)]
print("with noise, JS:", js_blurred.round(3), "and at θ = 3 and 3.5", np.round(far, 3))
assert (np.diff(js_blurred[3:]) > 0.004).all()  # from θ = 0 on it rises
assert 0 < far[1] - far[0] < 0.004 and np.log(2) - far[1] < 0.002

# %% [markdown]
# ## The slope at the logit
#
# So much for a D at its best. G is moved by a D made of numbers, by the chain: the slope of G's loss at the logit,
# times the slope of the logit at the fake. Here is the first factor, of a fake that D is sure about.

# %%
NAMES = ("minimax", "non-saturating", "least-squares", "hinge", "wasserstein")


def slope_at(name, logit):
    """dL/dl of G's loss, at one logit."""
    l = mg.Tensor(np.array([[logit]]), requires_grad=True)  # noqa: E741
    (slope,) = mg.grad(OBJECTIVES[name]().generator_loss(l), [l])
    return slope.item()


print("slope of G's loss       " + "".join(f"l = {logit:<7}" for logit in (0, -8, -40)))
for name in NAMES:
    print(f"{name:<20}" + "".join(f"{slope_at(name, logit):11.2g}" for logit in (0.0, -8.0, -40.0)))
assert -1e-3 < slope_at("minimax", -8.0) < 0 and -1e-17 < slope_at("minimax", -40.0) < 0
assert np.isclose(slope_at("non-saturating", -8.0), -1, atol=1e-3)
assert slope_at("least-squares", 0.0) == -1  # where this loss' D is sure of a fake, l is 0, not −40
assert slope_at("hinge", -8.0) == slope_at("wasserstein", -8.0) == -1

# %% [markdown]
# ## The gradient at the border
#
# The second factor depends on what D has learnt, and that depends on D's loss. So let D train, alone, on the two
# lines with θ = 1, and look what would arrive at the border: ‖∂L/∂G(z)‖ for each fake, its mean, N times what a
# loss with a mean hands on. Minimax and non-saturating have the same D, and differ in G's loss only. Three seeds.

# %%
SEEDS, LOOKS = (0, 1, 2), (0, 25, 50, 100, 200, 400)


def line(x, n, rng):
    """(n, 2): points on the vertical line at x."""
    return np.stack([np.full(n, x), rng.random(n)], axis=1).astype("float32")


def new_D(seed):
    mg.manual_seed(seed)
    return nn.Sequential(
        nn.Dense(2, 32), nn.LeakyReLU(0.2), nn.Dense(32, 32), nn.LeakyReLU(0.2), nn.Dense(32, 1)
    )  # fmt: skip


def optimizer_of(D):
    return optim.Adam(D.parameters(), 2e-3, betas=(0.5, 0.999))


def D_turn(D, opt_D, name, real, fake):
    loss = OBJECTIVES[name]().discriminator_loss(D(mg.Tensor(real)), D(mg.Tensor(fake)))
    D.zero_grad()
    loss.backward()
    opt_D.step()


def pull(D, name, fake):
    """How long the gradient at the border is for a fake, on average."""
    border = mg.Tensor(fake, requires_grad=True)
    with nn.frozen(D):
        OBJECTIVES[name]().generator_loss(D(border)).backward()
    return len(fake) * np.linalg.norm(border.grad.numpy(), axis=1).mean()


def train_D(name, seed, theta=1.0, steps=400):
    """A D that has trained alone, and at each look the pulls of the objectives it is the D of."""
    D, rng, looked = new_D(seed), np.random.default_rng(seed), []
    opt_D, fakes = optimizer_of(D), line(theta, 200, np.random.default_rng(9))
    own = ("minimax", "non-saturating") if name == "non-saturating" else (name,)
    for step in range(steps + 1):
        if step in LOOKS:
            looked.append([pull(D, each, fakes) for each in own])
        D_turn(D, opt_D, name, line(0.0, 64, rng), line(theta, 64, rng))
    return D, dict(zip(own, np.transpose(looked), strict=True))


winners, pulls = {}, {name: [] for name in NAMES}
for name in NAMES[1:]:
    for seed in SEEDS:
        winners[name, seed], found = train_D(name, seed)
        for each, numbers in found.items():
            pulls[each].append(numbers)
pulls = {name: np.array(rows) for name, rows in pulls.items()}  # of each: a row a seed

print("pull on a fake, median of three seeds, after" + "".join(f"{step:8}" for step in LOOKS[1:]) + " steps of D")
for name in NAMES:
    print(f"{name:<44}" + "".join(f"{number:8.2g}" for number in np.median(pulls[name], axis=0)[1:]))

# %% [markdown]
# - **minimax**: what G gets rises at first, as D's slope does. At step 400 it is less than a thirtieth of the largest
#   look, and goes on falling: the better D, the less G is told. (In figure 2 of Arjovsky and Bottou, 2017, where D is
#   trained against the G of a DCGAN, it falls by up to five powers of ten in 4,000 steps.)
# - **non-saturating**: the first factor goes to 1, and D's slope grows with its logits. So G is pulled ever harder.
# - **least squares**: D is done when l is 1 at the reals and 0 at the fakes. A straight D then has the slope 1, for
#   θ = 1. From step 50 on the pull stays between ½ and 1½.
# - **hinge**: D is done when l is above 1 at the reals and below −1 at the fakes. A straight D then has the slope 2,
#   for θ = 1. From there on D's loss is 0, its gradient is 0, and it stays what it is to the last digit. The pull lies
#   between 1½ and 3.
# - **Wasserstein**, unbounded: nothing tells this D to stop. Its slope grows and grows. Lesson 15 bounds it.

# %%
assert (pulls["minimax"][:, -1] < pulls["minimax"].max(axis=1) / 30).all()
assert (pulls["minimax"][:, 1] > pulls["minimax"][:, 0]).all() and (np.diff(pulls["minimax"][:, 2:], axis=1) < 0).all()
assert slope_at("non-saturating", 0.0) == -0.5 and np.isclose(slope_at("non-saturating", -40.0), -1)
assert (np.diff(pulls["non-saturating"], axis=1) > 0).all() and (pulls["non-saturating"][:, -1] > 5).all()
assert (abs(pulls["least-squares"][:, 2:] - 1) < 0.5).all()
assert (pulls["hinge"][:, -1] == pulls["hinge"][:, -2]).all() and (abs(pulls["hinge"][:, -1] - 2.25) < 0.75).all()
for seed in SEEDS:
    D, rng = winners["hinge", seed], np.random.default_rng(8)
    logits = [D(mg.Tensor(line(x, 500, rng))) for x in (0.0, 1.0)]
    loss = OBJECTIVES["hinge"]().discriminator_loss(*logits)
    assert loss.item() == 0 and not any(g.numpy().any() for g in mg.grad(loss, D.parameters()))
assert (pulls["wasserstein"][:, -1] > 100).all()

# %% [markdown]
# ## What becomes of the fakes
#
# Now G plays. It is one weight for each coordinate, by which it moves its line; it begins at θ = 1, against a D that
# has won, whose Adam begins afresh. Both take turns: 60 steps, with plain gradient descent for G, at the rate 0.02.
# Under minimax G stays where it is. The three others come to the reals within these steps, and go past them. The
# Wasserstein loss is left out: its first step alone throws the line across the reals, further than it was away from
# them.


# %%
def play(name, seed, optimizer, steps=60):
    """Where G's line is after each step, along x."""
    D, rng = copy.deepcopy(winners["non-saturating" if name == "minimax" else name, seed]), np.random.default_rng(seed)
    opt_D = optimizer_of(D)
    place = mg.Tensor(np.array([[1.0, 0.0]], "float32"), requires_grad=True)
    opt_G, path = optimizer([place]), [1.0]
    for _ in range(steps):
        fake = mg.Tensor(line(0.0, 64, rng)) + place
        D_turn(D, opt_D, name, line(0.0, 64, rng), fake.detach().numpy())
        with nn.frozen(D):
            loss = OBJECTIVES[name]().generator_loss(D(fake))
        opt_G.zero_grad()
        loss.backward()
        opt_G.step()
        path.append(place.numpy()[0, 0].item())
    return path


def descent(weights):
    return optim.SGD(weights, 0.02)


def adam(weights):
    return optim.Adam(weights, 0.01, betas=(0.5, 0.999))


paths = {name: np.array([play(name, seed, descent) for seed in SEEDS]) for name in NAMES[:-1]}
paths["minimax, with Adam"] = np.array([play("minimax", seed, adam) for seed in SEEDS])
for name, rows in paths.items():
    print(f"{name:<20} its line begins at 1, and is nearest to the reals at {np.abs(rows).min(axis=1).round(3)}")
assert (paths["minimax"] > 0.99).all()
assert all(np.abs(paths[name]).min(axis=1).max() < 0.2 and (paths[name].min(axis=1) < 0).all() for name in NAMES[1:4])
assert all(play("wasserstein", seed, descent, steps=1)[-1] < -1 for seed in SEEDS)

# %% [markdown]
# And Adam? It divides by the size of the gradient, so minimax moves the line as well: with each seed to 0.8, and
# nearer. It hides the small gradient, as it hides a lost 1/N (lesson 6), until the gradient is as small as its eps,
# 10⁻⁸: there its first step is half of the rate, and for minimax' slope at l = −40, of above, next to nothing.

# %%
assert (paths["minimax, with Adam"][:, -1] < 0.8).all()


def first_step(gradient):
    """Of Adam, as a share of its rate."""
    weight = mg.Tensor(np.zeros(1), requires_grad=True)
    weight.grad = mg.Tensor(np.array([gradient]))
    adam([weight]).step()
    return -weight.item() / 0.01


print("Adam's first step, in rates:", [f"{first_step(g):.2g}" for g in (1.0, 1e-3, 1e-8, -slope_at("minimax", -40.0))])
assert np.allclose([first_step(g) for g in (1.0, 1e-3, 1e-8)], [1, 1, 0.5], atol=1e-4)
assert first_step(-slope_at("minimax", -40.0)) < 1e-8

# %% [markdown]
# ## Picture
#
# Left: what each of the two distances says about θ. In the middle: what arrives at a fake, the longer D has
# trained; a thin line for each seed. Right: where G's line goes.

# %%
COLOURS = {
    "minimax": "#e66101", "non-saturating": "#5e3c99", "least-squares": "#1b9e77", "hinge": "#2c7fb8",
    "wasserstein": "#777777",
}  # fmt: skip
DASHES = {"minimax": "-", "non-saturating": (0, (6, 1.5)), "least-squares": (0, (3, 1)), "hinge": (0, (1, 1))}

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
many = boxes[200:601]
left.plot(many, abs(many), color="#777777", linewidth=2.2, label="Wasserstein distance")
left.plot(many, np.full(many.shape, np.log(2)), color="#e66101", linewidth=2.2, label="JS (0 at θ = 0 only)")
left.plot(0, 0, "o", color="#e66101")
left.plot(
    many, [jensen_shannon(blurred(0), blurred(theta)) for theta in many],
    color="#e66101", linewidth=2.2, linestyle=(0, (2, 1)), label="JS, both with noise of ½",
)  # fmt: skip
left.set(title="JS is flat: it says nothing of how far", xlabel="distance θ of the two lines", ylabel="how different")
left.legend(frameon=False, loc="upper center")
for name, rows in pulls.items():
    for row in rows:
        middle.plot(LOOKS[1:], row[1:], color=COLOURS[name], linewidth=0.8, alpha=0.6)
    middle.plot(LOOKS[1:], np.median(rows, axis=0)[1:], color=COLOURS[name], linewidth=2.4)
    middle.annotate(name, (LOOKS[-1], np.median(rows[:, -1])), (5, 0), textcoords="offset points", va="center")
middle.set(title="What a fake is told, as D trains alone", xlabel="steps of D", ylabel="‖∂L/∂G(z)‖ of a fake")
middle.set(xscale="log", yscale="log", xlim=(25, 1600), xticks=LOOKS[1:], xticklabels=LOOKS[1:])
middle.minorticks_off()
for name, rows in paths.items():
    kind = name.split(",")[0]
    label, width = (name, 1.2) if "Adam" in name else (name, 2.4)
    right.plot(np.median(rows, axis=0), color=COLOURS[kind], linewidth=width, linestyle=DASHES[kind], label=label)
right.axhline(0, color="black", linewidth=0.8)
right.annotate("the real line", (43, 0), (0, 4), textcoords="offset points")
right.set(title="Where G's line goes", xlabel="steps of G and D, after D has won", ylabel="x of G's line")
right.legend(frameon=False, loc="lower left")
for ax in (left, middle, right):
    ax.spines[["top", "right"]].set_visible(False)
show(figure, "13_when_d_wins")

# %% [markdown]
# In the lab (`minigan lab`) both factors stand below the border, for one fake. At
# `lab.html#objective=minimax&turns=D&steps=400` D has trained alone on a ring for 400 steps. Change the objective, and
# look which of the two factors changes.
#
# ## Warm-up
#
# LSGAN (Mao et al., 2017) trains D's output l to be b at reals and a at fakes, by squares: at a place where reals have
# the frequency p and fakes q, D pays p (l − b)² + q (l − a)². Which l costs least? For arrays p and q; one line.


# %%
def best_answer(p, q, a, b):
    """The l at which p (l − b)² + q (l − a)² is smallest."""
    raise Unsolved("write best_answer: one line, where the slope in l is 0")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    rng = np.random.default_rng(0)
    p, q = rng.uniform(0.1, 2, 6), rng.uniform(0.1, 2, 6)
    p[0], q[1] = 0, 0  # only fakes, and only reals
    for a, b in [(0.0, 1.0), (-1.0, 1.0), (0.2, 3.0)]:
        found, here = np.asarray(best_answer(p, q, a, b)), f"with a = {a:g}, b = {b:g}"
        assert found.shape == p.shape, f"an answer for each place: the shape {p.shape}, yours has {found.shape}"
        assert np.isclose(found[0], a), (
            f"{here}: where there are fakes only, the best answer is a; yours {found[0]:.4g}"
        )
        assert np.isclose(found[1], b), (
            f"{here}: where there are reals only, the best answer is b; yours {found[1]:.4g}"
        )
        for l, at, of in zip(found, p, q, strict=True):  # noqa: E741
            slope = at * (l - b) + of * (l - a)
            assert abs(slope) < 1e-9, (
                f"{here}, p = {at:.3f}, q = {of:.3f}: at your l = {l:.4f} the cost still "
                f"{'rises' if slope > 0 else 'falls'} with l"
            )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write LSGAN's losses with a = 0 and b = 1 (Mao et al., 2017, equation 9), forward and backward:
#
# - D pays ½ mean (l(x) − 1)² + ½ mean l(G(z))²;
# - G pays ½ mean (l(G(z)) − 1)².
#
# `forward` gets arrays, and uses NumPy; reals and fakes may differ in number, and a D that judges patches gives several
# logits a sample: each mean is over all of them. `backward` gets dy, one number, and the saved logits as Tensors. There
# is no sigmoid in it.


# %%
class LeastSquaresD(mg.Function):
    """y = ½ mean (l(x) − 1)² + ½ mean l(G(z))²"""

    def forward(self, real_logits, fake_logits):
        self.save_for_backward(real_logits, fake_logits)
        raise Unsolved("write LeastSquaresD.forward: two halves of a mean of squares")

    def backward(self, dy):
        real_logits, fake_logits = self.saved_tensors
        raise Unsolved("write LeastSquaresD.backward: return two gradients, at the reals' logits and at the fakes'")


class LeastSquaresG(mg.Function):
    """y = ½ mean (l(G(z)) − 1)²"""

    def forward(self, fake_logits):
        self.save_for_backward(fake_logits)
        raise Unsolved("write LeastSquaresG.forward: half of a mean of squares")

    def backward(self, dy):
        (fake_logits,) = self.saved_tensors
        raise Unsolved("write LeastSquaresG.backward: return the gradient at the fakes' logits")


# %% [markdown]
# ## Check
#
# Each loss is asked what it costs to be right, wrong and undecided, whether it takes means of squares, and where it
# pulls. Then the judge compares its slopes, to second order. In the terminal: `minigan lesson check 13`.


# %%
def worth(loss, *logits):
    """A loss' value for arrays; raises unless it is a single number."""
    y = loss()(*logits)
    assert y.shape == (), f"{loss.__name__} is one number, but has the shape {y.shape}: is a mean missing?"
    return y.item()


def check():
    """Raise unless the exercise is solved."""
    rng = np.random.default_rng(0)
    zeros, ones = np.zeros((4, 1)), np.ones((4, 1))
    right, wrong = worth(LeastSquaresD, ones, zeros), worth(LeastSquaresD, zeros, ones)
    assert right == 0, f"right about all, 1 at reals and 0 at fakes, D should pay 0; yours {right:.4g}"
    assert wrong == 1, f"wrong about all, 0 at reals and 1 at fakes, D should pay ½ + ½; yours {wrong:.4g}"
    uneven = worth(LeastSquaresD, np.zeros((3, 1)), np.ones((9, 1)))
    assert uneven == 1, f"with 3 reals and 9 fakes: ½ of a mean over the 3, and ½ of one over the 9; yours {uneven:.4g}"
    at = {logit: worth(LeastSquaresG, np.full((4, 1), logit)) for logit in (-3.0, 0.0, 1.0, 3.0)}
    assert at[1.0] == 0, f"G should pay 0 where D's output is 1, real; yours {at[1.0]:.4g}. Which label does G want?"
    assert at[0.0] == 0.5, f"G should pay ½ where D's output is 0, fake; yours {at[0.0]:.4g}"
    assert at[-3.0] == 8, f"at l = −3 G should pay ½ · 4² = 8; yours {at[-3.0]:.4g}: D's output is l itself"
    assert at[3.0] == 2, f"also a fake that D takes for more than real costs: ½ · 2² = 2 at l = 3; yours {at[3.0]:.4g}"
    spread = worth(LeastSquaresG, np.array([[0.0], [2.0]]))
    assert spread == 0.5, f"logits 0 and 2 cost ½ each, so ½; yours {spread:.4g}: a mean of squares, not its reverse"
    patches = worth(LeastSquaresD, np.array([0.0, 2.0]).reshape(1, 1, 1, 2), np.array([1.0, -1.0]).reshape(1, 1, 1, 2))
    assert patches == 1, f"two patches a sample, each off by 1, cost ½ + ½; yours {patches:.4g}: squares first"

    for shapes in [((5, 1), (3, 1)), ((2, 1, 3, 3), (4, 1, 3, 3)), ((1, 1), (1, 1))]:
        real, fake = (2 * rng.standard_normal(shape) for shape in shapes)
        assert_gradients(lambda x, y: LeastSquaresD()(x, y), [real, fake])
        assert_gradients(lambda x: LeastSquaresG()(x), [fake])
    single = np.ones((3, 1), "float32")
    kinds = {loss(*[single] * n).dtype for loss, n in ((LeastSquaresD(), 2), (LeastSquaresG(), 1))}
    assert kinds == {np.dtype("float32")}, "for float32 logits a loss should be float32 too: networks compute in it"
    for logit, slope in [(0.0, -1), (3.0, 2), (-1000.0, -1001)]:
        l = mg.Tensor(np.full((4, 1), logit), requires_grad=True)  # noqa: E741
        (found,) = mg.grad(LeastSquaresG()(l), [l])
        assert np.allclose(4 * found.numpy(), slope), (
            f"at l = {logit:g}, one of 4, G's slope is {slope}/4, yours is {found.numpy()[0, 0]:.4g}"
        )


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# Write the hinge loss of D (Lim and Ye, 2017), mean max(0, 1 − l(x)) + mean max(0, 1 + l(G(z))), forward and backward.
# A real logit above 1 and a fake one below −1 cost nothing, and their gradient is exactly 0: that is how this D comes
# to rest. Tensors can be compared: `real_logits < 1` is a Tensor of truth values.


# %%
class Hinge(mg.Function):
    """y = mean max(0, 1 − l(x)) + mean max(0, 1 + l(G(z)))"""

    def forward(self, real_logits, fake_logits):
        self.save_for_backward(real_logits, fake_logits)
        raise Unsolved("write Hinge.forward: two means of a np.maximum")

    def backward(self, dy):
        real_logits, fake_logits = self.saved_tensors
        raise Unsolved("write Hinge.backward: a constant times dy where a logit costs something, else 0")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    for real, fake, cost in [(0.0, 0.0, 2), (1.5, -1.5, 0), (-2.0, 2.0, 6), (0.5, -3.0, 0.5), (3.0, -0.5, 0.5)]:
        y = worth(Hinge, np.full((3, 1), real), np.full((5, 1), fake))
        assert y == cost, f"with {real:g} at 3 reals and {fake:g} at 5 fakes D should pay {cost:g}, yours {y:.4g}"
    mixed = worth(Hinge, np.array([[3.0], [-1.0]]), np.array([[-2.0]]))
    assert mixed == 1, f"reals at 3 and −1 cost 0 and 2, so 1; yours {mixed:.4g}: the maximum first, then the mean"

    rng = np.random.default_rng(0)
    for n, m in [(6, 6), (5, 3), (1, 4)]:
        real, fake = 2 * rng.standard_normal((n, 1)), 2 * rng.standard_normal((m, 1))
        leaves = [mg.Tensor(logits, requires_grad=True) for logits in (real, fake)]
        gradients = [g.numpy() for g in mg.grad(3 * Hinge()(*leaves), leaves)]
        for what, logits, found, sign in zip(("real", "fake"), (real, fake), gradients, (-1, 1), strict=True):
            assert found.shape == logits.shape, f"a gradient for each {what} logit: {logits.shape}, yours {found.shape}"
            free = -sign * logits > 1
            assert not found[free].any(), f"a {what} logit of {logits[free][0]:.3f} costs nothing: its gradient is 0"
            right = 3 * sign / len(logits)
            assert np.allclose(found[~free], right), (
                f"at a {what} logit of {logits[~free][0]:.3f}, one of {len(logits)}, with dy = 3, the gradient is "
                f"{right:.4g}; yours {found[~free][0]:.4g}"
            )
        assert_gradients(lambda x, y: Hinge()(x, y), [real, fake])
    for far, costs in [(1 + 1e-9, False), (1 - 1e-9, True)]:
        leaves = [mg.Tensor(np.full((1, 1), logit), requires_grad=True) for logit in (far, -far)]
        for what, found in zip(("real", "fake"), mg.grad(Hinge()(*leaves), leaves), strict=True):
            assert found.numpy().any() == costs, (
                f"the bound of a {what} logit is {'1' if what == 'real' else '−1'}, not a number beside it"
            )


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **A sigmoid before the squares.** Many programs keep D's last sigmoid when they go over to squares. Then G's slope at
# the logit is (σ(l) − 1) σ(l) (1 − σ(l)): where D is sure it vanishes again, and the change has brought nothing.

# %%
l = mg.Tensor(np.array([[-8.0]]), requires_grad=True)  # noqa: E741
squares = OBJECTIVES["least-squares"]()
(kept,), (plain,) = mg.grad(squares.generator_loss(F.sigmoid(l)), [l]), mg.grad(squares.generator_loss(l), [l])
print(f"slope at l = −8: {kept.item():.5f} with a sigmoid, {plain.item():.0f} without")
assert abs(kept.item()) < 0.0004 and plain.item() == -9

# %% [markdown]
# **The hinge in G's loss.** G's loss is −mean l, without a maximum. With max(0, 1 − l), D's own term for reals, fakes
# that D scores above 1 get no gradient, and G learns from the others only.

# %%
l = mg.Tensor(np.array([[1.5], [-1.5]]), requires_grad=True)  # noqa: E741
(with_maximum,) = mg.grad(F.hinge_loss(l, 1.0), [l])
(without,) = mg.grad(OBJECTIVES["hinge"]().generator_loss(l), [l])
print(
    "G's slope at l = 1.5 and −1.5:",
    with_maximum.numpy().ravel(),
    "with a maximum,",
    without.numpy().ravel(),
    "without",
)
assert with_maximum.numpy().ravel().tolist() == [0, -0.5] and without.numpy().ravel().tolist() == [-0.5, -0.5]

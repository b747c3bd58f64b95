# %% [markdown]
# # 11. Descent, momentum, Adam
#
# **Goal.** One player who goes downhill arrives. Two players, each going downhill in a landscape that the other one
# shapes, may go round for ever. You will compute which of the two happens, by eigenvalues, in the smallest game there
# is; see momentum, which helps in a valley, do harm in a game; write Adam; and find out why GANs take a β₁ of 0.5,
# and why the place of a tiny ε matters.

# %% [markdown]
# ## Predict
#
# x wants the product xy to be small, y wants it to be large. Both begin at 1, and go in steps of h = 0.1 times their
# slope. Before you go on, write down:
#
# 1. Where does the pair go, if both move at once? And if they take turns?
# 2. Momentum keeps a part of the last step. Does it lead the pair to the middle, (0, 0)?
# 3. Adam's learning rate is 0.01. How far does its first step go, if the gradient is 1? If it is 0.001?
# 4. Adam divides by √v̂ + ε, with ε = 10⁻⁸. Somebody writes √(v̂ + ε). From what gradient on does that make a
#    difference?

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import nn, optim
from minigan.algorithms import GAN
from minigan.data import Batch
from minigan.lesson import Unsolved, run_check, show
from minigan.metrics import modes_covered
from minigan.objectives import Minimax

# %% [markdown]
# ## A valley
#
# First one player. The valley ½ (x₁² + 100 x₂²) is 100 times as steep across as along. *Gradient descent* takes p ← p
# − h · slope, so it multiplies x₁ by 1 − h and x₂ by 1 − 100 h in every step. Steps must be short for the steep
# direction, and then the flat one is slow: with the best h, 2/101, both factors have the size 99/101, and 10 times
# nearer takes 115 steps.
#
# *Momentum* (Polyak, 1964) keeps a velocity b, which forgets the share 1 − β of itself in each step: b ← β b + slope,
# p ← p − h b. A step is still a matrix, times the row of position and velocity. Its largest eigenvalue (by size)
# tells how fast it goes in the long run. It is smallest, 9/11, for h = 4/121 and β = 81/121; a scan around these two
# finds nothing smaller. A factor of 9/11 in each step would make 11 steps for 10 times nearer. It takes more: both
# eigenvalues of a direction are equal there, so the distance falls as t (9/11)ᵗ. From (1, 1) the first factor of 10
# takes 30 steps, and the next ones 12 to 14 each.


# %%
def matrix_of(step, n):
    """The matrix of a step that is linear: its columns are what becomes of 1, 0, 0, …, of 0, 1, 0, …, and so on."""
    return np.column_stack([step(e) for e in np.eye(n)])


def radius(matrix):
    """The largest size of an eigenvalue: by this factor the distance to 0 changes in a step, in the long run."""
    return np.abs(np.linalg.eigvals(matrix)).max()


def descent_step(state, steepness, h, beta):
    """One step on ½ steepness · p², of (p, b)."""
    p, b = state
    b = beta * b + steepness * p
    return np.array([p - h * b, b])


def slowest(h, beta):
    return max(radius(matrix_of(lambda state, a=a: descent_step(state, a, h, beta), 2)) for a in (1.0, 100.0))


def steps_to(nearer, h, beta):
    """After how many steps (1, 1) is that many times nearer to (0, 0), for good."""
    states, distances = [np.array([1.0, 0.0])] * 2, []
    for _ in range(1000):
        states = [descent_step(state, a, h, beta) for state, a in zip(states, (1.0, 100.0), strict=True)]
        distances.append(math.hypot(states[0][0], states[1][0]))
    return 2 + np.flatnonzero(np.array(distances) > math.sqrt(2) / nearer)[-1]


best = {"descent": (2 / 101, 0.0), "with momentum": (4 / 121, 81 / 121)}
plain, heavy = (slowest(*options) for options in best.values())
counts = {name: [steps_to(10.0**k, *options) for k in (1, 2, 3, 4, 5)] for name, options in best.items()}
for name, factor in (("descent", plain), ("with momentum", heavy)):
    print(f"{name:13} factor {factor:.3f} a step; 10, 100, … times nearer after", *counts[name], "steps")
assert math.isclose(plain, 99 / 101) and math.isclose(heavy, 9 / 11, rel_tol=1e-6)
assert round(math.log(10) / -math.log(plain)) == 115 and round(math.log(10) / -math.log(heavy)) == 11
assert counts["with momentum"][0] == 30 and set(np.diff(counts["with momentum"])) <= {12, 13, 14}
assert all(slowest(times * 2 / 101, 0.0) > plain for times in (0.5, 0.9, 0.99, 1.01, 1.1))
around = [(h, beta) for h in np.linspace(0.5, 1.5, 21) * 4 / 121 for beta in 81 / 121 + np.linspace(-0.3, 0.3, 21)]
assert min(slowest(*options) for options in around) > heavy - 1e-6

# %% [markdown]
# ## The smallest game
#
# Now two players: x minimises xy, y maximises it. x's slope is y, y's is x, so at once they take
#
#     (x, y) ← (x − h y, y + h x), the matrix [[1, −h], [h, 1]]
#
# A matrix of this kind turns, and stretches: its eigenvalues are 1 ± i h, of the size √(1 + h²), so each step leads
# outward. The pair goes round (0, 0), where neither would gain anything, further away in every turn. A shorter step
# only makes it slower.
#
# In turns it is another matter: y answers to the x that has just moved. Then x² + y² − h x y never changes. The pair
# stays on an ellipse, neither nearer nor farther. You find that matrix in the warm-up.

# %%
H = 0.1


def at_once(state, h=H):
    x, y = state
    return np.array([x - h * y, y + h * x])


def in_turns(state, h=H):
    x, y = state
    x = x - h * y
    return np.array([x, y + h * x])


def path(step, steps=400, n=2):
    """Where (1, 1) goes, a row for each step; other numbers (velocities) begin at 0."""
    states = [np.array([1.0, 1.0] + [0.0] * (n - 2))]
    for _ in range(steps):
        states.append(step(states[-1]))
    return np.array(states)


spiral, ellipse = path(at_once), path(in_turns)
print("distance from the middle after 400 steps, at once:", np.hypot(*spiral[-1]).round(2))
print("farthest in 400 steps, in turns:", np.hypot(*ellipse.T).max().round(2))
assert np.allclose(np.hypot(*spiral[-1]), math.sqrt(2) * math.sqrt(1 + H**2) ** 400)
assert math.isclose(radius(matrix_of(at_once, 2)), math.sqrt(1 + H**2))
x, y = ellipse.T
assert np.allclose(x**2 + y**2 - H * x * y, 2 - H) and np.hypot(x, y).max() < 1.5

# %% [markdown]
# Is this a GAN? Let all real samples be the number 0, G's only weight θ the fake itself, and D's only weight ψ the
# slope of its logit, l(x) = ψ x. With WGAN's losses that is the game xy, but for the sign of ψ. With cross-entropy it
# is nearly: close to the middle each slope is half as steep (σ(0) = ½), so steps at once lead outward by √(1 + h²/4).
# This is the Dirac-GAN of Mescheder et al. (2018, section 2). A GAN need not arrive, however small the step.

# %%
minimax, h = Minimax(), 0.2
state = np.array([0.01, 0.01])  # θ and ψ, close to the middle
distances = []
for _ in range(200):
    theta, psi = (mg.Tensor(np.array([value]), requires_grad=True) for value in state)
    (d_theta,) = mg.grad(minimax.generator_loss(psi * theta), [theta])
    (d_psi,) = mg.grad(minimax.discriminator_loss(psi * 0.0, psi * theta), [psi])
    state = state - h * np.array([d_theta.item(), d_psi.item()])
    distances.append(np.hypot(*state))
factor = (distances[-1] / distances[0]) ** (1 / 199)
print(f"Dirac-GAN, at once: outward by {factor:.6f} a step; √(1 + h²/4) is {math.sqrt(1 + h**2 / 4):.6f}")
assert math.isclose(factor, math.sqrt(1 + h**2 / 4), rel_tol=1e-4)

# %% [markdown]
# ## Momentum in the game
#
# In the valley a velocity helped, since the way on is the way that one came. In the game the way on turns. A velocity
# is the direction of some steps ago, and carries the pair outward. With β above 0 it leaves even the ellipse. With β
# *below* 0 a player takes back a part of its last step, and in turns the pair then comes to the middle. At once it
# does not, with any β. (Gidel et al., 2019, for games that are linear in each player.)


# %%
def game_step(state, beta, turns, h=H):
    """One step of (x, y) with their velocities."""
    x, y, u, v = state
    u = beta * u + y
    new_x = x - h * u
    v = beta * v - (new_x if turns else x)
    return np.array([new_x, y - h * v, u, v])


def game_radius(beta, turns):
    return radius(matrix_of(lambda state: game_step(state, beta, turns), 4))


for beta in (-0.5, -0.3, 0.0, 0.3, 0.5, 0.9):
    both = game_radius(beta, True), game_radius(beta, False)
    print(f"β = {beta:4}: factor a step, in turns {both[0]:.4f}, at once {both[1]:.4f}")
betas = np.linspace(-0.9, 0.9, 73)
radii = {turns: np.array([game_radius(beta, turns) for beta in betas]) for turns in (True, False)}
assert (radii[False] > 1).all()
assert (radii[True][betas < -0.01] < 1).all() and (radii[True][betas > 0.01] > 1).all()
assert math.isclose(game_radius(0.0, True), 1, abs_tol=1e-9)

# %% [markdown]
# ## Adam
#
# Adam (Kingma and Ba, 2015) keeps two averages for every weight: m of its gradients, v of their squares. In step t,
#
#     m ← β₁ m + (1 − β₁) g        v ← β₂ v + (1 − β₂) g²
#     m̂ = m / (1 − β₁ᵗ)            v̂ = v / (1 − β₂ᵗ)            p ← p − lr · m̂ / (√v̂ + ε)
#
# m and v begin at 0, which is no gradient's average: after t steps the gradients' weights in m add up to 1 − β₁ᵗ.
# Divided by that (*bias correction*), m̂ and v̂ are true averages. In the first step m̂ = g and √v̂ = |g|: each
# weight moves by lr, whatever the size of its gradient. All gradients times 1000 change nothing.


# %%
def moves(gradients, **options):
    """Where a weight that begins at 0 is after each of these gradients, by the engine's Adam."""
    weight = mg.Tensor(np.zeros(1), requires_grad=True)
    optimizer, places = optim.Adam([weight], **options), []
    for gradient in gradients:
        weight.grad = mg.Tensor(np.array([gradient]))
        optimizer.step()
        places.append(weight.item())
    return np.array(places)


print("first step for gradients 1, 0.001:", moves([1.0], lr=0.01), moves([0.001], lr=0.01))
assert np.allclose(moves([1.0], lr=0.01), -0.01) and np.allclose(moves([0.001], lr=0.01), -0.01, rtol=1e-4)
several = np.random.default_rng(0).standard_normal(20)
assert np.allclose(moves(several, lr=0.01, eps=0.0), moves(1000 * several, lr=0.01, eps=0.0))

# %% [markdown]
# m is a velocity, so β₁ is a momentum. Kingma and Ba's 0.9 is for valleys. In the game, in turns, from a distance of
# 1.41:


# %%
def adam_game(beta1, steps=2000):
    """Distances from the middle, x and y taking turns by Adam."""
    x, y = (mg.Tensor(np.ones(1), requires_grad=True) for _ in range(2))
    optimizers = [optim.Adam([weight], lr=0.01, betas=(beta1, 0.999)) for weight in (x, y)]
    distances = []
    for _ in range(steps):
        x.grad = mg.Tensor(y.numpy().copy())
        optimizers[0].step()
        y.grad = mg.Tensor(-x.numpy())
        optimizers[1].step()
        distances.append(math.hypot(x.item(), y.item()))
    return distances


ends = {beta1: adam_game(beta1)[-1] for beta1 in (0.0, 0.5, 0.9)}
for beta1, distance in ends.items():
    print(f"Adam with β₁ = {beta1}: after 2000 steps {distance:.2f} from the middle")
assert ends[0.0] < 1.0 < ends[0.5] < 1.3 and ends[0.9] > 2

# %% [markdown]
# ## β₁ in a GAN
#
# A GAN is no game of two numbers. Radford et al. (2016, section 4) found by trial that 0.9 made its training
# oscillate, and took 0.5. Does it hold for points? Eight clusters on a ring, dense networks, three seeds, 500 steps
# with each β₁. Three numbers: how many of the eight clusters have at least 1% of 2000 fakes near them (within three
# deviations), what share of the fakes is near any, and how far the fakes of fixed noises move in ten steps, in the
# mean over the second half of the training.

# %%
angles = 2 * np.pi * np.arange(8) / 8
CENTERS, SIGMA = 2 * np.column_stack([np.cos(angles), np.sin(angles)]), 0.1


def dense_net(*sizes):
    layers = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Dense(n, m), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def ring_gan(seed, beta1, steps=500):
    """The 2000 fakes at the end, and how far they move in ten steps."""
    mg.manual_seed(seed)
    rng = np.random.default_rng(seed)
    G, D = dense_net(4, 64, 64, 2).named("G"), dense_net(2, 64, 64, 1).named("D")
    G.z_dim = 4
    gan = GAN(lr_G=2e-3, lr_D=2e-3, betas=(beta1, 0.999)).use(G, D)

    def batches():
        while True:
            points = CENTERS[rng.integers(8, size=128)] + SIGMA * rng.standard_normal((128, 2))
            yield Batch(x=mg.Tensor(points.astype("float32")))

    endless, z = batches(), np.random.default_rng(5).standard_normal((2000, 4)).astype("float32")
    moved, before = [], None
    for step in range(1, steps + 1):
        gan(endless)
        if step % 10 == 0 and step >= steps // 2:
            with mg.no_grad():
                fakes = G(mg.Tensor(z)).numpy()
            if before is not None:
                moved.append(np.linalg.norm(fakes - before, axis=1).mean())
            before = fakes
    return fakes, np.mean(moved)


ends = {}
for seed in range(3):
    for beta1 in (0.5, 0.9):
        fakes, moved = ring_gan(seed, beta1)
        found = modes_covered(fakes, CENTERS, SIGMA, least=20)
        ends[seed, beta1] = fakes, found.modes, moved
        print(
            f"seed {seed}, β₁ = {beta1}: {found.modes} clusters, {found.good:4.0%} near one, ten steps move {moved:.2f}"
        )
for seed in range(3):
    assert ends[seed, 0.5][1] >= 7 and ends[seed, 0.9][1] <= 4
    assert ends[seed, 0.9][2] > 1.4 * ends[seed, 0.5][2]

# %% [markdown]
# With 0.5 the fakes have found seven or eight of the clusters, with each seed. With 0.9, all else being equal, they
# have at most four, and move more than 1.4 times as far: they run after D, and past the clusters. (The live lab has
# β₁ among its choices: `minigan lab`, or lab.html#data=ring&beta1=0.9.)
#
# ## Three places for ε
#
# ε keeps Adam from dividing by 0. It is tiny, and does nothing where gradients are large. Where they are small, its
# place matters:
#
#     PyTorch          lr · m̂ / (√v̂ + ε)                                  ε = 10⁻⁸ is the usual value
#     TensorFlow       lr · √(1 − β₂ᵗ)/(1 − β₁ᵗ) · m / (√v + ε̂)           ε̂ = 10⁻⁷; "epsilon hat"
#     in the root      lr · m̂ / √(v̂ + ε)                                  an easy mistake
#
# The second is given at the end of Kingma and Ba's section 2, to save work. It puts ε̂ beside √v, which is smaller
# than √v̂, so the same number does more. In the root, ε acts as √ε would outside: 10⁻⁴. Of one gradient g in the
# first step, the share of lr that is moved:

# %%
EPS = 1e-8
print("    gradient   outside   ε̂ (TensorFlow)   in the root")
for g in (1.0, 1e-4, 1e-6, 1e-8):
    outside, hat = (-moves([g], lr=1.0, eps=EPS, epsilon_hat=form)[0] for form in (False, True))
    inside = g / math.sqrt(g**2 + EPS)
    print(f"{g:12g} {outside:9.3f} {hat:16.3f} {inside:13.4f}")
    assert math.isclose(outside, g / (g + EPS)) and (g == 1 or inside < hat < outside)

# %% [markdown]
# A gradient of 10⁻⁶ moves its weight by 0.99 of lr, by 0.76, or by 0.01. Such gradients are common in a GAN: where D
# is sure, G's loss under minimax is flat (lesson 6). So who carries a recipe from one library to another must carry ε
# too. `optim.Adam(…, epsilon_hat=True)` is TensorFlow's form.

# %%
shares = [-moves([1e-6], lr=1.0, eps=EPS, epsilon_hat=form)[0] for form in (False, True)]
assert [round(share, 2) for share in shares] == [0.99, 0.76] and round(1e-6 / math.sqrt(1e-12 + EPS), 2) == 0.01

# %% [markdown]
# ## Picture
#
# The game: at once it spirals out, in turns it stays on the ellipse, and with a negative momentum it comes in. In the
# middle, the factor a step for all β: below the line it comes in. At the right, the three places of ε.

# %%
VIOLET, ORANGE, GREY = "#5e3c99", "#e66101", "#555555"
inward = path(lambda state: game_step(state, -0.3, True), n=4)
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 4), layout="constrained")
for states, colour, name, style in (
    (spiral[:220], ORANGE, "at once", "-"),
    (ellipse, GREY, "in turns", (0, (4, 1.5))),
    (inward, VIOLET, "in turns, β = −0.3", "-"),
):
    left.plot(*states[:, :2].T, color=colour, linestyle=style, linewidth=1.4, label=name)
left.plot(1, 1, "o", color="black", markersize=5)
left.annotate("start", (1, 1), (5, 4), textcoords="offset points")
left.set(xlabel="x", ylabel="y", aspect="equal", title="x minimises xy, y maximises it")
left.legend(loc="lower left", fontsize=8)
for turns, colour, name in ((False, ORANGE, "at once"), (True, VIOLET, "in turns")):
    middle.plot(betas, radii[turns], color=colour, linewidth=2, label=name)
middle.axhline(1, color=GREY, linewidth=0.8)
middle.set(xlabel="momentum β", ylabel="factor a step", ylim=(0.99, 1.06), title="Above the line it goes out")
middle.set_xticks([-0.9, -0.5, 0, 0.5, 0.9])
middle.legend()
g = np.logspace(-10, 0, 201)
tensorflow = np.array([-moves([gradient], lr=1.0, eps=EPS, epsilon_hat=True)[0] for gradient in g])
for share, colour, name, style in (
    (g / (g + EPS), VIOLET, "outside (PyTorch)", "-"),
    (tensorflow, GREY, "ε̂ (TensorFlow's form)", (0, (4, 1.5))),
    (g / np.sqrt(g**2 + EPS), ORANGE, "in the root", (0, (1, 1))),
):
    right.semilogx(g, share, color=colour, linestyle=style, linewidth=2.2, label=name)
right.set(xlabel="gradient g", ylabel="first step / lr", title="Three places for ε = 10⁻⁸")
right.legend(fontsize=8)
show(figure, "11_descent_and_games")

figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.9), layout="constrained", sharex=True, sharey=True)
for ax, beta1 in zip(axes, (0.5, 0.9), strict=True):
    fakes, modes, _ = ends[0, beta1]
    ax.scatter(*CENTERS.T, s=260, facecolors="none", edgecolors="black", label="clusters of real points")
    ax.scatter(*fakes[:500].T, s=7, color=ORANGE, linewidths=0, label="fakes")
    ax.set(title=f"β₁ = {beta1}: {modes} of 8 clusters", xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
    ax.set_xlabel("first coordinate")
axes[0].set_ylabel("second coordinate")
axes[0].legend(loc="lower left", fontsize=8)
show(figure, "11_beta1")

# %% [markdown]
# ## Warm-up
#
# The matrix of a step in turns: x moves by −h times y, then y by h times the x that has just moved. It is 2×2; its
# first row is x's. (When you have it: what are its determinant, and the size of its eigenvalues for h below 2?)


# %%
def turns_matrix(h):
    """The matrix that takes (x, y) to where one step in turns leads."""
    raise Unsolved("write turns_matrix: put the new x into the step of y, and sort by x and y")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    for h in (0.1, 0.7, 1.5):
        found = np.asarray(turns_matrix(h), float)
        assert found.shape == (2, 2), f"a matrix of 2 rows and 2 columns, yours has the shape {found.shape}"
        x_row, y_row = (in_turns(np.array(e), h) for e in ((1.0, 0.0), (0.0, 1.0)))
        together = np.allclose(found, [[1, -h], [h, 1]])
        assert not together, f"for h = {h} yours is the step at once: y must answer to the x that has just moved"
        assert np.isclose(np.linalg.det(found), 1), (
            f"for h = {h} your matrix has the determinant {np.linalg.det(found):.4f}. One move of x shears the plane, "
            "one of y too, and shears keep areas: it is 1"
        )
        for start, right in (("(1, 0)", x_row), ("(0, 1)", y_row)):
            column = found[:, 0] if start == "(1, 0)" else found[:, 1]
            assert np.allclose(column, right), (
                f"for h = {h}, from {start} a step leads to ({right[0]:.3g}, {right[1]:.3g}), by your matrix to "
                f"({column[0]:.3g}, {column[1]:.3g})"
            )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write Adam, PyTorch's form, for NumPy arrays: step number t (the first is 1), from the weights p, both averages m
# and v, and the gradient g. Return the new p, m and v, and leave the arrays that you are given as they are.


# %%
def adam_step(p, m, v, g, t, lr, beta1, beta2, eps):
    """p, m and v after step t."""
    raise Unsolved("write adam_step: both averages, both corrected, a step")


# %% [markdown]
# ## Check
#
# Yours is asked what the two averages must be, how far a first step goes, and then it runs 30 steps beside the
# engine's. In the terminal: `minigan lesson check 11`.


# %%
def check():
    """Raise unless the exercise is solved."""
    rng = np.random.default_rng(0)
    options = {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3}
    p, g, zero = rng.standard_normal(4), rng.standard_normal(4), np.zeros(4)
    given = p.copy(), g.copy()
    with np.errstate(invalid="ignore"):
        found = adam_step(p, zero, zero, g, 1, **options)
    assert isinstance(found, tuple | list) and len(found) == 3, "return three arrays: p, m and v"
    assert (p == given[0]).all() and (g == given[1]).all() and not zero.any(), (
        "the arrays that you were given have changed: write m = β₁ * m + …, not m *= β₁"
    )
    new, m, v = found
    assert np.allclose(m, 0.2 * g), f"m after the first step is (1 − β₁) g = {0.2 * g[0]:.4f}, yours {m[0]:.4f}"
    assert np.allclose(v, 0.05 * g**2), (
        f"v after the first step is (1 − β₂) g² = {0.05 * g[0] ** 2:.4f}, yours {v[0]:.4f}"
    )
    right = -0.01 * g / (np.abs(g) + 1e-3)
    moved = new - p
    assert not np.allclose(moved, -right), "it goes uphill: the step is against the gradient"
    assert not np.allclose(moved, -0.01 * 0.2 * g / (np.sqrt(0.05) * np.abs(g) + 1e-3)), (
        "the first step is that of m and v themselves: correct their bias, by 1 − β₁ᵗ and 1 − β₂ᵗ"
    )
    assert not np.allclose(moved, -0.01 * g / np.sqrt(g**2 + 1e-3)), "ε is in the root: it belongs outside, √v̂ + ε"
    form = {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "epsilon_hat": True}
    hat = np.concatenate([moves([gradient], **form) for gradient in g])
    assert not np.allclose(moved, hat), "this is TensorFlow's form, ε̂ beside √v: here ε stands beside √v̂"
    assert np.allclose(moved, right), (
        f"with the gradient {g[0]:.4f} the first step moves {right[0]:.6f}, about lr; yours {moved[0]:.6f}"
    )
    weight = mg.Tensor(p.copy(), requires_grad=True)
    engine = optim.Adam([weight], lr=0.01, betas=(0.8, 0.95), eps=1e-3)
    m, v = zero, zero
    for t in range(1, 31):
        g = rng.standard_normal(4) * 10.0 ** rng.integers(-3, 2)
        weight.grad = mg.Tensor(g)
        engine.step()
        p, m, v = adam_step(p, m, v, g, t, **options)
        assert np.allclose(p, weight.numpy(), rtol=0, atol=1e-9), (
            f"after step {t} the first weight should be {weight.numpy()[0]:.6f}, yours is {p[0]:.6f}: are the powers "
            "of β those of this step, and are m and v kept without the correction?"
        )


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# A recipe for TensorFlow says ε̂. Which ε gives PyTorch's form the very same step, in step number t? Find it by
# writing TensorFlow's step with m̂ and v̂ in place of m and v. (When you have it: ε̂ = 10⁻⁷ in the first step, and
# after very many?)


# %%
def epsilon_of(eps_hat, t, beta2):
    """The ε of PyTorch's form that gives step t what ε̂ gives TensorFlow's."""
    raise Unsolved("write epsilon_of: one line, from TensorFlow's step in m̂ and v̂")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    rng = np.random.default_rng(0)
    for beta2, eps_hat in ((0.999, 1e-3), (0.9, 1e-1), (0.99, 1e-2)):
        gradients = 0.1 * rng.standard_normal(60)
        places = moves(gradients, lr=0.01, betas=(0.7, beta2), eps=eps_hat, epsilon_hat=True)
        for t in (1, 2, 60):
            eps = float(epsilon_of(eps_hat, t, beta2))
            assert eps > 0, f"ε is above 0, yours {eps:.3g}"
            assert not math.isclose(eps, eps_hat, rel_tol=1e-6), (
                f"in step {t} with β₂ = {beta2} the two are not the same: √v is smaller than √v̂"
            )
            weight = mg.Tensor(np.zeros(1), requires_grad=True)
            engine = optim.Adam([weight], lr=0.01, betas=(0.7, beta2), eps=eps)
            for gradient in gradients[:t]:
                before = weight.item()
                weight.grad = mg.Tensor(np.array([gradient]))
                engine.step()
            step, right = weight.item() - before, places[t - 1] - (places[t - 2] if t > 1 else 0.0)
            assert math.isclose(step, right, rel_tol=1e-6), (
                f"ε̂ = {eps_hat:g}, β₂ = {beta2}: TensorFlow's step {t} moves {right:.7f}, PyTorch's with your "
                f"ε = {eps:.5g} moves {step:.7f}"
            )


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **No bias correction.** With β₁ = 0.9 and β₂ = 0.999 the first m is 0.1 g, and the first √v is 0.032 |g|: v is
# behind by more than m is. The first step is 3.16 times as long as lr, and steps stay too long for hundreds of steps.

# %%
g, m, v, lengths = 1.0, 0.0, 0.0, []
for _ in range(1000):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    lengths.append(m / math.sqrt(v))
print("steps over lr without correction: the first", round(lengths[0], 2), "the longest", round(max(lengths), 2))
assert math.isclose(lengths[0], math.sqrt(10)) and max(lengths) > 6 and lengths[299] > 1.9

# %% [markdown]
# **Steps that are too long.** In turns the pair stays on its ellipse only for h below 2. At h = 2 it leaves, and not
# slowly:

# %%
for h in (1.9, 2.1):
    farthest = np.hypot(*path(lambda state, h=h: in_turns(state, h), steps=50).T).max()
    print(f"h = {h}: farthest in 50 steps {farthest:.3g}")
    assert (farthest > 1e6) == (h > 2)

# %% [markdown]
# **One enormous gradient.** In float32 the square of 10²⁰ is ∞. v is ∞ then, and stays so, since 0.999 times ∞ is ∞:
# all later steps are divided by it. The weight never moves again, and no NaN tells it.

# %%
weight = mg.Tensor(np.zeros(1, "float32"), requires_grad=True)
optimizer = optim.Adam([weight], lr=0.01)
with np.errstate(over="ignore"):
    for gradient in (1e20, 1.0, 1.0, 1.0):
        weight.grad = mg.Tensor(np.array([gradient], "float32"))
        optimizer.step()
print("after a gradient of 1e20 and three of 1:", weight.item(), "v:", optimizer.state[0]["exp_avg_sq"])
assert weight.item() == 0 and np.isinf(optimizer.state[0]["exp_avg_sq"]).all()

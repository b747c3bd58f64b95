# %% [markdown]
# # 14. Mode collapse, measured
#
# **Goal.** A G that makes one kind of what is real, over and over, can have perfect samples. So one number is not
# enough: you will count modes and good samples, see a GAN collapse, and let D look at more than one sample at a time,
# by packing and by the deviation of a batch. Both are yours to write. Not every place for them helps, and that is
# measured too.

# %% [markdown]
# ## Predict
#
# The real points lie in eight small round heaps (Gaussians of deviation σ), the *modes*. Before you go on, write down:
#
# 1. a sample counts as good if it lies within 3σ of the centre of a mode. What share of the real points themselves is
#    good, in the plane? (On a line it would be 99.7%.)
# 2. G makes the points of one heap only, perfectly. What can a D that looks at one point at a time do about it?
# 3. D is shown two points together, both real or both fakes. How often are two real ones of the same heap? And two of
#    that G?

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.algorithms import GAN
from minigan.data import Batch, load
from minigan.lesson import Unsolved, run_check, show
from minigan.metrics import modes_covered
from minigan.testing import gradcheck

# %% [markdown]
# ## Two numbers
#
# Srivastava et al. (2017) draw 2,500 samples. One that lies within 3σ of its nearest centre is good; a mode with a good
# sample in it is found. Modes found and good samples, by three protocols:
#
# | | ring of 8 | grid of 25 |
# | --- | ---: | ---: |
# | GAN (Srivastava et al., 2017, table 1) | 1, 99.3% | 3.3, 0.5% |
# | GAN (Lin et al., 2018) | 6.3, 98.2% | 17.3, 94.8% |
# | PacGAN, packs of two (Lin et al., 2018) | 7.9, 95.6% | 23.8, 91.3% |
# | GAN, ours | 8, 92.9% | 18, 85.3% |
# | deviation of groups (see below), ours | 2, 0.16% | not run |
#
# Lin et al. have larger networks, batches of 100 and 400,000 steps. Ours, in `lessons/results.md`, has 25,000 steps of
# 512 points, as the first, but D at G's rate, and one seed. So a figure without its protocol says little. Nor does a
# last step without those before it: the points of our last row stood at all 8 modes from step 5,000 to 20,000, and then
# left them.
#
# In the plane the length of a Gaussian's draw is below 3σ with the probability 1 − exp(−9/2) = 98.9%. So 99.3% is no
# less than real points have: by this number that G is perfect, though it makes one heap of eight. And 2,500 points
# thrown anywhere find all eight modes, though few of them are good. Neither number is of use without the other.
#
# Here a small network shall meet the modes in few steps. So the ring's σ is 0.05 in place of 0.01, and the grid, whose
# σ is theirs, 0.05, has its centres a quarter as far apart. And a mode shall count if it has 25 good samples, 1%, since
# G's points may pass over a mode without staying.

# %%
SIGMA, SAMPLES, LEAST = 0.05, 2500, 25
CENTERS = {"ring": load("ring").centers, "grid": load("grid").centers / 4}
assert (load("ring").sigma, load("grid").sigma) == (0.01, 0.05)


def real_points(data, n, rng):
    centers = CENTERS[data]
    points = centers[rng.integers(len(centers), size=n)] + SIGMA * rng.standard_normal((n, 2))
    return points.astype("float32")


def count(points, data):
    """Modes found, and the share of good samples."""
    found = modes_covered(points, CENTERS[data], SIGMA, least=LEAST)
    return found.modes, found.good


one_heap = (CENTERS["ring"][0] + SIGMA * np.random.default_rng(1).standard_normal((SAMPLES, 2))).astype("float32")
anywhere = np.random.default_rng(2).uniform(-1.2, 1.2, (SAMPLES, 2))
for what, points in (("real", real_points("ring", SAMPLES, np.random.default_rng(0))), ("one heap", one_heap)):
    print(f"ring, {what:<9} {count(points, 'ring')[0]} modes, {count(points, 'ring')[1]:.1%} good")
    assert abs(count(points, "ring")[1] - 0.989) < 0.01
assert f"{1 - np.exp(-9 / 2):.1%}" == "98.9%" and count(one_heap, "ring")[0] == 1
found = modes_covered(anywhere, CENTERS["ring"], SIGMA)
print(f"ring, anywhere  {found.modes} modes with a good sample, {found.good:.1%} good")
assert found.modes == 8 and found.good < 0.15

# %% [markdown]
# ## What D could see
#
# One point of a heap looks like a real one, and nothing is wrong with it. But two points of the same heap are a rare
# thing among real ones: one pair of eight. And the deviation of many points, per coordinate, is 0.71 for the whole
# ring, but σ = 0.05 for one heap; of four points, on average, 0.58 and 0.04. Both can be told to D:
#
# - **packing** (Lin et al., 2018, PacGAN): D judges m samples together, all real or all fakes, as one input m times as
#   wide;
# - **minibatch standard deviation** (Karras et al., 2018, section 3): the mean over coordinates of the deviation over a
#   group of samples is one more number beside each sample.

# %%
pairs = real_points("ring", 20_000, np.random.default_rng(3)).reshape(-1, 2, 2)
heaps = np.argmin(np.linalg.norm(pairs[:, :, None] - CENTERS["ring"], axis=3), axis=2)
same = (heaps[:, 0] == heaps[:, 1]).mean()
deviations = {"real": pairs.reshape(-1, 2).std(axis=0).mean(), "one heap": one_heap.std(axis=0).mean()}
of_four = [points.reshape(-1, 4, 2).std(axis=1).mean() for points in (pairs, one_heap)]
print(f"pairs of real points from one heap: {same:.3f}")
print("deviation of many points: " + ", ".join(f"{what} {number:.3f}" for what, number in deviations.items()))
print(f"of four, on average: real {of_four[0]:.3f}, one heap {of_four[1]:.3f}")
assert abs(same - 1 / 8) < 0.01
assert abs(deviations["real"] - 0.71) < 0.01 and abs(deviations["one heap"] - SIGMA) < 0.005
assert np.allclose(of_four, [0.58, 0.04], atol=0.01)

# %% [markdown]
# ## Collapse, and two cures
#
# Small networks, and a G that learns four times as fast as D: 2e-3 and 5e-4. So G runs to where D is wrong at the
# moment, and D comes too late. The same GAN is then trained with packs of two, and with a deviation as a third
# coordinate of each point: `nn.MinibatchStd()` computes it over groups of four, 16 of them in a batch of 64. (The layer
# that you will write has one group, the whole batch.) Everything else is the same. Three seeds each.

# %%
SEEDS, WIDTH, BATCH = (0, 1, 2), 64, 64


def hidden(inputs):
    return [nn.Dense(inputs, WIDTH), nn.LeakyReLU(0.2), nn.Dense(WIDTH, WIDTH), nn.LeakyReLU(0.2)]


def discriminator(method):
    if method == "packed":
        return nn.Sequential(*hidden(4), nn.Dense(WIDTH, 1))  # two points at once
    if method == "deviation first":
        return nn.Sequential(nn.MinibatchStd(), *hidden(3), nn.Dense(WIDTH, 1))
    if method == "deviation last":
        return nn.Sequential(*hidden(2), nn.MinibatchStd(), nn.Dense(WIDTH + 1, 1))
    return nn.Sequential(*hidden(2), nn.Dense(WIDTH, 1))


def train(method, data, seed, steps, every=100):
    """What G makes of the same noise, each time after so many steps: {steps: points}."""
    mg.manual_seed(seed)
    rng, noise = np.random.default_rng(seed), np.random.default_rng(99).standard_normal((SAMPLES, 2))
    G, D = nn.Sequential(*hidden(2), nn.Dense(WIDTH, 2)), discriminator(method)
    G.z_dim = 2
    gan = GAN(lr_G=2e-3, lr_D=5e-4, pac=2 if method == "packed" else 1).use(G, D)
    gan.seed, seen = seed, {}

    def batches():
        while True:
            yield Batch(x=real_points(data, BATCH, rng))

    supply = batches()
    for step in range(1, steps + 1):
        gan(supply)
        if step % every == 0:
            with mg.no_grad():
                seen[step] = G(mg.Tensor(noise.astype("float32"))).numpy()
    return seen


def several(method, data, steps):
    """Samples of each seed; prints what the last ones are worth."""
    runs = [train(method, data, seed, steps) for seed in SEEDS]
    ends = [count(run[steps], data) for run in runs]
    shares = ", ".join(f"{good:.0%}" for _, good in ends)
    print(f"{data}, {method:<16} after {steps} steps: modes {[modes for modes, _ in ends]}, good {shares}")
    return runs


def modes_over_time(runs, data):
    """(seeds, looks): modes found."""
    return np.array([[count(points, data)[0] for points in run.values()] for run in runs])


ring = {method: several(method, "ring", 400) for method in ("plain", "packed", "deviation first")}
on_ring = {method: modes_over_time(runs, "ring") for method, runs in ring.items()}

# %% [markdown]
# With each seed the plain GAN has four modes or fewer, at each look, and at some looks none. Its points are elsewhere
# each time: from one look to the next their mean moves by more than ½, in the median. With most seeds, packs of two
# find six modes or more, and the deviation seven or eight. How many of their samples are good is another matter: after
# so short a training less than 60%, far from 98.9%. Packing has the smaller share of the two, in the median. Both
# change what D sees; modes and good samples are two numbers.

# %%
assert on_ring["plain"].max() <= 4
for method, most in (("packed", 6), ("deviation first", 7)):
    assert np.median(on_ring[method][:, -1]) >= most
assert (on_ring["plain"] == 0).any()
means = np.array([[points.mean(axis=0) for points in run.values()] for run in ring["plain"]])
assert np.median(np.linalg.norm(np.diff(means, axis=1), axis=2)) > 0.5
goods = {method: np.array([count(run[400], "ring")[1] for run in runs]) for method, runs in ring.items()}
assert all(goods[method].max() < 0.6 for method in goods)
assert np.median(goods["packed"]) < np.median(goods["deviation first"])

# %% [markdown]
# The grid of 25 is harder. The plain GAN has eight modes or fewer in the end. Packed, it finds nine or more with most
# seeds, but not all. (The deviation on the grid is not measured here.)

# %%
grid = {method: several(method, "grid", 300) for method in ("plain", "packed")}
on_grid = {method: modes_over_time(runs, "grid") for method, runs in grid.items()}
assert on_grid["plain"][:, -1].max() <= 8
assert np.median(on_grid["packed"][:, -1]) >= 9 and on_grid["packed"][:, -1].max() < 25

# %% [markdown]
# ## Picture
#
# Above: the ring. What the plain G makes at three moments, 100 steps apart, in three shades: it has moved on each time.
# Below, on the left: modes over the steps, a thin line for each seed.

# %%
SHADES = ("#fdae6b", "#e6550d", "#7f2704")
COLOURS = {"plain": "#e66101", "packed": "#5e3c99", "deviation first": "#1b9e77"}
DASHES = {"plain": "-", "packed": (0, (5, 1.5)), "deviation first": (0, (1.5, 1))}

figure, ((a, b, c), (over_time, d, e)) = plt.subplots(2, 3, figsize=(11, 7.4), layout="constrained")
for ax, data in ((a, "ring"), (b, "ring"), (c, "ring"), (d, "grid"), (e, "grid")):
    ax.scatter(*real_points(data, 800, np.random.default_rng(5)).T, s=5, color="0.72", linewidths=0, label="real")
    ax.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
for shade, step in zip(SHADES, (200, 300, 400), strict=True):
    a.scatter(*ring["plain"][0][step][:500].T, s=5, color=shade, linewidths=0, label=f"fakes, step {step}")
a.legend(loc="lower left", fontsize=8, markerscale=2)
a.set_title("plain: somewhere else each time")
for ax, runs, data, title in (
    (b, ring["packed"], "ring", "packs of two"), (c, ring["deviation first"], "ring", "deviation first"),
    (d, grid["plain"], "grid", "grid, plain"), (e, grid["packed"], "grid", "grid, packs of two"),
):  # fmt: skip
    points = list(runs[0].values())[-1]
    ax.scatter(*points[:500].T, s=5, color=SHADES[1], linewidths=0)
    modes, good = count(points, data)
    ax.set_title(f"{title}: {modes} modes, {good:.0%} good", fontsize=11)
for method, rows in on_ring.items():
    looks = range(100, 401, 100)
    for row in rows:
        over_time.plot(looks, row, color=COLOURS[method], linewidth=0.8, alpha=0.6)
    over_time.plot(
        looks, np.median(rows, axis=0), color=COLOURS[method], linewidth=2.6, linestyle=DASHES[method], label=method
    )
over_time.set(title="Modes of the ring that are found", xlabel="steps", ylabel="modes with 1% of the samples")
over_time.set(ylim=(-0.3, 9.6), yticks=range(9), xticks=range(100, 401, 100))
over_time.legend(frameon=False, loc="upper center", ncols=3, fontsize=8, columnspacing=1)
over_time.spines[["top", "right"]].set_visible(False)
show(figure, "14_mode_collapse")

# %% [markdown]
# A collapse to watch live, in the lab: `lab.html#objective=minimax&lrG=0.004&lrD=0.0005&steps=600`. Exchange the two
# rates there, and the other modes come back.
#
# ## Warm-up
#
# Count yourself: how many centres have a good sample, and what share of the samples is good? A sample is good if it
# lies within 3σ of its nearest centre, 3σ itself included; a point in reach of two centres is of the nearer one only.
# NumPy, (N, 2) points and (K, 2) centres.


# %%
def modes_and_share(points, centers, sigma):
    """(modes with one good sample or more, share of good samples)."""
    raise Unsolved("write modes_and_share: distances (N, K), the nearest centre of each point, which of them are good")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""

    def yours(points, centers, sigma):
        found = modes_and_share(np.array(points, float), np.array(centers, float), sigma)
        assert isinstance(found, tuple | list) and len(found) == 2, f"return two numbers, not {found!r}"
        return float(found[0]), float(found[1])

    centers = [[0, 0], [10, 0], [20, 0]]
    for points, modes, share, what in [
        ([[0, 0.1], [0, -0.1]], 1, 1.0, "two points at one of three centres"),
        ([[0, 2.9], [5, 0]], 1, 0.5, "a point at 2.9σ of a centre, and one far from all"),
        ([[5, 0], [15, 0]], 0, 0.0, "no good point"),
        ([[0, 3.0], [13, 0]], 2, 1.0, "two points at a distance of exactly 3σ"),
        ([[0, 0], [10, 0], [10.5, 0], [21, 0]], 3, 1.0, "points at all three centres"),
        ([[2.5, 2.5]], 0, 0.0, "a point 2.5σ off in both coordinates, 3.5σ in all"),
    ]:
        found = yours(points, centers, 1.0)
        assert found == (modes, share), f"{what}: modes {modes}, a share of {share:g}; yours {found[0]:g}, {found[1]:g}"
    near = yours([[0.4, 0], [0.3, 0]], [[0, 0], [1, 0]], 1.0)
    assert near == (1, 1.0), (
        f"two centres in reach, but both points are nearer to the first: modes 1, yours {near[0]:g}"
    )
    rng = np.random.default_rng(0)
    for n, k in [(200, 8), (50, 25), (7, 3)]:
        points, some, sigma = rng.standard_normal((n, 2)), rng.standard_normal((k, 2)), rng.uniform(0.05, 0.2)
        right, found = modes_covered(points, some, sigma), yours(points, some, sigma)
        assert np.allclose(found, right[:2]), (
            f"{n} random points, {k} centres, σ = {sigma:.3f}: modes {right.modes}, {right.good:.4f}; yours {found}"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write the deviation of a batch as a layer, forward and backward, for x (N, C) and with the whole batch as one group:
#
# - s = the mean over the C columns of √(v + 10⁻⁸), v being the variance of a column over the batch, Σ (x − mean)² / N;
# - y is x with s as one more column, the same number in each row: (N, C + 1).
#
# Every sample has a part in s, so each gets a gradient from each row's last column. `forward` gets an array, `backward`
# Tensors: `F.mean` and `F.sum` with `axis=0, keepdims=True`, `F.sqrt`, slices, arithmetic. The 10⁻⁸ keeps the slope of
# the root finite where all samples are equal, which is where it is needed most.


# %%
class BatchDeviation(mg.Function):
    """y = (x, s), with s = mean over columns of √(variance over the batch + 1e-8)"""

    def forward(self, x):
        self.save_for_backward(x)
        raise Unsolved("write BatchDeviation.forward: s, and x beside a column of it")

    def backward(self, dy):
        (x,) = self.saved_tensors
        raise Unsolved("write BatchDeviation.backward: what comes by the x columns, and what comes by s")


# %% [markdown]
# ## Check
#
# In the terminal: `minigan lesson check 14`.


# %%
def check():
    """Raise unless the exercise is solved."""
    rng = np.random.default_rng(0)
    for n, width in [(4, 2), (7, 3), (2, 1), (3, 5)]:
        x = rng.standard_normal((n, width))
        y = BatchDeviation()(x).numpy()
        assert y.shape == (n, width + 1), f"for x {x.shape} y has the shape {(n, width + 1)}, yours {y.shape}"
        assert np.array_equal(y[:, :width], x), "the first columns of y are x as it came"
        assert (y[:, -1] == y[0, -1]).all(), "the last column is one number, the same for all samples of the batch"
        right = np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=0) / n + 1e-8).mean()
        assert not np.isclose(y[0, -1], np.sqrt(x.var(axis=0, ddof=1) + 1e-8).mean()), (
            f"s is {right:.5f}, yours {y[0, -1]:.5f}: the variance is a mean over N, not over N − 1"
        )
        assert np.isclose(y[0, -1], right), (
            f"for x {x.shape} s is {right:.5f}, yours {y[0, -1]:.5f}: the deviation over the batch of each column, "
            "then the mean over columns"
        )
    equal = BatchDeviation()(np.full((5, 2), 3.0)).numpy()
    assert np.isclose(equal[0, -1], 1e-4), f"of equal samples s is √(10⁻⁸) = 10⁻⁴, yours {equal[0, -1]:.3g}"
    single = BatchDeviation()(np.ones((3, 2), "float32")).dtype
    assert single == np.float32, (
        f"for float32 samples y should be float32 too, yours is {single}: networks compute in it"
    )

    for n, width in [(4, 2), (6, 3), (3, 1)]:
        x = rng.standard_normal((n, width))
        leaf = mg.Tensor(x, requires_grad=True)
        only_x, only_s = np.zeros((n, width + 1)), np.zeros((n, width + 1))
        only_x[:, :-1], only_s[0, -1] = rng.standard_normal((n, width)), 1.0
        y = BatchDeviation()(leaf)
        (by_x,) = mg.grad(y, [leaf], mg.Tensor(only_x), retain_graph=True)
        assert np.allclose(by_x.numpy(), only_x[:, :-1]), "where dy is 0 for s, dx is dy's first columns, no more"
        (by_s,) = mg.grad(y, [leaf], mg.Tensor(only_s))
        assert by_s.numpy()[1:].any(), (
            "s of the first row depends on all samples, but the others get no gradient from it: sum dy's last column"
        )
        assert np.allclose(by_s.numpy().sum(axis=0), 0), (
            "a shift of all samples does not change s, so each column of its gradient sums to 0: is the mean taken off?"
        )
        gradcheck(BatchDeviation, x)
    leaf = mg.Tensor(np.full((4, 2), 3.0), requires_grad=True)  # and where the 10⁻⁸ counts
    with np.errstate(all="ignore"):
        (found,) = mg.grad(BatchDeviation()(leaf)[:, -1].sum(), [leaf])
    assert not found.numpy().any(), (  # true of NaN as well
        f"where all samples are equal the gradient of s is 0, yours {found.numpy()[0, 0]:.3g}: the 10⁻⁸ belongs below "
        "the root, in backward too"
    )
    gradcheck(BatchDeviation, 1e-4 * rng.standard_normal((4, 2)))


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# Packing, at the border: for fakes (N, 2), an array, give D packs of m neighbours, each a row of 2m numbers (the first
# pack is samples 0 to m − 1). G's loss is mean softplus(−D(pack)) over the packs. Return the gradient at the border as
# an array (N, 2), a row for each fake. D is called once, in the mode in which it is, and keeps what it has in its own
# gradients. Where m does not divide N, raise a ValueError.


# %%
def gradient_at_border(D, fakes, m):
    """∂L/∂fakes (N, 2), where D judges m of them together."""
    raise Unsolved("write gradient_at_border: a border, packs of m, D frozen, the loss, border.grad")


# %%
class Watched(nn.Module):
    """A network for packs of m points that keeps what it was given."""

    def __init__(self, m):
        super().__init__()
        self.network = nn.Sequential(nn.Dense(2 * m, 8), nn.Tanh(), nn.Dense(8, 1))
        self.given, self.modes = [], []

    def forward(self, x):
        self.given.append(x.numpy().copy())
        self.modes.append(self.training)
        return self.network(x)


def check_stretch():
    """Raise unless the stretch is solved."""
    for m, n in [(2, 6), (3, 9), (1, 4)]:
        mg.manual_seed(m)
        D, fakes = Watched(m).to(dtype="float64"), np.random.default_rng(m).standard_normal((n, 2))
        left = [np.full(p.shape, 0.5) for p in D.parameters()]
        for p, gradient in zip(D.parameters(), left, strict=True):
            p.grad = mg.Tensor(gradient)  # as D's own turn would leave it
        found = gradient_at_border(D, fakes, m)
        assert len(D.given) == 1, f"D was called {len(D.given)} times, not once: all packs go in together"
        (given,) = D.given
        assert given.shape == (n // m, 2 * m), (
            f"{n} fakes in packs of {m} are {n // m} rows of {2 * m} numbers, {(n // m, 2 * m)}; D got {given.shape}"
        )
        twice = m > 1 and np.allclose(given[:, :2], given[:, 2:4])
        assert not twice, "a pack is of different fakes: yours has the same one again and again, which tells D nothing"
        assert np.array_equal(given.reshape(n, 2), fakes), (
            f"the first pack should be fakes 0 to {m - 1}, one after the other, each with its two coordinates"
        )
        kept = [p.grad is not None and (p.grad.numpy() == g).all() for p, g in zip(D.parameters(), left, strict=True)]
        assert all(kept), "D's gradients, which were there before, have changed: freeze it while G learns (nn.frozen)"
        assert D.modes == [True] and all(module.training for module in D.modules()), (
            "D was put in eval mode: it is in training, and must stay so"
        )
        assert all(p.requires_grad for p in D.parameters()), "D is frozen still: it could not learn in its next turn"
        assert isinstance(found, np.ndarray), f"return an array (.numpy()), not a {type(found).__name__}"
        assert found.shape == (n, 2), f"a row for each fake, {(n, 2)}; yours has the shape {found.shape}"

        def loss(x, D=D, m=m):
            with mg.no_grad():
                return F.mean(F.softplus(-D.network(mg.Tensor(x.reshape(-1, 2 * m))))).item()

        h, right = 1e-6, np.zeros((n, 2))
        for at in np.ndindex(n, 2):
            step = np.zeros((n, 2))
            step[at] = h
            right[at] = (loss(fakes + step) - loss(fakes - step)) / (2 * h)
        times = (found * right).sum() / (right**2).sum()
        assert times > 0, "the sign: G wants D to take its packs for real, so a higher logit makes its loss smaller"
        if np.allclose(found, times * right, atol=1e-6):
            assert abs(times - 1) < 1e-4, f"{times:.3g} times what it should be: the mean is over {n // m} packs"
        assert np.allclose(found, right, atol=1e-6), "another gradient than the loss' slope: is it mean softplus(−D)?"
    for m, n in [(2, 5), (3, 7), (3, 4)]:
        try:
            gradient_at_border(Watched(m).to(dtype="float64"), np.zeros((n, 2)), m)
        except ValueError:
            continue
        raise AssertionError(f"{n} fakes make no packs of {m}: raise a ValueError")


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **The deviation in another place.** PGGAN has it before D's last layer, where the features are. Here, with a D that
# learns slowly, that does not help: after as many steps G finds fewer modes than with the deviation as D's third input,
# with each seed. Why is not measured. A cure that a paper names must be measured where you put it.

# %%
last = several("deviation last", "ring", 400)
assert modes_over_time(last, "ring")[:, -1].max() <= 5
assert (modes_over_time(last, "ring")[:, -1] < on_ring["deviation first"][:, -1]).all()

# %% [markdown]
# **A sample beside itself.** Who packs each sample with a copy of it tells D nothing new, and for equal samples s is
# always 10⁻⁴. And packs must be all real or all fake: in a mixed pack a label says nothing. (`GAN(pac=2)` and the
# exercise above take neighbours, so batches must be shuffled: pairs of a sorted data set are of one class each, and
# G's samples are not.)

# %%
x = real_points("ring", 8, np.random.default_rng(0))
copies = np.repeat(x[:1], 4, axis=0)
print("s of a batch:", nn.MinibatchStd(8)(mg.Tensor(x)).numpy()[0, -1], "of one sample four times:", end=" ")
print(nn.MinibatchStd()(mg.Tensor(copies)).numpy()[0, -1])
assert np.isclose(nn.MinibatchStd()(mg.Tensor(copies)).numpy()[0, -1], 1e-4)

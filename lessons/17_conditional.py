# %% [markdown]
# # 17. Conditional: one noise, ten labels
#
# **Goal.** A GAN that is told what to make: G gets noise and a label, D gets a sample and the label that it is said
# to have (Mirza and Osindero, 2014). You will see what a label comes to in a dense layer, derive what D should say
# for Gaussian classes, and find in it the *projection* of Miyato and Koyama (2018). A small one then learns ten
# classes. And you will take the label away from D, and see what becomes of it in G.

# %% [markdown]
# ## Predict
#
# There are ten classes, labels 0 to 9. Before you go on, write down:
#
# 1. A label as a *one-hot* row has ten numbers, 1 at its own place, else 0. It is put beside the noise, and a dense
#    layer takes both. What does the label change in that layer's output?
# 2. G is told the label, D is not. Will G make what the label says? If not, what will it do with the label?
# 3. G makes ten points of one noise z, one for each label. What, if anything, have the ten in common?
# 4. Labels for the fakes are drawn by `rng.integers(0, 9)`. What goes wrong, and does any error tell it?

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.algorithms import GAN
from minigan.data import Batch
from minigan.lesson import Unsolved, run_check, show
from minigan.models.base import projected
from minigan.testing import assert_gradients

CLASSES = 10

# %% [markdown]
# ## A one-hot label is a row
#
# A dense layer multiplies its input with a matrix. Beside z stand ten more numbers, so the matrix has ten more
# columns. Nine of the ten numbers are 0, and one is 1: of the ten columns one is added to the output, and the rest do
# nothing. So the label comes to a bias, another one for each class. A table of these biases, one row for each class,
# is called an *embedding*. To look a row up gives the same numbers as the product, without the product.

# %%
rng = np.random.default_rng(0)
z, y = rng.standard_normal((5, 3)), np.array([2, 0, 9, 2, 2])
weight, table = rng.standard_normal((4, 3)), rng.standard_normal((CLASSES, 4))

one_hot = np.zeros((5, CLASSES))
one_hot[np.arange(5), y] = 1.0
beside = F.dense(np.concatenate([z, one_hot], axis=1), np.concatenate([weight, table.T], axis=1)).numpy()
looked_up = F.dense(z, weight).numpy() + table[y]
assert np.allclose(beside, looked_up, rtol=0, atol=1e-14)
assert (one_hot @ table == table[y]).all()  # the label's part alone: the same to the last bit

# %% [markdown]
# Back through it, a row is changed by those samples that took it: label 2 was taken three times, so its row's
# gradient has three parts. Label 1 was not taken, and its gradient is exactly 0. In the exercise you write this.

# %%
dy = rng.standard_normal((5, 4))
leaf = mg.Tensor(table, requires_grad=True)
(dtable,) = (g.numpy() for g in mg.grad(leaf[y], [leaf], mg.Tensor(dy)))
print("rows with a gradient:", np.flatnonzero(dtable.any(axis=1)))
assert np.allclose(dtable[2], dy[0] + dy[3] + dy[4]) and not dtable[1].any()

# %% [markdown]
# ## What D should say
#
# D is shown pairs: a sample x and a label y. Of real pairs the sample is of that class; of fake ones it is what G
# made when asked for it. If both kinds have the labels equally often, D's best logit is
#
#     l(x, y) = ln p(x | y) − ln q(x | y)
#
# where p is how frequent x is among real samples of class y, and q the same of fakes. (Proposition 1 of Goodfellow et
# al., 2014, for each label by itself: the logit of p / (p + q).)
#
# Let each real class be a Gaussian in the plane with mean μ_y and deviation s, each of the fakes' classes one with
# mean ν_y and deviation t. The logarithm of such a density is −‖x − μ‖² / 2s² − 2 ln s and a constant. Expand the
# squares, and sort by what depends on y:
#
#     l(x, y) = −½ ‖x‖² (1/s² − 1/t²) + 2 ln(t/s)                                         no y in it: ψ
#               + x · (μ_y/s² − ν_y/t²)  − ½ (‖μ_y‖²/s² − ‖ν_y‖²/t²)                      a row of y, times (x, 1)
#
# With the features φ(x) = (x, 1) the second line is φ(x) · V_y, where V_y has three numbers. So all that D needs to
# know about a label is a row of a table, and all that it does with it is one scalar product.

# %%
mu, nu = 2 * rng.standard_normal((CLASSES, 2)), 2 * rng.standard_normal((CLASSES, 2))
s, t = 0.7, 1.1


def log_density(x, mean, deviation):
    """ln of a Gaussian's density in the plane, at each row of x."""
    return -((x - mean) ** 2).sum(axis=1) / (2 * deviation**2) - np.log(2 * np.pi * deviation**2)


def squares(a):
    return (a**2).sum(axis=1)


V = np.column_stack([mu / s**2 - nu / t**2, -0.5 * (squares(mu) / s**2 - squares(nu) / t**2)])
x = 3 * rng.standard_normal((50, 2))
phi = np.column_stack([x, np.ones(50)])
psi = -0.5 * squares(x) * (1 / s**2 - 1 / t**2) + 2 * np.log(t / s)
for label in range(CLASSES):
    best = log_density(x, mu[label], s) - log_density(x, nu[label], t)
    assert np.allclose(best, psi + phi @ V[label])
print("a table of", V.shape, "numbers and one ψ are the best D of ten Gaussian classes")

# %% [markdown]
# Miyato and Koyama (2018, section 3) go the same way for any classes that a softmax of features can tell apart: what
# depends on the label is again a scalar product, and the rest is a function of the features. So their D is a network
# φ, whose last features are used twice: l(x, y) = ψ(φ(x)) + φ(x) · V_y. Nothing else in D knows the label. On
# ImageNet's 1000 classes they report a Fréchet distance within classes of 103.1 for it, and of 141.2 where the label
# was put beside the features (their table 1).
#
# ## What G does with it
#
# G could begin with z's dense layer and a table of biases. The other way is *conditional batch normalisation*: each
# channel is normalised over the whole batch, whatever its labels, and then has a scale γ_y and a shift β_y of the
# sample's own class (de Vries et al., 2017). Each begins with γ = 1 and β = 0 for all classes, so at first it is the
# batch normalisation of lesson 9.

# %%
layer = nn.ConditionalBatchNorm(4, CLASSES)
h, labels = mg.Tensor(rng.standard_normal((6, 4)).astype("float32")), np.array([3, 1, 1, 0, 9, 3])
assert (layer(h, labels).numpy() == F.batch_norm(h).numpy()).all()

changed = layer.bias.numpy().copy()
changed[3] += 1.0  # a row is of one class: it moves the samples of that class, and no other
layer.bias.copy_(changed)
moved = (layer(h, labels).numpy() - F.batch_norm(h).numpy()).any(axis=1)
print("samples that moved with row 3 of β:", np.flatnonzero(moved))
assert moved.tolist() == (labels == 3).tolist()

# %% [markdown]
# ## Ten classes of points
#
# Class k lies on a spoke: its points have an angle near k tenths of a turn (deviation 0.06), and any distance from
# the centre between 1 and 2, equally often. So a point tells two things, its class (the angle) and something else
# that all classes have (the distance). Of digits these would be the digit, and the handwriting.


# %%
def spokes(n, rng):
    """n points and their labels."""
    y = rng.integers(CLASSES, size=n)
    angle, distance = 2 * np.pi * y / CLASSES + 0.06 * rng.standard_normal(n), rng.uniform(1, 2, n)
    return (distance[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])).astype("float32"), y


def classes_of(points):
    """The class of each point: which spoke is next to it."""
    turns = np.arctan2(points[..., 1], points[..., 0]) / (2 * np.pi)
    return np.round(turns * CLASSES).astype(int) % CLASSES


points, y = spokes(10_000, rng)
assert (classes_of(points) == y).mean() > 0.999


class Generator(nn.Module):
    """Noise z (N, 2) and labels y (N) → points (N, 2). The label comes in by two conditional batch normalisations."""

    z_dim, conditional, classes = 2, True, CLASSES

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Dense(2, 64), nn.Dense(64, 64), nn.Dense(64, 2)
        self.norm1, self.norm2 = nn.ConditionalBatchNorm(64, CLASSES), nn.ConditionalBatchNorm(64, CLASSES)

    def forward(self, z, y):
        h = F.leaky_relu(self.norm1(self.first(z), y), 0.2)
        h = F.leaky_relu(self.norm2(self.second(h), y), 0.2)
        return self.last(h)


class Biased(nn.Module):
    """The same, but the label comes in as a bias of the first layer: an embedding, or a one-hot beside z."""

    z_dim, conditional, classes = 2, True, CLASSES

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Dense(2, 64), nn.Dense(64, 64), nn.Dense(64, 2)
        self.label = nn.Embedding(CLASSES, 64)

    def forward(self, z, y):
        h = F.leaky_relu(self.first(z) + self.label(y), 0.2)
        return self.last(F.leaky_relu(self.second(h), 0.2))


class Discriminator(nn.Module):
    """Points (N, 2) and labels y (N) → logits (N, 1). told: whether it uses the labels."""

    def __init__(self, told=True):
        super().__init__()
        self.features = nn.Sequential(nn.Dense(2, 64), nn.LeakyReLU(0.2), nn.Dense(64, 64), nn.LeakyReLU(0.2))
        self.real, self.label, self.told = nn.Dense(64, 1), nn.Embedding(CLASSES, 64), told
        nn.init.normal_(self.label.weight, 0.0, 0.1)

    def forward(self, x, y):
        features = self.features(x)
        return projected(features, self.real, self.label, y) if self.told else self.real(features)


def learn(seed, generator=Generator, told=True, steps=200):
    """G and D after so many steps of the engine's GAN, the learning rate shrinking to nothing."""
    mg.manual_seed(seed)
    rng = np.random.default_rng(seed)
    G, D = generator().named("G"), Discriminator(told).named("D")
    gan = GAN(lr_G=2e-3, lr_D=2e-3, betas=(0.5, 0.9)).use(G, D)

    def batches():
        while True:
            x, y = spokes(128, rng)
            yield Batch(x=mg.Tensor(x), y=mg.Tensor(y))

    endless = batches()
    for step in range(steps):
        for optimizer in gan.optimizers.values():
            optimizer.lr = 2e-3 * (1 - step / steps)
        gan(endless)
    return G.eval(), D


# %% [markdown]
# The training step is the engine's own, of lesson 10: D is given the real points with their labels, and the fakes
# with the labels that G was given for them. Three times, from three seeds, a G learns. Then each draws 200 noises,
# every one under all ten labels: 2000 points. Two numbers tell what came of it:
#
# - **obeyed**: the share of the 2000 that lie on the spoke they were asked for;
# - **in common**: whether the ten points of one noise agree in their distance from the centre: over the noises, the
#   correlation between the distances under one label and under another, in the mean over all pairs of labels. (1: the
#   noise alone says how far out. 0: what it says under one label has nothing to do with what it says under another.)

# %%
noises = np.random.default_rng(9).standard_normal((200, 2)).astype("float32")


def all_labels(G, z):
    """G's points of each noise under each label, (n, 10, 2)."""
    with mg.no_grad():
        return np.stack([G(mg.Tensor(z), np.full(len(z), label)).numpy() for label in range(CLASSES)], axis=1)


def scores(G):
    """(obeyed, in common), and the label's share of the points' variance."""
    points = all_labels(G, noises)
    obeyed = (classes_of(points) == np.arange(CLASSES)).mean()
    pairs = np.corrcoef(np.linalg.norm(points, axis=2).T)[np.triu_indices(CLASSES, 1)]
    by_label = points.var(axis=1).sum(axis=1).mean() / points.reshape(-1, 2).var(axis=0).sum()
    return obeyed, pairs.mean(), by_label


def learned(what, **options):
    """Three seeds, printed."""
    networks = [learn(seed, **options) for seed in range(3)]
    found = np.array([scores(G) for G, _ in networks])
    for seed, (obeyed, common, by_label) in enumerate(found):
        print(f"{what}, seed {seed}: obeyed {obeyed:5.1%}, in common {common:5.2f}, label's share {by_label:.2f}")
    return networks, found


told, found = learned("told by normalisation")
assert (found[:, 0] > 0.97).all()
assert found[:, 1].mean() > 0.4

# %% [markdown]
# At least 97 of 100 are of the class that was asked for, with each seed. And the noise means the same to all classes,
# more or less: how far out the ten points of one z lie is correlated, by more than 0.4 in the mean of the seeds,
# though nobody asked for that. G's layers are the same for all classes. It is a habit of such networks, not a rule of
# the game. A G with the embedding obeys as well, but has it less in common:

# %%
_, biased = learned("told by a bias", generator=Biased)
assert (biased[:, 0] > 0.97).all()
assert biased[:, 1].mean() < found[:, 1].mean() - 0.1

# %% [markdown]
# ## D is not told
#
# Now D looks at the points alone. All that it can ask is that they lie on the spokes, and that all spokes have their
# share. Does G ignore the label? That depends on how it was told. By normalisation, whose rows begin equal, it does:
# one z makes the same point under all labels, and the label's share of the variance is next to 0. By an embedding,
# whose rows begin at random, the label is one more noise: it moves the points a lot, to spokes of G's own choice.
# Neither obeys: after as many steps as before, fewer than 4 in 10 points are on the spoke that was asked for, where
# chance gives 1 in 10.

# %%
untold, ignored = learned("D not told, normalisation", told=False)
assert (abs(ignored[:, 0] - 0.1) < 0.05).all()  # one in ten is right by chance
assert (ignored[:, 2] < 0.1).all()

_, noise = learned("D not told, bias", generator=Biased, told=False)
assert (noise[:, 0] < 0.4).all() and noise[:, 2].mean() > 0.3

# %% [markdown]
# ## Picture
#
# Left and right: eight noises, each under all ten labels, joined by a line and coloured by their distance. Told, a
# noise goes round the ring: one turn, ten classes. Not told, its ten points are one. In the middle: how real D finds
# the places of the plane, if they are said to be of class 0.

# %%
sides = np.linspace(-2.6, 2.6, 131, dtype="float32")
plane = np.stack(np.meshgrid(sides, sides), -1).reshape(-1, 2)
with mg.no_grad():
    opinion = F.sigmoid(told[0][1](mg.Tensor(plane), np.zeros(len(plane), int))).numpy().reshape(131, 131)

figure, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
eight = noises[np.argsort(np.linalg.norm(all_labels(told[0][0], noises), axis=2).mean(axis=1))[10::25]]
for ax, G, title in ((axes[0], told[0][0], "D is told the label"), (axes[2], untold[0][0], "D is not told")):
    ax.scatter(*points[:1500].T, s=3, color="0.8", linewidths=0)
    of_noise = all_labels(G, eight)
    for i, ring in enumerate(of_noise[np.argsort(np.linalg.norm(of_noise, axis=2).mean(axis=1))]):
        ax.plot(*np.append(ring, ring[:1], axis=0).T, "o-", color=plt.cm.viridis(i / 7), markersize=4.5, linewidth=1)
    ax.set(title=f"{title}: eight noises, ten labels")
filled = axes[1].contourf(sides, sides, opinion, levels=np.linspace(0, 1, 11), cmap="Purples_r")
figure.colorbar(filled, ax=axes[1], label="σ(D(x, 0))", shrink=0.85)
axes[1].scatter(*points[y == 0][:150].T, s=5, color="black", linewidths=0, label="real points of class 0")
axes[1].legend(loc="lower left", fontsize=8)
axes[1].set(title="How real a point is, as one of class 0")
for ax in axes:
    ax.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal", xlabel="first coordinate")
for ax, k in ((axes[0], k) for k in range(CLASSES)):
    ax.text(2.35 * np.cos(0.2 * np.pi * k), 2.35 * np.sin(0.2 * np.pi * k), k, ha="center", va="center")
axes[0].set_ylabel("second coordinate")
show(figure, "17_conditional")

# %% [markdown]
# `minigan train --model cgan28` trains a conditional GAN of digits, and `minigan sample --label 7` asks it for a seven.
#
# ## Warm-up
#
# The projection, for a batch. `features` (N, d) are φ(x), `psi` (d) the weights of ψ (which has no bias here),
# `table` (classes, d) the rows V, `y` (N) the labels. Return the N logits. One line, with NumPy.


# %%
def projection_logits(features, psi, table, y):
    """ψ(φ(x)) + φ(x) · V_y for each sample: (N,)."""
    raise Unsolved("write projection_logits: one line, each sample's features meet the row of its own label")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    for n, d in ((4, 3), (3, 3), (6, 2)):
        rng = np.random.default_rng(n)
        features, psi = rng.standard_normal((n, d)), rng.standard_normal(d)
        table, y = rng.standard_normal((CLASSES, d)), rng.integers(3, CLASSES, n)
        found = np.asarray(projection_logits(features, psi, table, y))
        assert found.shape == (n,), (
            f"one logit for each of {n} samples: the shape ({n},), yours has {found.shape}. A sample meets the row of "
            "its own label, not those of all others"
        )
        unlabelled = np.asarray(projection_logits(features, psi, np.zeros_like(table), y))
        assert np.allclose(unlabelled, features @ psi), (
            f"with a table of zeros it is ψ alone, {(features @ psi)[0]:.4f} for the first; yours {unlabelled[0]:.4f}"
        )
        for i in range(n):
            right = features[i] @ psi + features[i] @ table[y[i]]
            assert np.isclose(found[i], right), (
                f"sample {i}, of label {y[i]}, has the logit {right:.4f}, yours {found[i]:.4f}: the scalar product of "
                f"its features with row {y[i]}, a sum over {d} products"
            )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write the embedding, forward and backward. `forward` gets the table as an array (classes, d), and returns the rows
# of the labels `self.y`, an array (N, d). `backward` gets dy (N, d), and returns the gradient at the table, (classes,
# d). NumPy has `np.add.at` for it; but backward gets Tensors, and what it does with them must have a derivative in
# its turn. So make it a product of matrices, by `F.matmul`, with an array of NumPy as one of them.


# %%
class Rows(mg.Function):
    """Row y[i] of a table (classes, d) for each label: (N, d)."""

    def __init__(self, y):
        self.y = np.asarray(y)

    def forward(self, table):
        self.classes = len(table)
        raise Unsolved("write Rows.forward: the rows of the labels self.y")

    def backward(self, dy):
        raise Unsolved("write Rows.backward: each row of the table is given what came to the samples that took it")


# %% [markdown]
# ## Check
#
# In the terminal: `minigan lesson check 17`.


# %%
def check():
    """Raise unless the exercise is solved."""
    for y in ([2, 0, 4, 2, 2], [1], [3, 3, 3], [4, 3, 2, 1, 0]):
        rng = np.random.default_rng(len(y))
        table, dy = rng.standard_normal((5, 3)), rng.standard_normal((len(y), 3))
        leaf = mg.Tensor(table, requires_grad=True)
        rows = Rows(y)(leaf)
        assert rows.shape == (len(y), 3), f"forward: {len(y)} labels have {len(y)} rows of 3, yours has {rows.shape}"
        assert (rows.numpy() == table[y]).all(), f"forward: of the labels {y} these are not their rows"
        (found,) = (g.numpy() for g in mg.grad(rows, [leaf], mg.Tensor(dy)))
        assert found.shape == table.shape, f"backward: the table has shape {table.shape}, your gradient {found.shape}"
        for k in set(range(5)) - set(y):
            assert not found[k].any(), f"backward: nobody took row {k}, so its gradient is 0, yours is {found[k]}"
        for k in sorted(set(y)):
            takers = [i for i in range(len(y)) if y[i] == k]
            right = dy[takers].sum(axis=0)
            if len(takers) > 1:
                assert not any(np.allclose(found[k], dy[i]) for i in takers), (
                    f"backward: row {k} was taken by samples {takers}, and got the gradient of one alone: they add up"
                )
                assert not np.allclose(found[k] * len(takers), right), (
                    f"backward: row {k} was taken by {len(takers)} samples: its gradient is the sum of theirs, no mean"
                )
            assert np.allclose(found[k], right), (
                f"backward: row {k} was taken by samples {takers}, so its gradient is {right.round(3)}, yours "
                f"{found[k].round(3)}"
            )
        assert_gradients(lambda table, y=y: Rows(y)(table), [table])


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# A sheet of samples: each noise under all labels, made in *one* call of G, with a batch of n times `classes`. Row i,
# column k is G(z_i, k). It is a sampling: G must be in evaluation mode for it, and afterwards in the mode it was in
# before. z is an array (n, z_dim); return an array (n, classes, …), where … is a sample's shape.


# %%
def sheet(G, z, classes):
    """G's samples of each noise under each label: an array (n, classes, …)."""
    raise Unsolved("write sheet: each noise `classes` times, all labels for each noise, one call, a new shape")


# %%
class Recorder(nn.Module):
    """A G whose samples tell noise and label, which writes down in what mode it was called."""

    def __init__(self, shape):
        super().__init__()
        self.shape, self.modes = shape, []

    def forward(self, z, y):
        self.modes.append(self.training)
        z, y = np.asarray(z.numpy() if isinstance(z, mg.Tensor) else z), np.asarray(getattr(y, "data", y))
        if y.shape != z.shape[:1]:
            raise ValueError(f"G was given {z.shape[0]} noises, and labels {y.shape}, not one label for each noise")
        return mg.Tensor((100.0 * z[:, 0] + y).reshape(-1, *(1 for _ in self.shape)) * np.ones((1, *self.shape)))


def check_stretch():
    """Raise unless the stretch is solved."""
    for n, classes, shape in ((3, 4, (2,)), (4, 3, (1, 2, 2)), (2, 10, (2,))):
        z = np.column_stack([np.arange(1, n + 1), np.zeros(n)])
        for training in (True, False):
            G = Recorder(shape).train(training)
            found = sheet(G, z, classes)
            assert isinstance(found, np.ndarray), f"return an array (.numpy()), not a {type(found).__name__}"
            assert len(G.modes) == 1, f"G was called {len(G.modes)} times: one call, with a batch of {n * classes}"
            assert G.modes == [False], "G was in training mode: its batch normalisation would mix the samples"
            mode = "training" if training else "evaluation"
            assert G.training == training, f"G was in {mode} mode before, and must be again"
            assert found.shape == (n, classes, *shape), f"the shape is {(n, classes, *shape)}, yours has {found.shape}"
            noise, label = np.divmod(found.reshape(n, classes, -1)[:, :, 0], 100)
            for i in range(n):
                for k in range(classes):
                    assert (noise[i, k], label[i, k]) == (i + 1, k), (
                        f"row {i}, column {k} should be noise {i} with label {k}, yours is noise {noise[i, k] - 1:g} "
                        f"with label {label[i, k]:g}: np.repeat says a a b b, np.tile a b a b"
                    )


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **The fakes' labels are not those they were made for.** G is given one label, D is told another beside the fake: a
# batch that was shuffled once, or labels that were drawn anew for D. Both networks train, nothing crashes, and G
# learns that its label says nothing about what D will be told. It obeys no more than by chance, with three seeds.


# %%
class Mistaken(Generator):
    """Its training labels are those of the neighbours in the batch: D is told others."""

    def forward(self, z, y):
        return super().forward(z, mg.Tensor(np.roll(y.numpy(), 1)) if self.training else y)


_, mistaken = learned("labels of others", generator=Mistaken, steps=150)
assert (abs(mistaken[:, 0] - 0.1) < 0.1).all() and (mistaken[:, 2] < 0.3).all()

# %% [markdown]
# **A label that is never drawn.** `rng.integers(0, 9)` stops before 9. No error comes: the table has a row 9, which
# is never taken. Its gradient is exactly 0, and after any number of steps of Adam it is what it was at the beginning.

# %%
embedding = nn.Embedding(CLASSES, 4)
before = embedding.weight.numpy().copy()
optimizer = mg.optim.Adam(embedding.parameters(), lr=0.1)
for _ in range(20):
    optimizer.zero_grad()
    F.sum(embedding(rng.integers(0, 9, 64)) ** 2).backward()
    optimizer.step()
unchanged = (embedding.weight.numpy() == before).all(axis=1)
print("rows as they were:", np.flatnonzero(unchanged))
assert np.flatnonzero(unchanged).tolist() == [9]

# %% [markdown]
# **`gradient[y] += dy`.** In NumPy this is read once, added to, and written once: of a row that several samples took,
# the last one alone counts. `np.add.at(gradient, y, dy)` counts all.

# %%
y, dy = np.array([2, 2, 2]), np.array([1.0, 10.0, 100.0])
wrong, right = np.zeros(3), np.zeros(3)
wrong[y] += dy
np.add.at(right, y, dy)
print("three samples took row 2:", wrong, "by +=,", right, "by np.add.at")
assert wrong[2] == 100 and right[2] == 111

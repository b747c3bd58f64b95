# %% [markdown]
# # 20. Attention and growing
#
# **Goal.** A small convolution sees a few pixels around a place. Two ways to see more: *self-attention* lets each
# place look at all others (SAGAN, Zhang et al., 2019), and *growing* begins with images so small that a few pixels
# are all of them (PGGAN, Karras et al., 2018). You will write the backward pass of attention, prove that a certain D
# cannot know a rule without it, see that it learns the rule with it, and what it looks at in a digit, fade a new layer
# in so softly that at first nothing changes, and find why all layers should learn at one pace. No GAN is trained here.
# D learns alone, from images where the best that it can do is known, so that "it cannot" can be proved.

# %% [markdown]
# ## Predict
#
# Before you go on, write down:
#
# 1. D has two 3×3 convolutions, sums its maps over all places, and makes a logit of the sums with one dense layer.
#    Real images have two dots, far apart, of the same colour; in fakes the colours differ. How low can its loss get?
# 2. An attention layer is put in, and multiplied by a number γ that begins at 0. What does it change at first, and
#    what gradients do its weights get?
# 3. A network for 8×8 images is made from one for 4×4 by new layers, blended in with α = 0. How far are its images
#    from the old ones?
# 4. Adam moves each weight by about its learning rate. One layer's weights begin at about 0.5, another's at about
#    0.05. Which of the two changes more, compared with what it was?

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn, optim
from minigan.data import load_mnist
from minigan.lesson import Unsolved, run_check, show
from minigan.models import pggan
from minigan.testing import assert_gradients

# %% [markdown]
# ## Attention by hand
#
# Every place i of an image asks a question, a vector qᵢ (a *query*). Every place j offers a vector kⱼ to be asked by
# (a *key*), and another, vⱼ, to be taken (a *value*). How well j answers i is a scalar product, the score sᵢⱼ = qᵢ ·
# kⱼ. A softmax makes shares of a place's scores, which add up to 1; what place i gets is the average of the values
# with these shares:
#
#     S = q kᵀ        A = softmax of each row of S        y = A v
#
# All three of q, k, v are made from the image by 1×1 convolutions: lesson 7's, with a window of one pixel. So nothing
# in A depends on how far apart two places are.

# %%
q = np.array([[2.0, 0.0], [0.0, 1.0]])  # two places ask
k = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # three are asked
v = np.array([[10.0], [20.0], [30.0]])
S = q @ k.T
A = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
print("scores\n", S, "\nshares\n", A.round(3), "\nwhat each gets\n", (A @ v).round(2))
assert np.allclose(A.sum(axis=1), 1) and np.allclose(A, F.softmax(S).numpy())
assert A[0, 0] > 0.96 and (A @ v)[0, 0] < 11  # the first place looks at the first, and gets nearly its 10

# %% [markdown]
# Backward there are two products and a softmax between them. The products are those of lesson 4. Of the softmax, look
# at one row: if the score sₖ rises, its own share grows and all others shrink,
#
#     ∂Aⱼ/∂sₖ = Aⱼ (1 − Aₖ) for j = k,        −Aⱼ Aₖ for all others
#
# so each score's gradient collects something from all shares of its row. You sum that up in the exercise. One thing
# can be said before: to add a number to a whole row of scores changes no share, so the row's gradients add up to 0.

# %%
row = np.random.default_rng(0).standard_normal(4)
shares, h = F.softmax(row).numpy(), 1e-6
for changed in range(4):
    slope = (F.softmax(row + h * (np.arange(4) == changed)).numpy() - shares) / h
    right = np.where(np.arange(4) == changed, shares * (1 - shares), -shares * shares[changed])
    assert np.allclose(slope, right, atol=1e-5)
assert np.allclose(F.softmax(row + 100).numpy(), shares)

# %% [markdown]
# ## γ begins at 0
#
# `nn.SelfAttention` is SAGAN's layer: x goes on as it is, and γ times what attention found is added. To be cheaper it
# asks with C/8 channels, and offers the largest of each 2×2 pixels. γ begins at 0, so the layer is put into a network
# without a change: the output is x, to the last bit. Then all its other weights have the gradient 0, but γ has one,
# and as soon as γ has moved, so have they.

# %%
mg.manual_seed(0)
layer = nn.SelfAttention(8)
rng = np.random.default_rng(0)
x, dy = (mg.Tensor(rng.standard_normal((2, 8, 4, 6)).astype("float32")) for _ in range(2))
assert (layer(x).numpy() == x.numpy()).all()

names = {p.name or name: p for name, p in layer.named_parameters()}
gradients = dict(zip(names, mg.grad(layer(x), list(names.values()), dy), strict=True))
for name, gradient in gradients.items():
    print(f"{name:14} norm of its gradient {np.linalg.norm(gradient.numpy()):.4f}")
moving = [name for name, gradient in gradients.items() if gradient.numpy().any()]
assert len(moving) == 1 and names[moving[0]] is layer.gamma

# %% [markdown]
# ## A rule between two far places
#
# Toy images of 4×16 pixels, in three colours (the channels). A dot of 2×2 pixels lies at the left, another at the
# right. In real ones both are of one colour, any; in fakes they are of two. Every dot by itself is as frequent in
# reals as in fakes: 18 kinds at the left (6 places, 3 colours), 18 at the right. There are 324 images in all, so D's
# mean loss can be computed exactly.

# %%
HIGH, WIDE, COLOURS = 4, 16, 3


def dots(left, right):
    """Images of a dot at the left and one at the right: whole numbers 0 to 17, the dots' kinds."""
    images, i = np.zeros((len(left), COLOURS, HIGH, WIDE), "float32"), np.arange(len(left))
    for kind, first in ((left, 0), (right, 10)):
        place, colour = np.divmod(kind, COLOURS)
        row, column = 2 * (place // 3), first + 2 * (place % 3)
        for down, across in np.ndindex(2, 2):
            images[i, colour, row + down, column + across] = 1.0
    return images


def drawn(n, rng):
    """n images, and the targets (n, 1): 1 where the dots have one colour, which is in half of them."""
    target = rng.integers(2, size=n)
    colour, places = rng.integers(COLOURS, size=n), rng.integers(6, size=(2, n))
    other = np.where(target == 1, colour, (colour + rng.integers(1, COLOURS, size=n)) % COLOURS)
    return dots(places[0] * COLOURS + colour, places[1] * COLOURS + other), target[:, None].astype("float32")


LEFT, RIGHT = (kind.ravel() for kind in np.mgrid[0:18, 0:18])  # all 324
SAME = LEFT % COLOURS == RIGHT % COLOURS
SHARE = np.where(SAME, 0.5 / SAME.sum(), 0.5 / (~SAME).sum())  # how often each image is drawn


class Critic(nn.Module):
    """Images → logits (N, 1): two 3×3 convolutions, summed over all places; attention between them, if asked for."""

    def __init__(self, attention):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(COLOURS, 32, 3, padding=1), nn.LeakyReLU(0.2))
        self.second = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.LeakyReLU(0.2))
        self.logit = nn.Dense(32, 1)
        self.attention = nn.SelfAttention(32) if attention else nn.Identity()

    def forward(self, x):
        return self.logit(F.sum(self.second(self.attention(self.first(x))), axis=(2, 3)))


def exact(critic):
    """The logits of all images, (18, 18) by the two dots' kinds, and the mean loss over all that may be drawn."""
    with mg.no_grad():
        logits = critic(mg.Tensor(dots(LEFT, RIGHT))).numpy()[:, 0].astype("float64")
    return logits.reshape(18, 18), SHARE @ np.logaddexp(0, np.where(SAME, -logits, logits))


# %% [markdown]
# Two 3×3 convolutions see 5 pixels in a row, and the dots are at least 4 apart, with no dot's pixel in sight of the
# other. So each place sees at most one dot, and the sum over places is a number that depends on the left dot plus one
# that depends on the right: l = a(left) + b(right). Now take the mean logit of reals, and that of fakes. Each dot's
# kind is equally frequent in both, so the two means are equal, to m say. Softplus is convex (it lies above its
# tangents), so D's mean loss is
#
#     ½ mean softplus(−l) over reals + ½ mean softplus(l) over fakes  ≥  ½ softplus(−m) + ½ softplus(m)  ≥  ln 2
#
# Not with these weights or those: with any. D can do no better than to know nothing. (It can be right more often than
# half the time, and pay for it by being very wrong where it is wrong.)

# %%
for seed in range(3):
    mg.manual_seed(seed)
    logits, loss = exact(Critic(attention=False))
    assert loss > np.log(2) - 1e-6
    crossed = logits - logits[:1] - logits[:, :1] + logits[0, 0]  # 0 if l = a(left) + b(right)
    assert np.abs(crossed).max() < 1e-4 * np.abs(logits).max()

# %% [markdown]
# With attention a place that has a dot can get the other one's values, and a convolution behind it can compare the
# two. γ's learning rate is ten times that of the others here, so that it soon leaves 0. The training stops when the
# rule is known.


# %%
def learn(critic, seed, most=600, draw=drawn, n=64, rate=1e-2):
    """Train a critic, with n images a step, until it knows the rule or has made the most steps; returns its losses."""
    gamma = [p for p in critic.parameters() if p.ndim == 0]
    groups = [{"params": [p for p in critic.parameters() if p.ndim], "lr": rate}]
    if gamma:
        groups.append({"params": gamma, "lr": 10 * rate})
    optimizer, losses, rng = optim.Adam(groups, betas=(0.9, 0.99)), [], np.random.default_rng(seed)
    while len(losses) < most and (len(losses) < 10 or np.mean(losses[-10:]) > 0.02):
        x, target = draw(n, rng)
        loss = F.binary_cross_entropy_with_logits(critic(mg.Tensor(x)), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


curves, critics = {True: [], False: []}, []
for seed in range(3):
    for attention, most in ((True, 600), (False, 100)):
        mg.manual_seed(seed)
        critic = Critic(attention)
        curves[attention].append(learn(critic, seed, most))
        _, loss = exact(critic)
        name = "with attention" if attention else "without"
        print(f"seed {seed}: after {len(curves[attention][-1])} steps {name} {loss:.4f}")
        assert loss < 0.2 if attention else loss > np.log(2) - 1e-6
        critics += [critic] if attention else []

# %% [markdown]
# ## What it looks at
#
# The shares A of an image, (64 places, 16 places of 2×2 pixels), can be read out of the layer. If all places counted
# alike, each would have 1/16. How much of its attention does a dot's place give to the other dot?


# %%
def shares_of(critic, images):
    """A for each image: (n, places, places of 2×2 pixels)."""
    layer, (n, _, high, wide) = critic.attention, images.shape
    with mg.no_grad():
        h = critic.first(mg.Tensor(images))
        asked = F.reshape(layer.theta(h), (n, -1, high * wide))
        offered = F.reshape(F.max_pool2d(layer.phi(h), 2), (n, -1, high * wide // 4))
        return F.softmax(F.matmul(F.transpose(asked, (0, 2, 1)), offered)).numpy()


def blocks_of(kind, first):
    """Which of the 16 places of 2×2 pixels has the dot, and which of the 64 pixels is its first."""
    place = kind // COLOURS
    row, column = place // 3, first // 2 + place % 3
    return row * WIDE // 2 + column, 2 * row * WIDE + 2 * column


(block_l, pixel_l), (block_r, pixel_r) = blocks_of(LEFT, 0), blocks_of(RIGHT, 10)
every = np.arange(len(LEFT))
for seed, critic in enumerate(critics):
    shares = shares_of(critic, dots(LEFT, RIGHT))
    to_other = (shares[every, pixel_l, block_r].mean() + shares[every, pixel_r, block_l].mean()) / 2
    to_itself = (shares[every, pixel_l, block_l].mean() + shares[every, pixel_r, block_r].mean()) / 2
    print(f"seed {seed}: a dot gives {to_other:.2f} to the other dot, {to_itself:.2f} to itself; alike would be 0.06")
    assert to_other > 2 / 16

# %% [markdown]
# More than twice as much as if all places counted alike, with each seed. Nobody told it where to look. (It is a mean:
# dots of one colour may look elsewhere, if those of the others look.)
#
# ## Picture
#
# Above, three images. The square marks the place that asks; below, where it looks, in the critic of seed 2. At the
# right, the losses of the three seeds, with attention and without: without it they do not fall below ln 2, but for the
# chance of each batch.

# %%
figure = plt.figure(figsize=(12, 3.4), layout="constrained")
grid = figure.add_gridspec(2, 4, width_ratios=[1, 1, 1, 1.3])
paint = np.array([[0.0, 0.45, 0.70], [0.90, 0.62, 0.0], [0.95, 0.95, 0.95]])  # blue, orange, white
lows = []
for i, kinds in enumerate(((0, 12), (10, 7), (17, 1))):
    left, right = (np.array([kind]) for kind in kinds)
    _, (pixel,) = blocks_of(left, 0)
    attention = shares_of(critics[2], dots(left, right))[0, pixel].reshape(HIGH // 2, WIDE // 2)
    top, low = figure.add_subplot(grid[0, i]), figure.add_subplot(grid[1, i])
    top.imshow(np.einsum("chw,cd->hwd", dots(left, right)[0], paint))
    row, column = divmod(pixel, WIDE)
    top.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 2, 2, fill=False, edgecolor="#cc3311", linewidth=3))
    top.set(title="real: one colour" if kinds[0] % 3 == kinds[1] % 3 else "fake: two colours", xticks=[], yticks=[])
    shown = low.imshow(attention, cmap="Purples_r", vmin=0, vmax=0.6, extent=(-0.5, WIDE - 0.5, HIGH - 0.5, -0.5))
    low.set(xlabel="where the square looks", xticks=[], yticks=[])
    lows.append(low)
figure.colorbar(shown, ax=lows, label="share of attention", orientation="horizontal", shrink=0.4, aspect=30)
ax = figure.add_subplot(grid[:, 3])
for attention, colour, name in ((True, "#5e3c99", "with attention"), (False, "#e66101", "without")):
    for i, losses in enumerate(curves[attention]):
        ax.plot(losses, color=colour, linewidth=1.3, label=name if i == 0 else None)
ax.axhline(np.log(2), color="0.3", linestyle=(0, (3, 2)), linewidth=1)
ax.text(ax.get_xlim()[1], np.log(2) + 0.03, "ln 2", ha="right")
ax.set(xlabel="step", ylabel="loss of a batch", ylim=(0, 1.6))
ax.legend(frameon=False)
show(figure, "20_attention")

# %% [markdown]
# ## In a digit
#
# The same with digits, of 12×12 pixels. The four rows at the top have one colour, the four at the bottom have one, in
# reals the same, in fakes another. Between them lie four rows in grey, which is a third of each colour. Again two 3×3
# convolutions see 5 rows, and no place sees pixels of both ends. So D's logit is a number that depends on the digit
# and its upper colour, plus one that depends on the digit and its lower colour, and without attention D cannot do
# better than ln 2, as above.
#
# The three critics go on learning, from digits now, for 80 steps at most. What do the strokes of an end look at? Here
# is how much of their attention falls on the strokes of the other end, in reals and in fakes, and how much it would be
# if all places counted alike.


# %%
def small(data, rows):
    """Digits (n, 1, 12, 12), from 0 to 1."""
    return F.avg_pool2d(data.images[rows][:, :, 2:26, 2:26].astype("float32") / 255, 2).numpy()


def coloured(digits, top, bottom):
    """Digits (n, 1, 12, 12) in three colours: a top of one, a bottom of one, grey between."""
    images, i = np.repeat(digits / COLOURS, COLOURS, axis=1), np.arange(len(digits))
    for rows, colour in ((slice(0, 4), top), (slice(8, 12), bottom)):
        images[:, :, rows] = 0
        images[i, colour, rows] = digits[:, 0, rows]
    return images


def drawn_digits(n, rng):
    """n coloured digits, and the targets (n, 1): 1 where both ends have one colour, which is in half of them."""
    target, top = rng.integers(2, size=n), rng.integers(COLOURS, size=n)
    bottom = np.where(target == 1, top, (top + rng.integers(1, COLOURS, size=n)) % COLOURS)
    return coloured(small(train, rng.integers(len(train), size=n)), top, bottom), target[:, None].astype("float32")


def at_end(strokes, third):
    """Where there are strokes (n, high, wide), in the first third of the rows (0) or in the last (2): (n, places)."""
    rows = np.arange(strokes.shape[1]) * 3 // strokes.shape[1]
    return (strokes & (rows == third)[:, None]).reshape(len(strokes), -1)


train = load_mnist()
unseen = np.tile(small(load_mnist("test"), np.arange(100)), (COLOURS**2, 1, 1, 1))  # each in every pair of colours
top, bottom = (np.repeat(colour.ravel(), 100) for colour in np.mgrid[0:COLOURS, 0:COLOURS])
images, same = coloured(unseen, top, bottom), top == bottom
strokes, stroke_places = unseen[:, 0] > 0.3, F.avg_pool2d(unseen, 2).numpy()[:, 0] > 0.15

for seed in range(3):
    mg.manual_seed(seed)
    with mg.no_grad():
        logits = Critic(attention=False)(mg.Tensor(images[::5])).numpy().reshape(COLOURS, COLOURS, -1)
    crossed = logits - logits[:1] - logits[:, :1] + logits[:1, :1]  # 0 if l = a(upper colour) + b(lower colour)
    assert np.abs(crossed).max() < 1e-4 * np.abs(logits).max()


def to_the_other_end(A, which):
    """Of some images: how much attention an end's strokes give to those of the other end, and their share of places."""
    given, area = [], []
    for asks, other in ((0, 2), (2, 0)):
        asking, end = at_end(strokes, asks) & which[:, None], at_end(stroke_places, other)
        given.append((A * end[:, None]).sum(axis=2)[asking])
        area.append(np.broadcast_to(end.mean(axis=1)[:, None], asking.shape)[asking])
    return np.concatenate(given).mean(), np.concatenate(area).mean()


looks, most = [], []  # of each critic, the shares A of all images; how much an end gives to the other end in fakes
for seed, critic in enumerate(critics):
    losses = learn(critic, seed, 80, drawn_digits, n=32, rate=5e-3)
    with mg.no_grad():
        right = (critic(mg.Tensor(images)).numpy()[:, 0] > 0) == same
    looks.append(shares_of(critic, images))
    (in_reals, area), (in_fakes, _) = (to_the_other_end(looks[-1], which) for which in (same, ~same))
    told = right[same].mean(), right[~same].mean()
    print(f"seed {seed}: after {len(losses)} steps {told[0]:.0%} of reals and {told[1]:.0%} of fakes are told;", end="")
    print(f" to the other end: in reals {in_reals:.2f}, in fakes {in_fakes:.2f}, alike would be {area:.2f}")
    most.append(in_fakes)
    assert min(told) > 0.8
    assert in_fakes > 2 * max(area, in_reals)

# %% [markdown]
# All three come to know the rule: of digits that they have never seen they tell more than 8 of 10 right, reals and
# fakes. In fakes an end gives the strokes of the other end, which have another colour, more than twice the attention
# that they would get if all places counted alike. In reals it gives them less than half of what it gives in fakes. So
# attention has not found the digit, nor what belongs together. It has found what this D is asked: whether there is
# another colour. (A mean again: one colour may look, and another hardly.)
#
# Below each digit, where the pixel in the square looks, in places of 2×2 pixels; the line is the digit's outline. It is
# the critic of the three that looks at the other end most.

# %%
SHOWN = {  # the digit, the colours of its ends, and the third of the rows with the pixel that asks
    "real, asked at the top": (1, (0, 0), 0),
    "fake, asked at the top": (1, (0, 1), 0),
    "real, asked at the bottom": (3, (1, 1), 2),
    "fake, asked at the bottom": (3, (0, 1), 2),
}
figure, axes = plt.subplots(2, 4, figsize=(10, 5.2), layout="constrained")
for (above, below), (title, (digit, pair, third)) in zip(axes.T, SHOWN.items(), strict=True):
    i = digit + 100 * (pair[0] * COLOURS + pair[1])
    row, column = divmod((unseen[i, 0].ravel() * at_end(strokes[i : i + 1], third)[0]).argmax(), 12)
    above.imshow(np.einsum("chw,cd->hwd", images[i], paint))
    above.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#cc3311", linewidth=3))
    above.set(title=title, xticks=[], yticks=[])
    attention = looks[np.argmax(most)][i, row * 12 + column].reshape(6, 6)
    shown = below.imshow(attention, cmap="Purples_r", vmin=0, vmax=0.2, extent=(-0.5, 11.5, 11.5, -0.5))
    below.contour(unseen[i, 0], [0.3], colors="0.6", linewidths=1.5)
    below.set(xlabel="where the square looks", xticks=[], yticks=[])
figure.colorbar(shown, ax=axes[1], label="share of attention")
show(figure, "20_in_a_digit")

# %% [markdown]
# In a GAN, what D cannot tell, G is never told: without attention nothing would stop G from drawing dots of two
# colours. (`minigan recipes run attention` tries that with pairs of digits that must match; it takes long.) On
# ImageNet Zhang et al. (2019) report a Fréchet distance of 18.65, where the best published before had 27.62 (their
# abstract).
#
# ## Growing
#
# PGGAN's networks begin with images of 4×4 pixels, where 3×3 convolutions see nearly all. Then they get layers for
# 8×8, later 16×16. New layers know nothing, and would spoil what is learned. So they are faded in. While α goes from
# 0 to 1, let
#
#     images = (1 − α) · enlarged old ones + α · new ones
#
# and D's features in the same way. At α = 0 the grown networks are the small ones, on enlarged images and on 2×2
# means, exactly. Karras et al. (2018, section 6.2) estimate that this made training to 1024×1024 pixels 5.4 times as
# fast.

# %%
mg.manual_seed(0)
G, D = pggan.Generator(1, size=8), pggan.Discriminator(1, size=8)
z = mg.Tensor(rng.standard_normal((4, G.z_dim)).astype("float32"))
with mg.no_grad():
    small, grown, new = G(z, 0), G(z, 1, alpha=0.0), G(z, 1)
    half = G(z, 1, alpha=0.5).numpy()
    x = mg.Tensor(rng.standard_normal((4, 1, 8, 8)).astype("float32"))
    assert (D(x, 1, alpha=0.0).numpy() == D(F.avg_pool2d(x, 2), 0).numpy()).all()
enlarged = F.upsample_nearest2d(small)
print("largest difference at α = 0:", np.abs(grown.numpy() - enlarged.numpy()).max())
assert small.shape == (4, 1, 4, 4) and (grown.numpy() == enlarged.numpy()).all()
assert np.allclose(half, (enlarged.numpy() + new.numpy()) / 2, atol=1e-6)

# %% [markdown]
# The gradient is shared out too, between the old images and the new ones (how, you will find in the stretch). At α =
# 0 the new layers of G learn nothing yet, and the old ones learn as before.

# %%
dy = mg.Tensor(rng.standard_normal((4, 1, 8, 8)).astype("float32"))
old, fresh = G.to_rgb[0].module.weight, G.to_rgb[1].module.weight
norms = []
for alpha in (0.0, 0.5):
    found = mg.grad(G(z, 1, alpha), [old, fresh], dy)
    norms.append([np.linalg.norm(gradient.numpy()) for gradient in found])
    print(f"α = {alpha}: norm of the gradient at the old last layer {norms[-1][0]:.3f}, at the new {norms[-1][1]:.3f}")
assert norms[0][1] == 0 and norms[1][1] > 0 and np.isclose(norms[1][0], norms[0][0] / 2)

# %% [markdown]
# The real images must be faded too, (1 − α) · their own 2×2 means, enlarged, + α · themselves: else D would know them
# by their sharpness (see the end).

# %%
digits = load_mnist("test").images[:4].astype("float32") / 255  # black is 0
digits = F.avg_pool2d(digits, 2).numpy()  # 14×14
coarse = F.upsample_nearest2d(F.avg_pool2d(digits, 2)).numpy()

figure, axes = plt.subplots(2, 5, figsize=(8, 3.5), layout="constrained")
for row, kind in zip(axes, (0, 2), strict=True):
    for ax, alpha in zip(row, (0, 0.25, 0.5, 0.75, 1), strict=True):
        ax.imshow((1 - alpha) * coarse[kind, 0] + alpha * digits[kind, 0], cmap="gray", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        if kind == 0:
            ax.set_title(f"α = {alpha:g}")
figure.suptitle("Real digits fading from 7×7 to 14×14")
show(figure, "20_fading")

# %% [markdown]
# ## One pace for all layers
#
# A dense layer's output is a sum of fan_in products. So that it is neither too large nor too small, its weights begin
# with the deviation √2/√fan_in (He et al., 2015): 0.35 for 16 inputs, 0.044 for 1024. But Adam's first step moves
# every weight by just its learning rate, and later ones by about that. So a layer with many inputs is changed by a
# larger share of itself in each step. The *equalised learning rate* (Karras et al., 2018, section 4.1) lets all
# weights W begin with deviation 1, and multiplies them by c = √2/√fan_in each time they are used. Adam then moves c·W
# by c·lr, the same share in all layers.


# %%
def share_of_a_step(fan_in, equalised):
    """How far one step of Adam moves the used weights, as a share of their deviation √2/√fan_in."""
    mg.manual_seed(0)
    layer = nn.Dense(fan_in, 64)
    nn.init.normal_(layer.weight, 0.0, np.sqrt(2 / fan_in))
    layer = nn.EqualizedLR(layer) if equalised else layer  # which draws W anew, with deviation 1
    weight, scale = (layer.module.weight, layer.scale) if equalised else (layer.weight, 1.0)
    optimizer, before = optim.Adam([weight], lr=0.01), weight.numpy().copy()
    F.sum(layer(np.random.default_rng(1).standard_normal((8, fan_in)).astype("float32")) ** 2).backward()
    optimizer.step()
    return scale * np.abs(weight.numpy() - before).mean() / np.sqrt(2 / fan_in)


for fan_in in (16, 1024):
    plain, equal = share_of_a_step(fan_in, False), share_of_a_step(fan_in, True)
    print(f"{fan_in:4} inputs: a step with lr 0.01 moves the weights by {plain:.1%}, equalised by {equal:.1%}")
    assert np.isclose(plain, 0.01 * np.sqrt(fan_in / 2), rtol=0.01) and np.isclose(equal, 0.01, rtol=0.01)

# %% [markdown]
# ## Warm-up
#
# The weights as they are used, for those W that the optimiser holds: of a dense layer (out, in), or of a convolution
# (out, in, height, width). c is gain/√fan_in, and fan_in is the count of products that one output is the sum of. One
# line, with NumPy.


# %%
def equalised(weight, gain):
    """gain/√fan_in · W."""
    raise Unsolved("write equalised: one line, how many numbers of W does one output meet?")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    rng = np.random.default_rng(0)
    for shape, fan_in in (((3, 50), 50), ((7, 4), 4), ((6, 5, 3, 3), 45), ((2, 8, 4, 2), 64)):
        weight = rng.standard_normal(shape)
        for gain in (1.0, np.sqrt(2), 0.25):
            found = np.asarray(equalised(weight, gain))
            assert found.shape == shape, f"weights {shape} are used as weights {shape}, yours are {found.shape}"
            times = found.ravel() @ weight.ravel() / (weight.ravel() @ weight.ravel())
            assert np.allclose(found, times * weight), "all weights of a layer are multiplied by one number"
            right = gain / np.sqrt(fan_in)
            assert np.isclose(times, right), (
                f"for weights {shape} and gain {gain:.3g} the factor is {right:.4g}, yours {times:.4g}: one output is "
                f"a sum of {fan_in} products"
            )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write attention, forward and backward, for a batch: q is (N, P, d), k (N, M, d), v (N, M, e), y (N, P, e). `forward`
# gets arrays, and must stand scores of 1000: take off each row's largest score before the exponential. `backward`
# gets dy (N, P, e), and returns dq, dk and dv. It uses Tensors: `F.matmul`, `F.softmax` (along the last axis),
# `F.sum`, arithmetic, and `F.transpose(x, (0, 2, 1))`. Begin with dv and dA, as in any product of two matrices; then
# the softmax; then dq and dk.


# %%
class Attention(mg.Function):
    """y = softmax(q kᵀ) v"""

    def forward(self, q, k, v):
        self.save_for_backward(q, k, v)
        raise Unsolved("write Attention.forward: scores, shares, the average of the values")

    def backward(self, dy):
        q, k, v = self.saved_tensors
        raise Unsolved("write Attention.backward: return dq, dk, dv")


# %% [markdown]
# ## Check
#
# In the terminal: `minigan lesson check 20`.


# %%
def check():
    """Raise unless the exercise is solved."""
    rng = np.random.default_rng(0)
    for n, p, m, d, e in ((1, 2, 3, 2, 1), (2, 4, 3, 2, 5), (3, 1, 1, 1, 2)):
        q, k, v, dy = (rng.standard_normal(shape) for shape in ((n, p, d), (n, m, d), (n, m, e), (n, p, e)))
        y = Attention()(q, k, v)
        assert y.shape == (n, p, e), f"each of {p} places gets a value of {e} numbers: {(n, p, e)}, yours {y.shape}"
        alike = Attention()(q, k, np.ones_like(v)).numpy()
        assert np.allclose(alike, 1), (
            f"if all values are 1, each place gets 1, whatever the shares; yours gets {alike.ravel()[0]:.4f}: the "
            "shares of each place, a row, must add up to 1"
        )
        right = F.matmul(F.softmax(F.matmul(q, np.swapaxes(k, 1, 2))), v).numpy()
        assert np.allclose(y.numpy(), right), (
            f"the first place gets {right[0, 0].round(4)}, yours {y.numpy()[0, 0].round(4)}: scores q kᵀ, a softmax "
            "along the last axis, times v"
        )
        with np.errstate(all="ignore"):
            large = Attention()(1000 * q, k, v).numpy()
        assert np.isfinite(large).all(), "with scores of 1000 the exponential overflows: take off each row's maximum"

        leaves = [mg.Tensor(a, requires_grad=True) for a in (q, k, v)]
        found = [g.numpy() for g in mg.grad(Attention()(*leaves), leaves, mg.Tensor(dy))]
        for name, gradient, leaf in zip("qkv", found, leaves, strict=True):
            assert gradient.shape == leaf.shape, f"d{name} has the shape {leaf.shape}, yours {gradient.shape}"
        dq, dk, dv = found
        assert np.allclose(dv.sum(axis=1), dy.sum(axis=1)), (
            "a place's shares add up to 1, so all of dy comes to the values: the sum of dv over the places is that of "
            "dy. Yours is another: is dv the product of the shares, transposed, and dy?"
        )
        assert np.allclose(dk.sum(axis=1), 0), (
            "to add one vector to all keys adds a number to each row of scores, and changes nothing: so dk summed over "
            "the places is 0. Yours is not: does each score collect from all shares of its row?"
        )
        leaves = [mg.Tensor(a, requires_grad=True) for a in (q, k, v)]
        composed = F.matmul(F.softmax(F.matmul(leaves[0], F.transpose(leaves[1], (0, 2, 1)))), leaves[2])
        for name, gradient, expected in zip("qkv", found, mg.grad(composed, leaves, mg.Tensor(dy)), strict=True):
            expected = expected.numpy()
            opposite = np.allclose(gradient, -expected) and not np.allclose(gradient, expected)
            assert not opposite, f"d{name} is right but for its sign, which is the opposite"
            assert np.allclose(gradient, expected), (
                f"d{name} begins with {expected.ravel()[0]:.4f}, yours with {gradient.ravel()[0]:.4f}"
            )
    assert_gradients(Attention(), [rng.standard_normal(s) for s in ((2, 2, 2), (2, 3, 2), (2, 3, 1))], invariants=False)


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# The fade-in, forward and backward. `forward` gets the old images (N, C, H, W) and the new ones (N, C, 2H, 2W), as
# arrays, and enlarges the old ones: each pixel becomes 2×2 equal ones. `backward` gets dy (N, C, 2H, 2W) and returns
# the gradients at both. It uses Tensors; `F.avg_pool2d(x, 2)` takes means of 2×2 pixels. self.alpha is the number α.


# %%
class FadeIn(mg.Function):
    """y = (1 − α) · enlarged old + α · new"""

    def __init__(self, alpha):
        self.alpha = alpha

    def forward(self, old, new):
        raise Unsolved("write FadeIn.forward: enlarge the old images, and blend")

    def backward(self, dy):
        raise Unsolved("write FadeIn.backward: return the gradients at the old and at the new images")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 2, 2), (2, 3, 4, 2)):
        old, new = rng.standard_normal(shape), rng.standard_normal((*shape[:2], 2 * shape[2], 2 * shape[3]))
        enlarged = np.kron(old, np.ones((2, 2)))
        for alpha in (0.0, 1.0, 0.25):
            y = FadeIn(alpha)(old, new)
            assert y.shape == new.shape, f"the blend has the new images' shape {new.shape}, yours {y.shape}"
            if alpha in (0.0, 1.0):
                right, what = (new, "new") if alpha else (enlarged, "enlarged old")
                assert np.allclose(y.numpy(), right), (
                    f"at α = {alpha:g} the blend is the {what} images alone; yours is not"
                )
            right = (1 - alpha) * enlarged + alpha * new
            assert np.allclose(y.numpy(), right), (
                f"at α = {alpha} the first pixel is {right.ravel()[0]:.4f}, yours {y.numpy().ravel()[0]:.4f}"
            )
            leaves, dy = [mg.Tensor(a, requires_grad=True) for a in (old, new)], rng.standard_normal(new.shape)
            d_old, d_new = (g.numpy() for g in mg.grad(FadeIn(alpha)(*leaves), leaves, mg.Tensor(dy)))
            assert d_old.shape == old.shape, (
                f"the gradient at the old images has their shape {old.shape}, yours {d_old.shape}"
            )
            assert np.allclose(d_new, alpha * dy), f"at α = {alpha} the new images get {alpha} times dy"
            n, c, h, w = shape
            sums = dy.reshape(n, c, h, 2, w, 2).sum(axis=(3, 5))
            assert alpha == 1 or not np.allclose(4 * d_old, (1 - alpha) * sums), (
                "the gradient at an old pixel is 4 times too small: it became four pixels, and they add up"
            )
            assert np.allclose(d_old, (1 - alpha) * sums), (
                f"at α = {alpha} an old pixel gets {1 - alpha:g} times what came to its 2×2 pixels, together: "
                f"{(1 - alpha) * sums.ravel()[0]:.4f}, yours {d_old.ravel()[0]:.4f}"
            )
    assert_gradients(FadeIn(0.25), [rng.standard_normal((1, 1, 1, 2)), rng.standard_normal((1, 1, 2, 4))])


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **A softmax along the wrong axis.** The scores are (places that ask, places that are asked). Along the first axis
# the shares of each place *that is asked* add up to 1: some places get too little of the values, others too
# much. No shape tells it, where both numbers of places are equal.

# %%
S = 3 * rng.standard_normal((6, 6))
wrong, right = F.softmax(S, axis=0).numpy(), F.softmax(S, axis=1).numpy()
print("what places get, if all values are 1: wrong", wrong.sum(axis=1).round(2), "right", right.sum(axis=1).round(2))
assert np.allclose(right.sum(axis=1), 1) and np.ptp(wrong.sum(axis=1)) > 0.5

# %% [markdown]
# **Real images that are not faded.** At α = 0 each fake consists of blocks of 2×2 equal pixels. A real digit does
# not. One number, the differences within blocks, tells all reals from all fakes, and D needs to learn nothing else.
# If reals are faded too, that number is 0 for both.


# %%
def within_blocks(images):
    """The largest difference from the mean of its block, of each image."""
    return np.abs(images - F.upsample_nearest2d(F.avg_pool2d(images, 2)).numpy()).max(axis=(1, 2, 3))


print("fakes", within_blocks(grown.numpy()), "reals", within_blocks(digits).round(2), "faded", within_blocks(coarse))
assert within_blocks(grown.numpy()).max() < 1e-6 and within_blocks(digits).min() > 0.1
assert within_blocks(coarse).max() < 1e-6

# %% [markdown]
# **α of whole numbers.** α is the images seen in this phase over those that it has. Divided as whole numbers (`//`,
# or `/` in languages where both are whole), α is 0 until the last image: the new layers learn nothing all the while,
# and then are switched on at once.

# %%
seen = np.array([0, 2000, 4000, 7999])
print("α as it should be:", seen / 8000, "and by //:", seen // 8000)
assert (seen // 8000 == 0).all() and np.allclose(seen / 8000, [0, 0.25, 0.5, 1], atol=1e-3)

# %% [markdown]
# # 10. The border
#
# **Goal.** A GAN is two networks and one chain rule. The gradient at the discriminator's input *is*
# the gradient at the generator's output: it leaves one network and enters the other, and nothing
# happens to it in between. You will carry it across by hand, let the engine do it, see what walls it
# off, what a G looks like that makes only few kinds of points, and what a discriminator without a gradient would
# teach.

# %% [markdown]
# ## Predict
#
# The generator makes points of the plane, G(z). The discriminator gives each a number, its logit: the
# higher, the more real. Before you go on, write down:
#
# 1. D is perfect, and rejects every fake with certainty. It is given as a black box that answers only
#    "real" or "fake". How far does G come with that?
# 2. In D's turn its loss also depends on the fakes, so on G's weights. What gradient do G's weights
#    get from it?
# 3. D judges the fakes, then D's optimiser steps, then G learns from the verdict. What is wrong?

# %%
import copy
import inspect

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn, optim
from minigan.algorithms import GAN
from minigan.data import Batch
from minigan.lesson import Unsolved, run_check, show
from minigan.trace import trace_step

# %% [markdown]
# ## By hand
#
# Take networks so small that every number fits on the page. G turns noise z (N, 2) into points by one
# matrix, G(z) = z Aᵀ. D gives a point x the logit l = x · w. G wants D to take its points for real, so
# it minimises the mean of −ln σ(l), which is the mean of softplus(−l).

# %%
z = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
A = np.array([[0.5, -1.0], [1.0, 0.5]])
w = np.array([2.0, -1.0])

fakes = z @ A.T
logits = fakes @ w
sigma = 1 / (1 + np.exp(-logits))

# Back through the loss: d softplus(−l) / dl = −(1 − σ(l)), over N for the mean.
at_logits = -(1 - sigma) / len(z)
# Back through D: l = x · w, so each point's gradient is w, times its logit's. This is the border.
at_border = at_logits[:, None] * w
# On through G: dA = (gradient at its output)ᵀ z, as in lesson 4.
dA = at_border.T @ z

print("∂L/∂logits", at_logits.round(4))
print("∂L/∂G(z), at the border:\n", at_border.round(4))
print("∂L/∂A:\n", dA.round(4))

# %% [markdown]
# All of it points one way: each fake is pulled along w (its gradient is a negative number times w, and G
# goes against the gradient), the harder the less real D finds it. D does not tell G "fake". It tells
# G, for every coordinate of every point, which way to move.

# %%
pulls = -at_border
assert np.allclose(pulls / np.linalg.norm(pulls, axis=1, keepdims=True), w / np.linalg.norm(w))
assert np.argmax(np.linalg.norm(pulls, axis=1)) == np.argmin(logits)

# %% [markdown]
# ## By the engine
#
# The same with Tensors. The *border* is the fakes once more, as a tensor of its own: G's output's
# memory, but a leaf, which belongs to no graph. The loss is walked back through D down to it, and
# stops. What has arrived there, `border.grad`, is handed to `fake.backward` as the cotangent of G's
# output: one line, in which the gradient crosses.

# %%
weight_G = mg.Tensor(A, requires_grad=True, name="A")
weight_D = mg.Tensor(w[None], requires_grad=True, name="w")

fake = F.dense(z, weight_G)
border = fake.detach()
border.requires_grad = True

loss_G = F.mean(F.softplus(-F.dense(border, weight_D)))
loss_G.backward()  # through D, back to its input
assert weight_G.grad is None  # nothing has come to G yet

fake.backward(border.grad)  # through G, from its output: the same numbers
assert np.allclose(border.grad.numpy(), at_border)
assert np.allclose(weight_G.grad.numpy(), dA)

# %% [markdown]
# One graph from the loss to A, without a border, gives G the same gradient to the last bit. The border
# changes nothing. It is a place to stand and look.

# %%
whole = mg.Tensor(A, requires_grad=True)
F.mean(F.softplus(-F.dense(F.dense(z, whole), weight_D.detach()))).backward()
assert (whole.grad.numpy() == weight_G.grad.numpy()).all()

# %% [markdown]
# ## The wall
#
# In D's turn the fakes are examples, no more: D is to judge them better, and G is not to be moved to
# make that easier. `detach()` is a wall: the numbers pass, the graph does not. What the gradient of D's
# loss would be at the fakes can be asked for on D's side. On G's side there is nothing, not a small
# number but no path.

# %%
weight_G.grad = weight_D.grad = None
reals = np.array([[2.0, 0.5], [1.5, -0.5], [2.5, 0.0]])
wall = F.dense(z, weight_G).detach()
wall.requires_grad = True  # only to look at what arrives here
loss_D = F.mean(F.softplus(-F.dense(reals, weight_D))) + F.mean(F.softplus(F.dense(wall, weight_D)))
loss_D.backward()

print(f"norm of ∂L_D/∂D.input at the wall: {np.linalg.norm(wall.grad.numpy()):.4f}")
print(f"what goes on into G: {weight_G.grad}")
assert np.linalg.norm(wall.grad.numpy()) > 0.5 and weight_G.grad is None
assert weight_D.grad is not None

# %% [markdown]
# ## Two networks that train
#
# Now with hidden layers, on a ring of points. This is the training step of the engine itself, the one
# that draws the digits: D's turn, then G's. (`as_border(fake)` is what you have seen above: `fake.detach()`,
# which then requires a gradient. `condition` gives labels, `penalize` terms that are added to D's loss; here
# there are none, and `packed`, `holding_u` and `weight_clip` do nothing. `name_loss` names a loss for whoever
# looks on.) Find the wall in it, and the line in which the gradient crosses:

# %%
for part in (GAN.step, GAN.discriminator_turn, GAN.generator_turn):
    print(inspect.getsource(part))

# %%
RADIUS, SECTORS = 2.0, 12


def dense_net(*sizes, slope=0.2):
    layers = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Dense(n, m), nn.LeakyReLU(slope)]
    return nn.Sequential(*layers[:-1])


def ring(n, rng):
    """Real points: (n, 2), on a circle but for a little noise."""
    angle = rng.uniform(0, 2 * np.pi, n)
    points = RADIUS * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.05 * rng.standard_normal((n, 2))
    return mg.Tensor(points.astype("float32"))


def noise(n, rng):
    return mg.Tensor(rng.standard_normal((n, 4)).astype("float32"))


def batches(rng):
    while True:
        yield Batch(x=ring(128, rng))


mg.manual_seed(1)
rng = np.random.default_rng(1)
G, D = dense_net(4, 64, 64, 2).named("G"), dense_net(2, 64, 64, 1).named("D")
G.z_dim = 4  # so many numbers of noise a point
gan = GAN(lr_G=2e-3, lr_D=2e-3, betas=(0.9, 0.999)).use(G, D)

# %% [markdown]
# How good G is can be counted here, since the ring is known: the share of 2000 fakes that lie near it, less than
# 0.2 away (the real points' own noise is 0.05), and in how many of its twelve sectors there are any of these, at
# least 1% of all. The first number is about quality, the second about diversity, and G needs both.
#
# What G makes of the same 2000 noises is kept after 200 steps, after 400, and at the end.

# %%
noises = noise(2000, np.random.default_rng(2))
moments = {}


def near_the_ring(points):
    """The share of points that are near the ring, and in how many sectors of it there are any."""
    near = points[np.abs(np.linalg.norm(points, axis=1) - RADIUS) < 0.2]
    turns = np.arctan2(near[:, 1], near[:, 0]) / (2 * np.pi) % 1
    shares = np.histogram(turns, SECTORS, (0, 1))[0] / len(points)
    return len(near) / len(points), int((shares >= 0.01).sum())


def train(steps, last=False):
    """So many more steps, the learning rate shrinking to nothing where they are the last."""
    for step in range(steps):
        for optimizer in gan.optimizers.values():
            optimizer.lr = 2e-3 * (1 - step / steps if last else 1)
        gan(batches(rng))
    done = gan.optimizers["G"].step_count
    with mg.no_grad():
        moments[done] = G(noises).numpy()
    share, sectors = near_the_ring(moments[done])
    print(f"after {done:4} steps {share:4.0%} of the fakes are near the ring, in {sectors:2} of {SECTORS} sectors")
    return share, sectors


real = near_the_ring(ring(2000, rng).numpy())
assert real[0] > 0.99 and real[1] == SECTORS  # what a perfect G would reach

train(200)
share, sectors = train(200)
assert share < 0.4 and sectors <= 6

# %% [markdown]
# ## Mode collapse
#
# This is no success. Whatever the noise, G's points lie in one streak across the plane, which meets the ring
# in few places. That G makes only few kinds of what is real is called *mode collapse* (the modes of a
# distribution are the places where it is dense; Goodfellow, 2016, section 5.1.1). No loss tells it: D
# looks at each fake by itself, and each may be good. So G loses nothing by it until D has learnt to refuse
# that place. Then all points move together to another one, D follows, and round it goes.
#
# ## Picture
#
# What the generator is told: at each fake the arrow of −∂L/∂G(z), over D's opinion of the plane. So that D's
# opinion is clear, a copy of it has two hundred turns alone first, while G stands still. It refuses
# the streak, and nothing else: the arrows lead out of the streak, to both sides.

# %%
alone = GAN(lr_D=2e-3).use(copy.deepcopy(G), copy.deepcopy(D))
for _ in range(200):
    alone.discriminator_turn(Batch(x=ring(128, rng)), G(noise(128, rng)))
critic = alone.networks["D"]

with mg.no_grad():
    believed = [F.sigmoid(critic(x)).numpy().mean() for x in (ring(2000, rng), G(noises))]
print(f"D finds points of the ring real with {believed[0]:.2f} on average, G's with {believed[1]:.2f}")
assert believed[0] > 0.65 and believed[1] < 0.4

# %% [markdown]
# Each arrow points uphill. Its length is (1 − σ) · ‖∇l‖, over N for the mean: how little D believes the
# fake, times how steep D's logit is at that place. So an arrow may be short for two reasons. D believes the
# fake, and little is left to be asked for; or the logit is flat there, and D knows no way to tell.

# %%
sides = np.linspace(-3, 3, 121, dtype="float32")
plane = np.stack(np.meshgrid(sides, sides), -1).reshape(-1, 2)
with mg.no_grad():
    opinion = F.sigmoid(critic(mg.Tensor(plane))).numpy().reshape(121, 121)

fake = G(noise(60, rng))
border = fake.detach()
border.requires_grad = True
with nn.frozen(critic):
    F.mean(F.softplus(-critic(border))).backward()
points, arrows = fake.numpy(), -border.grad.numpy()

belief = F.sigmoid(critic(border)).numpy()[:, 0]
(slopes,) = mg.grad(F.sum(critic(border)), [border])  # ∇l of each point: no point's logit depends on another
steepness = np.linalg.norm(slopes.numpy(), axis=1)
assert np.allclose(np.linalg.norm(arrows, axis=1), (1 - belief) * steepness / 60, rtol=1e-4)

figure, ax = plt.subplots(figsize=(7, 5.6), layout="constrained")
filled = ax.contourf(sides, sides, opinion, levels=np.linspace(0, 1, 11), cmap="Purples_r")
figure.colorbar(filled, label="σ(D(x)): how real D finds the place")
ax.scatter(*ring(300, rng).numpy().T, s=8, color="black", label="real points", linewidths=0)
ax.quiver(*points.T, *arrows.T, color="#f16913", width=0.005, label="−∂L/∂G(z), at the border")
ax.scatter(*points.T, s=22, color="#f16913", edgecolor="black", linewidth=0.6, label="fakes")
ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", title="What the gradient tells each fake: which way to go")
ax.set(xlabel="first coordinate", ylabel="second coordinate")
ax.legend(loc="lower right", fontsize=8, framealpha=0.9)
show(figure, "10_the_border")

# %% [markdown]
# ## To the end
#
# With these networks it passes. D comes to know the whole ring, and G's points spread out along it. For the
# rest of the training the learning rate shrinks to nothing, as in lesson 1, so that the players come to rest.
# (With images, where nobody can count sectors, collapse may stay. So one looks at many samples side by side, and
# counts what can be counted: how many classes there are among them, how different they are from each other.)

# %%
share, sectors = train(1600, last=True)
assert share > 0.85 and sectors == SECTORS

figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained", sharex=True, sharey=True)
for ax, (step, points) in zip(axes, moments.items(), strict=True):
    ax.scatter(*ring(500, rng).numpy().T, s=8, color="black", label="real points", linewidths=0)
    ax.scatter(*points[:500].T, s=8, color="#f16913", label="fakes", linewidths=0)
    ax.set(title=f"after {step} steps", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), aspect="equal")
    ax.set_xlabel("first coordinate")
axes[0].set_ylabel("second coordinate")
axes[0].legend(loc="lower left", fontsize=8)
show(figure, "10_mode_collapse")

# %% [markdown]
# Now G is about as good as D, which finds the ring hardly more real than the fakes. One more step, written down:
# what leaves D's input enters G's output, number for number, and what comes to the wall goes no further.

# %%
with mg.no_grad():
    believed = [F.sigmoid(D(x)).numpy().mean() for x in (ring(2000, rng), G(noises))]
print(f"D finds points of the ring real with {believed[0]:.2f} on average, G's with {believed[1]:.2f}")
assert abs(believed[0] - believed[1]) < 0.1

trace = trace_step(gan, batches(rng))
for gradient in trace.border_gradients:
    if gradient.kind == "carried":
        print(f"norm of ∂L/∂D.input    {gradient.at_input.norm:.6f}")
        print(f"norm of ∂L/∂G.output   {gradient.at_output.norm:.6f}")
        print(f"max|difference|        {gradient.difference}")
        assert gradient.difference == 0.0
    else:
        print(f"at the wall: norm {gradient.at_input.norm:.6f} on D's side, {gradient.norm_into} into G")
        assert gradient.norm_into == 0.0

# %% [markdown]
# ## A discriminator without a gradient
#
# Let D answer "real" or "fake" and nothing between: 1 where its logit is above 0, else 0. Its verdicts
# are as right as before. But a step has the slope 0 wherever it has one, so what comes to the border is
# 0 for every fake: G's gradient is exactly 0, and it stays where it is, however long the training. The
# same holds for any D made of counting, ranking or looking up. (Sorted numbers do have a gradient, that
# of the numbers they are, in another order; their ranks have none.) G does not learn from verdicts, but from
# how they would change.


# %%
class Verdict(mg.Function):
    """y = 1 where x > 0, else 0        dx = 0: the slope of a step, wherever it has one"""

    def forward(self, x):
        return (x > 0).astype(x.dtype)

    def backward(self, dy):
        return dy * 0.0


z = noise(64, rng)
fake = G(z)
border = fake.detach()
border.requires_grad = True
F.mean(1.0 - Verdict()(D(border))).backward()  # the share of fakes that were found out
print(f"norm of the gradient at the border: {np.linalg.norm(border.grad.numpy())}")
assert not border.grad.numpy().any()

# %% [markdown]
# ## See it in a network of convolutions
#
# The same trace of networks that draw digits, frame by frame: `minigan trace --model quick28 --text` in the
# terminal, and `minigan trace --model quick28 --html step.html` as a page for the browser. Go to the frame
# "The door". (In dcgan28 both players step at once, from one verdict: there the gradient arrives at the
# door, waits until D's own gradients are made, and goes on.)

# %% [markdown]
# ## Warm-up
#
# In the first form of the game G minimises the mean of ln(1 − σ(l)), which is the mean of −softplus(l) (lesson 1). What
# gradient does that start with, at each of the N logits? One line, with NumPy.


# %%
def minimax_at_logits(logits):
    """The gradient of the mean of −softplus(l) at each logit, for an array of them."""
    raise Unsolved("write minimax_at_logits: one line, the slope of a softplus is σ")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    for n in (5, 2):
        logits = np.random.default_rng(n).standard_normal(n)
        leaf = mg.Tensor(logits, requires_grad=True)
        (right,) = (g.numpy() for g in mg.grad(F.mean(-F.softplus(leaf)), [leaf]))
        found = np.asarray(minimax_at_logits(logits))
        assert found.shape == right.shape, f"a number for each logit: the shape {right.shape}, yours has {found.shape}"
        assert not np.allclose(found, -right), (
            "the sign: a larger logit makes this loss smaller, so its slope is negative"
        )
        assert not np.allclose(found, n * right), f"{n} times too large: it is the slope of a mean over {n}"
        assert np.allclose(found, right), (
            f"at l = {logits[0]:.3f}, one of {n}, it is {right[0]:.4f}, yours {found[0]:.4f}"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Who stands at the border can do more than look. Write the generator's half of a step in which no fake is
# pulled harder than `limit`: where a fake's gradient at the border is longer, it is shortened to that length
# before it goes on into G; all others cross as they came. D must come out of it untouched: no gradient in
# its weights, and each requiring one as before. G's weights may still hold gradients of an earlier turn.
# Return what went on into G, as a NumPy array.


# %%
def generator_turn(G, D, z, opt_G, limit):
    """One step of G against D, for the loss mean softplus(−D(G(z))); returns what crossed, an array (N, 2)."""
    raise Unsolved("write generator_turn: fake, border, loss, back to the border, shorten, on through G, a step")


# %% [markdown]
# ## Check
#
# In the terminal: `minigan lesson check 10`.


# %%
def flat(arrays):
    """All their numbers in one row."""
    return np.concatenate([np.ravel(a) for a in arrays])


def compare(found, right, what, or_else):
    """Raise, with the likely reason, unless two arrays are equal but for rounding."""
    found, right = flat(found), flat(right)
    times = found @ right / (right @ right)
    assert times > 0, f"{what} has the wrong sign: −D(border) in the softplus?"
    if np.allclose(found, times * right, atol=1e-4 * abs(found).max()):
        assert times < 1.001, f"{what} is {times:.3g} times too large: a sum, where a mean is asked for?"
        assert times > 0.999, f"{what} is {1 / times:.3g} times too small: one mean too many?"
    else:
        raise AssertionError(f"{what} is another: {or_else}")


class Counted(nn.Module):
    """A network that writes down at each call whether it is in training mode."""

    def __init__(self, *sizes):
        super().__init__()
        self.network, self.calls = dense_net(*sizes), []

    def forward(self, x):
        self.calls.append(self.training)
        return self.network(x)


def check():
    """Raise unless the exercise is solved."""
    for n in (3, 17):
        mg.manual_seed(n)
        rng = np.random.default_rng(n)
        G, D = Counted(4, 8, 2).named("G"), Counted(2, 8, 1).named("D")
        opt_G = optim.SGD(G.parameters(), 0.1)
        left = [rng.standard_normal(p.shape).astype("float32") for p in G.parameters()]
        for p, gradient in zip(G.parameters(), left, strict=True):
            p.grad = mg.Tensor(gradient)  # as an earlier turn would leave it
        check_turn(noise(n, rng), G, D, opt_G, left, no_limit=True)
        check_turn(noise(n, rng), G, D, opt_G, left, no_limit=False)


def check_turn(z, G, D, opt_G, left, no_limit):
    """One turn of the generator, and whether all is as it should be after it."""
    fake = G(z)
    seen = fake.detach()
    seen.requires_grad = True
    (at_border,) = (g.numpy() for g in mg.grad(F.mean(F.softplus(-D(seen))), [seen]))
    lengths = np.linalg.norm(at_border, axis=1, keepdims=True)
    limit = np.inf if no_limit else float(np.median(lengths))
    crossing = np.where(lengths > limit, at_border / lengths * limit, at_border)
    right = mg.grad(fake, G.parameters(), mg.Tensor(crossing))
    before_G, before_D = ([p.numpy().copy() for p in network.parameters()] for network in (G, D))
    G.calls.clear(), D.calls.clear()
    steps = []
    opt_G.register_step_pre_hook(lambda *_: steps.append(all(p.grad is not None for p in G.parameters())))

    crossed = generator_turn(G, D, z, opt_G, limit)

    assert isinstance(crossed, np.ndarray), f"return an array (.numpy()), not a {type(crossed).__name__}"
    assert crossed.shape == (len(z), 2), f"what crosses has the shape of the fakes, {(len(z), 2)}, not {crossed.shape}"
    if no_limit:
        or_else = "is the loss mean softplus(−D(border)), for this D and this z?"
        compare([crossed], [at_border], "the gradient at the border", or_else)
    else:
        longest = np.linalg.norm(crossed, axis=1).max()
        assert longest < 1.00001 * limit, f"a fake is pulled with {longest:.3g}, though the limit is {limit:.3g}"
        assert np.allclose(crossed, crossing, atol=1e-4 * limit), "shorten each fake's own, and none below the limit"
    for p in D.parameters():
        assert p.grad is None, f"{p.name} got a gradient: freeze D while G learns (nn.frozen)"
        assert p.requires_grad, f"{p.name} is frozen still: D could not learn in its next turn"
    assert (flat(before_D) == flat(p.numpy() for p in D.parameters())).all(), "D's weights changed: this is G's turn"
    for name, network in (("G", G), ("D", D)):
        assert len(network.calls) == 1, (
            f"{name} was called {len(network.calls)} times, not once: that is work for nothing, and with batch "
            "normalisation each further call counts in its running statistics"
        )
        modes = {*network.calls, *(module.training for module in network.modules())}
        assert modes == {True}, f"{name} was put in eval mode: both networks are in training, and must stay so"

    step = (flat(before_G) - flat(p.numpy() for p in G.parameters())) / 0.1
    right = flat(g.numpy() for g in right)
    assert step.any(), "G did not move: opt_G.step()? fake.backward(border.grad)?"
    assert steps == [True], (
        f"opt_G made {sum(steps)} steps with gradients in G's weights, not one: only opt_G.step() should move them, "
        "since it may be another optimiser than this one, plain gradient descent"
    )
    too_much = np.allclose(step, right + flat(left), atol=1e-3)
    assert not too_much, "G also went along what an earlier turn had left in .grad: opt_G.zero_grad()?"
    compare([step], [right], "G's step", "did what you return go on into G?")


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# A G may face several discriminators, which look at it in different ways (Durugkar et al., 2017).
# Its loss is the mean of theirs, each mean softplus(−Dₖ(G(z))). Write G's half of the step, with
# one border for all. G is called once, so is each discriminator, and none gets a gradient.


# %%
def turn_against_several(G, Ds, z, opt_G):
    """One step of G against a list of discriminators; returns what crossed the border, an array (N, 2)."""
    raise Unsolved("write turn_against_several: one border, the mean of their losses, on through G, a step")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    for count in (1, 3):
        mg.manual_seed(count)
        rng = np.random.default_rng(count)
        G, Ds = Counted(4, 8, 2).named("G"), [Counted(2, 8, 1).named(f"D{k}") for k in range(count)]
        opt_G, z = optim.SGD(G.parameters(), 0.1), noise(6, rng)
        for p in G.parameters():
            p.grad = mg.Tensor(np.ones(p.shape, "float32"))  # as an earlier turn would leave it
        fake = G(z)
        seen = fake.detach()
        seen.requires_grad = True
        each = [mg.grad(F.mean(F.softplus(-D(seen))), [seen])[0].numpy() for D in Ds]
        right = mg.grad(fake, G.parameters(), mg.Tensor(np.mean(each, axis=0)))
        before = [p.numpy().copy() for p in G.parameters()]
        for network in (G, *Ds):
            network.calls.clear()
        crossed = turn_against_several(G, Ds, z, opt_G)
        assert isinstance(crossed, np.ndarray), f"return an array (.numpy()), not a {type(crossed).__name__}"
        alone = count > 1 and any(np.allclose(crossed, one, atol=1e-6) for one in each)
        assert not alone, "what crossed is what one discriminator says, though there are three"
        compare([crossed], [np.mean(each, axis=0)], "the gradient at the border", "is it the mean of all their losses?")
        for network in (G, *Ds):
            called = len(network.calls)
            assert called == 1, f"a network was called {called} times, not once: one fake, one border, one verdict each"
        for D in Ds:
            assert all(p.grad is None for p in D.parameters()), "a discriminator got a gradient: freeze them all"
            assert all(p.requires_grad for p in D.parameters()), "a discriminator is frozen still"
        step = (flat(before) - flat(p.numpy() for p in G.parameters())) / 0.1
        assert step.any(), "G did not move: fake.backward(border.grad)? opt_G.step()?"
        compare([step], [flat(g.numpy() for g in right)], "G's step", "was something left in .grad?")


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **A stale verdict.** D judges the fakes, D's optimiser steps, and then G learns from the old verdict. The
# backward pass would multiply gradients with weights that are no longer those of the forward pass: a mixture
# that is the derivative of nothing. So this engine counts every change of a tensor, as PyTorch's does, and
# refuses to go back through one that has changed since it was used.

# %%
weight = D.parameters()[0]
fake = G(noise(8, rng))
verdict = D(fake)
used = weight.version
F.mean(F.softplus(D(fake.detach()))).backward()
gan.optimizers["D"].step()  # D has changed since it judged
print(f"{weight.name} was used after {used} changes, and now has {weight.version}")
assert weight.version == used + 1
try:
    F.mean(F.softplus(-verdict)).backward()
except mg.StaleTensorError as error:
    print(error)
    assert "Adam" in str(error) and "D." in str(error)
else:
    raise AssertionError("a stale verdict was used")

# %% [markdown]
# **A wall in G's turn.** With `D(fake.detach())` where the door should be, the loss looks as it should, and
# G gets no gradient at all: the engine says so as soon as one is asked for.

# %%
loss = F.mean(F.softplus(-D(G(noise(8, rng)).detach())))
try:
    mg.grad(loss, G.parameters())
except mg.GraphError as error:
    print(error)
    assert "detached" in str(error)

# %% [markdown]
# **D not frozen.** The gradient for G is the same, but D's weights get one too: work for nothing, and worse,
# it is added to what D's next turn finds, unless somebody clears it first. Frozen, its products are not made:


# %%
class Products:
    """An observer that counts the products made for weights' gradients."""

    count = 0

    def after_forward(self, node, inputs, outputs):
        self.count += node.name == "DenseWeightGrad"

    def after_backward(self, node, cotangents, gradients):
        pass


def weight_products(frozen):
    D.zero_grad()
    border = G(noise(8, rng)).detach()
    border.requires_grad = True
    counter = Products()
    with mg.observe(counter), nn.frozen(*[D] * frozen):
        F.mean(F.softplus(-D(border))).backward()
    return counter.count


print("products for D's weights, not frozen and frozen:", weight_products(False), weight_products(True))
assert (weight_products(False), weight_products(True)) == (3, 0)
D.zero_grad()

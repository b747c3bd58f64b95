# %% [markdown]
# # 16. Spectral norm
#
# **Goal.** A discriminator may be as steep as it likes, and then its generator is told next to nothing under minimax,
# and is thrown about under other losses (lesson 13). Spectral norm (Miyato et al., 2018) bounds D's slope by 1, layer
# by layer: each weight matrix is divided by the most that it can stretch a vector. You will compute that number
# cheaply, divide by it as the engine does, and take the gradient through the division.

# %% [markdown]
# ## Predict
#
# A matrix W takes vectors of length 1 to vectors of other lengths. Its *spectral norm* σ(W) is the largest of these
# lengths. Before you go on, write down:
#
# 1. σ of W = [[3, 0], [4, 5]]. Is it 5, is it more, is it less than 8?
# 2. three layers have the spectral norms 2, 3 and 1, with LeakyReLU between. How steep can the network be at most? Is
#    it as steep somewhere?
# 3. a discriminator is nowhere steeper than 1, and the fakes lie 4 away from the real points. By how much can its
#    logits differ? What probability of being real does it give a fake then, if real points and fakes are treated alike?
# 4. W is divided by σ(W) before it is used. Now all of W is doubled. How does the loss change, and so what is the
#    gradient's part along W?

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn, objectives, optim
from minigan.lesson import Unsolved, run_check, show
from minigan.nn import SpectralNorm, with_spectral_norm

# %% [markdown]
# ## How far a matrix stretches
#
# The vector x = (1, 1)/√2 has the length 1. W makes (3, 9)/√2 of it, of length √(90/2) = √45 = 6.708. No other vector
# of length 1 becomes longer. So σ = √45, and the two directions that belong to it are v = (1, 1)/√2, where it comes
# from, and u = (1, 3)/√10, where it goes: W v = σ u. At right angles to v W stretches least, by √5. These are the
# *singular values* of W, and NumPy's SVD finds them all, at a cost that grows as the cube of the size.

# %%
W = np.array([[3.0, 0.0], [4.0, 5.0]])
v, u = np.array([1, 1]) / np.sqrt(2), np.array([1, 3]) / np.sqrt(10)
assert np.allclose(W @ v, math.sqrt(45) * u) and f"{math.sqrt(45):.3f}" == "6.708"
assert np.allclose(np.linalg.svd(W, compute_uv=False), [math.sqrt(45), math.sqrt(5)])

angles = np.linspace(0, 2 * np.pi, 721)
circle = np.stack([np.cos(angles), np.sin(angles)])
lengths = np.linalg.norm(W @ circle, axis=0)
print(f"lengths of W x on the circle: from {lengths.min():.3f} to {lengths.max():.3f}")
assert math.isclose(lengths.max(), math.sqrt(45)) and math.isclose(lengths.min(), math.sqrt(5))

# %% [markdown]
# ## Power iteration
#
# Only the largest is needed, and it can be had cheaply. Take any u, and multiply it by Wᵀ, then by W, then again by
# Wᵀ, and so on, each time shortened to length 1. In each round the part along the largest direction grows by σ₁², all
# others by σ₂² at most. So the wrong part of the direction shrinks by (σ₂/σ₁)² a round, here 5/45 = 1/9. The estimate
# of σ, which is the length of W v, is largest at the true v, so it errs by the square only: 1/81 a round.
#
# The engine's layer `SpectralNorm` makes one such round at each call in training, and keeps u for the next. Below, u
# begins at (1, 0), and the layer's σ is read off its output: the identity goes in, Wᵀ/σ comes out.


# %%
def sigma_used(layer):
    """The σ by which a SpectralNorm of a Dense layer without bias divides, at a call of it."""
    W = layer.module.weight.numpy()
    return np.linalg.norm(W) / np.linalg.norm(layer(mg.Tensor(np.eye(W.shape[1], dtype=W.dtype))).numpy())


layer = SpectralNorm(nn.Dense(2, 2, bias=False)).to(dtype="float64")
layer.module.weight.copy_(W)
layer.u.copy_(np.array([1.0, 0.0]))
directions, estimates = [layer.u.numpy().copy()], []
for _ in range(5):
    estimates.append(sigma_used(layer))
    directions.append(layer.u.numpy().copy())
errors = math.sqrt(45) - np.array(estimates)
for k, (estimate, error) in enumerate(zip(estimates, errors, strict=True), 1):
    print(f"round {k}: σ is {estimate:.6f}, too small by {error:.1e}")

assert math.isclose(estimates[0], 5, rel_tol=1e-9) and (errors > 0).all()
assert abs(errors[3] / errors[2] * 81 - 1) < 0.02  # from round to round
assert np.allclose(directions[-1], u, atol=1e-3)

# %% [markdown]
# One round a call is enough only because u is kept. A training step changes W a little, and u was nearly right for the
# W before. Here is a 64×64 matrix, whose largest two singular values are close, so that power iteration is slow.
# It moves at each call. With a u that is kept, σ is right within 10% from the tenth call on. With a new random u at
# each call it is 20% to 40% too small on average, for good.

# %%
followed = {"kept": [], "drawn anew": []}
for seed in range(3):
    mg.manual_seed(seed)
    rng = np.random.default_rng(seed)
    layer = SpectralNorm(nn.Dense(64, 64, bias=False))
    layer.module.weight.copy_((rng.standard_normal((64, 64)) / 8).astype("float32"))
    shares = {name: [] for name in followed}
    for _ in range(40):
        moving = layer.module.weight.numpy()
        true = np.linalg.svd(moving, compute_uv=False)[0]
        shares["kept"].append(sigma_used(layer) / true)
        anew = SpectralNorm(layer.module)  # draws a u of its own
        shares["drawn anew"].append(sigma_used(anew) / true)
        layer.module.weight.copy_(moving + (0.002 * rng.standard_normal((64, 64))).astype("float32"))
    for name in followed:
        followed[name].append(shares[name])
for name, found in followed.items():
    print(
        f"u {name:<11}: σ / true σ from call 10 on, three matrices:", np.mean(np.array(found)[:, 9:], axis=1).round(3)
    )
assert np.min(np.array(followed["kept"])[:, 9:]) > 0.9 and np.max(followed["kept"]) < 1.001
assert all(0.6 < np.mean(found) < 0.8 for found in followed["drawn anew"])

# %% [markdown]
# ## A network's slope
#
# A slope of a composition is a product of slopes. A dense layer's is its W, whose bias does not matter. LeakyReLU's is
# 1 or less. So no network can be steeper than the product of its layers' spectral norms (Miyato et al., 2018, section
# 2.1): of 2, 3 and 1 at most 6. It is a bound, which is reached only if each layer's longest output points along the
# next layer's v. If each W is divided by its σ, the product is 1.
#
# Two discriminators learn to tell points around (2, 0) from fakes around (−2, 0), 300 turns alone, over three seeds.
# One is plain, one has spectral norm in each layer.

# %%
PLAIN, SPECTRAL = "plain", "spectral norm"


def points(n, at, rng):
    """n points near (at, 0)."""
    return mg.Tensor((np.array([at, 0.0]) + 0.3 * rng.standard_normal((n, 2))).astype("float32"))


def trained(kind, seed, turns=300):
    """A discriminator after so many turns alone, in evaluation mode."""
    mg.manual_seed(seed)
    rng = np.random.default_rng(seed)
    D = nn.Sequential(nn.Dense(2, 24), nn.LeakyReLU(0.2), nn.Dense(24, 24), nn.LeakyReLU(0.2), nn.Dense(24, 1))
    D = with_spectral_norm(D) if kind == SPECTRAL else D
    optimizer, objective = optim.Adam(D.parameters(), lr=2e-3), objectives.NonSaturating()
    for _ in range(turns):
        loss = objective.discriminator_loss(D(points(48, 2, rng)), D(points(48, -2, rng)))
        D.zero_grad()
        loss.backward()
        optimizer.step()
    return D.eval()


def slopes(D, x):
    """‖∇D‖ at each point."""
    leaf = mg.Tensor(x, requires_grad=True)
    return np.linalg.norm(mg.grad(F.sum(D(leaf)), [leaf])[0].numpy(), axis=1)


def layer_norms(D):
    """σ of each matrix as it is used, by the SVD: a layer turns the identity into Wᵀ/σ, and its bias."""
    dense = [part for part in D if isinstance(part, (SpectralNorm, nn.Dense))]
    inputs = [getattr(part, "module", part).weight.shape[1] for part in dense]
    used = [
        part(mg.Tensor(np.eye(n, dtype="float32"))) - part(mg.Tensor(np.zeros((1, n), "float32")))
        for part, n in zip(dense, inputs, strict=True)
    ]
    return [np.linalg.svd(matrix.numpy(), compute_uv=False)[0] for matrix in used]


discriminators = {kind: [trained(kind, seed) for seed in range(3)] for kind in (PLAIN, SPECTRAL)}
rng = np.random.default_rng(0)
plane = rng.uniform(-4, 4, (2000, 2)).astype("float32")
real, fake = points(500, 2, rng), points(500, -2, rng)
steepest, gaps = {}, {}
for kind, Ds in discriminators.items():
    steepest[kind], bounds = [slopes(D, plane).max() for D in Ds], [np.prod(layer_norms(D)) for D in Ds]
    with mg.no_grad():
        gaps[kind] = [(F.mean(D(real)) - F.mean(D(fake))).item() for D in Ds]
    for bound, steep, gap in zip(bounds, steepest[kind], gaps[kind], strict=True):
        print(f"{kind:<13} product of norms {bound:5.2f}, steepest {steep:5.2f}, logits {gap:5.2f} apart")
    assert all(steep < bound * 1.001 for steep, bound in zip(steepest[kind], bounds, strict=True))
    assert kind == PLAIN or np.allclose(bounds, 1, atol=0.02)

# %% [markdown]
# The plain D is steeper than 4, and below its bound, which is above 8. Its logits lie more than 12 apart. The one with
# spectral norm is nowhere steeper than 1.02, so over a way of 4 its logits can rise by little more than 4. They do: by
# 3.5 to 4.1, nearly all that is allowed. Its logits are then about 2 and −2, and for a fake it says σ(−2) = 0.12.
#
# That decides what G hears. With the loss of the first paper, ln(1 − σ(l)), the gradient at a fake is σ(l) times the
# slope (lesson 6). The plain D is steep and says nearly 0; the product is more than 20 times smaller than that of the
# other D, which is flat and leaves a doubt.

# %%
pulls = {}
for kind, Ds in discriminators.items():
    pulls[kind] = []
    for D in Ds:
        border = mg.Tensor(fake.numpy(), requires_grad=True)
        with nn.frozen(D):
            objectives.Minimax().generator_loss(D(border)).backward()
        pulls[kind].append(np.linalg.norm(border.grad.numpy(), axis=1).sum())  # the loss is a mean: so is this
    print(f"{kind:<13} mean pull at a fake, minimax loss:", ", ".join(f"{pull:.5f}" for pull in pulls[kind]))

assert min(steepest[PLAIN]) > 4 and min(gaps[PLAIN]) > 12
assert all(np.prod(layer_norms(D)) > 8 for D in discriminators[PLAIN])

assert max(steepest[SPECTRAL]) < 1.02 and 3.5 < min(gaps[SPECTRAL]) and max(gaps[SPECTRAL]) < 4.1
assert round(1 / (1 + math.exp(2)), 2) == 0.12
assert min(pulls[SPECTRAL]) > 20 * max(pulls[PLAIN])

# %% [markdown]
# ## The gradient of σ
#
# D's weights learn through the division, and σ depends on W too. How does σ = uᵀ W v change when W does? u and v move
# as well, but that does not count: σ is the largest value that uᵀ W v has for vectors of length 1, so at u and v it is
# flat in both. What is left is
#
#     dσ = uᵀ (dW) v,    so ∂σ/∂W = u vᵀ
#
# the outer product, as the differences below say. The engine therefore holds u and v constant. What that means for
# W/σ, in which W stands twice, is the stretch. One thing can be seen before it: a W that is twice as long gives the
# same W/σ. So the loss does not change along W, and the gradient is at right angles to W. Plain gradient descent makes
# W longer with every step, and never shorter.

# %%
h, numeric = 1e-6, np.zeros((2, 2))
for i in range(2):
    for j in range(2):
        change = np.zeros((2, 2))
        change[i, j] = h
        plus, minus = (np.linalg.svd(W + sign * change, compute_uv=False)[0] for sign in (1, -1))
        numeric[i, j] = (plus - minus) / (2 * h)
print("∂σ/∂W by differences:\n", numeric.round(4), "\nu vᵀ:\n", np.outer(u, v).round(4))
assert np.allclose(numeric, np.outer(u, v), atol=1e-7)

mg.manual_seed(0)
layer, rng = SpectralNorm(nn.Dense(4, 3, bias=False)).to(dtype="float64"), np.random.default_rng(0)
weight = layer.module.weight
optimizer, lengths = optim.SGD(layer.parameters(), lr=0.5), [np.linalg.norm(weight.numpy())]
for _ in range(20):
    weight.grad = None
    F.mean((layer(rng.standard_normal((8, 4))) - 1.0) ** 2).backward()
    gradient = weight.grad.numpy()
    assert abs((weight.numpy() * gradient).sum()) < 1e-12
    expected = math.hypot(lengths[-1], 0.5 * np.linalg.norm(gradient))  # Pythagoras
    optimizer.step()
    lengths.append(np.linalg.norm(weight.numpy()))
    assert math.isclose(lengths[-1], expected)
print(f"the length of W: {lengths[0]:.3f} at first, {lengths[-1]:.3f} after 20 steps")
assert (np.diff(lengths) > 0).all()

# %% [markdown]
# ## Picture

# %%
ORANGE, VIOLET, GREY = "#e66101", "#5e3c99", "#555555"
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.5, 4.2), layout="constrained")
left.plot(*circle, color=GREY, linewidth=1, label="x of length 1")
left.plot(*(W @ circle), color=VIOLET, linewidth=1.8, label="W x")
for (x, y), name, place in [(v, "v", (4, -12)), (math.sqrt(45) * u, "σ u", (8, 4))]:
    left.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": ORANGE, "linewidth": 1.8})
    left.annotate(name, (x, y), place, textcoords="offset points", color="#a84900")
left.set(title="A circle becomes an ellipse", aspect="equal", xlim=(-8.5, 6.5), ylim=(-7.5, 8.5))
left.set(xlabel="first number", ylabel="second number")
left.legend(frameon=False, loc="upper left", fontsize=9)
rounds = np.arange(1, len(errors) + 1)
middle.semilogy(rounds, errors, "o-", color=VIOLET, label="too small by")
middle.semilogy(rounds[1:], errors[1] / 81.0 ** (rounds[1:] - 2), "--", color=GREY, label="1/81 a round")
middle.set(title="Power iteration: the error of σ", xlabel="round", ylabel="√45 − estimate", xticks=rounds)
middle.legend(frameon=False)
line = np.stack([np.linspace(-4, 4, 201), np.zeros(201)], 1).astype("float32")
for (kind, Ds), colour, dashes in zip(discriminators.items(), (ORANGE, VIOLET), ((0, (5, 1.5)), "-"), strict=True):
    for k, D in enumerate(Ds):
        with mg.no_grad():
            heights = D(mg.Tensor(line)).numpy()[:, 0]
        label = kind if k == 0 else None
        right.plot(line[:, 0], heights, color=colour, linestyle=dashes, linewidth=1.6, label=label)
for at, name in ((-2, "fakes"), (2, "real points")):
    right.axvspan(at - 0.6, at + 0.6, color="0.92", zorder=0)
    right.annotate(name, (at, 0.02), xycoords=("data", "axes fraction"), ha="center", color=GREY)
right.set(title="D's logit along a line, three seeds", xlabel="first coordinate", ylabel="logit")
right.legend(frameon=False, loc="upper left")
for ax in (left, middle, right):
    ax.spines[["top", "right"]].set_visible(False)
show(figure, "16_spectral_norm")

# %% [markdown]
# ## Warm-up
#
# One round of power iteration, as it was described in words: u is multiplied by Wᵀ and shortened to length 1, which
# gives v; v is multiplied by W and shortened, which gives the next u. W is (out, in), u is (out,). Return both.


# %%
def power_round(W, u):
    """(v, the next u), both of length 1."""
    raise Unsolved("write power_round: v from u, then u from v, each shortened to length 1")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    rng = np.random.default_rng(0)
    for shape in [(5, 3), (2, 2), (3, 7)]:
        W, u = rng.standard_normal(shape), rng.standard_normal(shape[0])
        found = power_round(W.copy(), u.copy())
        assert isinstance(found, tuple | list) and len(found) == 2, "return two vectors, v and the next u"
        v, after = map(np.asarray, found)
        assert v.shape == (shape[1],) and after.shape == (shape[0],), (
            f"for W of shape {shape} v has {shape[1]} numbers and u {shape[0]}; yours have the shapes {v.shape} and "
            f"{after.shape}: v = Wᵀu comes first"
        )
        for name, vector in (("v", v), ("u", after)):
            length = np.linalg.norm(vector)
            assert math.isclose(length, 1, abs_tol=1e-9), (
                f"{name} should have the length 1, yours has {length:.4g}: divide by the root of the sum of squares"
            )
        assert math.isclose(abs(v @ (W.T @ u)), np.linalg.norm(W.T @ u)), "v does not point along Wᵀu"
        assert v @ (W.T @ u) > 0 and after @ (W @ v) > 0, "one of them points the opposite way: check the signs"
        assert math.isclose(after @ (W @ v), np.linalg.norm(W @ v)), (
            "the next u does not point along W v: take the v that you have just made"
        )
    W, u = rng.standard_normal((4, 6)), rng.standard_normal(4)
    for _ in range(300):
        v, u = power_round(W, u)
    assert math.isclose(u @ W @ v, np.linalg.svd(W, compute_uv=False)[0]), "300 rounds do not lead to the largest σ"


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Now the layer's part, with NumPy. The weight has its outputs on the first axis, and then any axes: (out, in) of a
# dense layer, (out, in, height, width) of a kernel. Seen as a matrix (out, rest), it is divided by σ = uᵀ W v. The
# engine's convention, which is yours too:
#
# - v comes from the u that was kept, in training and in evaluation;
# - in training the next u is made from v, it is kept, and σ is computed with it;
# - in evaluation u stays as it was, so that two calls give the same.
#
# Return the weight divided, in its own shape, and the u to keep. Neither argument may be changed. The warm-up's
# function is yours to use.


# %%
def normalised(weight, u, training):
    """(weight / σ, the u to keep): one round of power iteration in training, none in evaluation."""
    raise Unsolved("write normalised: a matrix (out, rest), v, u if training, σ, and the weight divided by it")


# %% [markdown]
# ## Check
#
# Yours is compared with the engine's layers, dense and convolutional, call after call, in training and in
# evaluation. In the terminal: `minigan lesson check 16`.


# %%
def check():
    """Raise unless the exercise is solved."""
    rng = np.random.default_rng(0)
    for shape in [(3, 5), (6, 2), (4, 3, 2, 2), (2, 1, 3, 3)]:
        weight, u = rng.standard_normal(shape), rng.standard_normal(shape[0])
        u /= np.linalg.norm(u)
        matrix = weight.reshape(shape[0], -1)

        def asked(weight, u, training, shape=shape):
            given = weight.copy(), u.copy()
            found = normalised(*given, training)
            assert isinstance(found, tuple | list) and len(found) == 2, "return two arrays: the weight divided, and u"
            assert np.array_equal(given[0], weight), "the weight itself was changed: divide a copy, not in place"
            assert np.array_equal(given[1], u), "the u it was given was changed: return the next one"
            divided, after = map(np.asarray, found)
            assert divided.shape == shape, f"the shape stays {shape}, yours is {divided.shape}"
            assert after.shape == u.shape, f"u has {shape[0]} numbers, yours has the shape {after.shape}"
            ratio = weight / divided
            assert np.allclose(ratio, ratio.flat[0]), "the whole weight is divided by one number, yours by several"
            return ratio.flat[0], after

        engine = SpectralNorm(nn.Dense(matrix.shape[1], shape[0], bias=False)).to(dtype="float64")
        engine.module.weight.copy_(matrix)
        engine.u.copy_(u)
        in_evaluation = sigma_used(engine.eval())
        in_training = sigma_used(engine.train())
        for training, right, kept in ((True, in_training, engine.u.numpy()), (False, in_evaluation, u)):
            what = f"a weight of shape {shape} in {'training' if training else 'evaluation'}"
            sigma, found = asked(weight, u, training)
            singular = np.linalg.svd(matrix, compute_uv=False)
            wrong = {
                "it is the largest singular value itself: exact, but not from the u that was kept": singular[0],
                "it is the root of the sum of squares, not the most that W stretches": np.linalg.norm(matrix),
                "it is σ²: divide by σ, once": right**2,
                "it is 1/σ: the weight is divided, not multiplied": 1 / right,
                "u stays as it was in evaluation": in_training,
                "σ is computed with the next u": in_evaluation,
            }
            for why, mistake in wrong.items():
                assert math.isclose(sigma, right) or not math.isclose(sigma, mistake, rel_tol=1e-6), f"{what}: {why}"
            assert math.isclose(sigma, right), f"{what} is divided by {right:.5f}, yours by {sigma:.5f}"
            assert np.allclose(found, kept), (
                f"{what}: the u to keep is W v, shortened to length 1" if training else f"{what}: u stays as it was"
            )
    mg.manual_seed(0)
    for layer, given in [
        (nn.Dense(5, 3, bias=False), (1, 5)), (nn.Conv2d(2, 4, 3, 1, 1, bias=False), (1, 2, 5, 5)),
    ]:  # fmt: skip
        layer = SpectralNorm(layer).to(dtype="float64")
        weight, u, x = layer.module.weight.numpy().copy(), layer.u.numpy().copy(), rng.standard_normal(given)
        for training in (True, True, False, True):
            layer.train(training)
            divided, u = normalised(weight, u, training)
            mine = F.dense(x, divided) if weight.ndim == 2 else F.conv2d(x, divided, padding=1)
            assert np.allclose(layer(x).numpy(), mine.numpy()), (
                "over several calls it departs from the engine's layer: is the u that you return the next one?"
            )


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# The gradient. W̄ = W/σ was used, and dW̄, the gradient of the loss at W̄, has come back, of W's shape (out, in). What
# is the gradient at W? σ = uᵀ W v, and u and v are constant. Use ∂σ/∂W = u vᵀ and the quotient's rule: W stands in the
# numerator, entry by entry, and in σ, which divides all entries. Write it on paper first, for one entry of W. It must
# be at right angles to W.


# %%
def through_sigma(d_divided, W, u, v):
    """The loss' gradient at W, where d_divided is its gradient at W/σ, with σ = uᵀ W v."""
    raise Unsolved("write through_sigma: the part through the numerator, and the part through σ")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    rng = np.random.default_rng(0)
    for shape in [(2, 2), (3, 5), (6, 4)]:
        W, dy = rng.standard_normal(shape), rng.standard_normal(shape)
        left, values, right = np.linalg.svd(W)
        for u, v, exact in (
            (left[:, 0], right[0], True), (left[:, :2] @ [0.8, 0.6], right[:2].T @ [0.8, 0.6], False),
        ):  # fmt: skip
            sigma = u @ W @ v
            numeric, h = np.zeros(shape), 1e-5
            for place in np.ndindex(shape):
                change = np.zeros(shape)
                change[place] = h
                plus, minus = (((W + s * change) / (u @ (W + s * change) @ v) * dy).sum() for s in (1, -1))
                numeric[place] = (plus - minus) / (2 * h)
            found = np.asarray(through_sigma(dy.copy(), W.copy(), u.copy(), v.copy()))
            assert found.shape == shape, f"a gradient has the shape of W, {shape}; yours has {found.shape}"
            wrong = {
                "this is the part through the numerator alone: σ depends on W too": dy / sigma,
                "the part through σ has the wrong sign: a larger σ makes W/σ smaller": 2 * dy / sigma - numeric,
                "the division by σ was forgotten": numeric * sigma,
                "one division by σ too many": numeric / sigma,
            }
            for why, mistake in wrong.items():
                assert np.allclose(found, numeric, atol=1e-6) or not np.allclose(found, mistake, atol=1e-6), why
            along = (found * W).sum() / np.linalg.norm(W) ** 2
            assert abs(along) < 1e-6, (
                f"a longer W gives the same W/σ, so the gradient is at right angles to W; yours has {along:.3g} W in it"
            )
            assert np.allclose(found, numeric, atol=1e-6), (
                f"at right angles to W, and still not what differences give, for W of shape {shape}: through σ goes "
                "one number, the sum of dW̄ · W/σ² over all entries, and it is passed on to u vᵀ"
                if exact else "it is right for the exact u and v, and not for others: use u, W and v as they are given"
            )  # fmt: skip


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **σ held constant.** If the gradient is not taken through σ, it also has a part along W, where the loss does not
# change at all: the next division undoes that part of the step. Here it is more than half of the wrong gradient's
# length. The right gradient has no such part.

# %%
mg.manual_seed(1)
layer, x = (
    SpectralNorm(nn.Dense(4, 3, bias=False)).to(dtype="float64"),
    np.random.default_rng(1).standard_normal((8, 4)),
)
layer.eval()
weight = layer.module.weight
sigma = sigma_used(layer)
(through,) = (g.numpy() for g in mg.grad(F.mean((layer(x) - 1.0) ** 2), [weight]))
(constant,) = (g.numpy() for g in mg.grad(F.mean((F.dense(x, weight / sigma) - 1.0) ** 2), [weight]))
for name, gradient in (("through σ", through), ("σ constant", constant)):
    along = (gradient * weight.numpy()).sum() / np.linalg.norm(weight.numpy())
    print(f"{name}: length {np.linalg.norm(gradient):.3f}, along W {along:.3f}")
assert abs((through * weight.numpy()).sum()) < 1e-12
assert abs((constant * weight.numpy()).sum()) > 0.5 * np.linalg.norm(constant) * np.linalg.norm(weight.numpy())

# %% [markdown]
# **A kernel's matrix is not the convolution.** Seen as a matrix (out, rest), a 3×3 kernel of nine times 1/3 has the
# norm 1. But the convolution adds up nine pixels: on an image that is 1 everywhere it gives 9/3 = 3. So a convolution
# with spectral norm may be steeper than 1, by 3 at most for 3×3 and stride 1, and the bound of a network of them is
# larger than 1. Miyato et al. divide by the matrix' norm all the same, and so does the engine.

# %%
kernel = SpectralNorm(nn.Conv2d(1, 1, 3, 1, 1, bias=False))
kernel.module.weight.copy_(np.full((1, 1, 3, 3), 5.0, "float32"))
flat = kernel(mg.Tensor(np.ones((1, 1, 9, 9), "float32"))).numpy()[0, 0]
print(f"an image of 1 becomes {flat[4, 4]:.3f} inside")
assert np.allclose(flat[1:-1, 1:-1], 3)

# %% [markdown]
# **A call more.** Each call in training is a round, so two calls on the same x differ, and a loss that asks D twice in
# a step would mix two σ. The engine's step makes one round a turn of D, at D(x), and holds u for D(G(z)) and for G's
# turn (`nn.holding_u`, `nn.frozen`). In evaluation nothing moves.

# %%
mg.manual_seed(2)
layer, x = SpectralNorm(nn.Dense(8, 8)), mg.Tensor(np.ones((1, 8), "float32"))
first, second = layer(x).numpy(), layer(x).numpy()
with nn.holding_u(layer):
    third, fourth = layer(x).numpy(), layer(x).numpy()
print(f"two calls differ by {np.abs(first - second).max():.3f}, with u held by {np.abs(third - fourth).max():.3f}")
assert not np.allclose(first, second, rtol=1e-3) and (third == fourth).all()

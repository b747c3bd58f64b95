# %% [markdown]
# # 12. The DCGAN, one rule at a time
#
# **Goal.** Radford et al. (2016) found by trial what a GAN of convolutions needs, and gave it as five rules. Put
# together, they are the DCGAN. You will build it, small, for digits of 28×28 pixels, take one rule away at a time,
# and see what can be told at once by numbers that need no training, which rule's absence shows in a short training
# with every seed, which does not, and what a single run is worth.

# %% [markdown]
# ## Predict
#
# The rules (their section 3): strided convolutions in place of pooling; batch normalisation in both networks; no
# hidden dense layers; ReLU in G, and tanh at its end; leaky ReLU in D. All weights begin as N(0, 0.02²). Before you
# go on, write down:
#
# 1. How many times weaker is the gradient that comes to G's first layer at the beginning, if there is no batch
#    normalisation?
# 2. A max-pooling of 2×2 takes the largest of four. What share of the places that it looks at get a gradient?
# 3. D ends in 16 maps of 7×7. It gets one hidden dense layer of 64. How many times more weights has it then?
# 4. Batch normalisation is taken away. Will it be seen after 120 steps, with each of three seeds? And which of
#    the other rules will be missed?

# %%
import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.algorithms import GAN
from minigan.data import Batch, load_mnist
from minigan.lesson import Unsolved, run_check, show
from minigan.metrics import digit_features, digit_probabilities, frechet_distance
from minigan.models.base import normal_init

WIDTH, Z = 8, 32  # maps of the finest layers, and numbers of noise

# %% [markdown]
# ## Put together
#
# G goes from a noise of 1×1 to 7×7, 14×14 and 28×28 by transposed convolutions (lesson 8), D the same way back by
# strided ones (lesson 7). A layer before a batch normalisation has no bias: it would be taken out again (lesson 9).
# G's last layer and D's first have no normalisation: "directly applying batchnorm to all layers" made samples
# oscillate, they write. Each rule can be left out by an option.


# %%
def generator(norm=True, activation=nn.ReLU, tanh=True):
    """z (N, 32) → images (N, 1, 28, 28)."""

    def block(before, after, *geometry):
        layers = [nn.ConvTranspose2d(before, after, *geometry, bias=not norm)]
        return [*layers, *([nn.BatchNorm(after)] if norm else []), activation()]

    G = nn.Sequential(
        nn.Reshape(Z, 1, 1),
        *block(Z, 2 * WIDTH, 7),  # 7×7
        *block(2 * WIDTH, WIDTH, 4, 2, 1),  # 14×14
        nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1),  # 28×28
        *([nn.Tanh()] if tanh else []),
    )
    G.apply(normal_init)  # N(0, 0.02²) for every weight of a convolution or dense layer
    G.z_dim = Z
    return G


def discriminator(norm=True, activation=lambda: nn.LeakyReLU(0.2), pooling=False, hidden=0):
    """Images (N, 1, 28, 28) → logits (N, 1)."""

    def block(before, after, norm):
        geometry, pool = ((3, 1, 1), [nn.MaxPool2d(2)]) if pooling else ((4, 2, 1), [])
        conv = nn.Conv2d(before, after, *geometry, bias=not norm)
        return [conv, *([nn.BatchNorm(after)] if norm else []), activation(), *pool]

    end = [nn.Conv2d(2 * WIDTH, 1, 7), nn.Flatten()]
    if hidden:
        end = [nn.Flatten(), nn.Dense(2 * WIDTH * 49, hidden), activation(), nn.Dense(hidden, 1)]
    D = nn.Sequential(*block(1, WIDTH, False), *block(WIDTH, 2 * WIDTH, norm), *end)
    D.apply(normal_init)
    return D


rng = np.random.default_rng(0)
noise = mg.Tensor(rng.standard_normal((64, Z)).astype("float32"))
mg.manual_seed(0)
G, D = generator(), discriminator()
print(G, D, sep="\n")
assert G(noise).shape == (64, 1, 28, 28) and D(G(noise)).shape == (64, 1)

# %% [markdown]
# ## Batch normalisation: seen at the first step
#
# A weight of deviation 0.02 makes small numbers of its input, three layers of them very small ones, and on the way
# back the gradient shrinks as much again. A batch normalisation gives each layer the deviation 1 anew. Here is how
# strong the gradient is that comes to the border, and to G's first layer, before anything is learned:

# %%
digits = load_mnist()


def real(n, rng):
    """n digits, scaled to [−1, 1] by the data set."""
    return digits[rng.integers(len(digits), size=n)].x


def at_the_beginning(seed, norm):
    """The fakes' deviation, the norm of the gradient at the border and at G's first weights, D's largest logit."""
    mg.manual_seed(seed)
    G, D = generator(norm), discriminator(norm)
    fake = G(noise)
    border = fake.detach()
    border.requires_grad = True
    F.mean(F.softplus(-D(border))).backward()
    fake.backward(border.grad)
    norms = [np.linalg.norm(g.numpy()) for g in (border.grad, G.parameters()[0].grad)]
    return fake.numpy().std(), *norms, np.abs(D(mg.Tensor(real(64, np.random.default_rng(0)))).numpy()).max()


for seed in range(3):
    with_norm, without = (at_the_beginning(seed, norm) for norm in (True, False))
    for name, (deviation, at_border, at_first, largest) in (("with", with_norm), ("without", without)):
        name = f"seed {seed}, {name:7}"
        print(f"{name}: images ± {deviation:.4f}, border {at_border:.4f}, first layer {at_first:.6f}, D {largest:.4f}")
    assert with_norm[1] > 100 * without[1] and with_norm[2] > 5000 * without[2] and without[3] < 0.02

# %% [markdown]
# At the border it is more than 100 times weaker without, at G's first layer more than 5000 times. Adam does not mind
# a factor (lesson 11). But 64 real digits, too, have logits within 0.02 of 0: such a D says nearly the same of all
# images.
#
# ## Strides or pooling
#
# Max-pooling takes the largest of four numbers. Back through it, that one gets the gradient, and three of four get
# none: of D's opinion of a place, G hears only where D was looking. A strided convolution passes something to every
# place, and learns what.

# %%
x = mg.Tensor(rng.standard_normal((2, 3, 8, 8)), requires_grad=True)
(through_pool,) = mg.grad(F.max_pool2d(x, 2), [x], mg.Tensor(np.ones((2, 3, 4, 4))))
conv = nn.Conv2d(3, 3, 4, 2, 1).to(dtype="float64")
(through_stride,) = mg.grad(conv(x), [x], mg.Tensor(np.ones((2, 3, 4, 4))))
reached = [(gradient.numpy() != 0).mean() for gradient in (through_pool, through_stride)]
print(f"places with a gradient: through pooling {reached[0]:.0%}, through a stride {reached[1]:.0%}")
assert reached == [0.25, 1.0]

# %% [markdown]
# ## No hidden dense layers
#
# D's 16 maps of 7×7 are 784 numbers. A convolution as large as the map makes one logit of them, with 784 weights. A
# hidden dense layer of 64 numbers has 50,176 weights, many more than all the rest.


# %%
def count(network):
    return sum(p.size for p in network.parameters())


plain, dense = count(discriminator()), count(discriminator(hidden=64))
print(f"weights of D: {plain} without a hidden dense layer, {dense} with one, {dense / plain:.1f} times as many")
assert (plain, dense) == (3001, 52521) and 2 * WIDTH * 49 * 64 == 50_176 and round(dense / plain, 1) == 17.5

# %% [markdown]
# ## ReLU, leaky ReLU, tanh
#
# A ReLU is flat left of 0 and lets no gradient pass there. G's gradient has gone through D first. So D has *leaky*
# ReLUs, whose slope is 0.2 there: every place passes something on. At G's end stands a tanh, which holds images in
# [−1, 1], where the real ones are scaled to. The paper says that with a bounded end the model learned sooner to
# saturate, and to cover the colours of the training images.

# %%
for name, layer in (("ReLU", nn.ReLU()), ("leaky ReLU", nn.LeakyReLU(0.2))):
    x = mg.Tensor(rng.standard_normal(10_000), requires_grad=True)
    (slope,) = mg.grad(layer(x), [x], mg.Tensor(np.ones(10_000)))
    passed = (slope.numpy() != 0).mean()
    print(f"{name}: of 10,000 numbers around 0, {passed:.1%} pass a gradient on")
    assert passed == 1 if name == "leaky ReLU" else abs(passed - 0.5) < 0.03

# %% [markdown]
# ## Trained
#
# 120 steps of 16 digits with all five rules, three seeds; then the same with each rule taken away, one at a time. The
# fakes are read by the package's digit classifier. Their Fréchet distance (lower is better) compares its features of
# 500 fakes with those of 500 real digits.

# %%
REAL_FEATURES = digit_features(real(500, np.random.default_rng(7)))


def trained(seed, steps=120, *, of_G=None, of_D=None):
    """500 fakes, after some steps."""
    mg.manual_seed(seed)
    rng = np.random.default_rng(seed)
    gan = GAN(lr_G=2e-3, lr_D=5e-4, betas=(0.5, 0.999)).use(generator(**of_G or {}), discriminator(**of_D or {}))

    def batches():
        while True:
            yield Batch(x=mg.Tensor(real(16, rng)))

    endless = batches()
    for _ in range(steps):
        gan(endless)
    z = np.random.default_rng(3).standard_normal((500, Z)).astype("float32")
    with mg.no_grad():
        return np.clip(gan.networks["G"](mg.Tensor(z)).numpy(), -1, 1)


def distance(fakes):
    return frechet_distance(digit_features(fakes), REAL_FEATURES)


VARIANTS = {
    "all five rules": {},
    "no batch normalisation": {"of_G": {"norm": False}, "of_D": {"norm": False}},
    "max-pooling in D": {"of_D": {"pooling": True}},
    "hidden dense layer in D": {"of_D": {"hidden": 64}},
    "ReLU in D": {"of_D": {"activation": nn.ReLU}},
    "no tanh in G": {"of_G": {"tanh": False}},
}
sheets = {name: [trained(seed, **options) for seed in range(3)] for name, options in VARIANTS.items()}
distances = {name: np.array([distance(fakes) for fakes in several]) for name, several in sheets.items()}
for name, found in distances.items():
    kinds = [len(set(digit_probabilities(fakes).argmax(axis=1))) for fakes in sheets[name]]
    print(f"{name:24} Fréchet distance", *(f"{each:6.1f}" for each in found), f"  read as {kinds} kinds of digits")
full = distances["all five rules"]
assert full.max() < 80 and (distances["no batch normalisation"] > 2 * full).all()

# %% [markdown]
# Without batch normalisation the distance is more than twice as large, with each seed. No other rule is missed like
# that: without it the median of the three seeds stays below twice the median with all five rules. And somewhere among
# these runs there is one, without a rule, that is better than another with all five. Who runs each once, and happens on
# such a pair, has "shown" that the rule does harm.
#
# So a single run proves nothing, neither that a rule matters nor that it is idle, and three seeds prove it for this
# training only. The rules were found on networks of more layers, for images of 64×64, in far longer trainings. So what
# a short run does not show may still be there, and what a paper advises may not matter for you: only a comparison over
# seeds can tell.

# %%
others = np.array([distances[name] for name in list(VARIANTS)[2:]])
assert (np.median(others, axis=1) < 2 * np.median(full)).all()
assert others.min() < full.max()

# %% [markdown]
# ## Picture
#
# Real digits, and what G draws after 120 steps of 16 digits, with seed 0. Which rows have strokes, if not yet digits?

# %%
rows = {"real digits": real(12, np.random.default_rng(1))}
rows |= {name: several[0] for name, several in sheets.items()}
figure, axes = plt.subplots(len(rows), 1, figsize=(8, 5.2), layout="constrained")
for ax, (name, images) in zip(axes, rows.items(), strict=True):
    ax.imshow(np.hstack([image[0] for image in images[:12]]), cmap="gray", vmin=-1, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
show(figure, "12_the_dcgan")

# %% [markdown]
# `minigan train --model dcgan28` trains a DCGAN of digits at full size, and `--model dcgan64` that of the paper.
#
# ## Warm-up
#
# Real images come as whole numbers from 0 to 255 (uint8). G's tanh draws from −1 to 1. Scale the real ones, so that 0
# becomes −1 and 255 becomes 1, as float32. One line, with NumPy. (Mind what uint8 does beyond 255.)


# %%
def scaled(images):
    """Images of bytes as float32 in [−1, 1]."""
    raise Unsolved("write scaled: one line, first as floats, then a straight line through (0, −1) and (255, 1)")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    images = np.arange(256, dtype=np.uint8).reshape(2, 1, 8, 16)
    found = scaled(images)
    assert getattr(found, "dtype", None) == np.float32, f"return float32, not {getattr(found, 'dtype', type(found))}"
    assert found.shape == images.shape, f"the shape stays {images.shape}, yours is {found.shape}"
    flat = found.ravel()
    assert not np.allclose(flat, np.arange(256) / 255, atol=1e-3), "yours are in [0, 1]: G's tanh draws in [−1, 1]"
    assert np.isclose(flat[0], -1, atol=1e-6), f"0, black, becomes −1, by yours {flat[0]:.4f}"
    assert np.isclose(flat[255], 1, atol=1e-6), f"255, white, becomes 1, by yours {flat[255]:.4f}"
    for value in (64, 128, 200):
        right = np.interp(value, [0, 255], [-1, 1])
        assert np.isclose(flat[value], right, atol=1e-6), (
            f"{value} becomes {right:.4f}, by yours {flat[value]:.4f}: a straight line, computed with floats?"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# The weights that a DCGAN begins with. Go through a network, whatever it is made of, and set in place: weights of
# every `nn.Conv2d`, `nn.ConvTranspose2d` and `nn.Dense` from N(0, 0.02²), their biases (where they have one: `.bias`
# may be None) to 0; γ of every `nn.BatchNorm` (its `.weight`) from N(1, 0.02²), β (its `.bias`) to 0.
# `nn.init.normal_(tensor, mean, deviation)` and `nn.init.zeros_(tensor)` set a tensor; `network.modules()` is all
# that is in it, however deep.


# %%
def dcgan_init(network):
    """Set all weights of a network as a DCGAN's begin."""
    raise Unsolved("write dcgan_init: a loop over the modules, two kinds of them")


# %% [markdown]
# ## Check
#
# In the terminal: `minigan lesson check 12`.


# %%
def check():
    """Raise unless the exercise is solved."""
    mg.manual_seed(0)
    kinds = {
        "a Conv2d": nn.Conv2d(20, 40, 4),
        "a ConvTranspose2d": nn.ConvTranspose2d(40, 20, 4),
        "a Dense": nn.Dense(90, 80),
        "a BatchNorm": nn.BatchNorm(4000),
        "a Conv2d without bias": nn.Conv2d(20, 30, 5, bias=False),
    }
    first, *others = kinds.values()
    network = nn.Sequential(first, nn.ReLU(), nn.Sequential(others[0], nn.Sequential(*others[1:])))
    for p in network.parameters():
        p.copy_(np.full(p.shape, 7.0, "float32"))
    kinds["a BatchNorm"].running_mean.copy_(np.full(4000, 3.0, "float32"))
    dcgan_init(network)
    assert (kinds["a BatchNorm"].running_mean.numpy() == 3.0).all(), "the running statistics are no weights: leave them"
    for name, layer in kinds.items():
        weight, bias = layer.weight.numpy(), None if layer.bias is None else layer.bias.numpy()
        assert not (weight == 7).all(), (
            f"the weights of {name} were left as they were; it may lie within another module"
        )
        mean = 1.0 if name == "a BatchNorm" else 0.0
        assert abs(weight.mean() - mean) < 0.002, (
            f"the weights of {name} have the mean {weight.mean():.3f}, and should have {mean:g}"
            + (": γ near 0 would multiply all that comes by next to nothing" if mean else "")
        )
        assert abs(weight.std() - 0.02) < 0.002, (
            f"the weights of {name} have the deviation {weight.std():.4f}, and should have 0.02 (0.02² is the variance)"
        )
        assert np.abs(weight - mean).max() > 0.06, (
            f"of the {weight.size} weights of {name} none is more than three deviations from {mean:g}: a normal "
            "distribution has a few out there, a uniform one none"
        )
        assert bias is None or not bias.any(), f"the bias of {name} should be 0, it begins with {bias[:2]}"


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# A friend's GAN does not learn. Which of the rules does it break? Look through both networks, and return a set of
# those of these names that apply:
#
# - `"pooling"`: there is an `nn.MaxPool2d` or `nn.AvgPool2d` in G or D;
# - `"normalisation"`: one of the two has no `nn.BatchNorm` at all;
# - `"hidden dense"`: one of the two, taken alone, has two `nn.Dense` layers or more;
# - `"G's activations"`: there is an `nn.LeakyReLU` or `nn.Sigmoid` in G, or its last module is no `nn.Tanh`;
# - `"D's activations"`: there is an `nn.ReLU`, `nn.Tanh` or `nn.Sigmoid` in D.
#
# isinstance(module, nn.X) tells whether a module is an nn.X.


# %%
def broken_rules(G, D):
    """The set of the names of all rules that the two break."""
    raise Unsolved("write broken_rules: the modules of both, and five questions")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    leaky = lambda: nn.LeakyReLU(0.2)  # noqa: E731
    averaging = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), leaky(), nn.BatchNorm(4), nn.AvgPool2d(14), nn.Flatten())
    dense_G = nn.Sequential(
        nn.Dense(Z, 8), nn.BatchNorm(8), nn.ReLU(), nn.Dense(8, 784), nn.Reshape(1, 28, 28), nn.Tanh()
    )
    one_dense = nn.Sequential(nn.Dense(Z, Z), *generator())
    dense_end = nn.Sequential(*list(discriminator())[:-2], nn.Flatten(), nn.Dense(2 * WIDTH * 49, 1))
    cases = {
        "a DCGAN": ({}, {}, set()),
        "G without normalisation": ({"norm": False}, {}, {"normalisation"}),
        "D without normalisation": ({}, {"norm": False}, {"normalisation"}),
        "D with max-pooling": ({}, {"pooling": True}, {"pooling"}),
        "D with average pooling": ({}, averaging, {"pooling"}),
        "D with a hidden dense layer": ({}, {"hidden": 16}, {"hidden dense"}),
        "G of dense layers": (dense_G, {}, {"hidden dense"}),
        "a DCGAN that begins and ends with a dense layer": (one_dense, dense_end, set()),
        "G with average pooling": (nn.Sequential(nn.AvgPool2d(1), *generator()), {}, {"pooling"}),
        "G without tanh": ({"tanh": False}, {}, {"G's activations"}),
        "G with a tanh before its last module": (nn.Sequential(*generator(), nn.Flatten()), {}, {"G's activations"}),
        "G with a sigmoid": (nn.Sequential(nn.Sigmoid(), *generator()), {}, {"G's activations"}),
        "G with leaky ReLU": ({"activation": leaky}, {}, {"G's activations"}),
        "D with ReLU": ({}, {"activation": nn.ReLU}, {"D's activations"}),
        "D with tanh": ({}, {"activation": nn.Tanh}, {"D's activations"}),
        "D with a sigmoid at its end": ({}, nn.Sequential(*discriminator(), nn.Sigmoid()), {"D's activations"}),
        "two that break three rules": (
            {"activation": leaky, "norm": False},
            {"pooling": True, "norm": False},
            {"pooling", "normalisation", "G's activations"},
        ),
    }
    for name, (of_G, of_D, right) in cases.items():
        G = generator(**of_G) if isinstance(of_G, dict) else of_G
        D = discriminator(**of_D) if isinstance(of_D, dict) else of_D
        found = broken_rules(G, D)
        assert isinstance(found, set), f"return a set of names, not a {type(found).__name__}"
        assert not right - found, f"{name}: it breaks {sorted(right - found)}, which yours does not find"
        assert not found - right, f"{name}: yours finds {sorted(found - right)}, which it does not break"


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **Real images in [0, 1].** No real digit has a number below 0, but each image of a fresh G has. D tells all fakes from
# all real digits by their smallest pixel, and needs to know nothing of digits for that.

# %%
for seed in range(3):
    mg.manual_seed(seed)
    with mg.no_grad():
        smallest = generator()(noise).numpy().min(axis=(1, 2, 3))
    bytes_over_255 = real(64, np.random.default_rng(seed)) / 2 + 0.5
    print(f"the smallest pixel: of fakes at most {smallest.max():.3f}, of reals at least {bytes_over_255.min():.3f}")
    assert smallest.max() < 0 <= bytes_over_255.min()

# %% [markdown]
# **γ from N(0, 0.02²).** One loop that draws *all* weights from N(0, 0.02²) draws γ too. Then each normalisation is
# followed by a factor next to 0, and the gradient at G's first layer becomes more than 1000 times weaker: less than ten
# times as strong as without any normalisation.

# %%
for seed in range(3):
    mg.manual_seed(seed)
    G, D = generator(), discriminator()
    for network in (G, D):
        for module in network.modules():
            if isinstance(module, nn.BatchNorm):
                nn.init.normal_(module.weight, 0.0, 0.02)
    F.mean(F.softplus(-D(G(noise)))).backward()
    found = np.linalg.norm(G.parameters()[0].grad.numpy())
    right, without = (at_the_beginning(seed, norm)[2] for norm in (True, False))
    print(f"gradient at G's first layer: {found:.2g}; with γ at 1 {right:.2g}, without normalisation {without:.2g}")
    assert found < right / 1000 and found < 10 * without

# %% [markdown]
# **A bias before a batch normalisation.** It is added, and taken out again with the mean. Its gradient is 0 but for
# rounding: a weight that never learns, and that Adam, dividing rounding by rounding, moves about all the same.

# %%
for seed in range(3):
    conv, norm = nn.Conv2d(1, 4, 4, 2, 1), nn.BatchNorm(4)
    x = mg.Tensor(real(16, np.random.default_rng(seed)))
    F.sum(F.leaky_relu(norm(conv(x)), 0.2) * rng.standard_normal((16, 4, 14, 14)).astype("float32")).backward()
    of_weight, of_bias = (np.abs(p.grad.numpy()).max() for p in (conv.weight, conv.bias))
    print(f"largest gradient: of a weight {of_weight:.3g}, of a bias {of_bias:.3g}")
    assert of_bias < 1e-3 * of_weight

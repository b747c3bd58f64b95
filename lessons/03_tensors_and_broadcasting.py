# %% [markdown]
# # 3. Tensors and broadcasting
#
# **Goal.** A network's numbers come in blocks, and small blocks meet large ones: one bias for a
# whole batch of samples. Broadcasting repeats the small one. On the way back the repeats have to
# become one again, by a sum. At the end you write that sum, for any two shapes.

# %% [markdown]
# ## Predict
#
# A column c of shape (3, 1) and a row r of shape (1, 4) are added: y = c + r. Before you go on,
# write down:
#
# 1. the shape of y, and how often the first number of c is used in it;
# 2. the gradient of that number, if the loss is the sum of all of y; and if it is the mean of all
#    of y;
# 3. the shape of a (3, 4) block plus one of shape (3,), if there is one.

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan import functions as F
from minigan.functions.arithmetic import Mul
from minigan.functions.manipulation import BroadcastTo, SumTo
from minigan.lesson import Unsolved, run_check, show
from minigan.testing import GradientError, gradcheck
from minigan.testing.random_inputs import broadcastable_shapes

# %% [markdown]
# ## A block of numbers
#
# A *tensor* is a block of numbers with a *shape*, the lengths of its axes: () is a single number,
# (3,) a list, (3, 4) a table of 3 rows and 4 columns, (N, C, H, W) a batch of N images with C
# colours, H rows and W columns. A minigan Tensor holds an array (`.data`), and remembers how it was
# made, as the nodes of lesson 2 do. Its gradient has its shape: one cotangent (how much the loss
# changes when this number does) for each number.

# %%
t = mg.Tensor(np.arange(12.0).reshape(3, 4), requires_grad=True, name="t")
print(t)
F.sum(t * t).backward()
assert t.shape == t.grad.shape == (3, 4)
assert (t.grad.numpy() == 2 * t.numpy()).all()  # the slope of t² is 2t

# %% [markdown]
# Numbers take room, and time: a float64 has 8 bytes and keeps 15 digits, a float32 has 4 and keeps
# 6. Networks train in float32. It stays so: a Python number never widens it, and two tensors that
# differ are an error, where NumPy would change over to float64 without a word.

# %%
narrow = mg.Tensor(np.ones(3, dtype=np.float32))
assert (narrow * 2.5 + 1).dtype == np.float32
assert mg.Tensor([1.0, 2.0]).dtype == np.float32  # from Python's numbers, too
assert (np.ones(3, dtype=np.float32) * np.ones(3)).dtype == np.float64  # NumPy
assert np.finfo(np.float64).precision == 15 and np.finfo(np.float32).precision == 6
assert np.float64(1).nbytes == 8 and np.float32(1).nbytes == 4

try:
    narrow * mg.Tensor(np.ones(3))
except TypeError as error:
    print(error)
else:
    raise AssertionError("float32 and float64 met without a word")

# %% [markdown]
# ## Broadcasting
#
# Two shapes that differ are laid one below the other, flush right. Where one has no axis, or one of
# length 1, it is repeated to the other's length. If two lengths differ and neither is 1, there is
# an error.
#
#     c            3 1          block        3 4          block        3 4
#     r            1 4          bias           4          list           3
#     c + r        3 4          sum          3 4          sum          error

# %%
c = mg.Tensor(np.array([[10.0], [20.0], [30.0]]), requires_grad=True, name="c")
r = mg.Tensor(np.array([[1.0, 2.0, 3.0, 4.0]]), requires_grad=True, name="r")
y = c + r
print(y.numpy())
assert y.shape == (3, 4) and y.numpy()[1, 2] == 20 + 3
assert F.add(t, np.ones(4)).shape == (3, 4)

try:
    t + np.ones(3)
except ValueError as error:
    print(error)
else:
    raise AssertionError("(3, 4) and (3,) met")

# %% [markdown]
# To repeat, nothing is copied. `np.broadcast_to` gives a *view*: other shape, same memory. Its stride
# along the repeated axis, how many bytes further the next number is, is 0. So four numbers of the
# repeated block are one number of the column. To change that one is to change all four. Only the sum,
# y, is twelve numbers of its own.

# %%
column = np.array([[10.0], [20.0], [30.0]])
repeated = np.broadcast_to(column, (3, 4))
print("strides in bytes:", repeated.strides)
assert repeated.strides == (8, 0) and np.shares_memory(repeated, column)

column[0] = 99
assert (repeated[0] == 99).all()
assert not np.shares_memory(y.numpy(), c.numpy()) and 0 not in y.numpy().strides

# %% [markdown]
# ## The gradient
#
# Lesson 2 said: where a number was used more than once, add. Each number of c was used four times,
# so its gradient is the sum of four cotangents, along its row. Each number of r was used three
# times: the sum along its column. With a loss that is the sum of all of y, every cotangent is 1:

# %%
F.sum(c + r).backward()
print("dc:", c.grad.numpy().tolist(), " dr:", r.grad.numpy().tolist())
assert c.grad.numpy().tolist() == [[4], [4], [4]] and r.grad.numpy().tolist() == [[3, 3, 3, 3]]

# %% [markdown]
# A mean is a sum over N, and carries 1/N back. y has N = 12 numbers, so each cotangent is 1/12, and
# the gradients are 4/12 and 3/12. A loss that is a mean has gradients that do not grow with the
# batch.

# %%
dc, dr = mg.grad(F.mean(c + r), [c, r])
print("of the mean, dc:", dc.numpy().ravel().round(4), " dr:", dr.numpy().ravel())
assert np.allclose(dc.numpy(), 4 / 12) and np.allclose(dr.numpy(), 3 / 12)

# %% [markdown]
# ## Two that belong together
#
# In the engine this sum is `sum_to(dy, shape)`: sum over all axes along which `shape` was repeated.
# A product's backward is the product rule, and then this sum, which does nothing where nothing was
# repeated:

# %%
print(inspect.getsource(Mul.backward))

# %% [markdown]
# `broadcast_to` and `sum_to` are each other's backward pass: a repeat goes back as a sum, a sum as
# a repeat.

# %%
for kind in (BroadcastTo, SumTo):
    print(f"{kind.__name__}, {kind.__doc__.splitlines()[0]}", inspect.getsource(kind.backward), sep="\n")

# %% [markdown]
# The word for it is *transpose*. Written as matrices, one is the other with rows and columns
# exchanged. There is a test for this that needs no matrix, with dot products ⟨a, b⟩ = Σ aᵢ bᵢ. For
# any x and y:
#
#     ⟨broadcast_to(x), y⟩ = ⟨x, sum_to(y)⟩
#
# Every backward pass of a linear function is its transpose, and this *dot-product test* finds it
# out if it is not.


# %%
def dot(a, b):
    """⟨a, b⟩: all numbers of one with those of the other, multiplied and added up."""
    assert a.shape == b.shape
    return float((a * b).sum())


rng = np.random.default_rng(0)
for small, large in [((3, 1), (3, 4)), ((4,), (3, 4)), ((), (3, 4)), ((2, 1, 4), (5, 2, 3, 4))]:
    x, y = rng.standard_normal(small), rng.standard_normal(large)
    there, back = F.broadcast_to(x, large).numpy(), F.sum_to(y, small).numpy()
    print(f"{small!s:>9} and {large!s:<12}  {dot(there, y):9.6f} = {dot(x, back):9.6f}")
    assert np.isclose(dot(there, y), dot(x, back))

# As a matrix: the column of 1s and 0s for each number of x says where it goes.
matrix = np.stack([F.broadcast_to(e.reshape(3, 1), (3, 4)).numpy().ravel() for e in np.eye(3)], axis=1)
transposed = np.stack([F.sum_to(e.reshape(3, 4), (3, 1)).numpy().ravel() for e in np.eye(12)], axis=1)
assert matrix.shape == (12, 3) and (transposed == matrix.T).all()

# %% [markdown]
# ## Picture
#
# On the left, forward: the column and the row are repeated. On the right, backward: a cotangent has
# come for each of the twelve sums, and the arrows add them up, along the rows for c, along the
# columns for r.

# %%
c, r = np.array([[10], [20], [30]]), np.array([[1, 2, 3, 4]])
dy = np.array([[1, 0, -2, 3], [2, -1, 0, 1], [-3, 1, 1, -2]])
tensors = [mg.Tensor(a.astype(float), requires_grad=True) for a in (c, r)]
(tensors[0] + tensors[1]).backward(dy.astype(float))
dc, dr = (t.grad.numpy().astype(int) for t in tensors)
assert dc.ravel().tolist() == [2, 2, -3] and dr.ravel().tolist() == [0, 0, -1, 2]


def grid(ax, array, at, name, color="white", signed=False):
    """Draw an array as boxes, its upper left corner at a place (right, down)."""
    for (i, j), value in np.ndenumerate(array):
        x, y = at[0] + j, at[1] + i
        fill = plt.get_cmap("PuOr")(0.5 + value / 12) if signed else color
        ax.add_patch(plt.Rectangle((x, y), 1, 1, facecolor=fill, edgecolor="0.35", linewidth=1))
        text = f"{value}".replace("-", "−")
        ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=13)
    ax.text(at[0] + array.shape[1] / 2, at[1] - 0.28, name, ha="center", va="center", fontsize=11.5)


def arrows(ax, starts, ends):
    for start, end in zip(starts, ends, strict=True):
        ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.25", "linewidth": 1.5})


rows, columns = [0.5, 1.5, 2.5], [0.5, 1.5, 2.5, 3.5]
figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 5.2), layout="constrained")
grid(left, c, (-2.4, 0), "c  (3, 1)", "#f1e3d3")
grid(left, r, (0, 4.4), "", "#e0dcec")
grid(left, c + r, (0, 0), "y = c + r  (3, 4)")
left.text(2, 5.7, "r  (1, 4)", ha="center", va="center", fontsize=11.5)
arrows(left, [(-1.3, i) for i in rows], [(-0.1, i) for i in rows])
arrows(left, [(j, 4.3) for j in columns], [(j, 3.1) for j in columns])
grid(right, dc, (-2.4, 0), "dc: sums of the rows", signed=True)
grid(right, dr, (0, 4.4), "", signed=True)
grid(right, dy, (0, 0), "dy  (3, 4)", signed=True)
right.text(2, 5.7, "dr: sums of the columns", ha="center", va="center", fontsize=11.5)
arrows(right, [(-0.1, i) for i in rows], [(-1.3, i) for i in rows])
arrows(right, [(j, 3.1) for j in columns], [(j, 4.3) for j in columns])
for ax, title in ((left, "forward: repeat"), (right, "backward: add up the repeats")):
    ax.set(xlim=(-3.4, 4.3), ylim=(6, -0.7), aspect="equal")
    ax.set_title(title, fontsize=13)
    ax.set_axis_off()
show(figure, "03_tensors_and_broadcasting")

# %% [markdown]
# ## Warm-up
#
# An array of shape `small` is broadcast to the shape `large`: in how many places is each of its numbers used? One line;
# `math.prod` or `np.prod` multiply the lengths of a shape.


# %%
def uses(small, large):
    """In how many places of an array of shape `large` a number of one of shape `small` is used."""
    raise Unsolved("write uses: one line, from the two shapes")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    for small, large in [((3, 1), (3, 4)), ((4,), (3, 4)), ((), (2, 5)), ((2, 1, 4), (5, 2, 3, 4)), ((3, 4), (3, 4))]:
        numbers = np.arange(np.prod(small, dtype=int)).reshape(small)
        right, found = np.bincount(np.broadcast_to(numbers, large).ravel())[0], uses(small, large)
        assert found == right, (
            f"each number of shape {small} is used {right} times in shape {large}, yours says {found}: how "
            "many numbers have the two shapes?"
        )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write `sum_to` for NumPy arrays. `dy` has a shape that `shape` was broadcast to. Lay the two flush
# right: `dy` may have more axes, in front; and where `shape` has length 1, `dy` may be longer. Sum
# over all those, and return an array that has exactly `shape`. `dy.sum(axis=…)` takes a number or a
# tuple; with `keepdims=True` it leaves a length of 1 where it has summed.


# %%
def sum_to(dy, shape):
    """dy summed down to `shape`, which was broadcast to dy's."""
    raise Unsolved("write sum_to: sum over the axes in front, and over those where shape has length 1")


# %% [markdown]
# ## Check
#
# Two hundred random pairs of shapes that broadcast. Yours must have the right shape and dtype, pass
# the dot-product test, agree with the engine, and leave its argument as it was. In the terminal:
# `minigan lesson check 03`.


# %%
def check():
    """Raise unless the exercise is solved."""
    by_hand = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    for shape, expected in [
        ((2, 3), by_hand), ((2, 1), [[6.0], [60.0]]), ((1, 3), [[11.0, 22.0, 33.0]]), ((3,), [11.0, 22.0, 33.0]),
        ((1, 1), [[66.0]]), ((1,), [66.0]), ((), 66.0),
    ]:  # fmt: skip
        check_one(by_hand, shape)
        found = sum_to(by_hand, shape)
        assert np.array_equal(found, expected), (
            f"{by_hand.tolist()} summed to {shape} is {np.array(expected).tolist()}, yours is {found.tolist()}"
        )

    rng = np.random.default_rng(0)
    for _ in range(200):
        shapes = broadcastable_shapes(rng)
        large = np.broadcast_shapes(*shapes)
        for shape in shapes:
            check_one(rng.standard_normal(large), shape)
    check_one(np.ones((4, 3), dtype=np.float32), (3,))


def check_one(dy, shape):
    """Raise unless sum_to(dy, shape) is right."""
    before = dy.copy()
    found = sum_to(dy, shape)
    what = f"sum_to of shape {dy.shape} to {shape}"
    assert isinstance(found, np.ndarray | np.generic), f"{what} should be an array, yours is {type(found).__name__}"
    assert found.shape == shape, f"{what} should have shape {shape}, yours has {found.shape}"
    assert found.dtype == dy.dtype, f"{what}: {dy.dtype} should stay so, yours is {found.dtype}"
    assert np.array_equal(dy, before), f"{what} changed its argument, which may be needed elsewhere"

    x = np.random.default_rng(1).standard_normal(shape)
    there, back = dot(np.broadcast_to(x, dy.shape), dy), dot(x, found)
    times = dy.size // max(1, int(np.prod(shape)))
    averaged = times > 1 and close(there, times * back)
    assert close(there, back), (
        f"{what} is no transpose: ⟨broadcast(x), dy⟩ = {there:.6g}, ⟨x, yours⟩ = {back:.6g}"
        + averaged * f": {times} times too small. Is it a mean, where a sum is wanted?"
    )
    assert np.allclose(found, F.sum_to(dy, shape).numpy(), rtol=1e-5)


def close(a, b):
    return bool(np.isclose(a, b, rtol=1e-5, atol=1e-5))


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# Batch normalisation (lesson 9) begins by taking from each column its mean: y[n, c] = x[n, c] − the mean over n of
# x[n, c]. That is linear, so its backward pass is its transpose, and the dot-product test can judge it. Write it, for
# NumPy arrays. Each x[n, c] is used in its own y[n, c], and in the mean, which is in all of the column's.


# %%
def centred_backward(dy):
    """dx (N, C) of y = x − (x's mean over n), for dy (N, C)."""
    raise Unsolved("write centred_backward: what comes directly, and what comes by way of the mean")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    rng = np.random.default_rng(0)
    for shape in [(3, 4), (5, 2), (4, 4), (1, 3)]:
        x, dy = rng.standard_normal(shape), rng.standard_normal(shape)
        before = dy.copy()
        found = centred_backward(dy)
        assert isinstance(found, np.ndarray) and found.shape == shape, f"return an array of dy's shape, {shape}"
        assert np.array_equal(dy, before), "your function changed its argument, which may be needed elsewhere"
        there, back = dot(x - x.mean(axis=0), dy), dot(x, found)
        assert not (np.allclose(found, dy) and len(x) > 1), "that is the direct way alone: x is in the mean too"
        assert np.abs(found.sum(axis=0)).max() < 1e-9, (
            "a number that is added to all of a column changes no y, so each column of dx must add up to 0; yours: "
            f"{found.sum(axis=0).round(4).tolist()}"
        )
        assert close(there, back), f"no transpose: ⟨centred(x), dy⟩ = {there:.6g}, ⟨x, yours⟩ = {back:.6g}"


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **Forgetting the sum.** Here is a layer's bias, and a backward pass that hands dy on as it came.
# The shapes do not fit, so the engine can tell what is missing:


# %%
def adding(backward):
    """y = x + bias for x (N, C) and bias (C,), with this backward pass for the bias."""

    class AddBias(mg.Function):
        def forward(self, x, bias):
            return x + bias

        def backward(self, dy):
            return dy, backward(dy)

    return AddBias


x, bias = rng.standard_normal((4, 4)), rng.standard_normal(4)
try:
    F.sum(adding(lambda dy: dy).apply(x, mg.Tensor(bias, requires_grad=True))).backward()
except mg.GraphError as error:
    print(error)
    assert "the sum of its gradients" in str(error) and "sum_to(gradient, (4,))" in str(error)
else:
    raise AssertionError("a gradient of the wrong shape was taken")

# %% [markdown]
# **Averaging.** The shape is right, and each number is N times too small. With plain gradient
# descent it trains, only slower, and slower still with a larger batch. Slopes find it, and the
# number of samples, 4, is in the hint:

# %%
try:
    gradcheck(adding(lambda dy: F.mean(dy, axis=0)), [x, bias])
except GradientError as error:
    print(error)
    assert error.input == "input 1 (bias)" and "4 times too small" in error.hint
else:
    raise AssertionError("gradcheck found nothing")

# %% [markdown]
# Adam, with which minigan trains, hides it. It divides each step by the size of the gradients it has
# seen, so that a factor cancels: training looks as it should, and only a check can tell.


# %%
def after_100_steps(optimiser, factor):
    """Where (w − 1)² was minimised from w = 3, with a gradient times a factor."""
    w = mg.Tensor(np.array([3.0]), requires_grad=True)
    descent = optimiser([w], lr=0.01)
    for _ in range(100):
        w.grad = mg.Tensor(2 * (w.numpy() - 1) * factor)
        descent.step()
    return w.item()


for optimiser in (mg.optim.SGD, mg.optim.Adam):
    right, averaged = after_100_steps(optimiser, 1.0), after_100_steps(optimiser, 1 / 4)
    print(f"{optimiser.__name__:4} in 100 steps from 3 to {right:.7f}, with the averaged gradient to {averaged:.7f}")
    assert (abs(right - averaged) < 1e-7) == (optimiser is mg.optim.Adam)

# %% [markdown]
# **A list minus a column.** A dense layer with one output gives a column, (N, 1), and targets are often a list,
# (N,). Laid flush right, the two become (N, N): every target minus every prediction. Nothing complains,
# and the loss even goes down. But the mean of these N² squares is least where every prediction is
# the mean of all targets, so that is what is learned, whatever the samples are. (`F.mse_loss` refuses two
# shapes that differ. In a loss of your own, look at the shapes first.)


# %%
def slope_and_bias(shape):
    """What gradient descent finds for y = 3x + 1, the targets having this shape."""
    x = np.linspace(-1, 2, 16)[:, None]
    target = (3 * x + 1).reshape(shape)
    weight, bias = (mg.Tensor(np.zeros(s), requires_grad=True) for s in ((1, 1), (1,)))
    descent = mg.optim.SGD([weight, bias], lr=0.2)
    for _ in range(200):
        descent.zero_grad()
        difference = target - F.dense(x, weight, bias)
        F.mean(difference * difference).backward()
        descent.step()
    print(f"targets {shape!s:7}: difference {difference.shape!s:8}, slope {weight.item():.3f}, bias {bias.item():.3f}")
    return weight.item(), bias.item()


assert np.allclose(slope_and_bias((16, 1)), (3, 1))
assert np.allclose(slope_and_bias((16,)), (0, 3 * 0.5 + 1))  # flat: the mean of the targets

try:
    F.mse_loss(mg.Tensor(np.ones((16, 1))), np.ones(16))
except ValueError as error:
    print(error)
else:
    raise AssertionError("(16, 1) and (16,) met")

# %% [markdown]
# **The wrong axis.** With 4 samples of 4 numbers both sums have the right shape, (4,). Worse, if
# all cotangents are 1, as with a plain sum for a loss, both have the same numbers: all 4. So a
# check has to use random cotangents, as this one does, and you do better to try shapes whose
# lengths all differ.

# %%
ones = mg.Tensor(np.ones((4, 4)))
assert (F.sum(ones, axis=0).numpy() == F.sum(ones, axis=1).numpy()).all()

try:
    gradcheck(adding(lambda dy: F.sum(dy, axis=1)), [x, bias])
except GradientError as error:
    print(error)
    assert error.input == "input 1 (bias)" and "axis" in error.hint
else:
    raise AssertionError("gradcheck found nothing")

# %% [markdown]
# # 2. The chain rule
#
# **Goal.** To train is to know, for one number at the end, how it changes with each number at the
# beginning. The chain rule tells, one step at a time, from the end back. There is one thing to be
# careful about: the order of the steps. At the end you write the walk yourself, for single numbers,
# in ten lines.

# %% [markdown]
# ## Predict
#
# Take x = 2, and compute
#
#     s = 3x        a = 2s        b = s − 2        y = a · b
#
# so that s = 6, a = 12, b = 4 and y = 48. Note that s is used twice. Before you go on, write down:
#
# 1. how much y changes if x is made larger by 0.001 (try it, or use school calculus: y = 18x² −
#    12x);
# 2. what part of that goes by way of a, and what part by way of b;
# 3. a chain of 30 doublings, x + x and so on: how many ways lead from its end back to its
#    beginning?

# %%
import inspect
import itertools

import matplotlib.pyplot as plt
import numpy as np

import minigan as mg
from minigan.autograd import backward_pass
from minigan.lesson import Unsolved, run_check, show


def compute(x):
    """The four steps above."""
    s = 3 * x
    a = 2 * s
    b = s + -2
    y = a * b
    return s, a, b, y


before, after = compute(2.0)[-1], compute(2.001)[-1]
print(f"y is {before}; with x larger by 0.001 it is {after:.6f}, larger by {after - before:.6f}")
assert before == 48 and abs((after - before) / 0.001 - 60) < 0.1

# %% [markdown]
# ## By hand
#
# A step that turns one number into another has a *local derivative*: by how much its output
# changes, for a small change of its input, times how much. They can be read off the four lines:
#
#     ∂s/∂x = 3        ∂a/∂s = 2        ∂b/∂s = 1        ∂y/∂a = b = 4        ∂y/∂b = a = 12
#
# Now walk back. Each number gets a *cotangent*: by how much y changes when that number does. It is
# written dy, da, db and so on. The last number's own is 1. Two rules make all the others:
#
# - **Along a step, multiply**: the cotangent of the output times the local derivative.
# - **Where a number was used more than once, add**: y changes by way of each use.

# %%
dy = 1.0
da = dy * 4  # ∂y/∂a = b
db = dy * 12  # ∂y/∂b = a
ds = da * 2 + db * 1  # s was used twice: two products, added
dx = ds * 3
print(f"da = {da}, db = {db}, ds = {ds}, dx = {dx}")
assert (da, db, ds, dx) == (4, 12, 20, 60)
assert dx == 36 * 2 - 12  # school calculus: the derivative of 18x² − 12x is 36x − 12

# %% [markdown]
# By way of a come 4 · 2 · 3 = 24, by way of b 12 · 1 · 3 = 36, together 60. The engine finds the
# same. `mg.grad` gives the cotangents of any numbers on the way.

# %%
assert 4 * 2 * 3 == 24 and 12 * 1 * 3 == 36 and 24 + 36 == dx

x = mg.Tensor(np.array(2.0), requires_grad=True)
s, a, b, y = compute(x)
cotangents = dict(zip("absx", [t.item() for t in mg.grad(y, [a, b, s, x])], strict=True))
print(cotangents)
assert cotangents == {"a": 4, "b": 12, "s": 20, "x": 60}

# %% [markdown]
# ## An engine for single numbers
#
# To let a computer walk back, each number has to remember how it was made. Here is all there is to
# it: a `Node` has a value, its *parents* (the numbers it was computed from), and the local
# derivative to each. Such numbers, with arrows from parents to children, are a *graph*. The serial
# number counts nodes as they are made.


# %%
class Node:
    """A number that remembers how it was made."""

    made = itertools.count()

    def __init__(self, value, parents=(), local=()):
        self.value, self.parents, self.local = value, parents, local
        self.serial = next(Node.made)

    def __add__(self, other):
        other = other if isinstance(other, Node) else Node(other)
        return Node(self.value + other.value, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Node) else Node(other)
        return Node(self.value * other.value, (self, other), (other.value, self.value))

    __radd__, __rmul__ = __add__, __mul__


x = Node(2.0)
s, a, b, y = compute(x)
assert (s.value, a.value, b.value, y.value) == (6, 12, 4, 48)
print(f"y = {y.value} has parents {[p.value for p in y.parents]} and local derivatives {y.local}")

# %% [markdown]
# ## Why the order matters
#
# The plainest walk follows each arrow back as soon as it is there: y to a, a to s, s to x, and then
# y to b, b to s. The trouble is s. When it is reached through a, the share of b has not arrived,
# but on it goes to x. Later b brings the rest, and there are two ways to go wrong: s was visited
# already, so it stays where it is; or s goes on to x once more, with its whole sum, of which x has
# had a part.


# %%
def impatient(y, again):
    """Cotangents by a walk that does not wait. again: whether a node visited before goes on once more."""
    cotangent, visited = {y: 1.0}, set()

    def visit(node):
        visited.add(node)
        for parent, local in zip(node.parents, node.local, strict=True):
            cotangent[parent] = cotangent.get(parent, 0.0) + cotangent[node] * local
            if again or parent not in visited:
                visit(parent)

    visit(y)
    return cotangent


once, twice = impatient(y, again=False), impatient(y, again=True)
print(f"s goes on once, too early: ds = {once[s]}, dx = {once[x]}")
print(f"s goes on twice:           ds = {twice[s]}, dx = {twice[x]}")
print("right is                   ds = 20.0, dx = 60.0")
assert (once[s], once[x]) == (20, 24) and (twice[s], twice[x]) == (20, 84)

# %% [markdown]
# 24 is what goes by way of a alone. 84 is 24 + 60: the way through a counted twice. Note that ds is
# right both times. The mistake shows one step further on, and only where a number is used more than
# once, so a test on a chain does not find it.
#
# A third walk is right but of no use: each way from y to x by itself, its local derivatives
# multiplied, all ways added. A doubling x + x has two ways back. A chain of n doublings has 2ⁿ:
# with n = 30, more than a billion, for 31 numbers.


# %%
def ways(node, end):
    """How many ways lead from a node back to another."""
    return 1 if node is end else sum(ways(parent, end) for parent in node.parents)


start = node = Node(1.0)
for _ in range(10):
    node = node + node
print(f"10 doublings, 11 numbers: {ways(node, start)} ways")
assert ways(node, start) == 2**10 == 1024
assert ways(y, x) == 2  # the diamond above
assert 2**30 > 1_000_000_000

# %% [markdown]
# ## The order that is right
#
# A node may go on only when all its users have: then its sum is complete. To be sure of that is
# easy. A node is made after its parents, always. So walk from the youngest node to the oldest, and
# nobody is asked too early. That is the order of minigan, and these lines are its engine's own.
# They find all nodes before the last, with a list of what is still to be done, and sort them by the
# numbers they were given when made:

# %%
print(inspect.getsource(backward_pass.nodes_before))

# %% [markdown]
# Why a list, and no function that calls itself, as `impatient` does? Python by itself allows 1000
# calls within each other. A graph can be longer than that, and the engine must not care: it walks
# 100,000.


# %%
def chain(x, length):
    """x + 1 + 1 + …"""
    for _ in range(length):
        x = x + 1.0
    return x


try:
    impatient(chain(Node(0.0), 100_000), again=False)
except RecursionError as error:
    print("the impatient walk:", error)
else:
    raise AssertionError("Python has become more patient")

x = mg.Tensor(np.array(0.0), requires_grad=True)
chain(x, 100_000).backward()
print("the engine: dx =", x.grad.item())
assert x.grad.item() == 1

# %% [markdown]
# ## Picture
#
# The graph of above: values in the circles, below them cotangents. On each arrow stands what walks
# back along it, the cotangent times the local derivative. On the right s did not wait for b, and x
# got 24.

# %%
PLACES = {"x": (0, 0), "s": (1.6, 0), "a": (3.2, 1), "b": (3.2, -1), "y": (4.8, 0)}
VALUES = {"x": 2, "s": 6, "a": 12, "b": 4, "y": 48}
LABELS = {"ya": (4.3, 0.77), "yb": (4.3, -0.77), "as": (2.1, 0.77), "bs": (2.1, -0.77), "sx": (0.8, 0.2)}
VIOLET, ORANGE = "#5e3c99", "#b35806"


def draw(ax, title, cotangents, walks, wrong=()):
    """walks: what is written on each arrow. wrong: the arrows and numbers in orange."""
    for (tail, head), text in walks.items():
        color = ORANGE if tail + head in wrong else VIOLET
        style = {"arrowstyle": "-|>", "color": color, "shrinkA": 26, "shrinkB": 26, "linewidth": 1.8}
        ax.annotate("", PLACES[head], PLACES[tail], arrowprops={**style, "linestyle": "--" if "late" in text else "-"})
        ax.text(*LABELS[tail + head], text, color=color, ha="center", va="center", fontsize=12)
    for name, (px, py) in PLACES.items():
        ax.plot(px, py, "o", markersize=48, markerfacecolor="0.95", markeredgecolor="0.4")
        ax.text(px, py, f"{name} = {VALUES[name]}", ha="center", va="center", fontsize=12)
        color = ORANGE if name in wrong else VIOLET
        text = f"d{name} = {cotangents[name]}"
        ax.text(px, py - 0.46, text, ha="center", va="center", fontsize=12, color=color, weight="bold")
    ax.set(xlim=(-0.5, 5.3), ylim=(-1.65, 1.45), xticks=[], yticks=[])
    ax.set_title(title, fontsize=13)
    ax.set_frame_on(False)


known, ways_back = {"y": 1, "a": 4, "b": 12, "s": 20}, {"ya": "1 · 4", "yb": "1 · 12", "as": "4 · 2", "bs": "12 · 1"}
figure, axes = plt.subplots(1, 2, figsize=(11.5, 4.2), layout="constrained")
draw(axes[0], "s waits for both its users", {**known, "x": 60}, {**ways_back, "sx": "20 · 3"})
late = {**ways_back, "bs": "12 · 1\ntoo late", "sx": "8 · 3"}
draw(axes[1], "s goes on before b's share has come", {**known, "x": 24}, late, wrong={"x", "sx", "bs"})
show(figure, "02_the_chain_rule")

# %% [markdown]
# ## Warm-up
#
# A Node knows sums and products. For a quotient y = a / b it would need two local derivatives more. One line.


# %%
def quotient_slopes(a, b):
    """(∂y/∂a, ∂y/∂b) of y = a / b."""
    raise Unsolved("write quotient_slopes: one line, return the two local derivatives")


# %%
def check_warm_up():
    """Raise unless the warm-up is solved."""
    h = 1e-6
    for a, b in [(6.0, 2.0), (1.0, -4.0), (-3.0, 0.5)]:
        right = ((a + h) / b - (a - h) / b) / (2 * h), (a / (b + h) - a / (b - h)) / (2 * h)
        found = quotient_slopes(a, b)
        assert isinstance(found, tuple | list) and len(found) == 2, f"return two numbers, not {found!r}"
        for name, moved, slope, yours in zip("ab", ("numerator", "denominator"), right, found, strict=True):
            assert np.isclose(yours, slope, rtol=1e-4), (
                f"at a = {a:g}, b = {b:g} the {moved} moves y by {slope:.4g} times as much as itself: ∂y/∂{name} is "
                f"{slope:.4g}, yours is {yours:.4g}"
            )


run_check(check_warm_up)

# %% [markdown]
# ## Exercise
#
# Write the walk: from `y` back to all nodes that it was computed from. Return a dictionary from
# nodes to cotangents, {node: how much y changes when it does}, with y's own, 1, among them. Two
# parts:
#
# 1. find all nodes before y, each once, with a list of what is still to be done;
# 2. go through them in the right order, multiply, and add where something has arrived already.


# %%
def backward(y):
    """{node: ∂y/∂node} for y and every Node that y was computed from."""
    raise Unsolved("write backward: find all nodes, sort them, and walk, multiplying and adding")


# %% [markdown]
# ## Check
#
# Your walk goes through the diamond, and through random graphs of sums and products. There it is
# compared with slopes that know nothing of the chain rule, (f(x + h) − f(x − h)) / 2h, and with
# minigan. Then come the 30 doublings and a chain of 50,000. In the terminal:
# `minigan lesson check 02`.


# %%
def random_program(rng, inputs=3, steps=8):
    """A list of (sum or product, which two of the numbers so far)."""
    return [("+*"[rng.integers(2)], *rng.integers(0, inputs + i, 2).tolist()) for i in range(steps)]


def run(program, numbers):
    """All numbers of a program: of Nodes, of Tensors, or plain."""
    numbers = list(numbers)
    for sign, i, j in program:
        numbers.append(numbers[i] + numbers[j] if sign == "+" else numbers[i] * numbers[j])
    return numbers


def slopes(program, values, h=1e-5):
    """The slope of the program's last number, as each of the first is moved."""
    moves = h * np.eye(len(values))
    return [(run(program, values + m)[-1] - run(program, values - m)[-1]) / (2 * h) for m in moves]


class Watched(Node):
    """A Node that is asked for its parents not more than a thousand times."""

    @property
    def parents(self):
        self.asked = getattr(self, "asked", 0) + 1
        assert self.asked <= 1000, (
            "your walk visits one node again and again: with 30 doublings that never ends. Visit each node once"
        )
        return self._parents

    @parents.setter
    def parents(self, parents):
        self._parents = parents

    def __add__(self, other):
        return Watched(self.value + other.value, (self, other), (1.0, 1.0))


def check():
    """Raise unless the exercise is solved."""
    x = Node(2.0)
    s, a, b, y = compute(x)
    found = backward(y)
    assert isinstance(found, dict), f"return a dictionary of nodes and cotangents, not {type(found).__name__}"
    for name, node, expected in [("y", y, 1), ("a", a, 4), ("b", b, 12), ("s", s, 20), ("x", x, 60)]:
        assert node in found, f"d{name} is missing: the dictionary must have every node that y was computed from"
        hints = {
            ("s", 8): "only a's share: add b's to it", ("s", 12): "only b's share: add a's to it",
            ("s", 0): "s went before its users: begin with the youngest",
            ("x", 24): "s went on before b's share had come", ("x", 36): "s went on before a's share had come",
            ("x", 84): "s went on twice, with the share of a both times",
            ("x", 96): "s went on twice, with the share of b both times",
        }  # fmt: skip
        hint = hints.get((name, found[node]), "along a step multiply, where a number was used twice add")
        assert found[node] == expected, f"in the diamond, d{name} should be {expected}, yours is {found[node]}: {hint}"

    square = Node(5.0)
    assert backward(square * square)[square] == 10, "x · x at 5 has the slope 10: both parents are one node, add"
    assert backward(square * square)[square] == 10, "a second walk should find what the first did: is something kept?"

    for seed in range(12):
        rng = np.random.default_rng(seed)
        program, values = random_program(rng), rng.uniform(-1.5, 1.5, 3)
        nodes = run(program, [Node(v) for v in values])
        tensors = run(program, [mg.Tensor(v, requires_grad=True) for v in values])
        found = backward(nodes[-1])
        by_slopes = slopes(program, values)
        by_engine = mg.grad(tensors[-1], tensors, allow_unused=True)
        for i, (node, exact) in enumerate(zip(nodes, by_engine, strict=True)):
            yours, exact = found.get(node, 0.0), 0.0 if exact is None else exact.item()
            assert np.isclose(yours, exact), (
                f"in random graph {seed}, number {i} of {len(nodes)} has cotangent {exact:.6g}, yours is {yours:.6g}. "
                "Does a node go on before all its users have? The graph, each step from the numbers so far: "
                f"{', '.join(f'[{i}] {sign} [{j}]' for sign, i, j in program)}"
            )
            if i < 3:
                assert np.isclose(yours, by_slopes[i], rtol=1e-5, atol=1e-5)

    start = node = Watched(1.0)
    for _ in range(30):
        node = node + node
    assert backward(node)[start] == 2**30, f"30 doublings have the slope 2³⁰, yours is {backward(node)[start]}"

    start = Node(0.0)
    try:
        slope = backward(chain(start, 50_000))[start]
    except RecursionError:
        raise AssertionError(
            "a chain of 50,000 nodes is too long for a function that calls itself: use a list, and a while loop"
        ) from None
    assert slope == 1, f"x + 1 + 1 + … has the slope 1, yours is {slope}"


# %%
run_check(check)

# %% [markdown]
# ## Stretch
#
# One could walk the other way. Ask of each number not how much y changes with it, but how much *it*
# changes with x: its *tangent*, ∂node/∂x. x's own is 1. A number that does not depend on x has 0.
# All others are made of the tangents of their parents. (This is called forward mode.) Write it. And
# what does it cost to have the slopes of one y with respect to a million weights, by this walk, and
# by that of the exercise?


# %%
def tangent(y, x):
    """∂y/∂x for two Nodes, by a walk from x to y, without cotangents."""
    raise Unsolved("write tangent: find all nodes before y, and give each its tangent, the oldest first")


# %%
def check_stretch():
    """Raise unless the stretch is solved."""
    x = Node(2.0)
    s, a, b, y = compute(x)
    for end, begin, right, why in [
        (x, x, 1, "a number changes with itself as much as itself"),
        (a, x, 6, "along a step, multiply"), (y, x, 60, "where two parents change, both count: add"),
        (y, s, 20, "s is where the walk begins, whatever it was computed from"),
        (b, a, 0, "b does not depend on a"), (y, Node(5.0), 0, "y does not depend on another number"),
    ]:  # fmt: skip
        found = tangent(end, begin)
        assert found == right, f"in the diamond, with x = 2, a tangent should be {right}, yours is {found}: {why}"
    for seed in range(12):
        rng = np.random.default_rng(seed)
        program, values = random_program(rng), rng.uniform(-1.5, 1.5, 3)
        nodes = run(program, [Node(v) for v in values])
        for i, slope in enumerate(slopes(program, values)):
            found = tangent(nodes[-1], nodes[i])
            assert np.isclose(found, slope, rtol=1e-5, atol=1e-5), (
                f"in random graph {seed} the slope along input {i} is {slope:.6g}, yours {found:.6g}. The graph: "
                f"{', '.join(f'[{i}] {sign} [{j}]' for sign, i, j in program)}"
            )
    start = node = Watched(1.0)
    for _ in range(30):
        node = node + node
    assert tangent(node, start) == 2**30, "30 doublings have the slope 2³⁰"
    start = Node(0.0)
    try:
        assert tangent(chain(start, 20_000), start) == 1, "x + 1 + 1 + … has the slope 1"
    except RecursionError:
        raise AssertionError("a chain of 20,000 nodes is too long for a function that calls itself") from None


run_check(check_stretch)

# %% [markdown]
# ## What would break it
#
# **Overwriting instead of adding.** `cotangent[parent] = …` where `+=` is meant: the last user
# wins. The order is right here, and dx is still wrong: 24, since a happens to come last.


# %%
def overwriting(nodes):
    """nodes: all of a graph, the youngest first."""
    cotangent = {nodes[0]: 1.0}
    for node in nodes:
        for parent, local in zip(node.parents, node.local, strict=True):
            cotangent[parent] = cotangent[node] * local
    return cotangent


x = Node(2.0)
s, a, b, y = compute(x)
everything = sorted({x, s, a, b, y, *s.parents, *a.parents, *b.parents}, key=lambda node: node.serial, reverse=True)
found = overwriting(everything)[x]
print("overwriting: dx =", found, "and not 60")
assert found == 24

# %% [markdown]
# The engine adds, wherever something has arrived already. It is this function of its walk. `.grad`
# adds up in the same way over several calls of `backward`: that is why a training step calls
# `zero_grad()` before.

# %%
print(inspect.getsource(backward_pass._accumulate))

x = mg.Tensor(np.array(2.0), requires_grad=True)
for _ in range(2):
    compute(x)[-1].backward()
print("after two backward passes, x.grad =", x.grad.item())
assert x.grad.item() == 120

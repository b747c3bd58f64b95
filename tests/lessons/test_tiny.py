"""`lessons/tiny.py` computes what the engine computes, and learns to draw from N(3, 1)."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn
from minigan.algorithms import GAN
from minigan.algorithms import gan as gan_module
from minigan.data import Batch
from minigan.lesson.places import lessons, shipped

PATH = Path(__file__).resolve().parents[2] / "lessons" / "tiny.py"
SOURCE = PATH.read_text(encoding="utf-8")
LR_D, LR_G = 0.2, 0.05

pytestmark = pytest.mark.host_only("the page computes with NumPy")


def loaded(source: str = SOURCE) -> ModuleType:
    module = ModuleType("tiny")
    exec(compile(source, str(PATH), "exec"), vars(module))
    return module


def networks(tiny: ModuleType):
    """G and D of several layers, with biases that are not 0; reals, and noise."""
    rng = np.random.default_rng(0)
    G, D = tiny.network(rng, 2, 5, 1), tiny.network(rng, 1, 6, 4, 1)
    for p in (*G, *D):
        p.data = p.data + 0.3 * rng.standard_normal(p.data.shape)
    return G, D, rng.normal(3.0, 1.0, (7, 1)), rng.standard_normal((7, 2))


def step_of_the_page(tiny: ModuleType) -> dict[str, np.ndarray]:
    """All gradients of one step, and all parameters after it."""
    G, D, real, z = networks(tiny)
    fake = tiny.apply(G, tiny.Tensor(z))
    tiny.discriminator_turn(D, real, fake)
    assert all(np.ndim(p.grad) == 0 for p in G), "a gradient of D's loss reached G"
    found = {f"D.grad.{i}": p.grad for i, p in enumerate(D)}
    tiny.sgd(D, LR_D)
    border = tiny.generator_turn(D, fake)
    found |= {f"G.grad.{i}": p.grad for i, p in enumerate(G)} | {"border.grad": border.grad}
    assert all(np.ndim(p.grad) == 0 for p in D), "G's turn left a gradient in D"
    tiny.sgd(G, LR_G)
    parameters = {f"{name}.{i}": p.data for name, network in (("G", G), ("D", D)) for i, p in enumerate(network)}
    return found | parameters | {"fake": fake.data}


def step_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """The same, by `minigan.algorithms.GAN`."""
    *parameters, real, z = networks(loaded())
    modules = []
    for numbers in parameters:
        layers: list[nn.Module] = []
        for weight, bias in zip(numbers[::2], numbers[1::2], strict=True):
            layers += [nn.Dense(*weight.data.shape[::-1]).to(dtype="float64"), nn.Tanh()]
            layers[-2].weight.data, layers[-2].bias.data = weight.data.copy(), bias.data.copy()
        modules.append(nn.Sequential(*layers[:-1]))
    G, D = modules
    borders, as_border = [], gan_module.as_border

    def kept(fake):
        borders.append(as_border(fake))
        return borders[-1]

    monkeypatch.setattr(gan_module, "as_border", kept)
    gan = GAN(optimizer="sgd", lr_G=LR_G, lr_D=LR_D).use(G.named("G"), D.named("D"))
    gan.noise = lambda batch: mg.Tensor(z)
    gan.dtype = "float64"
    fake = G(mg.Tensor(z)).numpy()
    gan(iter([Batch(x=mg.Tensor(real))]))
    both = (("G", G), ("D", D))
    found = {f"{name}.grad.{i}": p.grad.numpy() for name, m in both for i, p in enumerate(m.parameters())}
    found |= {f"{name}.{i}": p.numpy() for name, m in both for i, p in enumerate(m.parameters())}
    return found | {"border.grad": borders[0].grad.numpy(), "fake": fake}


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert np.abs(array).max() > 1e-6, f"{name} is 0: nothing is compared"
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-14, err_msg=name)


def test_one_step_equals_the_engines(monkeypatch):
    assert_equal(step_of_the_page(loaded()), step_of_the_engine(monkeypatch))


def test_a_tensor_that_is_used_twice_has_the_sum_of_both_gradients():
    numbers = np.random.default_rng(1).standard_normal((3, 3))

    def gradients(tensor, dense, tanh, loss):
        x, bias = tensor(numbers), tensor(numbers[0])
        h = tanh(x)
        loss(dense(h, tanh(h), bias)).backward()
        return x.grad, bias.grad

    tiny = loaded()
    found = gradients(tiny.Tensor, tiny.dense, tiny.tanh, lambda y: tiny.binary_cross_entropy_with_logits(y, 0.3))
    expected = gradients(
        lambda array: mg.Tensor(array, requires_grad=True), F.dense, F.tanh,
        lambda y: F.binary_cross_entropy_with_logits(y, 0.3),
    )  # fmt: skip
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-12, atol=1e-14)


def draws_of_what_it_learnt(tiny: ModuleType, seed: int) -> np.ndarray:
    z = np.random.default_rng(1000 + seed).standard_normal((5000, 1))
    return tiny.apply(tiny.train(seed), tiny.Tensor(z)).data


@pytest.mark.parametrize("seed", range(5))
def test_it_learns(seed, capsys):
    samples = draws_of_what_it_learnt(loaded(), seed)
    assert abs(samples.mean() - 3.0) < 0.25 and abs(samples.std() - 1.0) < 0.25
    lines = capsys.readouterr().out.splitlines()
    means = [float(re.findall(r"-?\d+\.\d+", line)[-1]) for line in lines]
    assert len(means) == 7 and abs(means[0] - 3.0) > 2.0 and all(abs(mean - 3.0) < 0.7 for mean in means[4:])


# Each of these on the page: the step is then no longer the engine's, whichever line it is in.
MISTAKES = [
    ("dy @ weight.data,", "-dy @ weight.data,"), ("dy.T @ x.data,", "-dy.T @ x.data,"),
    ("dy.sum(axis=0)", "-dy.sum(axis=0)"), ("dy.sum(axis=0)", "dy.mean(axis=0)"), ("1 - y**2", "1 + y**2"),
    ("((1 - y**2) * dy,)", "(-(1 - y**2) * dy,)"), ("sigmoid - target", "target - sigmoid"),
    ("dy / logits.data.size", "dy"), ("np.exp(-logits", "np.exp(logits"), ("x.grad + dx", "dx"),
    ("backward(border.grad)", "backward(-border.grad)"), ("backward(border.grad)", "backward(fake.data)"),
    ("p.data - lr", "p.data + lr"), ("apply(D, Tensor(real)), 1.0", "apply(D, Tensor(real)), 0.0"),
    ("apply(D, Tensor(fake.data)), 0.0", "apply(D, Tensor(fake.data)), 1.0"),
    ("apply(D, Tensor(fake.data))", "apply(D, fake)"), ("apply(frozen, border), 1.0", "apply(frozen, border), 0.0"),
    ("apply(frozen, border)", "apply(D, border)"), ("self.grad = dy", "self.grad = -dy"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong"), MISTAKES, ids=lambda text: re.sub(r"\W+", "-", text))
def test_a_mistake_on_the_page_is_found(right, wrong, monkeypatch):
    assert SOURCE.count(right) == 1
    with pytest.raises(AssertionError):
        assert_equal(step_of_the_page(loaded(SOURCE.replace(right, wrong))), step_of_the_engine(monkeypatch))


def test_it_stands_alone_and_stays_a_page():
    tree = ast.parse(SOURCE)
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert [ast.unparse(node) for node in imports] == ["import numpy as np"]
    documented = [
        n.body[0]
        for n in ast.walk(tree)
        if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(n)
    ]
    docstrings = {line for node in documented for line in range(node.lineno, node.end_lineno + 1)}
    lines = [text.strip() for i, text in enumerate(SOURCE.splitlines(), 1) if i not in docstrings]
    assert len([text for text in lines if text and not text.startswith("#")]) <= 60


def test_it_is_no_numbered_lesson(monkeypatch):
    monkeypatch.chdir(PATH.parents[1])
    assert PATH.parent == shipped() and PATH not in lessons()

"""The lab's own engine, in JavaScript, beside minigan's: from the same weights, samples and noise, 20 steps agree.

It is run in a browser, and skipped where there is none (`pip install minigan[browser]` brings Playwright).
"""

import numpy as np
import pytest

from minigan import nn
from minigan.algorithms import GAN
from minigan.autograd import Tensor
from minigan.data import Batch
from minigan.lab import source

STEPS, BATCH, CRITIC = 20, 16, 2
CLIP, PENALTY = 0.1, 10.0
# By the lab's name: what minigan is asked for.
OBJECTIVES = {
    "minimax": {"objective": "minimax"},
    "non-saturating": {"objective": "non-saturating"},
    "least-squares": {"objective": "least-squares"},
    "hinge": {"objective": "hinge"},
    "wgan": {"objective": "wasserstein", "weight_clip": CLIP},
    "wgan-gp": {"objective": "wasserstein", "penalties": (f"gradient:{PENALTY}",)},
}
ACTIVATIONS = {"leaky_relu": lambda: nn.LeakyReLU(0.2), "relu": nn.ReLU, "tanh": nn.Tanh}
FIGURES = ("loss_D", "loss_G", "border_norm")

pytestmark = pytest.mark.host_only("the lab's engine is compared with float64 on the host")


class GivenNoise(GAN):
    """A GAN that draws nothing: noise and ε come with the batch."""

    def noise(self, batch):
        return Tensor(batch.z)

    def uniform(self, batch, *shape, stream="uniform"):
        return Tensor(batch.epsilon.reshape(-1, *shape))


def _network(rng, sizes, activation):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        dense = nn.Dense(inputs, outputs).to(dtype="float64")
        dense.weight.data = rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)
        dense.bias.data = 0.1 * rng.standard_normal(outputs)
        layers += [dense, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def _weights(network):
    return [[p.data.tolist() for p in (layer.weight, layer.bias)] for layer in network if isinstance(layer, nn.Dense)]


def _trained(objective, optimizer, activation, lr=0.01, beta1=0.5):
    """What goes in, as JSON, and what minigan makes of it: figures by step, and the last weights."""
    rng = np.random.default_rng(0)
    G, D = _network(rng, (3, 8, 6, 2), activation), _network(rng, (2, 8, 6, 1), activation)
    batches = [
        Batch(x=rng.standard_normal((BATCH, 2)), z=rng.standard_normal((BATCH, 3)), epsilon=rng.random(BATCH))
        for _ in range(STEPS * CRITIC)
    ]
    given = {
        "G": _weights(G),
        "D": _weights(D),
        "batches": [{name: batch[name].tolist() for name in ("x", "z", "epsilon")} for batch in batches],
        "activation": activation,
        "options": {
            "objective": objective, "optimizer": optimizer, "lrG": lr, "lrD": 2 * lr, "beta1": beta1, "critic": CRITIC,
            "clip": CLIP, "penalty": PENALTY, "mistakes": {},
        },
    }  # fmt: skip
    gan = GivenNoise(
        optimizer=optimizer, n_critic=CRITIC, lr_G=lr, lr_D=2 * lr, betas=(beta1, 0.999), **OBJECTIVES[objective]
    ).use(G, D)
    feed = ({"x": Tensor(b.x), "z": b.z, "epsilon": b.epsilon} for b in batches)
    figures = []
    for _ in range(STEPS):
        found = gan.step(Batch(**b) for b in feed)
        figures.append([found[name].item() for name in FIGURES])
    return given, figures, [_weights(G), _weights(D)]


RUN = """(given) => {
  const flat = (rows) => matrix(rows.length, rows[0].length, rows.flat());
  const load = (weights) => ({
    activation: given.activation,
    layers: weights.map(([W, b]) => ({ W: flat(W), b: Float64Array.from(b) })),
    grads: weights.map(([W, b]) => ({ W: matrix(W.length, W[0].length), b: new Float64Array(b.length) })),
  });
  const game = { G: load(given.G), D: load(given.D), options: given.options };
  game.optimizers = { G: optimizer(game.G), D: optimizer(game.D) };
  const batches = given.batches.map(({ x, z, epsilon }) => ({ x: flat(x), z: flat(z), epsilon }));
  const figures = [];
  while (batches.length) {
    run(trainingStep(game, () => batches.shift()));
    figures.push([game.last.lossD, game.last.lossG, norm(game.last.border.data)]);
  }
  const rows = ({ rows, columns, data }) =>
    Array.from({ length: rows }, (_, i) => [...data.subarray(i * columns, (i + 1) * columns)]);
  return [figures, [game.G, game.D].map((net) => net.layers.map(({ W, b }) => [rows(W), [...b]]))];
}"""


@pytest.fixture(scope="module")
def engine(browser):
    """An empty page that has the engine and nothing else."""
    page = browser.new_page()
    page.add_script_tag(content="\n".join(source(name) for name in ("engine.js", "objectives.js", "step.js")))
    yield page
    page.close()


def _numbers(nested):
    return [n for part in nested for n in _numbers(part)] if isinstance(nested, list) else [nested]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_twenty_steps_agree_with_minigan_to_1e_12(objective, optimizer, activation, engine):
    given, figures, weights = _trained(objective, optimizer, activation)
    found_figures, found_weights = engine.evaluate(RUN, given)
    assert len(_numbers(found_figures)) == STEPS * len(FIGURES)
    np.testing.assert_allclose(_numbers(found_figures), _numbers(figures), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(_numbers(found_weights), _numbers(weights), rtol=1e-12, atol=1e-12)

"""The scores that experiments add to those of `metrics`: on planted samples, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minigan.data import load, load_mnist
from minigan.experiments import attention, clipping, digits
from minigan.experiments.attention import PairedSAGAN, matching_of
from minigan.metrics import digit_probabilities
from minigan.training import Config

pytestmark = pytest.mark.host_only("scores are computed on the host")


@pytest.fixture(scope="module")
def read_digits():
    """Test digits, what the classifier calls each, and how sure it is."""
    x = load_mnist("test")[slice(0, 3000)].x
    p = digit_probabilities(x)
    return x, p.argmax(1), p.max(1)


@pytest.fixture(scope="module")
def sure_digits(read_digits):
    """A hundred of each class, of which it is sure, (10, 100, 1, 28, 28)."""
    x, label, sure = read_digits
    return np.stack([x[(label == digit) & (sure > 0.99)][:100] for digit in range(10)])


def test_matching_of_planted_pairs(sure_digits):
    """Of 1,000 pairs whose left halves are all digits alike: 600 match, and the right halves are sixes and what
    matches."""
    left = sure_digits.reshape(1000, 1, 28, 28)
    right = left.copy()
    right[:400] = np.tile(sure_digits[6], (4, 1, 1, 1))  # beside 0, 1, 2 and 3
    scores = matching_of(np.concatenate([left, right], axis=3))
    assert scores["matching"] == scores["of_sure"] == 0.6 and scores["sure"] == 1
    assert scores["by_chance"] == pytest.approx(10 * 0.1 * 0.1)
    scores = matching_of(np.concatenate([right, right], axis=3))
    assert scores["matching"] == 1 and scores["by_chance"] == pytest.approx(0.5**2 + 5 * 0.1**2)


def test_matching_of_the_sure_alone(read_digits):
    """90 pairs of one digit twice, and 10 of it beside one that the classifier is not sure of."""
    x, label, sure = read_digits
    left, unsure = x[sure > 0.99][:100], x[sure < 0.8][:10]
    right = np.concatenate([left[:90], unsure])
    scores = matching_of(np.concatenate([left, right], axis=3))
    assert scores["sure"] == 0.9 and scores["of_sure"] == 1
    assert scores["matching"] == 0.9 + 0.01 * (label[sure > 0.99][90:100] == label[sure < 0.8][:10]).sum()


class Stacks:
    """Draws images whose channels are digits planted for each call."""

    def __init__(self, sure_digits, triples):
        self.digits, self.triples, self.seeds = sure_digits, triples, []

    def generate(self, n, seed):
        self.seeds.append(seed)
        a, b, c = np.array([self.triples[i % len(self.triples)] for i in range(n)]).T
        return np.concatenate([self.digits[of, np.arange(n) % 100] for of in (a, b, c)], axis=1)


def test_stacked_modes_of_planted_stacks(sure_digits, monkeypatch):
    """Samples of five triples, alike: five modes, log 1000/5 from uniform; each call has noise of its own."""
    monkeypatch.setattr(digits, "PARTS", 2)
    stacks = Stacks(sure_digits, [(0, 0, 1), (0, 1, 0), (1, 0, 0), (3, 7, 9), (9, 9, 9)])
    scores = digits.stacked_modes(stacks, None, 2)
    assert scores == {"modes": 5, "kl": pytest.approx(math.log(200)), "sure": pytest.approx(1)}
    assert sorted(stacks.seeds) == [4, 5]


def test_every_row_of_stacked_digits_is_scored_after_as_many_images():
    for row, training in digits.STACKED.rows.items():
        choices = Config.choose(training.choices)
        images_per_step = choices.options["n_critic"] * choices.batch_size
        assert {steps: steps * images_per_step for steps in training.stops} == training.stops, row
        assert list(training.stops.values()) == [128_000, 256_000, 512_000]


def test_both_variants_begin_from_the_same_weights_and_are_told_no_label():
    made = {}
    for with_attention in (True, False):
        algorithm = PairedSAGAN(model="sagan28", attention=with_attention)
        data = algorithm.load_data("paired-digits", None)
        algorithm.build(data.info, 0)
        made[with_attention] = {name: p for net in algorithm.networks.values() for name, p in net.named_parameters()}
        assert data.info.shapes["x"] == (1, 28, 56) and not data[slice(0, 50)].y.any()
    assert made[False].keys() < made[True].keys()
    left = made[True].keys() - made[False].keys()
    assert left == {name for name in made[True] if "attention" in name or name.startswith("features.2")} != set()
    for name, p in made[False].items():
        np.testing.assert_array_equal(p.data, made[True][name].data)


def test_the_pairs_of_test_digits_nearly_all_match():
    scores = attention._real_pairs(0, None).scores
    assert 0.97 < scores["matching"] < 1 and 0.09 < scores["by_chance"] < 0.11


def test_gradients_vanish_under_a_small_clip_and_stay_under_the_penalty(monkeypatch):
    """A short run; the slope is of norms by layer, which lie beside it."""
    monkeypatch.setattr(clipping, "STEPS", 30)
    clipped, penalised = (clipping._critic(clip, 0, None).scores for clip in (0.01, None))
    assert clipped["slope"] < -1 < -0.2 < penalised["slope"] < 0.2
    norms = [clipped[f"norm@{layer}"] for layer in range(1, clipping.LAYERS + 1)]
    assert norms == sorted(norms)
    assert clipped["slope"] == pytest.approx(-np.polyfit(range(12), np.log10(norms), 1)[0])
    for scores in (clipped, penalised):
        shares = [value for name, value in scores.items() if name.startswith("weights@")]
        assert len(shares) == clipping.BINS and sum(shares) == pytest.approx(1)
    assert clipped["at_bounds"] > 0.5 > 0.01 > penalised["at_bounds"]


@pytest.mark.slow
def test_the_loss_of_a_vae_on_test_digits():
    """A decoder that gives logits of 0 and an encoder of N(0, 1): 784 log 2 nats, no KL."""
    from minigan.algorithms import VAE

    vae = VAE().build(load("mnist").info)
    for network in vae.networks.values():
        for p in network.parameters():
            p.data[...] = 0
    assert digits.test_loss(vae) == pytest.approx(784 * math.log(2), rel=1e-5)

"""Averaged weights of the generator."""

from __future__ import annotations

import numpy as np
import pytest
from devices import assert_allclose, assert_array_equal, share_memory

from minigan.autograd import StaleTensorError, Tensor
from minigan.kernels.layout import lie_alike
from minigan.training import Callback, ema, load_algorithm
from minigan.training.ema import averaged_copy, update_average


def test_the_average_is_decay_times_old_plus_the_rest_of_new_for_weights_and_statistics(begin):
    G = begin(1).algorithm.networks["G"]
    average = averaged_copy(G)
    old = {name: a.copy() for name, a in average.state_dict().items()}
    for name, a in average.state_dict().items():
        own = G.state_dict()[name]
        assert not share_memory(a, own) and lie_alike(a, own), name
    rng = np.random.default_rng(0)
    for _, t in (*G.named_parameters(), *G.named_buffers()):
        t.copy_(rng.integers(1, 9, t.shape))
    update_average(average, G, decay=0.75)
    for name, new in G.state_dict().items():
        wanted = new if new.dtype.kind == "i" else 0.75 * old[name] + 0.25 * new
        assert_allclose(average.state_dict()[name], wanted, rtol=1e-6, err_msg=name)


def test_early_on_it_is_an_average_of_few_steps_later_of_many(begin, monkeypatch):
    kept = []
    monkeypatch.setattr(ema, "update_average", lambda average, G, decay: kept.append(decay))
    run = begin(4, ema_decay=0.6)
    run.train()
    np.testing.assert_allclose(kept, [min(0.6, (1 + k) / (10 + k)) for k in range(20)])
    assert kept[0] == 0.1 and kept[-1] == 0.6


def test_the_average_follows_the_run_step_by_step(begin):
    run = begin(1, ema_decay=0.9)
    wanted = {name: a.astype("float64") for name, a in run.algorithm.networks["G"].state_dict().items()}

    class Follow(Callback):
        def on_step(self, trainer, figures):
            k = trainer.step - 1
            decay = min(0.9, (1 + k) / (10 + k))
            for name, new in trainer.algorithm.networks["G"].state_dict().items():
                wanted[name] = new if new.dtype.kind == "i" else decay * wanted[name] + (1 - decay) * new

    run.callbacks.append(Follow())
    run.train()
    for name, a in run.ema.networks["G"].state_dict().items():
        assert_allclose(a, wanted[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_samples_are_drawn_from_the_average_and_without_one_from_the_generator(begin):
    for decay in (0.9, 0.0):
        run = begin(1, str(decay), ema_decay=decay)
        run.train()
        assert bool(run.ema.networks) == (decay > 0)
        assert not any(network.training for network in run.ema.networks.values())
        own = dict(run.algorithm.networks)
        wanted = own["G"] if decay == 0 else run.ema.networks["G"]
        with run.ema.applied():
            assert run.algorithm.networks == own | {"G": wanted}
        assert run.algorithm.networks == own
        G = load_algorithm(run.run_dir.last_checkpoint)[0].networks["G"]
        assert not G.training
        for name, a in wanted.state_dict().items():
            assert_array_equal(G.state_dict()[name], a, err_msg=name)


def test_a_graph_through_the_average_is_stale_after_it_has_moved(begin):
    G = begin(1).algorithm.networks["G"]
    average = averaged_copy(G)
    images = average(Tensor(np.ones((2, 4), "float32"), requires_grad=True))
    update_average(average, G, decay=0.75)
    with pytest.raises(StaleTensorError, match=r"update_average\(\)"):
        images.sum().backward()


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_the_average_does_not_change_the_training(decay, begin):
    run, plain = begin(1, "a", ema_decay=decay), begin(1, "b", ema_decay=0.0)
    run.train(), plain.train()
    weights = [r.algorithm.networks["G"].parameters() for r in (run, plain)]
    for p, q in zip(*weights, strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())

"""The averaged generator."""

from __future__ import annotations

import numpy as np
import pytest
from devices import assert_allclose, assert_array_equal

from minigan.autograd import StaleTensorError, Tensor
from minigan.training import run as run_module
from minigan.training.averaging import averaged_copy, update_average
from minigan.training.progress import Progress
from minigan.training.sampling import load_generator


def test_the_average_is_keep_times_old_plus_the_rest_of_new_for_weights_and_statistics(begin):
    G = begin(1).players.G
    average = averaged_copy(G)
    old = {name: a.copy() for name, a in average.state_dict().items()}
    rng = np.random.default_rng(0)
    for _, t in (*G.named_parameters(), *G.named_buffers()):
        t.copy_(rng.integers(1, 9, t.shape))
    update_average(average, G, keep=0.75)
    for name, new in G.state_dict().items():
        wanted = new if new.dtype.kind == "i" else 0.75 * old[name] + 0.25 * new
        assert_allclose(average.state_dict()[name], wanted, rtol=1e-6, err_msg=name)


def test_early_on_it_is_an_average_of_few_steps_later_of_many(begin, monkeypatch):
    kept = []
    monkeypatch.setattr(run_module, "update_average", lambda average, G, keep: kept.append(keep))
    run = begin(4, averaging=0.6)
    run.train()
    np.testing.assert_allclose(kept, [min(0.6, (1 + k) / (10 + k)) for k in range(20)])
    assert kept[0] == 0.1 and kept[-1] == 0.6


def test_the_average_follows_the_run_step_by_step(begin, monkeypatch):
    run = begin(1, averaging=0.9)
    wanted = {name: a.astype("float64") for name, a in run.players.G.state_dict().items()}
    shown = Progress.step

    def step(self, *args):
        keep = min(0.9, (1 + self.done) / (10 + self.done))
        for name, new in run.players.G.state_dict().items():
            wanted[name] = new if new.dtype.kind == "i" else keep * wanted[name] + (1 - keep) * new
        shown(self, *args)

    monkeypatch.setattr(Progress, "step", step)
    run.train()
    for name, a in run.average.state_dict().items():
        assert_allclose(a, wanted[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_samples_are_drawn_from_the_average_and_without_one_from_the_generator(begin):
    for averaging in (0.9, 0.0):
        run = begin(1, str(averaging), averaging=averaging)
        run.train()
        assert (run.average is None) == (averaging == 0)
        wanted = run.players.G if averaging == 0 else run.average
        assert run.generator is wanted
        G, _ = load_generator(run.folder.last_checkpoint)
        assert not G.training
        for name, a in wanted.state_dict().items():
            assert_array_equal(G.state_dict()[name], a, err_msg=name)


def test_a_graph_through_the_average_is_stale_after_it_has_moved(begin):
    G = begin(1).players.G
    average = averaged_copy(G)
    images = average(Tensor(np.ones((2, 4), "float32"), requires_grad=True))
    update_average(average, G, keep=0.75)
    with pytest.raises(StaleTensorError, match=r"update_average\(\)"):
        images.sum().backward()


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_the_average_does_not_change_the_training(averaging, begin):
    run, plain = begin(1, "a", averaging=averaging), begin(1, "b", averaging=0.0)
    run.train(), plain.train()
    for p, q in zip(run.players.G.parameters(), plain.players.G.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())

"""PGGAN: where a run is follows from the images seen, reals fade as fakes do, and Adam begins anew with each size."""

from __future__ import annotations

import numpy as np
import pytest

import minigan as mg
from minigan import optim
from minigan.algorithms import PGGAN
from minigan.algorithms.pggan import forget_moments, phase
from minigan.data import Batch, DataInfo
from minigan.models import MODELS
from minigan.models import pggan as networks
from minigan.options import ConfigError
from minigan.penalties import parsed_penalties
from minigan.trace import StepRecorder
from minigan.trace.views.terminal import trace_text

N = 4
CHOICES = {name: value for name, value in MODELS["pggan"].DEFAULTS.items() if hasattr(PGGAN, name)}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "maps", lambda level: 4)


def batches(size: int = 8):
    rng = np.random.default_rng(0)
    while True:
        yield Batch(x=rng.random((N, 1, size, size), "float32") * 2 - 1)


def small(images_per_level: int = 2 * N, size: int = 8, **choices) -> PGGAN:
    """4×4 for two steps, two of fading, and from the fifth on 8×8."""
    made = PGGAN(**CHOICES | {"size": size, "images_per_level": images_per_level} | choices)
    return made.build(DataInfo({"x": (1, size, size)}))


# --- the table of phases --------------------------------------------------------------------------

# images seen, with 100 a level and three levels above 4×4: (level, α)
PHASES = {
    0: (0, 1.0), 99: (0, 1.0), 100: (1, 0.0), 125: (1, 0.25), 199: (1, 0.99), 200: (1, 1.0), 299: (1, 1.0),
    300: (2, 0.0), 350: (2, 0.5), 400: (2, 1.0), 500: (3, 0.0), 501: (3, 0.01), 599: (3, 0.99), 600: (3, 1.0),
    10**9: (3, 1.0),
}  # fmt: skip


@pytest.mark.parametrize("images", PHASES)
def test_the_phase_after_so_many_images(images):
    level, alpha = phase(images, 100, 3)
    assert (level, alpha) == (PHASES[images][0], pytest.approx(PHASES[images][1]))


def test_alpha_grows_evenly_and_every_level_has_a_time_of_its_own():
    table = [phase(i, 50, 2) for i in range(400)]
    positions = [level - 1 + alpha for level, alpha in table]  # the level, with fractions: 0 is 4×4 alone
    steps = np.diff(positions)
    np.testing.assert_allclose(np.unique(np.round(steps, 9)), [0, 0.02], atol=1e-9)
    assert [positions.count(k) for k in (0, 1)] == [51, 51] and positions[-1] == 2  # at α = 0 nothing is new yet


def test_with_no_images_a_level_it_is_the_full_size_at_once():
    assert [phase(i, 0, 3) for i in (0, 1, 10**6)] == [(3, 1.0)] * 3


# --- a run's steps --------------------------------------------------------------------------------


def test_sizes_follow_the_images_seen():
    pggan, stream = small(), batches()
    found = []
    for _ in range(6):
        figures = pggan(stream)
        found.append((figures["size"].item(), figures["alpha"].item(), pggan.state["images"]))
    assert found == [(4, 1, 4), (4, 1, 8), (8, 0, 12), (8, 0.5, 16), (8, 1, 20), (8, 1, 24)]


def test_the_images_of_all_processes_count_and_of_every_critic_step():
    pggan, stream = small(n_critic=3), batches()
    assert pggan.batches_per_step == 3
    pggan(stream)
    assert pggan.state["images"] == 3 * N
    pggan.seen(Batch(10, x=mg.Tensor(next(stream).x)))  # this process' share of ten
    assert pggan.state["images"] == 3 * N + 10


def test_d_sees_the_means_of_real_images():
    pggan = small(size=16)
    x = np.random.default_rng(0).standard_normal((N, 1, 16, 16)).astype("float32")
    pggan.state |= {"level": 0, "alpha": 1.0}
    means = x.reshape(N, 1, 4, 4, 4, 4).mean(axis=(3, 5))
    np.testing.assert_allclose(pggan.faded(mg.Tensor(x)).numpy(), means, rtol=1e-4, atol=1e-6)
    pggan.state |= {"level": 2, "alpha": 1.0}
    np.testing.assert_array_equal(pggan.faded(mg.Tensor(x)).numpy(), x)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.5])
def test_reals_fade_as_fakes_do(alpha):
    pggan = small()
    pggan.state |= {"level": 1, "alpha": alpha}
    x = np.random.default_rng(0).standard_normal((N, 1, 8, 8)).astype("float32")
    coarse = x.reshape(N, 1, 4, 2, 4, 2).mean(axis=(3, 5)).repeat(2, 2).repeat(2, 3)
    np.testing.assert_allclose(pggan.faded(mg.Tensor(x)).numpy(), (1 - alpha) * coarse + alpha * x, atol=1e-6)


def test_what_d_is_asked_about(monkeypatch):
    """In mid-fade: faded reals, G's blended fakes, points between them, all with the level and α of the step."""
    pggan, stream, asked = small(), batches(), []
    for _ in range(3):
        pggan(stream)
    D = pggan.networks["D"]
    forward = D.forward
    monkeypatch.setattr(D, "forward", lambda x, *given: asked.append((x.shape[1:], *given)) or forward(x, *given))
    seen = []
    monkeypatch.setattr(pggan, "faded", lambda x: seen.append(x) or PGGAN.faded(pggan, x))
    pggan(stream)
    assert asked == [((1, 8, 8), 1, 0.5)] * 4 and len(seen) == 1


def test_adam_begins_anew_as_a_size_begins_to_fade_in_and_as_it_has():
    pggan, stream = small(), batches()
    counts = []
    for _ in range(6):
        pggan(stream)
        counts.append([pggan.optimizers[name].step_count for name in "GD"])
    assert counts == [[1, 1], [2, 2], [1, 1], [2, 2], [1, 1], [2, 2]]


def test_moments_are_forgotten_and_weights_are_not():
    p = mg.Tensor(np.ones(3, "float32"), requires_grad=True)
    optimizer, fresh = optim.Adam([p], 0.1), optim.Adam([p], 0.1)
    p.grad = mg.Tensor(np.arange(3, dtype="float32"))
    optimizer.step()
    moved = p.numpy().copy()
    forget_moments(optimizer)
    np.testing.assert_array_equal(p.numpy(), moved)
    found, wanted = optimizer.state_dict(), fresh.state_dict()
    assert found.keys() == wanted.keys() and found["step"] == 0
    for name in ("exp_avg.0", "exp_avg_sq.0"):
        assert not found[name].any() and wanted[name].shape == found[name].shape


def test_layers_of_sizes_to_come_wait():
    pggan, stream = small(), batches()
    names = ("G.blocks.1.", "G.to_rgb.1.", "D.blocks.1.", "D.from_rgb.1.")
    before = {name: a.copy() for name, a in pggan.state_dict().items() if name.startswith(names)}
    assert before
    for _ in range(2):
        pggan(stream)
    after = pggan.state_dict()
    assert all(np.array_equal(after[name], before[name]) for name in before)
    for _ in range(2):
        pggan(stream)
    after = pggan.state_dict()
    assert not any(np.array_equal(after[name], before[name]) for name in before if name.endswith("weight"))


def test_samples_are_enlarged_to_the_full_size_and_lie_in_the_range_of_images():
    pggan, stream = small(size=16), batches(16)
    pggan(stream)
    coarse = pggan.generate(3)
    assert coarse.shape == (3, 1, 16, 16) and np.abs(coarse).max() <= 1
    np.testing.assert_array_equal(coarse, coarse[:, :, ::4, ::4].repeat(4, 2).repeat(4, 3))
    for _ in range(2):
        pggan(stream)
    fading = pggan.generate(3)  # at α = 0: still the 4×4 images, through the level of 8×8
    np.testing.assert_array_equal(fading, fading[:, :, ::4, ::4].repeat(4, 2).repeat(4, 3))
    for _ in range(2):
        pggan(stream)
    finer = pggan.generate(3)
    assert not np.array_equal(finer, finer[:, :, ::4, ::4].repeat(4, 2).repeat(4, 3))
    np.testing.assert_array_equal(finer, finer[:, :, ::2, ::2].repeat(2, 2).repeat(2, 3))


def test_a_state_of_mid_fade_goes_on_to_the_bit():
    whole, resumed = small(), small()
    stream = [batch for batch, _ in zip(batches(), range(6), strict=False)]
    for batch in stream[:4]:
        whole(iter([batch]))
    assert whole.state["alpha"] == 0.5
    middle = {name: a.copy() if isinstance(a, np.ndarray) else a for name, a in whole.state_dict().items()}
    resumed.load_state_dict(middle)
    np.testing.assert_array_equal(resumed.generate(2), whole.generate(2))
    for batch in stream[4:]:
        whole(iter([batch]))
        resumed(iter([batch]))
    found, wanted = resumed.state_dict(), whole.state_dict()
    assert found.keys() == wanted.keys() and found["state.images"] == 6 * N
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.host_only("which device computes is no matter here")
def test_a_step_of_mid_fade_can_be_traced_and_the_trace_changes_nothing():
    plain, traced, stream = small(), small(), list(zip(batches(), range(4), strict=False))
    for batch, _ in stream[:3]:
        plain(iter([batch])), traced(iter([batch]))
    plain(iter([stream[3][0]]))
    with StepRecorder(traced) as recorder:
        traced(iter([stream[3][0]]))
    trace = recorder.trace
    assert traced.state["alpha"] == 0.5 and trace_text(trace, 80)
    labels = {(b.kind, trace.calls[b.from_call].label, trace.calls[b.to_call].label) for b in trace.borders}
    assert labels == {(kind, "G(z)", "D(G(z))") for kind in ("carried", "detached")}
    found, wanted = traced.state_dict(), plain.state_dict()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


# --- the choices ----------------------------------------------------------------------------------


def test_the_papers_choices():
    pggan = PGGAN(**CHOICES)
    weights = {name: penalty.weight for name, penalty in parsed_penalties(pggan.penalties).items()}
    assert weights == {"gradient": 10, "drift": 0.001}
    assert (pggan.objective, pggan.n_critic, pggan.lr_G, pggan.lr_D) == ("wasserstein", 1, 1e-3, 1e-3)
    assert pggan.betas == (0.0, 0.99) and pggan.eps == 1e-8 and pggan.image_size == 32


def test_another_model_does_not_grow():
    with pytest.raises(ConfigError, match="^model 'quick28' is not known: choose from pggan$"):
        PGGAN(model="quick28")

"""What an algorithm has from its base: random streams, resuming, samples, figures, and what it must define itself."""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest
from devices import assert_array_equal, host
from small_gans import (
    STEPS,
    Critic,
    Discriminator,
    Generator,
    LabelledCritic,
    LabelledGenerator,
    SpectralCritic,
    batch,
    batches,
    make,
    state_of,
    weights,
)  # fmt: skip

import minigan as mg
from minigan import backend, nn, optim
from minigan.algorithms import GAN, Algorithm, Figures, NoSamplesError
from minigan.algorithms.algorithm import AT_ONCE
from minigan.algorithms.samples import decode, preview, preview_columns
from minigan.algorithms.state import entry_name, random_state, restore_random_state
from minigan.data import Batch, DataInfo
from minigan.optim.lr_scheduler import LinearLR
from minigan.options import ConfigError, option

IMAGES = DataInfo({"x": (1, 28, 28)})


class Dropping(Critic):
    def __init__(self) -> None:
        super().__init__(dropout=0.5)


@dataclass(eq=False)
class Counting(Algorithm):
    """One weight, its schedule, and state of all kinds: a number, an array, a Tensor."""

    lr: float = option(0.1, "the rate")

    def setup(self, data: DataInfo) -> None:
        self.networks = {"net": nn.Dense(2, 1)}
        self.optimizers = {"net": optim.SGD(self.networks["net"].parameters(), self.lr, momentum=0.9)}
        self.schedulers = {"net": LinearLR(self.optimizers["net"], 0.5, total_iters=4)}
        self.state = {
            "steps": 0, "balance": 0.5, "pool": np.zeros((3, 2), "float32"),
            "mean": self.tensor(np.zeros(2, "float32")),
        }  # fmt: skip

    def step(self, batches) -> Figures:
        x, state, net = next(batches).x, self.state, self.networks["net"]
        loss = self.name_loss("loss", ((net(x + self.normal(Batch(x=x), 2) * state["balance"])) ** 2).mean())
        net.zero_grad()
        loss.backward()
        self.optimizers["net"].step()
        self.schedulers["net"].step()
        state["steps"] += 1
        state["balance"] *= 0.9
        state["pool"] = np.roll(state["pool"], 1, axis=0)
        state["pool"][0] = host(x)[self.rng("pool").integers(len(x))]
        state["mean"] = state["mean"] * 0.5 + x.mean(0) * 0.5
        return {"loss": loss, "steps": state["steps"]}

    def sample(self, n, rng):
        return self.tensor(rng.standard_normal((n, 2)))


def points(first: int = 0):
    return (Batch(x=np.random.default_rng(k).standard_normal((5, 2)).astype("float32")) for k in range(first, 100))


def counting(seed: int = 0) -> Counting:
    return Counting().build(DataInfo({"x": (2,)}), seed=seed)


# --- resuming --------------------------------------------------------------------------------------


def through_a_file(state: dict) -> dict:
    """As a checkpoint gives it back: host arrays, and numbers and texts of JSON."""
    return {name: host(value).copy() if backend.is_array(value) else json.loads(json.dumps(value))
            for name, value in state.items()}  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_critic": 3, "penalties": ("gradient", "drift"), "objective": "wasserstein"},
        {"optimizer": "rmsprop", "weight_clip": 0.1},
        {"algorithm": STEPS["simultaneous"]},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "networks", [(Generator, Dropping), (LabelledGenerator, LabelledCritic), (Generator, SpectralCritic)]
)
def test_a_gan_resumes_bit_for_bit(networks, options):
    whole, first = make(networks=networks, **options), make(networks=networks, **options)
    given = batches()
    for _ in range(4):
        whole(given)
    given = batches()
    for _ in range(2):
        first(given)
    second = make(networks=networks, seed=9, **options)
    assert state_of(second) != state_of(first)
    second.load_state_dict(through_a_file(first.state_dict()))
    assert state_of(second) == state_of(first)
    for _ in range(2):
        second(given)
    assert state_of(second) == state_of(whole)


def test_state_of_all_kinds_resumes_bit_for_bit():
    whole, first = counting(), counting()
    for gan, n in ((whole, 5), (first, 3)):
        given = points()
        figures = [gan(given) for _ in range(n)]
    assert figures[-1]["steps"].item() == 3
    second = counting(seed=5)
    second.load_state_dict(through_a_file(first.state_dict()))
    assert second.state["steps"] == 3 and type(second.state["steps"]) is int
    assert second.optimizers["net"].lr == first.optimizers["net"].lr == 0.1 * (0.5 + 0.5 * 3 / 4)
    assert isinstance(second.state["mean"], mg.Tensor) and second.state["mean"].dtype == np.float32
    assert second.state["pool"].dtype == np.float32
    given = points(3)
    for _ in range(2):
        second(given)
    assert {k: host(v).tolist() if backend.is_array(v) else v for k, v in second.state_dict().items()} == {
        k: host(v).tolist() if backend.is_array(v) else v for k, v in whole.state_dict().items()
    }


def test_the_state_has_all_parts_by_their_names():
    gan = make(networks=(Generator, Dropping), penalties=("gradient",))
    gan(batches())
    names = set(gan.state_dict())
    assert {"G.main.0.weight", "D.0.bias", "opt_G.step", "opt_D.exp_avg.0"} <= names
    assert {name for name in names if name.startswith("streams.")} == {
        "streams.noise", "streams.dropout", "streams.penalty"
    }  # fmt: skip
    assert entry_name(gan, "opt_D.exp_avg.1") == "opt_D.exp_avg of D.0.bias"
    assert entry_name(gan, "G.main.0.weight") == "G.main.0.weight"


def test_a_state_of_another_network_does_not_fit():
    gan = make()
    state = gan.state_dict()
    with pytest.raises(ValueError, match="does not fit this Critic"):
        make(networks=(Generator, Critic)).load_state_dict(state)
    del state["opt_G.step"]
    with pytest.raises(ValueError, match="the state does not fit this Adam: missing step"):
        make().load_state_dict(state)


def test_the_streams_can_be_taken_back():
    gan = make()
    gan.normal(batch(), 3)
    before = copy.deepcopy(random_state(gan))
    drawn = gan.normal(batch(), 3).numpy()
    assert gan.normal(batch(), 3).numpy().tobytes() != drawn.tobytes()
    gan.uniform(batch(), 3)  # from a stream that was not there
    restore_random_state(gan, before)
    assert set(gan.streams) == {"noise"}
    assert_array_equal(gan.normal(batch(), 3).data, drawn)


# --- random streams --------------------------------------------------------------------------------


def test_streams_are_of_the_seed_and_of_their_names():
    def drawn(seed: int, stream: str) -> bytes:
        return make(seed=seed).normal(batch(), 3, stream=stream).numpy().tobytes()

    assert drawn(0, "noise") == drawn(0, "noise")
    assert len({drawn(0, "noise"), drawn(1, "noise"), drawn(0, "other"), drawn(0, "third")}) == 4


@pytest.mark.parametrize("stream", ["noise", "other"])
def test_each_draw_is_another_one(stream):
    gan = make()
    drawn = [draw(batch(), 3, stream=stream).numpy().tobytes() for draw in (gan.normal, gan.uniform) * 3]
    assert len(set(drawn)) == 6


@pytest.mark.parametrize("stream", ["noise", "dropout", "other"])
def test_a_build_from_another_seed_draws_otherwise(stream):
    def drawn(seed: int) -> bytes:
        return GAN(model="mlp").build(IMAGES, seed=seed).rng(stream).random(3).tobytes()

    assert drawn(3) == drawn(3) != drawn(4)


def test_a_seed_of_samples_decides():
    gan = make()
    assert_array_equal(gan.generate(3, seed=1), gan.generate(3, seed=1))
    assert not np.array_equal(gan.generate(3, seed=1), gan.generate(3, seed=2))
    assert len({image.tobytes() for image in gan.generate(AT_ONCE + 30, seed=1)}) == AT_ONCE + 30


def test_parts_begin_where_the_one_before_ended():
    asked = []

    def draw(start: int, count: int) -> mg.Tensor:
        asked.append((start, count))
        return mg.Tensor(np.arange(start, start + count))

    np.testing.assert_array_equal(make().in_parts(AT_ONCE + 50, draw), np.arange(AT_ONCE + 50))
    assert asked == [(0, AT_ONCE), (AT_ONCE, 50)]


def test_drawing_from_ends_with_its_block_also_by_an_error():
    before = backend.default_rng()
    with pytest.raises(KeyError), backend.drawing_from(np.random.default_rng(1)):
        raise KeyError
    assert backend.default_rng() is before


def test_what_is_drawn():
    gan = make()
    z = np.concatenate([gan.normal(batch(n=50), 40).numpy() for _ in range(20)])
    assert z.shape == (1000, 40) and z.dtype == np.float64
    assert abs(z.mean()) < 0.02 and z.std() == pytest.approx(1, abs=0.02)
    u = np.concatenate([gan.uniform(batch(n=50), 2, 3).numpy() for _ in range(20)])
    assert u.shape == (1000, 2, 3) and 0 <= u.min() < 0.01 and 0.99 < u.max() < 1 and abs(u.mean() - 0.5) < 0.02


def weights_after(gan: GAN, steps: int = 3) -> dict[str, bytes]:
    given = batches()
    for _ in range(steps):
        gan(given)
    return state_of(gan)


def test_dropout_draws_from_the_algorithms_own_stream():
    """Two in turns are as each alone, and the global generator stays where it is."""
    alone = [weights_after(make(networks=(Generator, Dropping), seed=seed)) for seed in (1, 2)]
    gans = [make(networks=(Generator, Dropping), seed=seed) for seed in (1, 2)]
    before = copy.deepcopy(backend.default_rng().bit_generator.state)
    given = [batches(), batches()]
    for _ in range(3):
        for gan, own in zip(gans, given, strict=True):
            gan(own)
    assert [state_of(gan) for gan in gans] == alone
    assert backend.default_rng().bit_generator.state == before
    fresh = make(networks=(Generator, Dropping), seed=1).rng("dropout").bit_generator.state
    assert json.loads(alone[0]["streams.dropout"]) != fresh


def test_building_and_training_leave_the_global_generator_alone():
    before = copy.deepcopy(backend.default_rng().bit_generator.state)
    gan = GAN(model="dcgan28").build(IMAGES, seed=3, device=backend.get_default_device())  # whose D has dropout
    gan(iter([Batch(x=np.zeros((2, 1, 28, 28), "float32"))]))
    gan.generate(2)
    assert backend.default_rng().bit_generator.state == before


def test_weights_are_those_of_the_seed_whatever_was_drawn_before():
    def built(seed: int) -> list[bytes]:
        return [w for network in GAN(model="mlp").build(IMAGES, seed=seed).networks.values() for w in weights(network)]

    first = built(3)
    backend.default_rng().random(10)
    assert built(3) == first != built(4)


def test_two_threads_train_as_each_alone():
    alone = [weights_after(make(networks=(Generator, Dropping), seed=seed)) for seed in (1, 2)]
    gans = [make(networks=(Generator, Dropping), seed=seed) for seed in (1, 2)]
    together, found = threading.Barrier(2, timeout=60), {}

    def train(i: int) -> None:
        backend.get_default_device().use()
        given = batches()
        for _ in range(3):
            together.wait()
            gans[i].loss_hooks[:] = [lambda *loss: together.wait()]  # both are in a step at once
            gans[i](given)
        found[i] = state_of(gans[i])

    threads = [threading.Thread(target=train, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[0], found[1]] == alone


# --- samples ---------------------------------------------------------------------------------------


def test_the_first_of_many_are_those_of_few():
    gan = make()
    gan(batches())
    many = gan.generate(230, seed=4)
    assert many.shape == (230, 1, 6, 6) and isinstance(many, np.ndarray)
    np.testing.assert_allclose(gan.generate(5, seed=4), many[:5], rtol=0, atol=1e-12)
    np.testing.assert_allclose(gan.generate(130, seed=4), many[:130], rtol=0, atol=1e-12)
    assert np.abs(gan.generate(5, seed=5) - many[:5]).max() > 0.01
    assert len({image.tobytes() for image in many}) == 230


def test_samples_are_drawn_in_evaluation_mode_which_ends_with_them():
    gan = make()
    gan(batches())
    G, D = gan.networks.values()
    before = state_of(gan)
    samples = gan.generate(7)
    assert G.training and D.training and all(m.training for m in G.modules())
    assert state_of(gan) == before, "no statistics, no streams"
    z = mg.Tensor(backend.new_rng(0, "samples").standard_normal((7, 6), "float32").astype("float64"))
    np.testing.assert_allclose(G.eval()(z).numpy(), samples, rtol=0, atol=1e-12)
    assert np.abs(G.train()(z).numpy() - samples).max() > 0.01
    G.eval()
    gan.generate(2)
    assert not G.training and D.training


def test_modes_are_restored_after_an_error():
    gan = make()
    gan.sample = lambda n, rng: 1 / 0
    with pytest.raises(ZeroDivisionError):
        gan.generate(3)
    assert all(m.training for network in gan.networks.values() for m in network.modules())


def test_given_noise_is_decoded():
    gan = make(networks=(LabelledGenerator, LabelledCritic))
    z = np.random.default_rng(0).standard_normal((130, 6))
    images = decode(gan, z, label=1)
    G = gan.networks["G"].eval()
    expected = G(mg.Tensor(z.astype("float32").astype("float64")), mg.Tensor([1] * 130, dtype="int64"))
    np.testing.assert_allclose(images, expected.numpy(), rtol=0, atol=1e-12)


def test_a_label_can_be_asked_for():
    gan = make(networks=(LabelledGenerator, LabelledCritic))
    in_turn = gan.generate(7, seed=2)
    for label in range(3):
        of_one = gan.generate(7, seed=2, label=label)
        for i in range(7):
            same = np.abs(of_one[i] - in_turn[i]).max() < 1e-12
            assert same == (i % 3 == label), "the noise is the same, and every third label"
    for label in (-1, 3):
        with pytest.raises(ConfigError, match=f"^--label {label}: the labels of this model are 0 to 2$"):
            gan.generate(2, label=label)
    with pytest.raises(ConfigError, match="^--label 1: the model quick28 takes no labels; cgan28 and sagan28 do$"):
        make().generate(2, label=1)


def test_the_preview_is_as_many_samples_as_there_are_reals():
    gan = make()
    reals = Batch(x=np.zeros((130, 1, 6, 6)))
    assert_array_equal(preview(gan, reals, seed=3), gan.generate(130, seed=3))


def test_the_preview_of_labels_is_whole_rows_of_all_for_each_noise():
    gan = make(networks=(LabelledGenerator, LabelledCritic))
    found = preview(gan, Batch(x=np.zeros((8, 1, 6, 6))), seed=3)
    assert (gan.classes, make().classes, preview_columns(gan, 8), preview_columns(gan, 2)) == (3, 0, 3, None)
    wanted = [gan.generate(2, seed=3, label=label) for label in range(3)]
    assert_array_equal(found, np.stack([wanted[label][row] for row in range(2) for label in range(3)]))
    few = preview(gan, Batch(x=np.zeros((2, 1, 6, 6))), seed=3)  # of fewer samples than labels
    assert_array_equal(few, gan.generate(2, seed=3))


@pytest.mark.parametrize(
    ("classes", "n", "columns"), [(1, 64, None), (2, 64, 8), (3, 64, 9), (4, 36, 8), (10, 64, 10), (10, 400, 20)]
)
def test_few_labels_stand_several_times_in_a_row(classes, n, columns):
    gan = make(networks=(LabelledGenerator, LabelledCritic))
    G = gan.networks["G"]
    G.classes, G.label = classes, nn.Embedding(classes, G.z_dim).to(dtype="float64")
    assert gan.classes == classes and preview_columns(gan, n) == columns
    if columns:
        assert len(preview(gan, Batch(x=np.zeros((n, 1, 6, 6))))) == n // columns * columns


def test_ones_own_preview_is_shown_though_there_are_labels():
    class Own(GAN):
        def preview(self, batch, rng):
            return batch.x

    gan = make(Own, networks=(LabelledGenerator, LabelledCritic))
    x = np.random.default_rng(0).standard_normal((4, 1, 6, 6))
    assert_array_equal(preview(gan, Batch(x=x)), x)
    assert preview_columns(gan, 4) is None


# --- building --------------------------------------------------------------------------------------


def test_a_conditional_model_needs_labels():
    with pytest.raises(ConfigError) as caught:
        GAN(model="cgan28").build(IMAGES)
    assert str(caught.value) == (
        "the model cgan28 takes labels, but the data has none: name data that has, or another model"
    )
    gan = GAN(model="cgan28").build(DataInfo({"x": (1, 28, 28), "y": ()}, classes=4))
    assert gan.networks["G"].classes == gan.networks["D"].classes == 4 and gan.reads == ("x", "y")


@pytest.mark.parametrize("model", ["quick28", "dcgan64", "critic28"])
def test_a_gan_is_built_on_its_model(model):
    gan = GAN(model=model, lr_G=0.003, lr_D=0.004, betas=(0.1, 0.2), eps=1e-5, epsilon_hat=True)
    size = gan.image_size
    gan.build(DataInfo({"x": (3, size, size)}), dtype="float64")
    assert gan.networks["G"].image_size == size and gan.generate(1).shape == (1, 3, size, size)
    assert all(p.dtype == np.float64 for network in gan.networks.values() for p in network.parameters())
    assert gan.networks["D"].parameters()[0].name.startswith("D.")
    for name, lr in (("G", 0.003), ("D", 0.004)):
        optimizer = gan.optimizers[name]
        assert isinstance(optimizer, optim.Adam) and optimizer.lr == lr
        assert (optimizer.betas, optimizer.eps, optimizer.epsilon_hat) == ((0.1, 0.2), 1e-5, True)
        assert optimizer.params == gan.networks[name].parameters()


def test_the_optimizers():
    gan = make(optimizer="rmsprop", eps=1e-3)
    assert all(type(o) is optim.RMSprop and o.eps == 1e-3 for o in gan.optimizers.values())
    assert all(type(o) is optim.SGD for o in make(optimizer="sgd").optimizers.values())


def test_the_losses_that_a_trace_compares():
    assert list(make().losses_to_compare()) == ["minimax", "non-saturating", "least-squares"]
    assert make(objective="hinge").losses_to_compare() == {}


# --- one's own -------------------------------------------------------------------------------------


@dataclass(eq=False)
class Returning(Algorithm):
    """Returns what it is told to."""

    value = None

    def setup(self, data: DataInfo) -> None: ...

    def step(self, batches) -> Figures:
        return {"it": self.value(next(batches))}


@pytest.mark.parametrize(
    "value", [3, 2.5, np.float32(2.5), np.array([[2.5]]), mg.Tensor(np.array([[2.0]]), requires_grad=True) * 1.0]
)
def test_figures_are_single_numbers_without_a_graph(value):
    algorithm = Returning()
    algorithm.value = lambda batch: value
    figure = algorithm(points())["it"]
    assert figure.item() == value.item() if hasattr(value, "item") else value
    assert not figure.requires_grad and figure.creator is None


@pytest.mark.parametrize(
    ("value", "found"), [(mg.Tensor(np.zeros(3)), r"shape \(3,\)"), ("high", "str"), (None, "NoneType")]
)
def test_what_is_no_figure_is_refused(value, found):
    algorithm = Returning()
    algorithm.value = lambda batch: value
    with pytest.raises(TypeError, match=f"^Returning.step returned it of {found}: a figure is a single number$"):
        algorithm(points())


def test_arrays_of_a_batch_come_as_tensors_of_the_dtype():
    algorithm = Returning().build(IMAGES, dtype="float64")
    seen = []
    algorithm.value = lambda batch: seen.append(batch) or 0
    y = mg.Tensor([1, 2], dtype="int64")
    algorithm(iter([Batch(global_size=5, x=np.zeros((2, 3), "float32"), n=np.array([1, 2], "int32"), y=y)]))
    assert seen[0].global_size == 5
    assert {name: (type(a), str(a.dtype)) for name, a in seen[0].arrays.items()} == {
        "x": (mg.Tensor, "float64"), "n": (mg.Tensor, "int32"), "y": (mg.Tensor, "int64")
    }  # fmt: skip
    assert seen[0].y is y


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda a: a.setup(IMAGES), TypeError, r"Algorithm must define setup\(self, data\)"),
        (lambda a: a.step(iter([])), TypeError, r"Algorithm must define step\(self, batches\)"),
        (lambda a: a.generate(1), NoSamplesError, r"Algorithm draws no samples: it defines no sample\(self, n, rng\)"),
        (lambda a: a.translate(batch()), NoSamplesError,
         r"Algorithm translates nothing: it defines no translate\(self, batch\)"),
    ],
)  # fmt: skip
def test_what_ones_own_must_define(call, error, said):
    with pytest.raises(error, match=f"^{said}$"):
        call(Algorithm())


def test_one_that_translates_previews_what_becomes_of_the_reals():
    class Doubling(Algorithm):
        def translate(self, batch: Batch) -> mg.Tensor:
            return batch.x * 2.0

    reals = Batch(x=np.random.default_rng(0).standard_normal((130, 2)).astype("float32"))
    assert_array_equal(preview(Doubling(), reals), 2 * reals.x)


def test_a_step_takes_no_more_batches_than_it_asks_for():
    given = batches()
    make(networks=(Generator, Discriminator))(given)
    assert [b.x.numpy().tobytes() for b in islice(given, 1)] == [batch(1).x.numpy().tobytes()]

"""The recorder: it changes nothing, and what it writes down is what happened."""

from __future__ import annotations

import numpy as np
import pytest
from devices import host

import minigan as mg
from minigan import backend, nn, optim
from minigan import functions as F
from minigan.algorithms import GAN, SimultaneousGAN
from minigan.data import Batch
from minigan.trace import Recorder, StepRecorder
from minigan.trace.events import BackwardStart

both = pytest.mark.parametrize("cls", [GAN, SimultaneousGAN])


def everything(algorithm) -> dict[str, bytes]:
    """All that a step may change: weights, statistics, moments, random states, gradients."""
    found = {
        key: value.encode() if isinstance(value, str) else np.asarray(host(value)).tobytes()
        for key, value in algorithm.state_dict().items()
    }
    for name, network in algorithm.networks.items():
        for key, p in network.named_parameters():
            found[f"{name}.{key}.grad"] = b"" if p.grad is None else host(p.grad.data).tobytes()
    return found | {"random": str(backend.default_rng().bit_generator.state).encode()}


def numbers(figures) -> dict[str, float]:
    return {name: value.item() for name, value in figures.items()}


def norm(t) -> float:
    return float(np.linalg.norm(np.asarray(t, "float64").ravel()))


# --- it changes nothing --------------------------------------------------------------------------


VARIANTS = {
    "alternating": (GAN, {}),
    "simultaneous": (SimultaneousGAN, {}),
    "two critic steps": (GAN, {"n_critic": 2}),
    "a penalty": (GAN, {"penalties": ("drift",)}),
    "clipped weights": (GAN, {"objective": "hinge", "weight_clip": 0.05}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_recording_changes_no_result(variant, gan, batch):
    """Nor u of a spectral norm, which a call more would move on."""
    cls, options = VARIANTS[variant]
    after = {}
    for kind in ("plain", "recorded"):
        algorithm, seen = gan(cls, **options), []
        algorithm.use(*map(nn.with_spectral_norm, algorithm.networks.values()))
        for step in range(3):
            x, z = batch(step)
            algorithm.noise = lambda batch, z=z: z
            batches = iter([Batch(x=x)] * algorithm.n_critic)
            if kind == "plain":
                figures = algorithm(batches)
            else:
                with StepRecorder(algorithm) as recorder:
                    figures = algorithm(batches)
                assert bool(recorder.trace.comparisons) == (algorithm.objective != "hinge")
            seen.append(numbers(figures))
            assert z.grad is None and not z.requires_grad
        after[kind] = everything(algorithm) | {"figures": str(seen).encode()}
    assert after["plain"] == after["recorded"]


class Diary:
    """An observer that notes which functions are called and differentiated."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def after_forward(self, node, inputs, outputs) -> None:
        self.lines.append(f"forward {node.name}")

    def after_backward(self, node, cotangents, gradients) -> None:
        self.lines.append(f"backward {node.name}")


def test_nobody_sees_the_comparison(gan, batch, take_step):
    """It is none of the step: a NaN in another objective, for one, is no fault of it."""
    diaries = {}
    for compared in (False, True):
        algorithm, diary = gan(SimultaneousGAN), Diary()
        if not compared:
            algorithm.losses_to_compare = dict
        with mg.observe(diary), StepRecorder(algorithm) as recorder:
            take_step(algorithm, *batch())
        assert bool(recorder.trace.comparisons) == compared
        diaries[compared] = diary.lines
    assert diaries[False] == diaries[True] and len(diaries[True]) > 100


def test_what_was_made_to_require_a_gradient_is_as_it_was_afterwards(gan, batch):
    networks, (_, z) = gan().networks, batch()
    fake = networks["G"](z).detach()
    left = fake.grad = mg.Tensor(fake.data)
    with Recorder(networks) as recorder:
        fake = networks["G"](z).detach()
        fake.grad = left
        networks["D"](fake).sum().backward()
        assert fake.requires_grad and fake.grad is not left
    assert not fake.requires_grad and fake.grad is left
    assert recorder.trace.border_gradients[0].at_input.norm > 0


def test_a_network_that_has_no_graph_is_given_none(gan, batch):
    """A wall in G's turn is a mistake that the engine tells of: also while it is recorded."""
    networks, (_, z) = gan().networks, batch()
    with Recorder(networks), nn.frozen(networks["D"]), pytest.raises(mg.GraphError, match="no gradient"):
        networks["D"](networks["G"](z).detach()).sum().backward()
    with Recorder(networks) as recorder, mg.no_grad():
        fake = networks["G"](z)
        networks["D"](fake)
        assert not fake.requires_grad
    assert recorder.trace.borders[0].kind == "detached"


def test_what_is_asked_for_is_what_is_handed_out(gan, batch):
    """At a wall the recorder asks for one gradient more: of a loss, but not of a gradient that is to have a graph."""
    networks, (_, z) = gan().networks, batch()
    G, D = networks["G"], networks["D"]
    for create_graph in (False, True):
        with Recorder(networks) as recorder:
            loss = D(G(z).detach()).sum()
            recorder.on_loss("loss_D", loss)
            gradients = mg.grad(loss, D.parameters(), create_graph=create_graph)
            (start,) = [event for event in recorder.recording.events if isinstance(event, BackwardStart)]
        assert start.requested == set(D.parameters())
        assert len(gradients) == len(D.parameters()) and all(p.grad is None for p in D.parameters())
        (wall,) = recorder.trace.border_gradients
        assert (wall.at_input is None) == create_graph
        assert {p.status for back in recorder.trace.layer_backwards for p in back.parameters} == {"computed"}


def test_an_error_in_the_block_is_the_blocks_own(gan, batch):
    algorithm, (_, z) = gan(), batch()
    with pytest.raises(KeyError), StepRecorder(algorithm) as recorder:
        algorithm.networks["G"](z)
        raise KeyError
    assert recorder.trace is None


# --- the border ----------------------------------------------------------------------------------


@both
def test_the_gradient_at_the_border_is_one_on_both_sides(cls, gan, batch, take_step):
    algorithm = gan(cls)
    with StepRecorder(algorithm) as recorder:
        figures = take_step(algorithm, *batch())
    trace = recorder.trace
    (door,) = [c for c in trace.border_gradients if c.kind == "carried"]
    assert door.difference == 0.0
    assert door.at_input == door.at_output and door.at_input.norm > 0
    assert door.norm_into == door.at_output.norm == pytest.approx(figures["border_norm"].item(), rel=1e-6)
    assert trace.backward_passes[door.backward_pass].label == "loss_G"
    (on,) = [w for w in trace.backward_passes if w.carries is not None]
    assert on.label == "∂loss_G/∂G(z)" and on.player == "G" and trace.layers[on.start].owner == "G"


@both
def test_the_loss_of_D_meets_a_wall(cls, gan, batch, traced):
    trace = traced(gan(cls), *batch())
    (wall,) = [c for c in trace.border_gradients if c.kind == "detached"]
    assert trace.backward_passes[wall.backward_pass].label == "loss_D"
    assert wall.at_input.norm > 0 and wall.at_output is None and wall.norm_into == 0.0
    owners: dict[str, set[str]] = {}
    for back in trace.layer_backwards:
        owners.setdefault(trace.backward_passes[back.backward_pass].label, set()).add(trace.layers[back.layer].owner)
    del owners["loss_G"]
    assert owners == {"loss_D": {"loss", "D"}, "∂loss_G/∂G(z)": {"G"}}


@both
def test_what_dies_at_the_wall_is_what_an_open_border_would_have_let_through(cls, gan, batch, traced):
    x, z = batch()
    trace = traced(gan(cls), x, z)
    other = gan(cls)
    G, D = other.networks.values()
    with backend.drawing_from(other.rng("dropout")):
        fake = G(z)
        loss = other.loss.discriminator_loss(D(x), D(fake))
    (through,) = mg.grad(loss, [fake])
    wall = next(c for c in trace.border_gradients if c.kind == "detached")
    assert wall.at_input.norm == pytest.approx(norm(through.numpy()), rel=1e-6)


def test_a_wall_to_which_no_gradient_comes_has_no_number(gan, batch):
    networks, (_, z) = gan().networks, batch()
    with Recorder(networks) as recorder:
        mg.grad(networks["D"](networks["G"](z).detach()).sum(), networks["D"].parameters())  # of no reported loss
    (wall,) = recorder.trace.border_gradients
    assert (wall.kind, wall.at_input, wall.norm_into) == ("detached", None, 0.0)


def test_a_gradient_changed_on_the_way_is_seen(gan, batch):
    algorithm, (_, z) = gan(), batch()
    with Recorder(algorithm.networks) as recorder:
        fake = algorithm.networks["G"](z)
        border = mg.Tensor(fake.data, requires_grad=True)
        algorithm.loss.generator_loss(algorithm.networks["D"](border)).backward()
        changed = border.grad.numpy().copy()
        border.grad.data *= 2  # in place: the recorder must not be fooled by it
        fake.backward(border.grad)
    (door,) = recorder.trace.border_gradients
    assert door.kind == "carried" and door.difference == pytest.approx(np.abs(changed).max(), rel=1e-6)
    assert door.norm_into == pytest.approx(2 * door.at_input.norm, rel=1e-6)


def test_one_graph_through_both_is_an_open_border(gan, batch):
    networks, (_, z) = gan().networks, batch()
    with Recorder(networks) as recorder:
        networks["D"](networks["G"](z)).mean().backward()
    trace = recorder.trace
    (gradient,) = trace.border_gradients
    assert (gradient.kind, gradient.difference) == ("attached", 0.0) and gradient.norm_into > 0
    assert [c.label for c in trace.calls] == ["G(z)", "D(G(z))"] and trace.borders[0].kind == "attached"


# --- parameters ----------------------------------------------------------------------------------


def statuses(trace, owner: str) -> dict[str, set[str]]:
    """By walk: what became of the gradients of a player's parameters."""
    found: dict[str, set[str]] = {}
    for back in trace.layer_backwards:
        if trace.layers[back.layer].owner == owner:
            for p in back.parameters:
                found.setdefault(trace.backward_passes[back.backward_pass].label, set()).add(p.status)
                assert (p.gradient is None) == (p.status in ("frozen", "not asked"))
    return found


def test_frozen_parameters_get_no_gradient(gan, batch, traced):
    trace = traced(gan(), *batch())
    assert statuses(trace, "D") == {"loss_D": {"computed"}, "loss_G": {"frozen"}}
    assert statuses(trace, "G") == {"∂loss_G/∂G(z)": {"computed"}}
    frozen = {p.frozen for call in trace.calls[-1:] for i in call.layers for p in trace.layers[i].parameters}
    assert trace.calls[-1].label == "D(G(z))" and frozen == {True}
    backs = [back for back in trace.layer_backwards if trace.backward_passes[back.backward_pass].label == "loss_G"]
    named = {p.name for back in backs for p in back.parameters}
    assert named == {p.name for i in trace.calls[-1].layers for p in trace.layers[i].parameters}  # BatchNorm's too


def test_the_simultaneous_step_does_not_ask_for_them(gan, batch, traced):
    trace = traced(gan(SimultaneousGAN), *batch())
    assert statuses(trace, "D") == {"loss_G": {"not asked"}, "loss_D": {"computed"}}


class Forgetful(GAN):
    """D is not frozen in G's turn."""

    def step(self, batches):
        batch = next(batches)
        (G, D), (opt_G, opt_D) = self.networks.values(), self.optimizers.values()
        fake = G(self.noise(batch))
        loss_D = self.name_loss("loss_D", self.loss.discriminator_loss(D(batch.x), D(fake.detach())))
        D.zero_grad()
        loss_D.backward()
        opt_D.step()
        loss_G = self.name_loss("loss_G", self.loss.generator_loss(D(fake)))
        G.zero_grad()
        loss_G.backward()
        opt_G.step()
        return {"loss_G": loss_G}


def test_a_loop_that_forgets_to_freeze_discards_what_it_computed(gan, batch, traced):
    trace = traced(gan(Forgetful), *batch())
    assert statuses(trace, "D") == {"loss_D": {"computed"}, "loss_G": {"discarded"}}
    assert statuses(trace, "G") == {"loss_G": {"computed"}}
    assert [w.player for w in trace.backward_passes] == ["D", "G"]


def test_gradients_cleared_before_the_next_walk_are_discarded_and_kept_ones_are_not():
    layer, x = nn.Dense(2, 1).named("A"), mg.Tensor(np.ones((3, 2), "float32"))
    with Recorder() as recorder:
        layer(x).sum().backward()
        layer.zero_grad()
        layer(x).sum().backward()
        layer(x).sum().backward()
    by_walk = {
        b.backward_pass: {p.status for p in b.parameters} for b in recorder.trace.layer_backwards if b.parameters
    }
    assert by_walk == {0: {"discarded"}, 1: {"computed"}, 2: {"computed"}}


def test_updates_by_hand(gan, batch, traced):
    algorithm = gan()
    parameters = {f"{name}.{k}": p for name, net in algorithm.networks.items() for k, p in net.named_parameters()}
    before = {name: p.numpy().copy() for name, p in parameters.items()}
    trace = traced(algorithm, *batch())
    after = {name: p.numpy() for name, p in parameters.items()}
    grads = {name: p.grad.numpy() for name, p in parameters.items()}
    assert [(u.owner, u.optimizer, u.lr) for u in trace.updates] == [("D", "Adam", 0.03), ("G", "Adam", 0.02)]
    rows = [row for update in trace.updates for row in update.parameters]
    assert sorted(row.name for row in rows) == sorted(before)
    for row in rows:
        step = norm(after[row.name].astype("float64") - before[row.name])
        assert row.weight.norm == pytest.approx(norm(before[row.name]), rel=1e-5)
        assert row.update == pytest.approx(step, rel=1e-4)
        assert row.gradient.norm == pytest.approx(norm(grads[row.name]), rel=1e-5)
        assert (
            row.ratio is None if not row.weight.norm else row.ratio == pytest.approx(step / row.weight.norm, rel=1e-3)
        )


def test_an_update_says_how_many_parameters_had_no_norm(gan, batch, traced):
    algorithm = gan()
    trace = traced(algorithm, *batch())
    for update, frame in zip(trace.updates, [f for f in trace.frames if f.update is not None], strict=True):
        ratios = [row.ratio for row in update.parameters if row.ratio is not None]
        n, zeros = len(update.parameters), len(update.parameters) - len(ratios)
        changed = f"{n} parameters changed, {len(ratios)} of them by {min(ratios):.1e} to {max(ratios):.1e}"
        assert zeros and f"{changed} of their norms; the norms of the other {zeros} were 0" in frame.note
    notes = {f.note for f in traced(algorithm, *batch(1)).frames if f.update is not None}
    assert all("were 0" not in note and "parameters changed, by " in note for note in notes)


def test_weights_are_seen_as_they_are_at_each_call(gan, batch, traced):
    algorithm = gan()
    trace = traced(algorithm, *batch())
    first, second, third = (trace.layers[c.layers[0]].parameters[0] for c in trace.calls if c.owner == "D")
    assert first.name == "D.main.0.weight" and first.value == second.value != third.value
    assert third.value.norm == pytest.approx(norm(algorithm.networks["D"].main[0].weight.numpy()), rel=1e-6)


def test_a_parameter_without_gradient_stays_and_is_told_of():
    a, b = nn.Parameter([1.0], name="a"), nn.Parameter([2.0], name="b")
    sgd = optim.SGD([a, b], 0.5)
    with Recorder() as recorder:
        (a * 3.0).sum().backward()
        sgd.step()
    (update,) = recorder.trace.updates
    assert [(row.name, row.update, row.ratio) for row in update.parameters] == [("a", 1.5, 1.5), ("b", 0.0, 0.0)]
    assert update.parameters[1].gradient is None


# --- layers and numbers --------------------------------------------------------------------------


def test_names_shapes_and_norms_by_hand(gan, batch):
    (_, z), G = batch(), gan().networks["G"]
    with Recorder({"G": G}) as recorder:
        G(z)
    G = gan().networks["G"]
    values, t = [z.numpy()], z
    for layer in G.main._modules.values():
        t = layer(t)
        values.append(t.numpy())
    trace = recorder.trace
    assert [(layer.name, layer.kind, layer.owner) for layer in trace.layers] == [
        ("G.main.0", "Dense", "G"), ("G.main.1", "Reshape", "G"), ("G.main.2", "BatchNorm", "G"),
        ("G.main.3", "ReLU", "G"), ("G.main.4", "ConvTranspose2d", "G"), ("G.main.5", "Tanh", "G"),
    ]  # fmt: skip
    for i, layer in enumerate(trace.layers):
        assert layer.inputs[0].shape == values[i].shape and layer.output.shape == values[i + 1].shape
        assert layer.inputs[0].norm == pytest.approx(norm(values[i]), rel=1e-5)
        assert layer.output.norm == pytest.approx(norm(values[i + 1]), rel=1e-5)
        assert layer.sources == (None if i == 0 else i - 1,)
    relu = trace.layers[3].output
    assert relu.zeros == pytest.approx((values[4] == 0).mean()) and 0 < relu.zeros < 1
    (call,) = trace.calls
    assert (call.label, call.kind, call.training) == ("G(z)", "Generator", True)
    assert call.inputs[0] == trace.layers[0].inputs[0] and call.output == trace.layers[-1].output


def test_gradients_by_hand(gan, batch):
    (_, z), G = batch(), gan().networks["G"]
    with Recorder({"G": G}) as recorder:
        G(z).sum().backward()
    trace, t, values = recorder.trace, mg.Tensor(z.data, requires_grad=True), []
    for layer in gan().networks["G"].main._modules.values():
        values.append(t)
        t = layer(t)
    values.append(t)
    by_hand = mg.grad(t.sum(), values)
    backs = [b for b in trace.layer_backwards if trace.layers[b.layer].owner == "G"]
    assert [b.layer for b in backs] == [5, 4, 3, 2, 1, 0]
    for b in backs:
        assert b.grad_output.norm == pytest.approx(norm(by_hand[b.layer + 1].numpy()), rel=1e-5, abs=1e-6)
        (out,) = b.grad_inputs
        if b.layer:
            assert out.norm == pytest.approx(norm(by_hand[b.layer].numpy()), rel=1e-5, abs=1e-6)
            assert out.histogram.low == -out.histogram.high and b.grad_output.histogram.low < 0
            assert b.grad_output.histogram.low == -b.grad_output.histogram.high
        else:
            assert out is None, "nobody asked for the gradient of the noise"
    dense = backs[-1].parameters
    assert [(g.name, g.status) for g in dense] == [("G.main.0.weight", "computed"), ("G.main.0.bias", "computed")]
    assert dense[0].gradient.norm == pytest.approx(norm(G.main[0].weight.grad.numpy()), rel=1e-5)


class Residual(nn.Module):
    """x + x²: two functions of one input, which gets both gradients."""

    def forward(self, x):
        return F.add(x, F.mul(x, x))


def test_a_users_own_module_of_several_functions():
    x = mg.Tensor(np.array([1.0, 2.0, -3.0], "float32"), requires_grad=True, name="x")
    with Recorder() as recorder:
        Residual()(x).sum().backward()
    layer, total = recorder.trace.layers
    assert (layer.name, layer.kind, layer.owner) == ("Residual", "Residual", "Residual")
    assert [f.name for f in layer.functions] == ["Mul", "Add"]
    assert [f.output.norm for f in layer.functions] == pytest.approx([norm([1, 4, 9]), norm([2, 6, 6])])
    assert len(layer.inputs) == 1 and recorder.trace.calls[0].label == "Residual(x)"
    back = recorder.trace.layer_backwards[1]
    assert back.grad_output.norm == pytest.approx(norm([1, 1, 1]))
    (out,) = back.grad_inputs
    assert out.norm == pytest.approx(norm([3, 5, -5])) == pytest.approx(norm(x.grad.numpy()))
    assert total.owner == "loss"


def test_a_module_used_twice_is_two_calls():
    layer, x = nn.Dense(2, 2), mg.Tensor(np.ones((1, 2), "float32"), name="x")
    with Recorder({"A": layer}) as recorder:
        layer(layer(x))
    assert [c.label for c in recorder.trace.calls] == ["A(x)", "A(A(x))"]
    assert [b.kind for b in recorder.trace.borders] == ["attached"]


def test_parts_of_players_within_a_module_are_their_own(gan, batch):
    networks, (_, z) = gan().networks, batch()

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.G, self.D = networks["G"], networks["D"]

        def forward(self, z):
            return self.D(self.G(z))

    both = Both()
    with Recorder(networks) as recorder:
        both(z)
    assert [c.label for c in recorder.trace.calls] == ["G(z)", "D(G(z))"]
    assert recorder.trace.layers[0].name == "G.main.0"
    with Recorder({"GAN": both}) as recorder:
        both(z)
    assert [c.label for c in recorder.trace.calls] == ["GAN(z)"]
    assert recorder.trace.layers[0].name == "GAN.G.main.0"


def test_what_no_network_computes_is_a_layer_as_far_as_it_is_computed_from_one_another():
    x, y = (mg.Tensor(np.ones(3, "float32"), requires_grad=True) for _ in range(2))
    with Recorder() as recorder:
        a = x * x
        b = y.exp()
        c = (a + 1.0).sum()
        total = c * 2.0 + b.sum()
        c.backward(retain_graph=True)
        total.backward()
    layers = [([f.name for f in layer.functions], layer.sources) for layer in recorder.trace.layers]
    assert layers == [(["Mul", "AddScalar", "Sum"], (None,)), (["Exp", "MulScalar", "Sum", "Add"], (None, 0))]


def test_the_loss_of_a_network_is_walked_for_it_whatever_else_it_computes(gan, batch):
    networks, (_, z) = gan().networks, batch()
    with Recorder(networks) as recorder:
        loss = networks["D"](networks["G"](z)).mean()
        recorder.on_loss("loss_G", loss)
        loss.backward()
    assert [(w.label, w.player) for w in recorder.trace.backward_passes] == [("loss_G", "G")]
    assert {p.status for back in recorder.trace.layer_backwards for p in back.parameters} == {"computed"}


def test_an_open_border_is_not_asked_for(gan, batch):
    networks, (_, z) = gan().networks, batch()
    with Recorder(networks) as recorder:
        loss = networks["D"](networks["G"](z)).mean()
        recorder.on_loss("loss_D", loss)
        mg.grad(loss, networks["D"].parameters())
    assert [(c.kind, c.at_input) for c in recorder.trace.border_gradients] == [("attached", None)]


def test_a_steps_samples_are_those_that_its_first_network_is_given(gan, batch):
    algorithm, (x, z) = gan(), batch()
    with StepRecorder(algorithm) as recorder:
        algorithm.networks["G"](z)
        algorithm.networks["D"](x[:2])
    assert recorder.trace.about["batch"] == len(z)


def test_without_a_graph_there_is_the_forward_pass(gan, batch):
    networks, (_, z) = gan().networks, batch()
    with mg.no_grad(), Recorder(networks) as recorder:
        networks["D"](networks["G"](z))
    trace = recorder.trace
    assert [c.label for c in trace.calls] == ["G(z)", "D(G(z))"]
    assert not trace.backward_passes and not trace.border_gradients and trace.borders[0].kind == "detached"


def test_a_path_cut_within_a_network_is_told_of():
    x = mg.Tensor(np.ones((2, 2), "float32"), requires_grad=True, name="x")
    first, second = nn.Dense(2, 3), nn.Dense(3, 1)
    with Recorder({"A": first, "B": second}) as recorder:
        h = first(x)
        a, b = F.relu(h), F.tanh(h.detach())
        second(a + b).sum().backward()
    detached = {f.name: layer.detached for layer in recorder.trace.layers for f in layer.functions}
    assert detached["Dense"] == (False,)
    made = {layer.kind: layer for layer in recorder.trace.layers}
    assert [layer.detached for layer in recorder.trace.layers if "Tanh" in layer.kind] == [(False, True)]
    assert made["Dense"].sources == (1,)


def test_what_a_backward_pass_is_made_of_is_no_layer(gan, batch):
    """A gradient penalty: a gradient of a gradient. The functions of the first are differentiated in the second."""
    (x, _), D = batch(), gan().networks["D"]
    with Recorder({"D": D}) as recorder:
        x = mg.Tensor(x.data, requires_grad=True, name="x")
        (g,) = mg.grad(D(x).sum(), [x], create_graph=True)
        ((g * g).sum() - 1.0).backward()
    names = [layer.name for layer in recorder.trace.layers]
    assert [name for name in names if name.startswith("D")] == [f"D.main.{i}" for i in range(6)]
    assert len(recorder.trace.backward_passes) == 2 and D.main[0].weight.grad is not None


@pytest.mark.parametrize(
    "layer", [nn.SelfAttention(8), nn.SpectralNorm(nn.Conv2d(8, 2, 1))], ids=["attention", "spectral"]
)
def test_layers_with_parts_and_state(layer):
    x = mg.Tensor(np.random.default_rng(0).standard_normal((2, 8, 4, 4), "float32"), requires_grad=True, name="x")
    with Recorder({"A": layer}) as recorder:
        layer(x).sum().backward()
    (call,) = recorder.trace.calls
    assert call.label == "A(x)" and len(call.inputs) == 1


def test_nans_are_counted(gan, batch, traced):
    x, z = batch()
    z.data[0, 0] = np.nan
    trace = traced(gan(), x, z)
    assert trace.calls[0].inputs[0].nans == 1
    assert trace.layers[0].output.nans == 18 and not trace.layers[0].output.finite
    loss = next(w for w in trace.backward_passes if w.label == "loss_G")
    assert loss.loss is None
    door = next(c for c in trace.border_gradients if c.kind == "carried")
    assert door.at_input.nans and door.difference is None
    assert type(trace).from_json(trace.to_json()) == trace


# --- frames --------------------------------------------------------------------------------------


def outline(trace) -> list[tuple[str, str, str, str]]:
    """The frames, those of a network's layers together."""
    lines: list[tuple[str, str, str, str]] = []
    for f in trace.frames:
        where = trace.calls[f.call].label if f.call is not None else f.owner
        line = (f.turn, f.direction, f.way, where)
        if not lines or lines[-1] != line:
            lines.append(line)
    return lines


def test_frames_of_the_alternating_step(gan, batch, traced):
    assert outline(traced(gan(), *batch())) == [
        ("D", "enter", "forward", "G(z)"), ("D", "forward", "forward", "G(z)"),
        ("D", "enter", "forward", "D(x)"), ("D", "forward", "forward", "D(x)"),
        ("D", "border", "forward", "D(G(z))"), ("D", "forward", "forward", "D(G(z))"),
        ("D", "loss", "forward", "loss"),
        ("D", "backward", "backward", "loss"), ("D", "backward", "backward", "D(G(z))"),
        ("D", "border", "backward", "D(G(z))"),
        ("D", "backward", "backward", "D(x)"),
        ("D", "update", "forward", "D"),
        ("G", "border", "forward", "D(G(z))"), ("G", "forward", "forward", "D(G(z))"),
        ("G", "loss", "forward", "loss"),
        ("G", "backward", "backward", "loss"), ("G", "backward", "backward", "D(G(z))"),
        ("G", "border", "backward", "D(G(z))"),
        ("G", "backward", "backward", "G(z)"),
        ("G", "update", "forward", "G"),
    ]  # fmt: skip


def test_a_call_says_whether_it_was_in_training(gan, batch):
    networks, (_, z) = gan().networks, batch()
    with Recorder(networks) as recorder:
        networks["G"](z)
        networks["G"].eval()(z)
    assert [call.training for call in recorder.trace.calls] == [True, False]


@pytest.mark.parametrize("cls", [GAN, SimultaneousGAN])
def test_a_frame_shows_the_numbers_of_what_it_is_of(cls, gan, batch, traced):
    trace = traced(gan(cls), *batch())
    for f in trace.frames:
        shown = f.input, f.output, f.grad_output, f.grad_input
        if f.border is not None:
            border = trace.borders[f.border]
            source, to = trace.calls[border.from_call], trace.calls[border.to_call]
            g = None if f.border_gradient is None else trace.border_gradients[f.border_gradient]
            assert shown == (border.value, border.value, g and g.at_input, g and g.at_output)
            kind, wall = border.kind if g is None else g.kind, "The wall: the gradient stops at {to}'s input"
            title = {
                ("detached", True): "The wall: {output} enters {to}", ("detached", False): wall,
                ("carried", True): "The threshold: {output} enters {to}",
                ("carried", False): "The door: ∂L/∂{to}.input becomes ∂L/∂{source}.output",
            }[kind, g is None].format(output=source.label, to=to.owner, source=source.owner)  # fmt: skip
            assert f.title.startswith(title) and (f.owner, f.call) == (to.owner, border.to_call)
            assert (f"{source.owner}: " in f.note or f.note.endswith(f"{source.owner}.")) == (kind == "detached")
        elif f.direction == "enter":
            call = trace.calls[f.call]
            (name,) = call.input_names
            assert (f.title, f.note) == (f"{name} enters {call.owner}", call.inputs[0].dimensions)
            assert shown[:2] == (call.inputs[0],) * 2
        elif f.layer_backward is not None:
            back = trace.layer_backwards[f.layer_backward]
            layer, dx = trace.layers[back.layer], [dx for dx in back.grad_inputs if dx is not None]
            assert shown == (layer.inputs[0], layer.output, back.grad_output, dx[0] if dx else None)
        elif f.layer is not None:
            layer = trace.layers[f.layer]
            assert shown == (layer.inputs[0], layer.output, None, None)
            if layer.owner != "loss":
                assert f.note == f"{layer.inputs[0].dimensions} → {layer.output.dimensions}"
                assert f.title == f"Forward through {layer.name} ({layer.kind}) in {trace.call_label(layer)}"
            else:
                assert f.title == f"{layer.name} = {layer.output.mean:.4g}"


def test_frames_of_the_simultaneous_step(gan, batch, traced):
    assert outline(traced(gan(SimultaneousGAN), *batch())) == [
        ("both", "enter", "forward", "G(z)"), ("both", "forward", "forward", "G(z)"),
        ("both", "enter", "forward", "D(x)"), ("both", "forward", "forward", "D(x)"),
        ("both", "border", "forward", "D(G(z))"), ("both", "forward", "forward", "D(G(z))"),
        ("both", "loss", "forward", "loss"),
        ("G", "backward", "backward", "loss"), ("G", "backward", "backward", "D(G(z))"),
        ("D", "backward", "backward", "loss"), ("D", "backward", "backward", "D(G(z))"),
        ("D", "border", "backward", "D(G(z))"),
        ("D", "backward", "backward", "D(x)"),
        ("G", "border", "backward", "D(G(z))"),
        ("G", "backward", "backward", "G(z)"),
        ("D", "update", "forward", "D"), ("G", "update", "forward", "G"),
    ]  # fmt: skip


@both
def test_a_frame_shows_what_its_layer_did(cls, gan, batch, traced):
    trace = traced(gan(cls), *batch())
    for frame in trace.frames:
        if frame.direction == "backward":
            back = trace.layer_backwards[frame.layer_backward]
            assert frame.grad_output == back.grad_output and frame.output == trace.layers[back.layer].output
            assert frame.backward_pass == back.backward_pass and frame.layer == back.layer
        if frame.direction == "forward":
            assert frame.output == trace.layers[frame.layer].output
    kinds = [trace.border_gradients[f.border_gradient].kind for f in trace.frames if f.border_gradient is not None]
    assert kinds == ["detached", "carried"]
    assert [f.turn for f in trace.frames if f.border_gradient is not None] == ["D", "G"]
    losses = [f for f in trace.frames if f.direction == "loss"]
    assert [f.title.split()[0] for f in losses] == ["loss_D", "loss_G"]
    assert {w.label: w.loss for w in trace.backward_passes[:2]} == {f.title.split()[0]: f.output.mean for f in losses}


# --- objectives side by side ---------------------------------------------------------------------


def test_objectives_at_one_point(gan, batch, traced):
    trace = traced(gan(), *batch())
    found = {(c.objective, c.logit_shift): c for c in trace.comparisons}
    assert set(found) == {(name, s) for name in GAN.losses_to_compare(gan()) for s in (0.0, 6.0)} and len(found) == 6
    for c in found.values():
        assert [layer.name for layer in c.layers] == [f"G.main.{i}" for i in (5, 4, 3, 2, 1, 0)]
        assert [layer.kind for layer in c.layers][:2] == ["Tanh", "ConvTranspose2d"]
        assert c.formula == mg.objectives.OBJECTIVES[c.objective].generator_formula
    ratio = {name: found[name, 6.0].gradient.norm / found[name, 0.0].gradient.norm for name, _ in found}
    assert ratio["minimax"] < 0.01 < 1 < ratio["non-saturating"] < ratio["least-squares"]
    last = found["minimax", 6.0].layers[-1].norm / found["minimax", 0.0].layers[-1].norm
    assert last < 0.01, "what vanishes at the border is gone in all of G"
    assert found["minimax", 6.0].real_probability == found["least-squares", 6.0].real_probability < 0.01


@pytest.mark.parametrize("cls", [GAN, SimultaneousGAN, Forgetful])
def test_every_number_of_the_comparison_by_hand(cls, gan, batch, traced):
    """By G and D as they were there, from a noise that requires a gradient."""
    x, z = batch()
    comparisons = traced(gan(cls), x, z).comparisons
    other = gan(cls)
    G, D = other.networks.values()
    inputs, layers = [mg.Tensor(z.data, requires_grad=True)], list(G.main._modules.values())
    with backend.drawing_from(other.rng("dropout")):
        for layer in layers:
            inputs.append(layer(inputs[-1]))
        fake = inputs.pop()
        logits = D(x), D(fake)
        if cls is not SimultaneousGAN:
            other.loss.discriminator_loss(*logits).backward(retain_graph=True)
            other.optimizers["D"].step()
            logits = None, D(fake)
    for c in comparisons:
        lowered = logits[1] - c.logit_shift
        loss = mg.objectives.OBJECTIVES[c.objective]().generator_loss(lowered)
        at_border, *on = mg.grad(loss, [fake, *inputs[::-1]], retain_graph=True)
        assert c.loss == pytest.approx(loss.item(), rel=1e-5)
        assert c.real_probability == pytest.approx(F.sigmoid(lowered).numpy().mean(), rel=1e-5)
        assert c.gradient.norm == pytest.approx(norm(at_border.numpy()), rel=1e-4)
        assert [layer.norm for layer in c.layers] == pytest.approx([norm(g.numpy()) for g in on], rel=1e-4)


@both
def test_the_steps_own_objective_is_compared_with_the_numbers_of_the_step(cls, gan, batch, traced):
    """D has learnt before G's turn, and draws other dropout masks for each verdict: all is as it was there."""
    algorithm = gan(cls)
    D = algorithm.networks["D"]
    setattr(D.main, "0", nn.SpectralNorm(D.main[0]))  # a state that changes at each call
    algorithm.use(*algorithm.networks.values())
    trace = traced(algorithm, *batch())
    (door,) = [c for c in trace.border_gradients if c.kind == "carried"]
    (mine,) = [c for c in trace.comparisons if (c.objective, c.logit_shift) == ("non-saturating", 0.0)]
    assert mine.gradient.norm == door.at_input.norm
    assert mine.loss == next(w.loss for w in trace.backward_passes if w.label == "loss_G")
    carried = [w for w in trace.backward_passes if w.carries is not None][-1]
    norms = [trace.layer_backwards[i].grad_output.norm for i in carried.layer_backwards]
    assert len(norms) == 6 and [layer.norm for layer in mine.layers[:-1]] == norms[1:]


class Scaled(nn.Module):
    """A dense layer whose weight is scaled at each call: in the first function there is nothing that flows."""

    def __init__(self, n: int, m: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(np.random.default_rng(0).standard_normal((m, n), "float32"))

    def forward(self, x):
        return F.dense(x, self.weight * mg.Tensor(np.full(self.weight.shape, 0.3, "float32")))


class InAnotherOrder(GAN):
    """G's turn first, and before its backward pass, D is asked about the fakes once more; about what `inner` says."""

    spoilt = False

    def step(self, batches):
        G, D = self.networks.values()
        fake = G(self.noise(next(batches)))
        border = mg.Tensor(getattr(G, "inner", fake).data, requires_grad=True)
        loss_G = self.name_loss("loss_G", self.loss.generator_loss(D(border)))
        D(fake.detach() * 1.0), D(fake.detach())
        if self.spoilt:
            F.mean(fake).backward()
        loss_G.backward()
        self.border = border
        return {"loss_G": loss_G}


def test_a_layers_first_function_may_take_in_its_weights_alone(batch):
    G, D = nn.Sequential(Scaled(6, 5), nn.Tanh(), Scaled(5, 4)), nn.Sequential(nn.Dense(4, 1))
    algorithm, (_, z) = InAnotherOrder().use(G, D), batch()
    algorithm.noise = lambda batch: z
    with StepRecorder(algorithm) as recorder:
        algorithm(iter([Batch(x=z)]))
    inputs = [mg.Tensor(z.data, requires_grad=True)]
    for layer in G._modules.values():
        inputs.append(layer(inputs[-1]))
    loss = algorithm.loss.generator_loss(D(inputs[-1]))
    at_border, *on = (norm(g.numpy()) for g in mg.grad(loss, inputs[::-1]))
    mine = next(c for c in recorder.trace.comparisons if (c.objective, c.logit_shift) == ("non-saturating", 0.0))
    assert mine.gradient.norm == pytest.approx(at_border, rel=1e-5)
    assert [layer.name for layer in mine.layers] == ["G.2", "G.1", "G.0"]
    assert [layer.norm for layer in mine.layers] == pytest.approx(on, rel=1e-5)


def test_logits_are_those_of_the_loss(gan, batch, traced):
    """D has dropout: what it says of the fakes another time is another thing."""
    algorithm = gan(InAnotherOrder)
    mine = next(
        c for c in traced(algorithm, *batch()).comparisons if (c.objective, c.logit_shift) == ("non-saturating", 0.0)
    )
    assert mine.gradient.norm == pytest.approx(norm(algorithm.border.grad.numpy()), rel=1e-6)


def test_a_generators_graph_that_is_gone_is_not_compared_through(gan, batch, traced):
    algorithm = gan(InAnotherOrder)
    algorithm.spoilt = True
    trace = traced(algorithm, *batch())
    assert trace.comparisons == () and [w.label for w in trace.backward_passes][1] == "loss_G"


def test_what_D_is_given_of_the_inside_of_G_is_not_compared(gan, batch, traced):
    class Inner(nn.Module):
        def __init__(self, main) -> None:
            super().__init__()
            self.main = main

        def forward(self, z):
            self.__dict__["inner"] = self.main(z)
            return self.inner * 0.5

    algorithm = gan(InAnotherOrder)
    algorithm.use(Inner(algorithm.networks["G"]), algorithm.networks["D"])
    trace = traced(algorithm, *batch())
    assert trace.comparisons == () and trace.border_gradients[0].at_input.norm > 0


def test_where_comparing_makes_no_sense_there_is_no_comparison(gan, batch, traced):
    assert traced(gan(objective="wasserstein"), *batch()).comparisons == ()

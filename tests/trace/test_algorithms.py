"""Steps of other algorithms: more networks, more borders, terms beside them, gradients of gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import minigan as mg
from minigan import functions as F
from minigan import nn, optim
from minigan.algorithms import GAN, Algorithm, SimultaneousGAN
from minigan.algorithms.gan import as_border
from minigan.autograd import backward
from minigan.data import Batch, DataInfo
from minigan.trace import StepRecorder, Trace, trace_step
from minigan.trace.views.figures import dot, gradient_norms
from minigan.trace.views.table import Console
from minigan.trace.views.terminal import pages, trace_text

pytestmark = pytest.mark.host_only("which device computes is no matter here")


def dense(*sizes: int) -> nn.Module:
    layers = [layer for n, m in zip(sizes, sizes[1:], strict=False) for layer in (nn.Dense(n, m), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


def batches(*names: str, n: int = 6):
    """Endless batches of points."""
    rng = np.random.default_rng(0)
    while True:
        yield Batch(**{name: rng.standard_normal((n, 3), "float32") for name in names})


def everything(algorithm: Algorithm) -> dict[str, bytes]:
    return {key: value.encode() if isinstance(value, str) else np.asarray(value).tobytes()
            for key, value in algorithm.state_dict().items()}  # fmt: skip


def recorded(cls: type[Algorithm], *names: str, **options) -> Trace:
    """A step's trace: one that changes nothing, comes back from JSON, and can be shown."""
    plain, algorithm = (cls(**options).build(DataInfo({name: (3,) for name in names})) for _ in range(2))
    expected = {name: value.item() for name, value in plain(batches(*names)).items()}
    with StepRecorder(algorithm) as recorder:
        figures = algorithm(batches(*names))
    assert {name: value.item() for name, value in figures.items()} == expected
    assert everything(algorithm) == everything(plain)
    trace = recorder.trace
    assert Trace.from_json(trace.to_json()) == trace
    assert trace_text(trace, 80) and dot(trace) and gradient_norms([trace])
    return trace


def borders(trace: Trace) -> list[tuple[str, str, str]]:
    """(kind, whose output, of which call the input)."""
    return [(b.kind, trace.calls[b.from_call].label, trace.calls[b.to_call].label) for b in trace.borders]


def turns(trace: Trace) -> list[str]:
    """Whose turns there were, each once where it began."""
    found: list[str] = []
    for frame in trace.frames:
        if found[-1:] != [frame.turn]:
            found.append(frame.turn)
    return found


# --- an autoencoder for a discriminator ----------------------------------------------------------


@dataclass(eq=False)
class BEGAN(Algorithm):
    """D is an autoencoder, and a loss what it does to a sample: L(v) = E |v − D(v)|. Berthelot et al., 2017."""

    def setup(self, data):
        self.networks = {"G": dense(4, 8, 3), "D": dense(3, 2, 3)}
        self.optimizers = {name: optim.Adam(net.parameters(), 1e-2) for name, net in self.networks.items()}
        self.state = {"k": 0.5}

    def step(self, batches):
        batch = next(batches)
        G, D = self.networks.values()
        fake = G(self.normal(batch, 4))
        wall = fake.detach()
        loss_x, loss_fake = F.mean(F.abs(batch.x - D(batch.x))), F.mean(F.abs(wall - D(wall)))
        loss_D = self.name_loss("loss_D", loss_x - loss_fake * self.state["k"])
        D.zero_grad()
        loss_D.backward()
        self.optimizers["D"].step()
        border = as_border(fake)
        with nn.frozen(D):
            loss_G = self.name_loss("loss_G", F.mean(F.abs(border - D(border))))
        loss_G.backward()
        G.zero_grad()
        fake.backward(border.grad)
        self.optimizers["G"].step()
        self.state["k"] += 0.1 * (0.5 * loss_x.item() - loss_G.item())
        return {"loss_D": loss_D, "loss_G": loss_G, "k": self.state["k"]}


def test_a_border_that_a_loss_meets_directly_too():
    """∂L/∂D.input is the whole gradient there: through D, and of the term that the fakes are in themselves."""
    trace = recorded(BEGAN, "x")
    assert turns(trace) == ["D", "G"] and trace.comparisons == ()
    assert borders(trace) == [("detached", "G(input)", "D(G(input))"), ("carried", "G(input)", "D(G(input))")]
    wall, door = trace.border_gradients
    assert wall.at_input.norm > 0 and wall.norm_into == 0.0
    assert door.difference == 0.0 and door.at_input == door.at_output

    algorithm = BEGAN().build(DataInfo({"x": (3,)}))
    batch = next(batches("x")).map(mg.Tensor)
    G, D = algorithm.networks.values()
    v = mg.Tensor(G(algorithm.normal(batch, 4)).data, requires_grad=True)
    (whole,) = mg.grad(F.mean(F.abs(v - D(v))) * -0.5, [v])
    assert wall.at_input.norm == pytest.approx(np.linalg.norm(whole.numpy()), rel=1e-5)


# --- four networks, two optimisers ---------------------------------------------------------------


@dataclass(eq=False)
class CycleGAN(Algorithm):
    """G_AB and G_BA translate to and fro, D_A and D_B judge: open borders, and one optimiser for two networks each.
    Zhu et al., 2017. Losses are named after the optimisers."""

    reads = ("a", "b")

    def setup(self, data):
        self.networks = {"G_AB": dense(3, 8, 3), "G_BA": dense(3, 8, 3), "D_A": dense(3, 8, 1), "D_B": dense(3, 8, 1)}
        G, D = ([self.networks[name] for name in names] for names in (("G_AB", "G_BA"), ("D_A", "D_B")))
        self.optimizers = {name: optim.Adam([p for net in nets for p in net.parameters()], 1e-2)
                           for name, nets in {"G": G, "D": D}.items()}  # fmt: skip

    def step(self, batches):
        batch = next(batches)
        G_AB, G_BA, D_A, D_B = self.networks.values()
        with nn.frozen(D_A, D_B):
            fake_b, fake_a = G_AB(batch.a), G_BA(batch.b)
            judged = F.mean((D_B(fake_b) - 1.0) ** 2) + F.mean((D_A(fake_a) - 1.0) ** 2)
            cycle = F.l1_loss(G_BA(fake_b), batch.a) + F.l1_loss(G_AB(fake_a), batch.b)
            loss_G = self.name_loss("loss_G", judged + cycle * 10.0)
        self.optimizers["G"].zero_grad()
        loss_G.backward()
        self.optimizers["G"].step()
        real = F.mean((D_A(batch.a) - 1.0) ** 2) + F.mean((D_B(batch.b) - 1.0) ** 2)
        loss_D = self.name_loss("loss_D", real + F.mean(D_A(fake_a.detach()) ** 2) + F.mean(D_B(fake_b.detach()) ** 2))
        self.optimizers["D"].zero_grad()
        loss_D.backward()
        self.optimizers["D"].step()
        return {"loss_G": loss_G, "loss_D": loss_D}


def test_four_networks_with_two_optimisers():
    trace = recorded(CycleGAN, "a", "b")
    assert borders(trace) == [
        ("attached", "G_AB(a)", "D_B(G_AB(a))"), ("attached", "G_BA(b)", "D_A(G_BA(b))"),
        ("attached", "G_AB(a)", "G_BA(G_AB(a))"), ("attached", "G_BA(b)", "G_AB(G_BA(b))"),
        ("detached", "G_BA(b)", "D_A(G_BA(b))"), ("detached", "G_AB(a)", "D_B(G_AB(a))"),
    ]  # fmt: skip
    assert all(c.at_input.norm > 0 for c in trace.border_gradients)
    assert [c.norm_into > 0 for c in trace.border_gradients] == [True] * 4 + [False] * 2
    assert [(u.owner, {p.name.split(".")[0] for p in u.parameters}) for u in trace.updates] == [
        ("G", {"G_AB", "G_BA"}), ("D", {"D_A", "D_B"}),
    ]  # fmt: skip
    assert turns(trace) == ["G", "D"] and [w.player for w in trace.backward_passes] == ["G", "D"]
    (back,) = [page for page in pages(trace, Console(100)) if page.what.startswith("backward from loss_D")]
    assert back.result == "the wall: 0 into G_AB; the wall: 0 into G_BA"
    assert "update of G by Adam" in trace_text(trace, 100)


class OneEach(CycleGAN):
    """Four optimisers, whose losses have names of no network."""

    def setup(self, data):
        super().setup(data)
        self.optimizers = {f"of_{name}": optim.SGD(net.parameters(), 1e-2) for name, net in self.networks.items()}

    def step(self, batches):
        batch = next(batches)
        losses = {}
        for to, source, back in (("A", "b", "a"), ("B", "a", "b")):
            G, D = self.networks["G_BA" if to == "A" else "G_AB"], self.networks[f"D_{to}"]
            fake = G(batch[source])
            losses[f"judged {to}"] = self.name_loss(f"judged {to}", F.mean(D(batch[back]) - D(fake.detach())))
            losses[f"translated {to}"] = self.name_loss(f"translated {to}", F.l1_loss(fake, batch[back]))
        for loss in losses.values():
            loss.backward()
        for optimizer in self.optimizers.values():
            optimizer.step()
        return losses


def test_turns_that_are_taken_at_once_by_more_than_two():
    trace = recorded(OneEach, "a", "b")
    assert [u.owner for u in trace.updates] == ["G_AB", "G_BA", "D_A", "D_B"]
    assert [w.player for w in trace.backward_passes] == ["D_A", "G_BA", "D_B", "G_AB"]
    assert turns(trace) == ["all", "D_A", "G_BA", "D_B", "G_AB", "G_BA", "D_A", "D_B"]
    assert "all turns" in trace_text(trace, 100)


# --- two discriminators --------------------------------------------------------------------------


@dataclass(eq=False)
class TwoJudges(Algorithm):
    """G learns from two discriminators at one border, or at one for each; beside them it is drawn to 0."""

    each: bool = False
    only_first: bool = False  # what comes to the second border is left there

    def setup(self, data):
        self.networks = {"G": dense(4, 3), "D1": dense(3, 8, 1), "D2": dense(3, 8, 1)}
        self.optimizers = {"G": optim.SGD(self.networks["G"].parameters(), 0.1)}

    def step(self, batches):
        G, D1, D2 = self.networks.values()
        fake = G(self.normal(next(batches), 4))
        first = as_border(fake)
        second = as_border(fake) if self.each else first
        loss_G = F.mean(F.softplus(-D1(first))) + F.mean(F.softplus(-D2(second))) + F.mean(first**2)
        self.name_loss("loss_G", loss_G)
        with nn.frozen(D1, D2):
            loss_G.backward()
        G.zero_grad()
        fake.backward(first.grad + second.grad if self.each and not self.only_first else first.grad)
        self.optimizers["G"].step()
        return {"loss_G": loss_G}


def test_two_networks_at_one_border():
    trace = recorded(TwoJudges, "x")
    assert borders(trace) == [("carried", "G(input)", "D1(G(input))"), ("carried", "G(input)", "D2(G(input))")]
    assert [c.difference for c in trace.border_gradients] == [0.0, 0.0]
    assert (
        trace.border_gradients[0].at_input == trace.border_gradients[1].at_input == trace.border_gradients[0].at_output
    )
    assert turns(trace) == ["G"] and [w.player for w in trace.backward_passes] == ["G", "G"]


def test_two_borders_whose_gradients_are_added_are_no_walls():
    """What goes on into G is neither's, and the trace says by how much."""
    trace = recorded(TwoJudges, "x", each=True)
    assert [kind for kind, *_ in borders(trace)] == ["carried", "carried"]
    first, second = trace.border_gradients
    assert first.at_input != second.at_input and first.at_output == second.at_output
    assert first.difference > 0 and second.difference > 0 and first.norm_into == second.norm_into > 0


def test_a_border_whose_gradient_is_left_there_is_a_wall_beside_one_that_is_carried_on():
    trace = recorded(TwoJudges, "x", each=True, only_first=True)
    assert [(c.kind, c.difference, c.norm_into > 0) for c in trace.border_gradients] == [
        ("carried", 0.0, True), ("detached", None, False),
    ]  # fmt: skip


class WithTerm(GAN):
    """G is also drawn to the reals: its term and what came back through D go through G in one walk."""

    def generator_turn(self, batch, fake):
        G, D = self.networks.values()
        border = as_border(fake)
        with nn.frozen(D):
            loss_G = self.name_loss("loss_G", self.loss.generator_loss(D(border)))
        loss_G.backward()
        term = self.name_loss("term", F.l1_loss(fake, batch.x))
        G.zero_grad()
        backward([term, fake], [None, border.grad])
        self.optimizers["G"].step()
        return {"loss_G": loss_G, "term": term}


def test_a_gradient_that_is_carried_on_together_with_a_loss():
    """The door shows what was carried; what goes through G is that and the term's."""
    gan = WithTerm(lr_G=0.1).use(dense(4, 8, 3), dense(3, 8, 1))
    gan.networks["G"].z_dim = 4
    trace = trace_step(gan, batches("x"))
    wall, door = trace.border_gradients
    assert (wall.kind, door.kind, door.difference) == ("detached", "carried", 0.0) and door.at_input == door.at_output
    assert [w.player for w in trace.backward_passes] == ["D", "G", "G"] and turns(trace) == ["D", "G"]
    through = next(
        trace.layer_backwards[i]
        for i in trace.backward_passes[2].layer_backwards
        if trace.layers[trace.layer_backwards[i].layer].owner == "G"
    )
    assert through.grad_output.norm != pytest.approx(door.norm_into, rel=1e-3)
    assert len(trace.comparisons) == 6 and trace_text(trace, 80)


# --- gradients of gradients ----------------------------------------------------------------------


@pytest.mark.parametrize("cls", [GAN, SimultaneousGAN])
def test_a_penalty_on_Ds_slope(cls):
    """A walk to D's input, whose gradient has a graph: the second walk goes back through that, and through D again."""
    options = {"model": "mlp", "objective": "wasserstein", "penalties": ("gradient",)}
    plain, gan = (cls(**options).build(DataInfo({"x": (1, 28, 28)})) for _ in range(2))

    def images():
        rng = np.random.default_rng(0)
        while True:
            yield Batch(x=rng.standard_normal((4, 1, 28, 28), "float32"))

    figures, trace = plain(images()), trace_step(gan, images(), model="mlp")
    assert everything(gan) == everything(plain)
    at_once = cls is SimultaneousGAN
    labels = ["G(z)", "D(x)", "D(G(z))", "D(x_hat)"] + ["D(G(z))"] * (not at_once)
    assert [c.label for c in trace.calls] == labels
    loose = [layer.kind for layer in trace.layers if layer.call is None]
    assert loose[:2] == ["Mean, Mean, Sub", "Mul, MulScalar, AddScalar, Mul, Add"]  # a loss, and a point between
    walks = {w.label: w for w in trace.backward_passes}
    assert list(walks) == ["Sum", *["loss_G", "loss_D"][:: 1 if at_once else -1], "∂loss_G/∂G(z)"]
    assert [w.player for w in trace.backward_passes] == ["", *["G", "D"][:: 1 if at_once else -1], "G"]
    assert walks["loss_D"].loss == pytest.approx(figures["loss_D"].item(), rel=1e-6)
    slopes = [trace.layer_backwards[i] for i in walks["Sum"].layer_backwards]
    assert {trace.calls[c].label for b in slopes if (c := trace.layers[b.layer].call) is not None} == {"D(x_hat)"}
    assert {p.status for b in slopes for p in b.parameters} == {"not asked"}
    judged = {p.status for i in walks["loss_D"].layer_backwards for p in trace.layer_backwards[i].parameters}
    assert judged == {"computed"}
    assert sorted((c.kind, c.norm_into > 0) for c in trace.border_gradients) == [("carried", True), ("detached", False)]
    assert all(c.at_input.norm > 0 for c in trace.border_gradients) and trace.comparisons == ()
    assert {f.turn for f in trace.frames} == ({"both", "", "D", "G"} if at_once else {"D", "G"})
    assert all(page.lines for page in pages(trace, Console(100))) and trace_text(trace, 80)


# --- labels, and no border at all ----------------------------------------------------------------


class Conditional(nn.Module):
    """A dense network that is told a label."""

    conditional, classes, z_dim = True, 3, 4

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.main, self.label = dense(*sizes), nn.Embedding(3, sizes[0])

    def forward(self, x, y):
        return self.main(x + self.label(y))


def test_labels_are_told_of():
    gan = GAN().use(Conditional(4, 8, 3), Conditional(3, 8, 1))
    batch = Batch(x=np.ones((5, 3), "float32"), y=np.arange(5) % 3)
    trace = trace_step(gan, iter([batch]))
    assert [c.label for c in trace.calls] == ["G(z, y)", "D(x, y)", "D(G(z, y), y)", "D(G(z, y), y)"]
    assert trace.calls[0].inputs[1].dtype == "int64" and trace.about["batch"] == 5
    assert [c.kind for c in trace.border_gradients] == ["detached", "carried"]
    found = next(c for c in trace.comparisons if c.objective == "non-saturating")
    assert [(layer.name, layer.kind) for layer in found.layers] == [
        ("G.main.2", "Dense"), ("G.main.1", "Tanh"), ("G.main.0", "Dense"), ("G", "Add"),
    ]  # fmt: skip
    assert all(layer.norm > 0 for layer in found.layers)
    titles = [f.title for f in trace.frames if f.direction == "enter"]
    assert titles == ["z enters G", "y enters G", "x enters D", "y enters D"]


@dataclass(eq=False)
class Autoencoder(Algorithm):
    """Two networks, one optimiser, no border but an open one; the loss is not reported."""

    def setup(self, data):
        self.networks = {"E": dense(3, 2), "R": dense(2, 3)}
        self.optimizers = {"joint": optim.SGD([p for n in self.networks.values() for p in n.parameters()], 0.1)}

    def step(self, batches):
        x = next(batches).x
        loss = F.mse_loss(self.networks["R"](self.networks["E"](x)), x)
        self.optimizers["joint"].zero_grad()
        loss.backward()
        self.optimizers["joint"].step()
        return {"loss": loss}


class Alone(Autoencoder):
    def setup(self, data):
        self.networks = {"F": dense(3, 3)}
        self.optimizers = {"F": optim.SGD(self.networks["F"].parameters(), 0.1)}

    def step(self, batches):
        x = next(batches).x
        loss = self.name_loss("loss", F.mse_loss(self.networks["F"](x), x))
        loss.backward()
        self.optimizers["F"].step()
        return {"loss": loss}


def test_without_a_border():
    trace = recorded(Alone, "x")
    assert trace.borders == () and [c.label for c in trace.calls] == ["F(x)"]
    assert turns(trace) == ["F"] and [(w.label, w.player) for w in trace.backward_passes] == [("loss", "F")]


def test_one_optimiser_of_all_networks():
    trace = recorded(Autoencoder, "x")
    assert borders(trace) == [("attached", "E(x)", "R(E(x))")] and trace.border_gradients[0].difference == 0.0
    assert turns(trace) == ["joint"] and [u.owner for u in trace.updates] == ["joint"]
    assert trace.about == {"algorithm": "Autoencoder", "batch": 6, "dtype": "float32", "device": "cpu"}

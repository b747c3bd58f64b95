"""The two training steps, against the same steps in plain calls; and the border between D and G."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from devices import assert_array_equal
from small_gans import (
    CLASSES,
    STEPS,
    Critic,
    Generator,
    LabelledCritic,
    LabelledGenerator,
    N,
    SpectralCritic,
    batch,
    batches,
    make,
    noise,
    weights,
)  # fmt: skip

import minigan as mg
from minigan import nn, optim
from minigan.algorithms import GAN, as_border
from minigan.algorithms.gan import gradient_norm
from minigan.data import Batch
from minigan.penalties import PENALTIES, clip_weights


def with_noise(name: str, objective: str = "non-saturating", **options) -> GAN:
    """A GAN whose noise is prescribed: `noise(0)` at each step, unless it is told otherwise."""
    gan = make(STEPS[name], objective=objective, **options)
    gan.noise = lambda batch: noise()
    return gan


def step(gan: GAN, number: int = 0) -> dict[str, mg.Tensor]:
    """One step, on the batch and the noise of this number."""
    gan.noise = lambda batch: noise(number)
    return gan(batches(number))


def gradients(module: nn.Module) -> list[bytes | None]:
    return [None if p.grad is None else p.grad.numpy().tobytes() for p in module.parameters()]


def players(gan: GAN) -> tuple[nn.Module, nn.Module]:
    return gan.networks["G"], gan.networks["D"]


# --- the same step in plain calls ------------------------------------------------------------------


def alternating_in_plain_calls(gan: GAN, number: int) -> tuple[float, float]:
    """D's step; then G's from the new D, in one unbroken graph through D into G."""
    (G, D), x, z = players(gan), batch(number).x, noise(number)
    fake = G(z)
    loss_D = gan.loss.discriminator_loss(D(x), D(fake.detach()))
    gan.optimizers["D"].zero_grad()
    loss_D.backward()
    gan.optimizers["D"].step()
    loss_G = gan.loss.generator_loss(D(fake))
    for parameter, gradient in zip(G.parameters(), mg.grad(loss_G, G.parameters()), strict=True):
        parameter.grad = gradient
    gan.optimizers["G"].step()
    return loss_D.item(), loss_G.item()


def simultaneous_in_plain_calls(gan: GAN, number: int) -> tuple[float, float]:
    """Both gradients from the old weights and one D(fake), then both steps."""
    (G, D), x, z = players(gan), batch(number).x, noise(number)
    fake = G(z)
    real_logits, fake_logits = D(x), D(fake)
    loss_D = gan.loss.discriminator_loss(real_logits, fake_logits)
    loss_G = gan.loss.generator_loss(fake_logits)
    of_D = mg.grad(loss_D, D.parameters(), retain_graph=True)
    of_G = mg.grad(loss_G, G.parameters())
    for parameter, gradient in zip([*D.parameters(), *G.parameters()], [*of_D, *of_G], strict=True):
        parameter.grad = gradient
    gan.optimizers["G"].step()
    gan.optimizers["D"].step()
    return loss_D.item(), loss_G.item()


PLAIN = {"alternating": alternating_in_plain_calls, "simultaneous": simultaneous_in_plain_calls}


@pytest.mark.parametrize("objective", ["non-saturating", "minimax", "least-squares", "wasserstein", "hinge"])
@pytest.mark.parametrize("name", STEPS)
def test_three_steps_equal_the_plain_calls_bit_for_bit(name, objective):
    ours, plain = with_noise(name, objective), with_noise(name, objective)
    for number in range(3):
        figures = step(ours, number)
        assert (figures["loss_D"].item(), figures["loss_G"].item()) == PLAIN[name](plain, number)
        for a, b in zip(players(ours), players(plain), strict=True):
            for key, array in a.state_dict().items():
                assert_array_equal(array, b.state_dict()[key], err_msg=f"step {number}: {key}")
    G, D = players(ours)
    counts = (G.main[2].num_batches_tracked.item(), D.main[3].num_batches_tracked.item())
    assert counts == ((3, 9) if name == "alternating" else (3, 6))


def test_the_two_steps_part_at_gs_loss():
    """The same fakes and the same first loss_D; G's loss comes from the new D in one, from the old in the other."""
    a, b = with_noise("alternating"), with_noise("simultaneous")
    A, B = step(a), step(b)
    for figure in ("loss_D", "D_x", "D_G_z"):
        assert A[figure].item() == B[figure].item()
    assert weights(a.networks["D"]) == weights(b.networks["D"])
    assert A["loss_G"].item() != B["loss_G"].item() and weights(a.networks["G"]) != weights(b.networks["G"])
    fresh = with_noise("alternating")
    G, D = players(fresh)
    assert B["loss_G"].item() == fresh.loss.generator_loss(D(G(noise()))).item()


@pytest.mark.parametrize("name", STEPS)
def test_gradients_left_from_before_do_not_count(name):
    clean, polluted = with_noise(name), with_noise(name)
    for network in players(polluted):
        for p in network.parameters():
            p.grad = mg.Tensor(np.full(p.shape, 1e3))
    for gan in (clean, polluted):
        step(gan)
    for a, b in zip(players(clean), players(polluted), strict=True):
        assert weights(a) == weights(b)


# --- the border ------------------------------------------------------------------------------------


class Watch:
    """Every node that a backward pass reaches: its name, which parameters' gradients it gave, its numbers."""

    def __init__(self, gan: GAN) -> None:
        self.gan = gan
        self.owners = {id(t): name for name, network in gan.networks.items() for t in network.parameters()}
        self.turn = "D"
        self.forward: list[tuple[str, str]] = []
        self.walked: list[tuple[str, str, str]] = []
        self.into_G: list[np.ndarray] = []
        self.out_of_D: list[np.ndarray] = []
        self.at_step: list[tuple[str, list, list, list, list]] = []
        for name, optimizer in gan.optimizers.items():
            optimizer.step = self.stepping(name, optimizer.step)

    def stepping(self, name: str, step: Callable) -> Callable:
        def run() -> None:
            G, D = players(self.gan)
            before = weights(G), weights(D)
            step()
            self.at_step.append((name, *before, gradients(G), gradients(D)))
            self.turn = "G"

        return run

    def after_forward(self, node, inputs, outputs) -> None:
        self.forward.append((self.turn, node.name))

    def after_backward(self, node, cotangents, gradients) -> None:
        owners = {self.owners[id(e)] for e in node.edges if id(e) in self.owners}
        self.walked += [(self.turn, node.name, owner) for owner in owners or {""}]
        if node.name == "Tanh":
            self.into_G.append(cotangents[0].numpy().copy())
        if node.name == "Conv2d" and node.input_shapes[0] == (N, 1, 6, 6) and gradients[0] is not None:
            self.out_of_D.append(gradients[0].numpy().copy())


@pytest.mark.parametrize("name", STEPS)
def test_what_leaves_ds_input_enters_gs_output(name):
    gan = with_noise(name)
    watch = Watch(gan)
    with mg.observe(watch):
        figures = step(gan)
    (left,), (entered,) = watch.out_of_D, watch.into_G
    assert left.tobytes() == entered.tobytes() and np.abs(left).max() > 0
    assert figures["border_norm"].item() == pytest.approx(np.linalg.norm(left), rel=1e-12)


def test_alternating_each_turn_changes_and_walks_its_own_network_only():
    gan = with_noise("alternating")
    G, D = players(gan)
    start_G, start_D = weights(G), weights(D)
    watch = Watch(gan)
    with mg.observe(watch):
        step(gan)
    (first, G_at_D, D_at_D, G_grads, D_grads), (second, G_at_G, D_at_G, _, D_grads_after) = watch.at_step
    assert (first, second) == ("D", "G")
    assert G_at_D == start_G and D_at_D == start_D
    assert G_grads == [None] * len(G_grads), "D's loss puts nothing into G"
    assert G_at_G == start_G and D_at_G != start_D
    assert weights(D) == D_at_G and weights(G) != start_G
    assert D_grads == D_grads_after == gradients(D), "G's turn leaves D's gradients as they were"
    assert {owner for turn, _, owner in watch.walked if turn == "D"} == {"", "D"}
    assert {owner for turn, _, owner in watch.walked if turn == "G"} == {"", "G"}
    # Weight gradients: in D's turn D's two convolutions, on reals and on fakes; in G's turn G's one.
    assert watch.forward.count(("D", "ConvWeightGrad")) == 4
    assert watch.forward.count(("G", "ConvWeightGrad")) == 1
    assert all(parameter.requires_grad for parameter in D.parameters())


def test_simultaneous_both_gradients_come_before_either_step():
    gan = with_noise("simultaneous")
    G, D = players(gan)
    start_G, start_D = weights(G), weights(D)
    watch = Watch(gan)
    with mg.observe(watch):
        step(gan)
    (_, G_at_first, D_at_first, *grads_first), (_, *_, G_grads, D_grads) = watch.at_step
    assert G_at_first == start_G and D_at_first == start_D
    assert grads_first == [G_grads, D_grads] and None not in G_grads + D_grads
    assert {turn for turn, *_ in watch.walked} == {"D"}, "nothing is walked after the first step"
    # D's on reals and fakes once each, G's once: the walk of loss_G through D takes no weight gradient.
    assert watch.forward.count(("D", "ConvWeightGrad")) == 5
    # D is asked about the fakes once: its BatchNorm ran on reals and on fakes, and G's once.
    assert watch.forward.count(("D", "BatchNorm")) == 3


def test_a_partly_frozen_discriminator():
    for name in STEPS:
        gan = with_noise(name)
        D = gan.networks["D"]
        D.main[0].weight.requires_grad = False
        before = D.main[0].weight.numpy().copy()
        step(gan)
        assert_array_equal(D.main[0].weight.data, before)
        assert D.main[0].weight.grad is None and D.main[2].weight.grad is not None


# --- figures and hooks -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", STEPS)
def test_the_figures_are_of_the_logits_before_the_step(name):
    fresh = with_noise(name)
    G, D = players(fresh)
    fake = G(noise())
    real_logits, fake_logits = D(batch().x), D(fake.detach())
    figures = step(with_noise(name))
    assert set(figures) == {"loss_D", "D_x", "D_G_z", "loss_G", "border_norm"}
    assert figures["loss_D"].item() == fresh.loss.discriminator_loss(real_logits, fake_logits).item()
    assert figures["D_x"].item() == pytest.approx((1 / (1 + np.exp(-real_logits.numpy()))).mean(), rel=1e-12)
    assert figures["D_G_z"].item() == pytest.approx((1 / (1 + np.exp(-fake_logits.numpy()))).mean(), rel=1e-12)
    for value in figures.values():
        assert value.shape == () and not value.requires_grad and value.creator is None, "a figure holds no graph"


class Stop(Exception):
    pass


@pytest.mark.parametrize("name", STEPS)
def test_a_hook_sees_both_losses_each_before_it_is_used(name):
    gan = with_noise(name)
    G, D = players(gan)
    seen = {}

    def look(which: str, loss: mg.Tensor) -> None:
        seen[which] = (loss.item(), weights(G), weights(D))
        assert set(gradients(D if which == "loss_D" else G)) == {None}, "there was no backward pass yet"

    gan.loss_hooks.append(look)
    start = weights(G), weights(D)
    figures = step(gan)
    assert list(seen) == ["loss_D", "loss_G"]
    assert (seen["loss_D"][0], seen["loss_G"][0]) == (figures["loss_D"].item(), figures["loss_G"].item())
    assert seen["loss_D"][1:] == start
    assert seen["loss_G"][1] == start[0]
    assert (seen["loss_G"][2] == start[1]) == (name == "simultaneous")


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("which", ["loss_D", "loss_G"])
def test_a_hook_that_raises_stops_the_network(name, which):
    gan = with_noise(name)
    G, D = players(gan)
    start = weights(G), weights(D)

    def check(loss_name: str, loss: mg.Tensor) -> None:
        if loss_name == which:
            raise Stop

    gan.loss_hooks.append(check)
    with pytest.raises(Stop):
        step(gan)
    assert weights(G) == start[0]
    assert (weights(D) == start[1]) == (name == "simultaneous" or which == "loss_D")
    assert all(q.requires_grad for q in D.parameters())


@pytest.mark.parametrize("name", STEPS)
def test_observers_are_told_the_losses_too(name):
    class Losses:
        told: list = []

        def on_loss(self, name: str, loss: mg.Tensor) -> None:
            self.told.append((name, loss.item()))

        def after_forward(self, *what) -> None: ...

        def after_backward(self, *what) -> None: ...

    gan = with_noise(name)
    with mg.observe(watch := Losses()):
        figures = step(gan)
    assert watch.told[-2:] == [(which, figures[which].item()) for which in ("loss_D", "loss_G")]


# --- several steps of D ----------------------------------------------------------------------------


def recorded(gan: GAN) -> list[tuple[str, tuple]]:
    """Every call of G and D from now on: which, and what it was given."""
    calls = []
    for name, network in gan.networks.items():

        def forward(*inputs, name=name, inner=network.forward):
            calls.append((name, inputs))
            return inner(*inputs)

        network.forward = forward
    return calls


@pytest.mark.parametrize("n_critic", [1, 2, 5])
def test_each_step_of_d_takes_a_fresh_batch_and_g_learns_from_the_last_fakes(n_critic):
    gan = make(networks=(Generator, Critic), n_critic=n_critic, objective="wasserstein")
    assert gan.batches_per_step == n_critic
    given, calls = batches(), recorded(gan)
    gan(given)
    assert_array_equal(next(given).x.data, batch(n_critic).x.data)  # as many were taken
    noises = [inputs[0].numpy() for name, inputs in calls if name == "G"]
    assert len(noises) == n_critic and len({z.tobytes() for z in noises}) == n_critic
    judged = [inputs[0].numpy() for name, inputs in calls if name == "D"]
    assert len(judged) == 2 * n_critic + 1
    for k in range(n_critic):
        assert_array_equal(judged[2 * k], batch(k).x.data)
    assert_array_equal(judged[-1], judged[-2])  # the fakes that D has just learned from
    assert len({fake.tobytes() for fake in judged[1::2]}) == n_critic


def test_several_steps_of_d_in_plain_calls_bit_for_bit():
    """WGAN, algorithm 1: n_critic steps of D, clipped after each; then one of G."""
    options = {"objective": "wasserstein", "n_critic": 3, "weight_clip": 0.05, "optimizer": "rmsprop"}
    ours, plain = (make(networks=(Generator, Critic), **options) for _ in range(2))
    assert type(plain.optimizers["D"]) is type(plain.optimizers["G"]) is optim.RMSprop
    given = batches()
    for _ in range(2):
        figures = ours(given)
    (G, D), numbers = players(plain), iter(range(100))
    for _ in range(2):
        for _ in range(3):
            b = batch(next(numbers))
            fake = G(plain.noise(b))
            loss_D = D(fake.detach()).mean() - D(b.x).mean()
            D.zero_grad()
            loss_D.backward()
            plain.optimizers["D"].step()
            clip_weights(D, 0.05)
            assert max(np.abs(p.numpy()).max() for p in D.parameters()) <= 0.05
        loss_G = -D(fake).mean()
        for parameter, gradient in zip(G.parameters(), mg.grad(loss_G, G.parameters()), strict=True):
            parameter.grad = gradient
        plain.optimizers["G"].step()
    assert (figures["loss_D"].item(), figures["loss_G"].item()) == (loss_D.item(), loss_G.item())
    for a, b in zip(players(ours), players(plain), strict=True):
        assert weights(a) == weights(b)


# --- spectral norm ---------------------------------------------------------------------------------


@pytest.mark.parametrize("penalties", [(), ("gradient", "r1")])
@pytest.mark.parametrize(("name", "n_critic"), [("alternating", 1), ("alternating", 2), ("simultaneous", 1)])
def test_ds_u_takes_one_step_of_power_iteration_a_turn(name, n_critic, penalties):
    """On the reals; it is held for the fakes, the penalties, and in G's turn. G's own goes on as it draws."""
    gan = make(STEPS[name], networks=(Generator, SpectralCritic), n_critic=n_critic, penalties=penalties)
    G, D = players(gan)
    gan.use(nn.with_spectral_norm(G).to(dtype="float64"), D)
    norms = {"D": D[0], "G": G.main[0]}
    u = {who: norm.u.numpy().copy() for who, norm in norms.items()}
    weights_of = {who: [norm.module.weight.numpy().copy()] for who, norm in norms.items()}
    step_D = gan.optimizers["D"].step

    def step_and_note() -> None:
        step_D()
        weights_of["D"].append(norms["D"].module.weight.numpy().copy())

    gan.optimizers["D"].step = step_and_note
    gan(batches())
    for who, norm in norms.items():
        for turn in range(n_critic):
            w = weights_of[who][turn if who == "D" else 0].reshape(len(u[who]), -1)
            v = w.T @ u[who]
            u[who] = w @ v / np.linalg.norm(w @ v)
        np.testing.assert_allclose(norm.u.numpy(), u[who], atol=1e-12, err_msg=who)
    assert len({w.tobytes() for w in weights_of["D"]}) == n_critic + 1


# --- penalties -------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("name", STEPS)
def test_a_penalty_reaches_ds_weights_and_no_others(name, penalty):
    """In plain calls: D's gradient is that of its loss and the penalty together; G's is as without one."""
    networks = (Generator, Critic)
    gan, plain = (make(STEPS[name], networks, penalties=(f"{penalty}:3",)) for _ in range(2))
    figures = step(gan)
    (G, D), b = players(plain), batch()
    fake = G(noise())
    loss = plain.loss.discriminator_loss(D(b.x), D(fake.detach()))
    epsilon = plain.uniform(b, 1, 1, 1, stream="penalty")
    added = PENALTIES[penalty](3.0)(D, b.x, fake, D(b.x), lambda *shape: epsilon)
    assert figures[f"penalty_{penalty}"].item() == pytest.approx(added.item(), rel=1e-12) and added.item() > 0
    assert figures["loss_D"].item() == pytest.approx((loss + added).item(), rel=1e-12)
    expected = mg.grad(loss + added, D.parameters(), allow_unused=True)
    for p, gradient in zip(gan.networks["D"].parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), gradient.numpy(), rtol=1e-9, atol=1e-12)
    if name == "simultaneous":  # G learns from the old D, which a penalty has not changed yet
        without = make(STEPS[name], networks)
        step(without)
        assert weights(gan.networks["G"]) == weights(without.networks["G"])


def test_a_penaltys_numbers_are_drawn_from_a_stream_of_their_own():
    """With one or without, the noise is the same."""
    one, other = (make(networks=(Generator, Critic), penalties=p) for p in (("gradient",), ()))
    calls = [recorded(gan) for gan in (one, other)]
    for gan in (one, other):
        gan(batches())
        gan(batches())
    for a, b in zip(*([i[0] for name, i in c if name == "G"] for c in calls), strict=True):
        assert_array_equal(a.data, b.data)


@pytest.mark.parametrize("name", STEPS)
def test_weights_are_clipped_after_ds_step(name):
    gan = make(STEPS[name], (Generator, Critic), weight_clip=0.02, objective="wasserstein")
    G, D = players(gan)
    before = weights(G)
    assert max(np.abs(p.numpy()).max() for p in D.parameters()) > 0.1
    gan(batches())
    assert max(np.abs(p.numpy()).max() for p in D.parameters()) == 0.02
    assert weights(G) != before and max(np.abs(p.numpy()).max() for p in G.parameters()) > 0.1


# --- labels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalties", [(), ("gradient",)])
@pytest.mark.parametrize(("name", "n_critic"), [("alternating", 1), ("alternating", 3), ("simultaneous", 1)])
def test_fakes_are_judged_with_the_labels_they_were_made_for(name, n_critic, penalties):
    gan = make(STEPS[name], (LabelledGenerator, LabelledCritic), n_critic=n_critic, penalties=penalties)
    assert gan.conditional and gan.reads == ("x", "y")
    calls = recorded(gan)
    gan(batches())
    at, judged = -1, []
    for network, (_, y) in calls:
        at += network == "G"
        assert_array_equal(y.data, batch(at).y.data)
        judged.append(network)
    asked = 2 + len(penalties)
    expected = (["G"] + ["D"] * asked) * n_critic + ["D"] * (name == "alternating")
    assert judged == expected


def test_without_labels_none_are_asked_for():
    gan = make()
    assert not gan.conditional and gan.reads == ("x",)
    gan(iter([Batch(x=batch().x)]))


@pytest.mark.parametrize("name", STEPS)
def test_labels_matter(name):
    """Other labels in the batch, and other weights are learned."""
    a, b = (make(STEPS[name], (LabelledGenerator, LabelledCritic)) for _ in range(2))
    given = batch()
    a(iter([given]))
    b(iter([Batch(x=given.x, y=mg.Tensor((given.y.numpy() + 1) % CLASSES, dtype="int64"))]))
    for ours, theirs in zip(players(a), players(b), strict=True):
        assert weights(ours) != weights(theirs)


# --- the classic mistakes --------------------------------------------------------------------------


def test_reusing_ds_old_logits_after_its_step_is_told():
    gan = with_noise("alternating")
    G, D = players(gan)
    fake_logits = D(G(noise()))
    gan.loss.discriminator_loss(D(batch().x), fake_logits).backward(retain_graph=True)
    gan.optimizers["D"].step()
    with pytest.raises(mg.StaleTensorError) as caught:
        gan.loss.generator_loss(fake_logits).backward()
    message = str(caught.value)
    assert "Adam.step()" in message and "call D(fake) afresh after D's optimiser has stepped" in message


def test_a_missing_detach_would_have_filled_gs_gradients():
    """What `detach` is for: without it D's loss reaches into G."""
    gan = with_noise("alternating")
    G, D = players(gan)
    gan.loss.discriminator_loss(D(batch().x), D(G(noise()))).backward()
    assert any(q.grad is not None for q in G.parameters())


def test_the_norm_of_the_gradient_at_the_border():
    border = as_border(mg.Tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"^no gradient has come to the border \(D's input\): D's logits"):
        gradient_norm(border)
    (border * mg.Tensor([3.0, 4.0])).sum().backward()
    assert gradient_norm(border).item() == 5.0

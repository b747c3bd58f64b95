"""The two training steps, against the same steps in plain calls; and the border between D and G."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from devices import assert_array_equal

import minigan as mg
from minigan import nn, optim
from minigan.objectives import Minimax, NonSaturating
from minigan.training.steps import STEPS, Players, alternating_step, simultaneous_step

N, Z = 4, 6


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Dense(Z, 18), nn.Reshape(2, 3, 3), nn.BatchNorm(2), nn.ReLU(),
            nn.ConvTranspose2d(2, 1, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z):
        return self.main(z)


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.LeakyReLU(0.2), nn.Conv2d(3, 2, 2), nn.BatchNorm(2), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Dense(18, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.main(x)


def players(objective=None, seed: int = 0) -> Players:
    mg.manual_seed(seed)
    G, D = Generator().to(dtype="float64"), Discriminator().to(dtype="float64")
    return Players(
        G, D, optim.Adam(G.parameters(), 0.02), optim.Adam(D.parameters(), 0.03), objective or NonSaturating()
    )


def batch(step: int = 0) -> tuple[mg.Tensor, mg.Tensor]:
    rng = np.random.default_rng(step)
    return mg.Tensor(np.tanh(rng.standard_normal((N, 1, 6, 6)))), mg.Tensor(rng.standard_normal((N, Z)))


def weights(module: nn.Module) -> list[bytes]:
    return [p.numpy().tobytes() for p in module.parameters()]


def gradients(module: nn.Module) -> list[bytes | None]:
    return [None if p.grad is None else p.grad.numpy().tobytes() for p in module.parameters()]


# --- the same step in plain calls ------------------------------------------------------------------


def alternating_in_plain_calls(p: Players, x: mg.Tensor, z: mg.Tensor) -> tuple[float, float]:
    """D's step; then G's from the new D, in one unbroken graph through D into G."""
    fake = p.G(z)
    loss_D = p.objective.discriminator_loss(p.D(x), p.D(fake.detach()))
    p.opt_D.zero_grad()
    loss_D.backward()
    p.opt_D.step()
    loss_G = p.objective.generator_loss(p.D(fake))
    for parameter, gradient in zip(p.G.parameters(), mg.grad(loss_G, p.G.parameters()), strict=True):
        parameter.grad = gradient
    p.opt_G.step()
    return loss_D.item(), loss_G.item()


def simultaneous_in_plain_calls(p: Players, x: mg.Tensor, z: mg.Tensor) -> tuple[float, float]:
    """Both gradients from the old weights and one D(fake), then both steps."""
    fake = p.G(z)
    real_logits, fake_logits = p.D(x), p.D(fake)
    loss_D = p.objective.discriminator_loss(real_logits, fake_logits)
    loss_G = p.objective.generator_loss(fake_logits)
    of_D = mg.grad(loss_D, p.D.parameters(), retain_graph=True)
    of_G = mg.grad(loss_G, p.G.parameters())
    for parameter, gradient in zip([*p.D.parameters(), *p.G.parameters()], [*of_D, *of_G], strict=True):
        parameter.grad = gradient
    p.opt_G.step()
    p.opt_D.step()
    return loss_D.item(), loss_G.item()


PLAIN = {"alternating": alternating_in_plain_calls, "simultaneous": simultaneous_in_plain_calls}


@pytest.mark.parametrize("objective", [NonSaturating(), Minimax()])
@pytest.mark.parametrize("name", STEPS)
def test_three_steps_equal_the_plain_calls_bit_for_bit(name, objective):
    ours, plain = players(objective), players(objective)
    for step in range(3):
        x, z = batch(step)
        report = STEPS[name](ours, x, z)
        assert (report.loss_D.item(), report.loss_G.item()) == PLAIN[name](plain, x, z)
        for a, b in ((ours.G, plain.G), (ours.D, plain.D)):
            for key, array in a.state_dict().items():
                assert_array_equal(array, b.state_dict()[key], err_msg=f"step {step}: {key}")
    counts = (ours.G.main[2].num_batches_tracked.item(), ours.D.main[3].num_batches_tracked.item())
    assert counts == ((3, 9) if name == "alternating" else (3, 6))


def test_the_two_steps_part_at_gs_loss():
    """The same fakes and the same first loss_D; G's loss comes from the new D in one, from the old in the other."""
    x, z = batch()
    a, b = players(), players()
    A, B = alternating_step(a, x, z), simultaneous_step(b, x, z)
    assert A.loss_D.item() == B.loss_D.item() and A.D_x.item() == B.D_x.item() and A.D_G_z.item() == B.D_G_z.item()
    assert weights(a.D) == weights(b.D)
    assert A.loss_G.item() != B.loss_G.item() and weights(a.G) != weights(b.G)
    fresh = players()
    old_verdict = fresh.D(fresh.G(z))
    assert B.loss_G.item() == fresh.objective.generator_loss(old_verdict).item()


@pytest.mark.parametrize("name", STEPS)
def test_gradients_left_from_before_do_not_count(name):
    clean, polluted = players(), players()
    for network in (polluted.G, polluted.D):
        for p in network.parameters():
            p.grad = mg.Tensor(np.full(p.shape, 1e3))
    for pair in (clean, polluted):
        STEPS[name](pair, *batch())
    assert weights(clean.G) == weights(polluted.G) and weights(clean.D) == weights(polluted.D)


# --- the border ------------------------------------------------------------------------------------


class Watch:
    """Every node that is walked back: its name, which parameters' gradients it gave, its numbers."""

    def __init__(self, p: Players) -> None:
        self.players = {id(t): name for name in "GD" for t in getattr(p, name).parameters()}
        self.turn = "D"
        self.forward: list[tuple[str, str]] = []
        self.walked: list[tuple[str, str, str]] = []
        self.into_G: list[np.ndarray] = []
        self.out_of_D: list[np.ndarray] = []
        for opt in (p.opt_D, p.opt_G):
            opt.step = self.stepping(opt, opt.step, p)
        self.at_step: list[tuple[str, list, list, list, list]] = []

    def stepping(self, opt: optim.Optimizer, step: Callable, p: Players) -> Callable:
        def run() -> None:
            before = weights(p.G), weights(p.D)
            step()
            name = "D" if opt is p.opt_D else "G"
            self.at_step.append((name, *before, gradients(p.G), gradients(p.D)))
            self.turn = "G"

        return run

    def after_forward(self, node, inputs, outputs) -> None:
        self.forward.append((self.turn, node.name))

    def after_backward(self, node, cotangents, gradients) -> None:
        owners = {self.players[id(e)] for e in node.edges if id(e) in self.players}
        self.walked += [(self.turn, node.name, owner) for owner in owners or {""}]
        if node.name == "Tanh":
            self.into_G.append(cotangents[0].numpy().copy())
        if node.name == "Conv2d" and node.input_shapes[0] == (N, 1, 6, 6) and gradients[0] is not None:
            self.out_of_D.append(gradients[0].numpy().copy())


@pytest.mark.parametrize("name", STEPS)
def test_what_leaves_ds_input_enters_gs_output(name):
    p = players()
    watch = Watch(p)
    with mg.observe(watch):
        report = STEPS[name](p, *batch())
    (left,), (entered,) = watch.out_of_D, watch.into_G
    assert left.tobytes() == entered.tobytes() and np.abs(left).max() > 0
    assert report.border_norm.item() == pytest.approx(np.linalg.norm(left), rel=1e-12)


def test_alternating_each_turn_changes_and_walks_its_own_player_only():
    p = players()
    start_G, start_D = weights(p.G), weights(p.D)
    watch = Watch(p)
    with mg.observe(watch):
        alternating_step(p, *batch())
    (first, G_at_D, D_at_D, G_grads, D_grads), (second, G_at_G, D_at_G, _, D_grads_after) = watch.at_step
    assert (first, second) == ("D", "G")
    assert G_at_D == start_G and D_at_D == start_D
    assert G_grads == [None] * len(G_grads), "D's loss puts nothing into G"
    assert G_at_G == start_G and D_at_G != start_D
    assert weights(p.D) == D_at_G and weights(p.G) != start_G
    assert D_grads == D_grads_after == gradients(p.D), "G's turn leaves D's gradients as they were"
    assert {owner for turn, _, owner in watch.walked if turn == "D"} == {"", "D"}
    assert {owner for turn, _, owner in watch.walked if turn == "G"} == {"", "G"}
    # Weight gradients: in D's turn D's two convolutions, on reals and on fakes; in G's turn G's one.
    assert watch.forward.count(("D", "ConvWeightGrad")) == 4
    assert watch.forward.count(("G", "ConvWeightGrad")) == 1
    assert all(parameter.requires_grad for parameter in p.D.parameters())


def test_simultaneous_both_gradients_come_before_either_step():
    p = players()
    start_G, start_D = weights(p.G), weights(p.D)
    watch = Watch(p)
    with mg.observe(watch):
        simultaneous_step(p, *batch())
    (_, G_at_first, D_at_first, *grads_first), (_, *_, G_grads, D_grads) = watch.at_step
    assert G_at_first == start_G and D_at_first == start_D
    assert grads_first == [G_grads, D_grads] and None not in G_grads + D_grads
    assert {turn for turn, *_ in watch.walked} == {"D"}, "nothing is walked after the first step"
    # D's on reals and fakes once each, G's once: the walk of loss_G through D takes no weight gradient.
    assert watch.forward.count(("D", "ConvWeightGrad")) == 5
    # One verdict on the fakes: D's first convolution ran on reals and on fakes, not three times.
    assert watch.forward.count(("D", "BatchNorm")) == 3


def test_the_simultaneous_step_takes_a_partly_frozen_discriminator():
    p = players()
    p.D.main[0].weight.requires_grad = False
    before = p.D.main[0].weight.numpy().copy()
    for step in STEPS.values():
        step(p, *batch())
    np.testing.assert_array_equal(p.D.main[0].weight.numpy(), before)
    assert p.D.main[0].weight.grad is None and p.D.main[2].weight.grad is not None


# --- the report and the check ----------------------------------------------------------------------


@pytest.mark.parametrize("name", STEPS)
def test_the_report_is_of_the_verdicts_before_the_step(name):
    x, z = batch()
    fresh = players()
    fake = fresh.G(z)
    real_logits, fake_logits = fresh.D(x), fresh.D(fake.detach())
    report = STEPS[name](players(), x, z)
    assert report.loss_D.item() == fresh.objective.discriminator_loss(real_logits, fake_logits).item()
    assert report.D_x.item() == pytest.approx((1 / (1 + np.exp(-real_logits.numpy()))).mean(), rel=1e-12)
    assert report.D_G_z.item() == pytest.approx((1 / (1 + np.exp(-fake_logits.numpy()))).mean(), rel=1e-12)
    for value in vars(report).values():
        assert value.shape == () and not value.requires_grad and value.creator is None, "a report holds no graph"


class Stop(Exception):
    pass


@pytest.mark.parametrize("name", STEPS)
def test_the_check_sees_both_losses_each_before_it_is_used(name):
    p = players()
    seen = {}

    def check(which: str, loss: mg.Tensor) -> None:
        seen[which] = (loss.item(), weights(p.G), weights(p.D))

    start = weights(p.G), weights(p.D)
    report = STEPS[name](p, *batch(), check)
    assert list(seen) == ["loss_D", "loss_G"]
    assert (seen["loss_D"][0], seen["loss_G"][0]) == (report.loss_D.item(), report.loss_G.item())
    assert seen["loss_D"][1:] == start
    assert seen["loss_G"][1] == start[0]
    assert (seen["loss_G"][2] == start[1]) == (name == "simultaneous")


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("which", ["loss_D", "loss_G"])
def test_a_check_that_raises_stops_the_player(name, which):
    p = players()
    start = weights(p.G), weights(p.D)

    def check(loss_name: str, loss: mg.Tensor) -> None:
        if loss_name == which:
            raise Stop

    with pytest.raises(Stop):
        STEPS[name](p, *batch(), check)
    assert weights(p.G) == start[0]
    assert (weights(p.D) == start[1]) == (name == "simultaneous" or which == "loss_D")
    assert all(q.requires_grad for q in p.D.parameters())


# --- the classic mistakes --------------------------------------------------------------------------


def test_reusing_ds_old_verdict_after_its_step_is_told():
    p = players()
    x, z = batch()
    fake = p.G(z)
    fake_logits = p.D(fake)
    p.objective.discriminator_loss(p.D(x), fake_logits).backward(retain_graph=True)
    p.opt_D.step()
    with pytest.raises(mg.StaleTensorError) as caught:
        p.objective.generator_loss(fake_logits).backward()
    message = str(caught.value)
    assert "Adam.step()" in message and "call D(fake) afresh after D's optimiser has stepped" in message


def test_a_missing_detach_would_have_filled_gs_gradients():
    """What `detach` is for: without it D's loss reaches into G."""
    p = players()
    x, z = batch()
    p.objective.discriminator_loss(p.D(x), p.D(p.G(z))).backward()
    assert any(q.grad is not None for q in p.G.parameters())

"""Learning-rate schedules: by their formulas, beside PyTorch, and gone on with after a stop."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from minigan import nn, optim
from minigan.optim import lr_scheduler
from minigan.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, StepLR

STEPS = 25
SCHEDULES = {
    "StepLR": (lambda m, o: m.StepLR(o, 4, gamma=0.5), lambda base, t: base * 0.5 ** (t // 4)),
    "LambdaLR": (lambda m, o: m.LambdaLR(o, lambda t: 1 / (1 + t)), lambda base, t: base / (1 + t)),
    "LinearLR": (
        lambda m, o: m.LinearLR(o, 0.1, 0.8, total_iters=8),
        lambda base, t: base * (0.1 + 0.7 * min(t, 8) / 8),
    ),
    "CosineAnnealingLR": (
        lambda m, o: m.CosineAnnealingLR(o, 10, eta_min=0.01),
        lambda base, t: 0.01 + (base - 0.01) * (1 + math.cos(math.pi * t / 10)) / 2,
    ),
    "StepLR by default": (lambda m, o: m.StepLR(o, 3), lambda base, t: base * 0.1 ** (t // 3)),
    "LinearLR by default": (lambda m, o: m.LinearLR(o), lambda base, t: base * (1 + 2 * min(t, 5) / 5) / 3),
    "CosineAnnealingLR by default": (
        lambda m, o: m.CosineAnnealingLR(o, 10),
        lambda base, t: base * (1 + math.cos(math.pi * t / 10)) / 2,
    ),
}
every_schedule = pytest.mark.parametrize("name", SCHEDULES)


def optimizer() -> optim.Optimizer:
    return optim.SGD([{"params": nn.Parameter(np.ones(1)), "lr": 0.5}, {"params": nn.Parameter(np.ones(1))}], 0.2)


@every_schedule
def test_the_rates_follow_the_formula(name):
    make, formula = SCHEDULES[name]
    schedule = make(lr_scheduler, optimizer())
    for t in range(STEPS):
        wanted = [formula(base, t) for base in (0.5, 0.2)]
        assert schedule.get_last_lr() == pytest.approx(wanted, rel=1e-12)
        schedule.step()


@every_schedule
def test_the_rates_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    make, _ = SCHEDULES[name]
    ours = make(lr_scheduler, optimizer())
    p, q = (torch.nn.Parameter(torch.ones(1)) for _ in "pq")
    of_torch = torch.optim.SGD([{"params": p, "lr": 0.5}, {"params": q}], 0.2)
    theirs = make(torch.optim.lr_scheduler, of_torch)
    for _ in range(STEPS):
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-9, abs=1e-12)
        of_torch.step()
        ours.step(), theirs.step()


def test_an_optimiser_steps_at_the_rate_of_the_schedule():
    p = nn.Parameter(np.zeros(1))
    opt = optim.SGD([p], 1.0)
    schedule = StepLR(opt, 1, gamma=0.5)
    for _ in range(3):
        p.grad = nn.Parameter(np.ones(1)).detach()
        opt.step()
        schedule.step()
    assert p.item() == -1.75 and opt.lr == 0.125


@every_schedule
def test_a_schedule_goes_on_where_it_was(name):
    make, _ = SCHEDULES[name]
    whole = make(lr_scheduler, optimizer())
    for _ in range(3):
        whole.step()
    state = json.loads(json.dumps(whole.state_dict()))  # as a file would hold it
    other = optimizer()
    other.lr = 9.0  # what it was made with is not what it began with
    resumed = make(lr_scheduler, other)
    resumed.load_state_dict(state)
    for _ in range(STEPS):
        assert whole.get_last_lr() == resumed.get_last_lr() == [group["lr"] for group in other.param_groups]
        whole.step(), resumed.step()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: StepLR(o, 0), "StepLR: step_size must be a whole number of 1 or more, not 0"),
        (lambda o: StepLR(o, 2, -1), "StepLR: gamma must be a number of 0 or more, not -1"),
        (lambda o: LinearLR(o, total_iters=0), "LinearLR: total_iters must be a whole number of 1 or more"),
        (lambda o: LinearLR(o, "slow"), "LinearLR: start_factor must be a number, not 'slow'"),
        (lambda o: CosineAnnealingLR(o, 2.5), "CosineAnnealingLR: T_max must be a whole number of 1 or more, not 2.5"),
        (lambda o: CosineAnnealingLR(o, 2, -1), "CosineAnnealingLR: eta_min must be a number of 0 or more, not -1"),
        (lambda o: LambdaLR(o, lambda t: None), r"LambdaLR: lr_lambda\(0\) must be a number, not None"),
        (lambda o: LambdaLR(o, lambda t: -1), r"LambdaLR: lr_lambda\(0\) must be a number of 0 or more, not -1"),
        (lambda o: StepLR(o.params, 1), "StepLR takes an optimiser, such as Adam, not list"),
        (lambda o: StepLR(o, 1).load_state_dict([1]), r"StepLR takes what state_dict\(\) gave"),
        (lambda o: StepLR(o, 1).load_state_dict({"last_epoch": 1}), r"takes what .* with last_epoch and base_lrs"),
        (
            lambda o: StepLR(o, 1).load_state_dict({"last_epoch": 1, "base_lrs": [0.1]}),
            "the state of this StepLR is of 1 groups of parameters, but the optimiser has 2",
        ),
    ],
)
def test_what_makes_no_schedule(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make(optimizer())

"""Optimisers: against their formulas, against PyTorch, and continued exactly after a stop."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigan as mg
from minigan import nn, optim
from minigan.backend import to_numpy
from minigan.kernels.updates import SLICE_ELEMENTS, WORTH_THREADS

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, 0.1),
    "momentum": lambda p: optim.SGD(p, 0.1, momentum=0.9),
    "rmsprop": lambda p: optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-3),
    "adam": lambda p: optim.Adam(p, 0.01, (0.5, 0.99), 1e-3),
    "adam epsilon-hat": lambda p: optim.Adam(p, 0.01, (0.5, 0.99), 1e-3, epsilon_hat=True),
    "sgd decay": lambda p: optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.3),
    "rmsprop decay": lambda p: optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-3, weight_decay=0.3),
    "adam decay": lambda p: optim.Adam(p, 0.01, (0.5, 0.99), 1e-3, weight_decay=0.3),
    "adamw": lambda p: optim.AdamW(p, 0.01, (0.5, 0.99), 1e-3, weight_decay=0.3),
}
MAKERS = optim.SGD, optim.RMSprop, optim.Adam, optim.AdamW
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
STEPS = 5


P, Q = nn.Parameter(np.ones(1), name="p"), nn.Parameter(np.ones(1), name="q")


def numbers(*shape: int, seed: int = 0, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def gradient(step: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Of very different sizes, and in some places zero."""
    g = numbers(*shape, seed=100 + step) * 10.0 ** numbers(*shape, seed=200)
    return (g * (numbers(*shape, seed=300 + step) > -1)).astype(dtype)


def give(p: mg.Tensor, g: np.ndarray) -> None:
    p.grad = mg.Tensor(g)


# --- each update, as its formula reads -------------------------------------------------------------


def by_formula(name: str, p: np.ndarray, gradients: list[np.ndarray]) -> np.ndarray:
    m = v = np.zeros_like(p)
    for t, g in enumerate(gradients, start=1):
        g = g + 0.3 * p if name.endswith("decay") else g
        p = p - 0.01 * 0.3 * p if name == "adamw" else p
        if name == "sgd":
            p = p - 0.1 * g
        elif name in ("momentum", "sgd decay"):
            m = 0.9 * m + g
            p = p - 0.1 * m
        elif name.startswith("rmsprop"):
            v = 0.9 * v + 0.1 * g**2
            p = p - 0.01 * g / (np.sqrt(v) + 1e-3)
        else:
            m, v = 0.5 * m + 0.5 * g, 0.99 * v + 0.01 * g**2
            if name != "adam epsilon-hat":
                p = p - 0.01 * (m / (1 - 0.5**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-3)
            else:
                p = p - 0.01 * math.sqrt(1 - 0.99**t) / (1 - 0.5**t) * m / (np.sqrt(v) + 1e-3)
    return p


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    "shape",
    [(), (7, 3), (2 * SLICE_ELEMENTS + 5,), (WORTH_THREADS * SLICE_ELEMENTS + 5,)],
    ids=["scalar", "small", "several slices", "several threads"],
)
def test_steps_follow_the_formula(name, dtype, shape):
    start = numbers(*shape).astype(dtype)
    p = nn.Parameter(start.copy())
    optimizer = OPTIMIZERS[name]([p])
    gradients = [gradient(t, shape, dtype) for t in range(STEPS)]
    for g in gradients:
        given = g.copy()
        give(p, g)
        optimizer.step()
        np.testing.assert_array_equal(g, given, "the gradient is read, not changed")
    assert p.dtype == dtype and p.shape == shape
    wanted = by_formula(name, start.astype(np.float64), [g.astype(np.float64) for g in gradients])
    np.testing.assert_allclose(p.numpy(), wanted, atol=TOLERANCE[dtype] * np.abs(wanted).max(), rtol=0)
    moments = [value for state in optimizer.state for value in state.values()]
    assert all(a.dtype == dtype and a.shape == shape for a in moments)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if "hat" not in name])
def test_steps_are_those_of_pytorch(name, dtype):
    """(The other Adam is TensorFlow's: test_dcgan28_against_keras.py holds it to Keras.)"""
    torch = pytest.importorskip("torch")
    theirs = {
        "sgd": lambda p: torch.optim.SGD(p, 0.1),
        "momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-3),
        "adam": lambda p: torch.optim.Adam(p, 0.01, (0.5, 0.99), 1e-3),
        "sgd decay": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.3),
        "rmsprop decay": lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-3, weight_decay=0.3),
        "adam decay": lambda p: torch.optim.Adam(p, 0.01, (0.5, 0.99), 1e-3, weight_decay=0.3),
        "adamw": lambda p: torch.optim.AdamW(p, 0.01, (0.5, 0.99), 1e-3, weight_decay=0.3),
    }
    start = numbers(6, 5).astype(dtype)
    p, q = nn.Parameter(start.copy()), torch.nn.Parameter(torch.from_numpy(start.copy()))
    ours, other = OPTIMIZERS[name]([p]), theirs[name]([q])
    for t in range(STEPS):
        g = gradient(t, start.shape, dtype)
        give(p, g)
        q.grad = torch.from_numpy(g)
        ours.step()
        other.step()
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=0, atol=10 * TOLERANCE[dtype])


def test_defaults_are_those_of_pytorch():
    adam = optim.Adam([nn.Parameter(np.ones(1))])
    assert (adam.lr, adam.betas, adam.eps, adam.epsilon_hat) == (1e-3, (0.9, 0.999), 1e-8, False)
    rms = optim.RMSprop([nn.Parameter(np.ones(1))])
    assert (rms.lr, rms.alpha, rms.eps) == (1e-2, 0.99, 1e-8)
    decay = {make: make([nn.Parameter(np.ones(1))]).param_groups[0]["weight_decay"] for make in MAKERS}
    assert decay == {optim.SGD: 0, optim.RMSprop: 0, optim.Adam: 0, optim.AdamW: 1e-2}
    by_position = optim.Adam([nn.Parameter(np.ones(1))], 1e-3, (0.9, 0.999), 1e-8, 0.5)
    assert by_position.param_groups[0]["weight_decay"] == 0.5 and not by_position.epsilon_hat


def test_the_two_places_of_epsilon_differ():
    """By 1/√(1 − β₂) ≈ 32 in the first step: with a gradient as small as ε it can be seen."""
    p, q = nn.Parameter(np.zeros(1)), nn.Parameter(np.zeros(1))
    for parameter, hat in ((p, False), (q, True)):
        give(parameter, np.full(1, 1e-3))
        optim.Adam([parameter], 1.0, (0.9, 0.999), eps=1e-3, epsilon_hat=hat).step()
    assert p.item() == pytest.approx(-1 / 2)
    assert q.item() == pytest.approx(-1 / (1 + 1 / math.sqrt(1e-3)))


def test_an_option_of_zero_is_no_default():
    p, q = nn.Parameter(np.zeros(1)), nn.Parameter(np.zeros(1))
    for parameter, options in ((p, {"eps": 0.0}), (q, {"betas": (0.0, 0.0)})):
        optimizer = optim.Adam([parameter], 1.0, **options)
        for g in (1e-9, 2e-9):
            before = parameter.item()
            give(parameter, np.full(1, g))
            optimizer.step()
    assert p.item() < -1.9, "without ε a gradient's size does not matter"
    assert q.item() - before == pytest.approx(-2e-9 / (2e-9 + 1e-8)), "with both β 0 the last gradient alone counts"


# --- groups of parameters --------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_group_steps_as_an_optimiser_of_its_own(name):
    starts = numbers(3, 2), numbers(4, seed=1), numbers(2, seed=2)
    alone, grouped = ([nn.Parameter(s) for s in starts] for _ in "ab")
    make = type(OPTIMIZERS[name](alone))
    groups = [{"params": grouped[:2]}, {"params": grouped[2], "lr": 0.05, "weight_decay": 0.2}]
    together = make(groups, 0.3)
    apart = [make(alone[:2], 0.3), make(alone[2:], 0.05, weight_decay=0.2)]
    for t in range(STEPS):
        for i, (p, q) in enumerate(zip(alone, grouped, strict=True)):
            give(p, gradient(t + i, p.shape, "float64")), give(q, gradient(t + i, p.shape, "float64"))
        for optimizer in (together, *apart):
            optimizer.step()
    for p, q in zip(alone, grouped, strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())
    assert together.params == grouped and together.lr == 0.3 and "lr" not in groups[0]


def test_groups_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    starts = [numbers(3), numbers(4, seed=1)]
    ours, theirs = [nn.Parameter(s) for s in starts], [torch.nn.Parameter(torch.tensor(s)) for s in starts]
    optimizers = [
        module.Adam([{"params": [p], "lr": 0.1}, {"params": [q], "weight_decay": 0.5}], lr=0.01)
        for module, (p, q) in ((optim, ours), (torch.optim, theirs))
    ]
    for t in range(STEPS):
        for optimizer, params, tensor in zip(optimizers, (ours, theirs), (mg.Tensor, torch.tensor), strict=True):
            optimizer.param_groups[0]["lr"] *= 0.5
            for p, start in zip(params, starts, strict=True):
                p.grad = tensor(gradient(t, start.shape, "float64"))
            optimizer.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=0, atol=1e-12)


def test_to_set_the_learning_rate_sets_that_of_all_groups():
    optimizer = optim.SGD([{"params": [nn.Parameter(np.ones(1))]}, {"params": nn.Parameter(np.ones(1)), "lr": 9.0}])
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_groups_are_saved_with_their_learning_rates():
    def made() -> optim.Optimizer:
        groups = [{"params": [nn.Parameter(np.ones(n)) for n in sizes]} for sizes in ((1, 2), (3,))]
        return optim.RMSprop(groups, 0.1)

    first, second = made(), made()
    first.param_groups[1]["lr"] = 0.7
    for p in first.params:
        give(p, np.full(p.shape, float(p.size)))
    first.step()
    state = first.state_dict()
    assert list(state) == ["step", "lr", "group1.lr", "square_avg.0", "square_avg.1", "square_avg.2"]
    second.load_state_dict(state)
    assert [group["lr"] for group in second.param_groups] == [0.1, 0.7]
    for now, then in zip(second.state, first.state, strict=True):
        np.testing.assert_array_equal(to_numpy(now["square_avg"]), to_numpy(then["square_avg"]))
    with pytest.raises(ValueError, match="the state does not fit this RMSprop: not known here group1.lr"):
        optim.RMSprop([nn.Parameter(np.ones(n)) for n in (1, 2, 3)]).load_state_dict(state)


# --- what it touches -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_memory_order_does_not_matter(name):
    """Neither the gradient's (a transposed view) nor the parameter's (Fortran order, from the start or later; gaps)."""
    start, g = numbers(40, 30), numbers(30, 40, seed=1)
    plain, other, bound_anew, gappy = (nn.Parameter(start.copy()) for _ in range(4))
    turned = nn.Parameter(np.asfortranarray(start))
    gappy.data = np.pad(start, ((0, 0), (0, 5)))[:, :30]  # a parameter copies what it is made of
    for p, array in ((plain, np.ascontiguousarray(g.T)), (other, g.T), (turned, g.T), (gappy, g.T), (bound_anew, g.T)):
        optimizer = OPTIMIZERS[name]([p])
        for _ in range(2):
            give(p, array)
            optimizer.step()
            if p is bound_anew:
                p.data = np.asfortranarray(p.numpy())
    for p in (other, turned, gappy, bound_anew):
        np.testing.assert_array_equal(plain.numpy(), p.numpy())
    assert not np.array_equal(plain.numpy(), start)


def test_moments_lie_in_memory_as_their_parameter_does():
    p = nn.Parameter(mg.Tensor(numbers(5, 5, 3, 4)).data.transpose(2, 3, 0, 1))
    moments = optim.Adam([p]).state[0].values()
    assert all(moment.strides == p.data.strides != numbers(*p.shape).strides for moment in moments)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_update_is_in_place(name):
    p = nn.Parameter(numbers(4))
    memory = p.data
    optimizer = OPTIMIZERS[name]([p])
    give(p, numbers(4))
    optimizer.step()
    assert p.data is memory


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_has_no_gradient_stays(name):
    p, q = nn.Parameter(numbers(4)), nn.Parameter(numbers(4))
    before = q.numpy().copy()
    optimizer = OPTIMIZERS[name]([p, q])
    give(p, numbers(4))
    optimizer.step()
    np.testing.assert_array_equal(q.numpy(), before)
    assert all(not a.any() for a in optimizer.state[1].values())
    assert not np.array_equal(p.numpy(), before)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_has_no_gradient_any_more_is_not_moved_by_its_moments(name):
    p, q = nn.Parameter(numbers(4)), nn.Parameter(numbers(4))
    optimizer = OPTIMIZERS[name]([p, q])
    give(p, numbers(4)), give(q, numbers(4))
    optimizer.step()
    before, moments = q.numpy().copy(), [to_numpy(a).copy() for a in optimizer.state[1].values()]
    q.grad = None
    optimizer.step()
    np.testing.assert_array_equal(q.numpy(), before)
    for now, then in zip(optimizer.state[1].values(), moments, strict=True):
        np.testing.assert_array_equal(to_numpy(now), then)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_leaves_the_gradient_as_it_is(name):
    p = nn.Parameter(numbers(3))
    give(p, numbers(3, seed=1))
    OPTIMIZERS[name]([p]).step()
    np.testing.assert_array_equal(p.grad.numpy(), numbers(3, seed=1))


def test_hooks_see_the_gradients_before_the_step_in_their_order():
    p, seen = nn.Parameter(np.zeros(1)), []
    optimizer = optim.SGD([p, nn.Parameter(np.zeros(1))], 1.0)

    def doubled(optimizer, args, kwargs):
        seen.append(p.item())
        p.grad = p.grad * 2.0

    def one_more(optimizer, args, kwargs):
        seen.append(p.item())
        p.grad = p.grad + 1.0

    optimizer.register_step_pre_hook(doubled)
    optimizer.register_step_pre_hook(one_more)
    give(p, np.full(1, 3.0))
    optimizer.step()
    assert seen == [0, 0] and p.item() == -7


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_moments_go_on_in_the_dtype_that_a_module_was_brought_to(name):
    start = numbers(3, 2, dtype="float32")
    moved, wide = nn.Dense(2, 3, bias=False), nn.Parameter(start.astype("float64"))
    moved.weight.data = start
    optimizers = OPTIMIZERS[name](moved.parameters()), OPTIMIZERS[name]([wide])
    for t in range(4):
        if t == 2:
            moved.to(dtype="float64")
        g = gradient(t, start.shape, "float32")
        give(moved.weight, g.astype(moved.weight.dtype)), give(wide, g.astype("float64"))
        for optimizer in optimizers:
            optimizer.step()
    np.testing.assert_allclose(moved.weight.numpy(), wide.numpy(), rtol=1e-4, atol=1e-5)
    assert {array.dtype for moments in optimizers[0].state for array in moments.values()} <= {np.dtype("float64")}


def test_zero_grad_forgets_its_own():
    p, q = nn.Parameter(numbers(1)), nn.Parameter(numbers(1))
    give(p, numbers(1)), give(q, numbers(1))
    optim.SGD([p]).zero_grad()
    assert p.grad is None and q.grad is not None


def test_parameters_may_be_given_as_a_generator():
    model = nn.Sequential(nn.Dense(2, 2), nn.Dense(2, 1))
    assert len(optim.Adam(p for p in model.parameters()).params) == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.Adam([]), "Adam was given no parameters"),
        (lambda: optim.SGD([nn.Parameter(np.ones(1))], -1.0), "SGD: lr must be a number of 0 or more, not -1.0"),
        (lambda: optim.SGD([nn.Parameter(np.ones(1))], math.nan), "not nan"),
        (lambda: optim.Adam([nn.Parameter(np.ones(1))], betas=(0.9, 1.0)), r"betas must lie in \[0, 1\)"),
        (lambda: optim.Adam([nn.Parameter(np.ones(1))], betas=0.9), r"Adam: betas must be two numbers, .*, not 0.9"),
        (
            lambda: optim.Adam([nn.Parameter(np.ones(1))], betas=(0.9, "x")),
            r"Adam: betas\[1\] must be a number, not 'x'",
        ),
        (lambda: optim.Adam([nn.Parameter(np.ones(1))], eps=-1.0), "Adam: eps must be a number of 0 or more, not -1.0"),
        (lambda: optim.RMSprop([nn.Parameter(np.ones(1))], alpha=1.5), "RMSprop: alpha .* from 0 to 1, not 1.5"),
        (lambda: optim.RMSprop([nn.Parameter(np.ones(1))], eps=-1.0), "RMSprop: eps must be a number of 0 or more"),
        (lambda: optim.SGD([nn.Parameter(np.ones(1))], momentum=-0.5), "SGD: momentum must be a number of 0 or more"),
        (lambda: optim.SGD([nn.Parameter(np.ones(1))], "fast"), "SGD: lr must be a number, not 'fast'"),
        (lambda: optim.SGD(nn.Dense(2, 2)), r"SGD takes tensors, such as module\.parameters\(\), not Dense"),
        (lambda: optim.SGD(nn.Dense(2, 2).named_parameters()), "SGD takes tensors .*, but parameter 0 is tuple"),
        (
            lambda: optim.SGD([nn.Parameter(np.ones(1)), nn.Parameter(np.ones(1), name="w") * 2]),
            r"SGD takes tensors that no function made, .* but parameter 1 \(.*\) was made by MulScalar: give",
        ),
        (
            lambda: optim.SGD([{"params": [P]}, {"params": [Q, P]}]),
            r"SGD: tensor 'p' of shape \(1,\) is in two parameter groups, and would be moved twice",
        ),
        (
            lambda: optim.SGD([{"params": [P], "momentum": 0.9}]),
            "SGD: parameter group 0 must be a dict with params, and may have lr and weight_decay of its own, but is "
            "params, momentum$",
        ),
        (lambda: optim.Adam([{"params": [P]}, {"lr": 0.1}]), "Adam: parameter group 1 must be .* but is lr$"),
        (lambda: optim.Adam([{"params": [P]}, Q]), "Adam: parameter group 1 must be .* but is Parameter$"),
        (lambda: optim.Adam([{"params": [P]}, {"params": []}]), "Adam was given no parameters"),
        (lambda: optim.Adam([{"params": [P], "lr": -1}]), "Adam: lr must be a number of 0 or more, not -1"),
        (lambda: optim.SGD([P], weight_decay=-0.1), "SGD: weight_decay must be a number of 0 or more, not -0.1"),
        (lambda: optim.SGD([mg.Tensor([1, 2])]), r"SGD takes .* parameter 0 \(tensor of shape \(2,\)\) is int64"),
    ],
)
def test_what_no_optimiser_can_be_made_of(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@pytest.mark.parametrize(
    ("gradient", "error", "message"),
    [
        (mg.Tensor(np.ones(())), ValueError, r"has shape \(\), but must have the parameter's"),  # it would broadcast
        (mg.Tensor(np.ones(2)), ValueError, r"has shape \(2,\), but must have"),
        (np.ones(3), TypeError, "must be a Tensor, not ndarray"),
        (mg.Tensor(np.ones(3, "float32")), TypeError, "parameter 1 .* is float64, but its .grad .* is float32"),
    ],
)
def test_a_gradient_that_does_not_fit_is_refused_before_anything_changes(gradient, error, message):
    p, q = nn.Parameter(np.ones(3)), nn.Parameter(np.ones(3), name="q")
    give(p, np.ones(3))
    q.grad = gradient
    optimizer = optim.SGD([p, q])
    with pytest.raises(error, match=rf"^SGD\.step\(\): .*{message}"):
        optimizer.step()
    assert p.numpy().tolist() == [1, 1, 1] and optimizer.step_count == 0


@pytest.mark.parametrize(("name", "kind"), [("sgd", "SGD"), ("rmsprop", "RMSprop"), ("adam", "Adam")])
def test_an_old_graph_is_stale_after_the_step(name, kind):
    p = nn.Parameter(numbers(3))
    x = mg.Tensor(numbers(3), requires_grad=True)
    y = mg.functions.sum(p * x)
    give(p, numbers(3))
    OPTIMIZERS[name]([p]).step()
    with pytest.raises(mg.StaleTensorError, match=rf"{kind}\.step\(\)"):
        y.backward()


# --- stopping and going on -------------------------------------------------------------------------


def steps(optimizer: optim.Optimizer, first: int, last: int) -> None:
    for t in range(first, last):
        for i, p in enumerate(optimizer.params):
            give(p, gradient(t + 10 * i, p.shape, "float32"))
        optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_continues_bit_for_bit(name):
    def parameters() -> list[nn.Parameter]:
        shapes = (5, 4), (3,), (5, 4)
        return [nn.Parameter(numbers(*shape, seed=i, dtype="float32")) for i, shape in enumerate(shapes)]

    whole = parameters()
    steps(OPTIMIZERS[name](whole), 0, 7)

    first = parameters()
    optimizer = OPTIMIZERS[name](first)
    steps(optimizer, 0, 3)
    state = {key: np.copy(value) for key, value in optimizer.state_dict().items()}  # as a file would hold it
    second = [nn.Parameter(p.numpy().copy()) for p in first]
    steps(optimizer, 3, 5)  # must not reach into what was saved
    resumed = OPTIMIZERS[name](second)
    resumed.lr = 123.0
    resumed.load_state_dict(state)
    steps(resumed, 3, 7)
    for p, q in zip(whole, second, strict=True):
        assert p.numpy().tobytes() == q.numpy().tobytes()
    assert resumed.step_count == 7


def test_state_names():
    assert list(optim.SGD([nn.Parameter(np.ones(1))]).state_dict()) == ["step", "lr"]
    keys = list(optim.Adam([nn.Parameter(np.ones(1)), nn.Parameter(np.ones(1))]).state_dict())
    assert keys == ["step", "lr", "exp_avg.0", "exp_avg_sq.0", "exp_avg.1", "exp_avg_sq.1"]


def test_loaded_moments_are_copies():
    a, b = (optim.Adam([nn.Parameter(np.ones(2))]) for _ in range(2))
    steps64 = numbers(2)
    give(a.params[0], steps64)
    a.step()
    b.load_state_dict(a.state_dict())
    a.step()
    assert not np.array_equal(a.state[0]["exp_avg"], b.state[0]["exp_avg"])


def moved_and_loaded(name: str, **to: str) -> tuple[optim.Optimizer, dict]:
    """An optimiser whose module was moved after it was made, with the state of one that was made where it is now."""
    module = nn.Conv2d(2, 3, 2)
    optimizer = OPTIMIZERS[name](module.parameters())
    stepped = OPTIMIZERS[name]([nn.Parameter(p.numpy().astype("float64")) for p in module.parameters()])
    for p in stepped.params:
        give(p, numbers(*p.shape))
    stepped.step()
    state = {key: to_numpy(value) if "." in key else value for key, value in stepped.state_dict().items()}
    module.to(**to)
    optimizer.load_state_dict(state)
    return optimizer, state


@pytest.mark.parametrize("name", ["momentum", "rmsprop", "adam"])
def test_a_state_is_taken_over_in_the_dtype_that_the_parameters_have_now(name):
    optimizer, state = moved_and_loaded(name, dtype="float64")
    for key, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(to_numpy(value) if "." in key else value, state[key], strict=True)


@pytest.mark.parametrize("name", ["momentum", "rmsprop", "adam"])
def test_a_state_is_taken_over_on_the_device_that_the_parameters_are_on_now(name, cupy, monkeypatch):
    monkeypatch.setattr(mg.backend.devices, "_default_device", mg.backend.CPU)  # where the module is made
    optimizer, state = moved_and_loaded(name, device="gpu")
    for p, moments in zip(optimizer.params, optimizer.state, strict=True):
        for array in moments.values():
            assert isinstance(array, cupy.ndarray) and array.strides == p.data.strides  # in memory as it is: one launch
    for key, value in optimizer.state_dict().items():
        expected = state[key].astype("float32") if "." in key else state[key]
        np.testing.assert_array_equal(to_numpy(value) if "." in key else value, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("exp_avg.0"), "the state does not fit this Adam: missing exp_avg.0$"),
        (lambda s: s.update({"exp_avg.7": np.ones(1)}), "the state does not fit this Adam: not known here exp_avg.7$"),
        (lambda s: s.update({"exp_avg_sq.1": np.ones(5)}), r"exp_avg_sq.1 has shape \(5,\), needed is \(3,\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_whole(change, message):
    optimizer = optim.Adam([nn.Parameter(np.ones(2)), nn.Parameter(np.ones(3))])
    state = {key: np.ones_like(value) * 9 for key, value in optimizer.state_dict().items()}
    change(state)
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(state)
    assert optimizer.step_count == 0 and optimizer.lr == 1e-3
    assert not any(a.any() for moments in optimizer.state for a in moments.values())

"""`Module`: finding its parts, carrying its state, changing its mode."""

from __future__ import annotations

import numpy as np
import pytest
from devices import assert_array_equal

import minigan as mg
from minigan import nn
from minigan.functions import sum as sum_


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Dense(3, 2)
        self.scale = nn.Parameter(np.ones((), np.float32))
        self.norm = nn.BatchNorm(2)

    def forward(self, x):
        return self.norm(self.first(x)) * self.scale


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(Block(), nn.ReLU(), nn.Dense(2, 1, bias=False))
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(self.main(x))


PARAMETERS = [
    "main.0.scale", "main.0.first.weight", "main.0.first.bias", "main.0.norm.weight", "main.0.norm.bias",
    "main.2.weight",
]  # fmt: skip
BUFFERS = ["main.0.norm.running_mean", "main.0.norm.running_var", "main.0.norm.num_batches_tracked"]


def snapshot(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in module.state_dict().items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


# --- what it is made of ----------------------------------------------------------------------------


def test_names_are_dotted_paths_in_order_of_assignment():
    model = Model()
    assert [name for name, _ in model.named_parameters()] == PARAMETERS
    assert [name for name, _ in model.named_buffers()] == BUFFERS
    assert list(model.state_dict()) == PARAMETERS + BUFFERS
    assert [id(p) for p in model.parameters()] == [id(p) for _, p in model.named_parameters()]
    names = ["", "main", "main.0", "main.0.first", "main.0.norm", "main.1", "main.2", "drop"]
    assert [name for name, _ in model.named_modules()] == names
    assert [p.shape for p in model.parameters()] == [(), (2, 3), (2,), (2,), (2,), (1, 2)]
    assert all(p.requires_grad for p in model.parameters())
    assert not any(b.requires_grad for _, b in model.named_buffers())


def test_plain_tensors_and_arrays_are_no_parameters():
    block = Block()
    block.note = mg.Tensor([1.0])
    block.table = np.ones(3)
    assert "note" not in block.state_dict() and "table" not in block.state_dict()


def test_a_parameter_is_a_copy_in_the_order_of_memory_that_was_given():
    given = np.arange(6.0).reshape(2, 3).T
    p = nn.Parameter(given, requires_grad=False)
    assert not p.requires_grad and not np.shares_memory(p.numpy(), given)
    assert p.data.strides == given.strides


def test_assigning_again_replaces():
    block = Block()
    order = list(block.state_dict())
    new = nn.Parameter(np.full((), 5.0, np.float32))
    block.scale = new
    assert block.parameters()[0] is new and list(block.state_dict()) == order
    block.first = nn.Dense(3, 2, bias=False)
    assert list(block.state_dict()) == [name for name in order if name != "first.bias"]


def test_a_parameter_set_to_none_is_gone():
    layer = nn.Dense(3, 2)
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"] and list(layer.state_dict()) == ["weight"]
    x = np.ones((1, 3), np.float32)
    np.testing.assert_allclose(layer(mg.Tensor(x)).numpy(), x @ layer.weight.numpy().T, rtol=1e-6)


def test_a_module_set_to_none_or_deleted_is_gone():
    block = Block()
    block.norm = None
    assert list(block.state_dict()) == ["scale", "first.weight", "first.bias"]
    del block.first
    assert list(block.state_dict()) == ["scale"] and not hasattr(block, "first")
    del block.scale
    assert block.parameters() == []


def test_a_name_changes_its_kind():
    block = Block()
    block.first = nn.Parameter(np.ones(2, np.float32))
    assert [name for name, _ in block.named_parameters()][:2] == ["scale", "first"]
    assert [name for name, _ in block.named_modules()] == ["", "norm"]


def test_a_buffer_assigned_again_is_the_one_in_the_state():
    norm = nn.BatchNorm(2)
    norm.running_mean = mg.Tensor(np.array([3.0, 4.0], np.float32))
    assert_array_equal(norm.state_dict()["running_mean"], [3, 4])
    norm.running_mean = None
    assert "running_mean" not in norm.state_dict()


def test_a_parameter_is_not_replaced_by_a_plain_tensor():
    layer = nn.Dense(3, 2)
    with pytest.raises(TypeError, match="'weight' is a parameter: give it a Parameter or None, or change its .data"):
        layer.weight = layer.weight * 0.5
    assert isinstance(layer.weight, nn.Parameter)


def test_forgetting_super_init_is_told():
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.first = nn.Dense(1, 1)

    with pytest.raises(AttributeError, match=r"Forgetful: call super\(\).__init__\(\) before assigning 'first'"):
        Forgetful()

    class AlsoForgetful(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter(np.ones(1, np.float32))

    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\) before assigning 'weight'"):
        AlsoForgetful()


def test_weights_used_in_two_places_are_stepped_once():
    shared = nn.Dense(2, 2)
    model = nn.Sequential(shared, shared)
    assert len(model.parameters()) == 2
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_modules_do_not_share_what_they_hold():
    a, b = Block(), Block()
    a.extra = nn.Parameter(np.ones(1, np.float32))
    assert "extra" not in dict(b.named_parameters())
    assert a.first.weight is not b.first.weight


def test_without_forward_it_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(TypeError, match="Empty has no forward method"):
        Empty()(1)


# --- its state -------------------------------------------------------------------------------------


def test_state_travels_to_another_module_and_shares_no_memory():
    a, b = Model(), Model()
    a(mg.Tensor(np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)))
    assert not same(snapshot(a), snapshot(b))
    b.load_state_dict(a.state_dict())
    assert same(snapshot(a), snapshot(b))
    a.main[2].weight.data += 1
    assert not same(snapshot(a), snapshot(b))


def test_loading_keeps_the_tensors_and_their_dtype():
    a, b = Model(), Model()
    kept = b.parameters()
    b.load_state_dict({name: array.astype(np.float64) for name, array in a.state_dict().items()})
    assert all(p is q for p, q in zip(kept, b.parameters(), strict=True))
    assert b.state_dict()["main.2.weight"].dtype == np.float32
    assert b.state_dict()["main.0.norm.num_batches_tracked"].dtype == np.int64
    assert same(snapshot(a), snapshot(b))


def test_tensors_may_be_loaded():
    a, b = Model(), Model()
    b.load_state_dict({name: mg.Tensor(array) for name, array in a.state_dict().items()})
    assert same(snapshot(a), snapshot(b))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("main.2.weight"), "the state does not fit this Model: missing main.2.weight"),
        (lambda s: s.update(other=np.ones(1)), "the state does not fit this Model: not known here other"),
        (
            lambda s: s.update({"main.2.weight": s["main.2.weight"].T.copy()}),
            r"the state's 'main.2.weight' has shape \(2, 1\), but \(1, 2\) is needed",
        ),
        (lambda s: [s.pop(name) for name in PARAMETERS], "missing .* and 2 more"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_whole(change, message):
    model, other = Model(), Model()
    state = snapshot(other)
    change(state)
    before = snapshot(model)
    with pytest.raises(ValueError, match=message) as caught:
        model.load_state_dict(state)
    assert "\n" not in str(caught.value)
    assert same(before, snapshot(model))


def test_a_square_weight_loads_as_it_is_not_transposed():
    a, b = nn.Dense(3, 3), nn.Dense(3, 3)
    b.load_state_dict(a.state_dict())
    np.testing.assert_array_equal(a.weight.numpy(), b.weight.numpy())


def test_loading_makes_an_old_graph_stale():
    layer = nn.Dense(2, 1)
    y = sum_(layer(mg.Tensor(np.ones((1, 2), np.float32), requires_grad=True)))
    layer.load_state_dict(nn.Dense(2, 1).state_dict())
    with pytest.raises(mg.StaleTensorError, match=r"load_state_dict\(\)"):
        y.backward()


def test_to_dtype_converts_what_floats_and_forgets_gradients():
    model = Model()
    sum_(model(mg.Tensor(np.ones((2, 3), np.float32)))).backward()
    kept, before = model.parameters(), snapshot(model)
    assert model.to(dtype="float64") is model
    assert all(p is q for p, q in zip(kept, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())
    for name, array in model.state_dict().items():
        assert array.dtype == (np.int64 if "tracked" in name else np.float64)
        assert_array_equal(array, before[name])
    assert model(mg.Tensor(np.ones((2, 3)))).dtype == np.float64


def test_an_old_graph_is_stale_after_a_move():
    model = Model()
    y = sum_(model(mg.Tensor(np.ones((2, 3), np.float32))))
    model.to(dtype="float64")
    with pytest.raises(mg.StaleTensorError, match=r"Module\.to\(\)"):
        y.backward()


# --- its mode --------------------------------------------------------------------------------------


def test_train_and_eval_reach_every_module():
    model = Model()
    assert all(m.training for m in model.modules())
    assert model.eval() is model and not any(m.training for m in model.modules())
    assert model.train() is model and all(m.training for m in model.modules())
    model.main[0].eval()
    assert model.training and not model.main[0].norm.training
    assert nn.ReLU().training, "the mode belongs to the object, not to the class"


def test_apply_calls_each_module_once_innermost_first():
    model, seen = Model(), []
    assert model.apply(lambda m: seen.append(m)) is model
    assert len(seen) == len(set(map(id, seen))) == 8
    assert seen[-1] is model and seen.index(model.main) > seen.index(model.main[0]) > seen.index(model.main[0].first)


def test_zero_grad_forgets():
    model = Model()
    sum_(model(mg.Tensor(np.ones((2, 3), np.float32)))).backward()
    assert any(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_named_tells_tensors_in_messages():
    assert Model().named("D").main[2].weight.name == "D.main.2.weight"
    assert Model().named("D").main[0].norm.running_var.name == "D.main.0.norm.running_var"


def test_repr_shows_the_tree():
    assert repr(Model()).splitlines() == [
        "Model(",
        "  (main): Sequential(",
        "    (0): Block(",
        "      (first): Dense(3, 2, bias=True)",
        "      (norm): BatchNorm(2, eps=1e-05, momentum=0.1)",
        "    )",
        "    (1): ReLU()",
        "    (2): Dense(2, 1, bias=False)",
        "  )",
        "  (drop): Dropout(0.5)",
        ")",
    ]


def test_sequential_is_indexed_and_counted():
    layers = [nn.Dense(2, 3), nn.ReLU(), nn.Dense(3, 1)]
    model = nn.Sequential(*layers)
    assert len(model) == 3 and model[0] is layers[0] and model[-1] is layers[2]


# --- frozen ----------------------------------------------------------------------------------------


def test_frozen_passes_the_gradient_and_computes_none_for_weights():
    layer = nn.Dense(3, 1)
    x = mg.Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    with nn.frozen(layer):
        y = sum_(layer(x))
        assert not any(p.requires_grad for p in layer.parameters())
    y.backward()  # outside: what counts is when the graph was recorded
    assert all(p.grad is None for p in layer.parameters())
    np.testing.assert_array_equal(x.grad.numpy(), np.repeat(layer.weight.numpy(), 2, axis=0))


def test_frozen_restores_what_it_froze_and_nothing_else():
    a, b = nn.Dense(1, 1), nn.Dense(1, 1)
    a.bias.requires_grad = False
    with pytest.raises(KeyError), nn.frozen(a, b):
        assert not any(p.requires_grad for p in (*a.parameters(), *b.parameters()))
        raise KeyError
    assert a.weight.requires_grad and not a.bias.requires_grad
    assert b.weight.requires_grad and b.bias.requires_grad


def test_frozen_nests():
    layer = nn.Dense(1, 1)
    with nn.frozen(layer):
        with nn.frozen(layer):
            pass
        assert not layer.weight.requires_grad
    assert layer.weight.requires_grad


class Names:
    def __init__(self) -> None:
        self.backward: list[str] = []

    def after_forward(self, node, inputs, outputs) -> None:
        self.backward.append(node.name)

    def after_backward(self, node, cotangents, gradients) -> None:
        pass


def test_a_frozen_discriminator_computes_no_weight_gradient():
    D = nn.Sequential(nn.Conv2d(1, 2, 3), nn.LeakyReLU(0.2), nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Dense(3 * 4 * 4, 1))
    x = mg.Tensor(np.random.default_rng(0).standard_normal((2, 1, 8, 8)).astype(np.float32), requires_grad=True)

    def walked() -> tuple[list[str], np.ndarray]:
        x.grad = None
        names = Names()
        y = sum_(D(x))
        with mg.observe(names):
            y.backward()
        return names.backward, x.grad.numpy()

    names, dx = walked()
    assert names.count("ConvWeightGrad") == 2
    with nn.frozen(D):
        names, frozen_dx = walked()
    assert names.count("ConvWeightGrad") == 0 and names.count("ConvTranspose2d") == 2
    np.testing.assert_array_equal(dx, frozen_dx)

"""Layers as people write them, and the names that they bring along from PyTorch."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest

import minigan as mg
from minigan import Tensor, nn, optim
from minigan import functions as F
from minigan.renamed import PEER_NAMES


class Blocks(nn.Module):
    def __init__(self, blocks, named):
        super().__init__()
        self.blocks = blocks
        self.named = named

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.named["last"](x)


def test_case_14_layers_in_a_list_and_a_dict_have_parameters():
    """pytorch/examples#277."""
    model = Blocks(nn.ModuleList([nn.Dense(2, 3) for _ in range(2)][:1]), nn.ModuleDict({"last": nn.Dense(3, 1)}))
    assert [name for name, _ in model.named_parameters()] == [
        "blocks.0.weight", "blocks.0.bias", "named.last.weight", "named.last.bias",
    ]  # fmt: skip
    model(Tensor(np.ones((4, 2), "float32"))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.blocks.append(nn.Dense(3, 3))
    model.blocks.extend([nn.Tanh()])
    model.named["other"] = nn.Tanh()
    assert len(model.blocks) == 3 and len(model.named) == 2 and "other" in model.named
    assert isinstance(model.blocks[1], nn.Dense) and list(model.named) == ["last", "other"]
    assert isinstance(model.blocks[:2], nn.ModuleList) and isinstance(model.blocks[-1], nn.Tanh)
    model.eval()
    assert not model.blocks[0].training and not model.named["last"].training


@pytest.mark.parametrize(
    "value",
    [[nn.Dense(2, 2)], (nn.Tanh(), nn.Dense(2, 2)), {"a": nn.Dense(2, 2)}, [nn.Parameter(np.ones(2))], [[nn.Tanh()]]],
    ids=["list", "tuple", "dict", "parameters", "nested"],
)
def test_case_14_a_plain_list_of_layers_says_what_to_use(value):
    with pytest.raises(TypeError, match=r"nn\.Module(List|Dict)"):
        Blocks(value, nn.ModuleDict({"last": nn.Dense(2, 2)}))


def test_case_14_a_plain_list_of_anything_else_is_fine():
    assert Blocks([1, "a", np.ones(2)], {"a": 1}).blocks[0] == 1


def test_case_14_a_slice_of_a_sequential_is_a_sequential():
    model = nn.Sequential(nn.Dense(2, 3), nn.Tanh(), nn.Dense(3, 1))
    first = model[:2]
    assert isinstance(first, nn.Sequential) and len(first) == 2 and first[0] is model[0]
    x = Tensor(np.ones((1, 2), "float32"))
    np.testing.assert_array_equal(model[2:](first(x)).numpy(), model(x).numpy())


@pytest.mark.parametrize(
    ("get", "name", "ours"),
    [
        (lambda: nn.Linear, "Linear", "nn.Dense"),
        (lambda: nn.BatchNorm1d, "BatchNorm1d", "nn.BatchNorm"),
        (lambda: nn.BatchNorm2d, "BatchNorm2d", "nn.BatchNorm"),
        (lambda: nn.InstanceNorm2d, "InstanceNorm2d", "nn.InstanceNorm"),
        (lambda: nn.BCEWithLogitsLoss, "BCEWithLogitsLoss", "binary_cross_entropy_with_logits"),
        (lambda: nn.MSELoss, "MSELoss", "mse_loss"),
        (lambda: nn.functional, "functional", "minigan.functions"),
        (lambda: F.linear, "linear", "F.dense"),
        (lambda: F.cat, "cat", "F.concatenate"),
        (lambda: F.interpolate, "interpolate", "upsample_nearest2d"),
        (lambda: mg.cat, "cat", "F.concatenate"),
        (lambda: mg.tensor, "tensor", "Tensor"),
        (lambda: mg.randn, "randn", "standard_normal"),
        (lambda: mg.save, "save", "save_checkpoint"),
        (lambda: mg.load, "load", "load_checkpoint"),
        (lambda: F.clamp, "clamp", "F.clip"),
        (lambda: Tensor([1.0]).view, "view", "reshape"),
        (lambda: Tensor([1.0]).clone, "clone", "copy"),
        (lambda: Tensor([1.0]).permute, "permute", "transpose"),
        (lambda: Tensor([1.0]).cuda, "cuda", "to"),
        (lambda: Tensor([1.0]).cpu, "cpu", "to"),
        (lambda: Tensor([1.0]).unsqueeze, "unsqueeze", "reshape"),
        (lambda: Tensor([1.0]).zero_, "zero_", "data"),
        (lambda: Tensor([1.0]).grad_fn, "grad_fn", "creator"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_case_37_a_name_that_pytorch_users_type_says_what_minigan_calls_it(get, name, ours):
    with pytest.raises(AttributeError, match=rf"'{name}'.*minigan calls it .*{ours}") as caught:
        get()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("theirs", "ours"), PEER_NAMES.items(), ids=str)
def test_case_37_what_is_said_is_there_and_what_is_there_is_not_said(theirs, ours):
    place, _, name = theirs.rpartition(".")
    if place == "Tensor":
        assert not hasattr(Tensor, name)
        return
    assert not hasattr(importlib.import_module(place), name)
    for module, found in re.findall(r"\b(F|nn|optim|minigan)\.(\w+)", ours):
        parent = {"F": F, "nn": nn, "optim": optim, "minigan": mg}[module]
        assert hasattr(parent, found) or importlib.util.find_spec(f"minigan.{found}"), f"{module}.{found}"


def test_case_37_an_unknown_name_is_only_unknown():
    with pytest.raises(AttributeError, match="^(?!.*minigan calls it)"):
        _ = nn.NoSuchLayer
    assert not hasattr(nn, "NoSuchLayer") and not hasattr(Tensor([1.0]), "no_such_method")
    assert "Linear" not in dir(nn)

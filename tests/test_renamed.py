"""Names of earlier versions."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

import minigan as mg
from minigan.renamed import REMOVED, RENAMED, RenamedError


def is_module(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


MODULES = {old: new for old, new in RENAMED.items() if is_module(new.split(" and ")[0])}
NAMES = {old: new for old, new in RENAMED.items() if old not in MODULES}


@pytest.mark.parametrize("old", MODULES)
def test_a_module_that_is_gone_is_named_by_todays_name(old):
    with pytest.raises(RenamedError) as error:
        importlib.import_module(old)
    assert str(error.value) == f"{old} is called {MODULES[old]} since minigan 0.2"
    for new in MODULES[old].split(" and "):
        importlib.import_module(new)


@pytest.mark.parametrize("old", NAMES)
def test_a_name_that_is_gone_is_named_by_todays_name(old):
    module, _, name = old.rpartition(".")
    with pytest.raises(RenamedError, match=f"{name} is called "):
        getattr(importlib.import_module(module), name)
    new = NAMES[old].split(",")[0]
    holder = importlib.import_module("minigan.algorithms" if "lgorithm" in new and "." in new else module)
    for part in new.removeprefix("minigan.algorithms.").split("."):
        holder = getattr(holder, part)


@pytest.mark.parametrize("old", REMOVED)
def test_of_a_name_that_has_no_other_it_is_said_what_to_do(old):
    module, _, name = old.rpartition(".")
    with pytest.raises(RenamedError) as error:
        getattr(importlib.import_module(module), name)
    assert str(error.value) == f"{old} is gone since minigan 0.2: {REMOVED[old]}"


def test_from_a_package_too():
    with pytest.raises(ImportError, match="is called minigan.functions.manipulation since"):
        exec("from minigan.functions import shaping", {})
    with pytest.raises(ImportError, match="is called Trainer since"):
        exec("from minigan.training import Run", {})


def test_what_never_was_is_missing_as_anywhere():
    with pytest.raises(AttributeError, match="module 'minigan' has no attribute 'nonsense'"):
        mg.nonsense  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("minigan.nonsense")
    assert not hasattr(mg.functions, "convolve")

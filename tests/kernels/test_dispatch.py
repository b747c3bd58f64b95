"""Which version of a kernel runs: that in array functions, or that for CUDA."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from minigan.kernels import dispatch


class OnGPU:
    """Stands for an array of CuPy."""


@pytest.fixture
def kernel(monkeypatch):
    """A kernel that says which version ran, and with what; its CUDA version declines to add 0."""

    def add(x, number, doubled=False):
        return "array functions", number, doubled

    def on_cuda(x, number, doubled=False):
        return ("CUDA", number, doubled) if number else NotImplemented

    add.__module__ = "minigan.kernels.of_a_test"
    monkeypatch.setitem(sys.modules, "minigan.kernels.cuda.of_a_test", SimpleNamespace(add=on_cuda))
    monkeypatch.setattr(dispatch, "is_on_gpu", lambda value: isinstance(value, OnGPU))
    return dispatch.has_cuda_kernel(add)


@pytest.mark.parametrize("first", [OnGPU(), [OnGPU(), np.ones(1)], (OnGPU(),)])
def test_cuda_s_for_arrays_on_a_gpu(kernel, first):
    assert kernel(first, 1, doubled=True) == ("CUDA", 1, True)
    assert kernel(first, 0, doubled=True) == ("array functions", 0, True)


@pytest.mark.parametrize("first", [np.ones(1), np.float32(1), [np.ones(1), OnGPU()], [], ()])
def test_array_functions_for_all_else(kernel, first):
    assert kernel(first, 1, doubled=True) == ("array functions", 1, True)


def test_a_kernel_keeps_its_name(kernel):
    assert kernel.__name__ == "add"

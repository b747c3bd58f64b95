"""What lets one test run anywhere: arrays put where the tests' tensors live, and brought back to be compared.

`pytest --device gpu` makes tensors on the GPU, of NumPy's arrays too. NumPy cannot read those, so a test
compares `tensor.numpy()`, and an array of which it does not know where it is by the functions here.
"""

import numpy as np

import minigan as mg
from minigan import backend


def on_device(array):
    """The array where a Tensor made of it lives: itself on the CPU, on a GPU a copy."""
    return mg.Tensor(array).data


def host(value):
    """A Tensor, an array or a number as NumPy's array; on the CPU it is the same memory."""
    return backend.to_numpy(backend.as_array(value))


def share_memory(a, b):
    """Whether two arrays, on one device, have memory in common."""
    return bool(backend.get_array_module(a, b).shares_memory(a[None], b[None]))  # CuPy's misjudges no dimensions


def assert_allclose(actual, desired, **tolerances):
    """NumPy's, wherever the two are."""
    np.testing.assert_allclose(host(actual), host(desired), **tolerances)


def assert_array_equal(actual, desired, **options):
    """NumPy's, wherever the two are."""
    np.testing.assert_array_equal(host(actual), host(desired), **options)

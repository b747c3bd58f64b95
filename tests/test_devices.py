"""`pytest --device`: where it says, the tests' tensors and layers are; and their helpers (`devices`) work there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from devices import assert_allclose, assert_array_equal, host, on_device, share_memory

import minigan as mg
from minigan import backend, nn


def test_all_that_is_made_is_on_the_device_asked_for(pytestconfig):
    device = backend.parse_device(pytestconfig.getoption("--device"))
    layer = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm(2), nn.SpectralNorm(nn.Dense(2, 3)), nn.Embedding(3, 2))
    made = [mg.Tensor(value) for value in (1.5, [1, 2], np.ones(3), np.float32(2))]
    made += [*layer.parameters(), *(buffer for _, buffer in layer.named_buffers())]
    assert {t.device for t in made} == {device}
    assert {type(t.data) for t in made} == {type(on_device(np.ones(1)))}


@pytest.mark.parametrize("option, message", [("tpu", "device 'tpu' is not known"), ("gpu:99", "gpu")])
def test_a_device_that_is_not_there_is_one_line(option, message):
    command = [sys.executable, "-m", "pytest", "--device", option, "tests/test_devices.py"]
    folder = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 4 and done.stdout.strip() == ""
    assert done.stderr.startswith("ERROR: --device: ") and message in done.stderr.lower()
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_is_compared_may_be_anywhere():
    x = on_device(np.array([1.0, 2.0]))
    for value in (x, mg.Tensor(x), np.array([1.0, 2.0])):
        assert_array_equal(value, [1, 2])
        assert_allclose([1, 2 + 1e-9], value, rtol=1e-8)
        with pytest.raises(AssertionError):
            assert_array_equal(value, [1, 3])
        with pytest.raises(AssertionError):
            assert_allclose(value, [1, 2.001], rtol=1e-8)
    assert isinstance(host(x), np.ndarray) and host(1.5) == 1.5


def test_memory_is_shared_or_not():
    a, b = on_device(np.ones((2, 3))), on_device(np.ones((2, 3)))
    assert share_memory(a, a[1:]) and not share_memory(a, b) and not share_memory(a[0], a[1])
    one, other = on_device(np.array(1.0)), on_device(np.array(1.0))
    assert share_memory(one, one[...]) and not share_memory(one, other)

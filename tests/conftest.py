"""Settings of the whole suite: the same examples on every run, no limit on their time, one BLAS thread.

`pytest --thorough` (or MINIGAN_PROFILE=thorough) tries many more examples, and other ones each time.

`pytest --device gpu` makes every tensor and layer on the GPU, and so runs the engine's tests there. A test
about what there is on the host alone is marked `host_only("why")`, and skipped then.

Hundreds of small products on two threads each spend their time waiting for each other. What several
threads do is tested on its own (kernels/test_parallel.py).
"""

import os
import shutil
import signal

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded; passed on to subprocesses
os.environ["MINIGAN_LANG"] = "en"  # the lessons' texts, whatever this machine's language is

import numpy as np
import pytest
from hypothesis import settings

from minigan import Tensor, backend, terminal
from minigan.testing.strategies import register_profiles

# A shell's `pytest &` ignores Ctrl-C in all that it starts; tests send it to themselves and to subprocesses.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

register_profiles()
# Fewer examples where every look at a result waits for the device, or every line is watched: all others are tried too.
settings.register_profile("fewest", settings.get_profile("quick"), max_examples=2)
settings.register_profile("few", settings.get_profile("quick"), max_examples=5)
settings.load_profile(os.environ.get("MINIGAN_PROFILE", "quick"))


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="many more random examples, other ones on each run")
    parser.addoption("--device", default="cpu", help="where the tests' tensors and layers live: cpu, gpu or gpu:1")


def pytest_configure(config):
    try:
        device, _ = backend.choose_device(config.getoption("--device"))
    except backend.DeviceError as error:
        raise pytest.UsageError(f"--device: {error}") from None
    backend.set_default_device(device)
    if config.getoption("--thorough"):
        settings.load_profile("thorough")
    elif device != backend.CPU and "MINIGAN_PROFILE" not in os.environ:
        settings.load_profile("few")


def pytest_report_header():
    return f"device: {backend.get_default_device()}"


def pytest_collection_modifyitems(items):
    if backend.get_default_device() == backend.CPU:
        return
    for item in items:
        for mark in item.iter_markers("host_only"):
            item.add_marker(pytest.mark.skip(reason=f"host only: {mark.args[0]}"))


@pytest.fixture(autouse=True)
def default_device():
    """The tests' device; one that chooses another has chosen it for itself."""
    device = backend.get_default_device()
    yield device
    if backend.get_default_device() != device:
        backend.set_default_device(device)


@pytest.fixture(scope="session")
def cupy():
    """CuPy, where a device answers; without one the test is skipped."""
    module = pytest.importorskip("cupy")
    if not module.cuda.is_available():
        pytest.skip("no CUDA device answers")
    return module


class StandIn(np.ndarray):
    """An array that stands for one of a GPU, where there is none."""


@pytest.fixture
def elsewhere(monkeypatch):
    """What makes a Tensor that is not where the others are: on the host or, if they are, on a stand-in for a GPU."""
    if backend.get_default_device() != backend.CPU:
        return lambda array: Tensor(array, device="cpu")
    found = {StandIn: backend.Device("gpu", 0), np.ndarray: backend.CPU}
    monkeypatch.setattr(backend, "device_of", lambda array: found[type(array)])
    return lambda array: Tensor(array.view(StandIn))


@pytest.fixture
def keys(monkeypatch):
    """keys("", "b", "q"): what is typed."""

    def type_(*answers):
        waiting = iter(answers)
        monkeypatch.setattr(terminal, "interactive", lambda: True)
        monkeypatch.setattr("builtins.input", lambda question: next(waiting))

    return type_


@pytest.fixture(scope="module")
def one_thread_in_torch():
    """Threads cost far more than they save on small arrays."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def browser():
    """Chromium, as the system has it; without one the test is skipped."""
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as p:
        with p.chromium.launch(executable_path=path) as launched:
            yield launched

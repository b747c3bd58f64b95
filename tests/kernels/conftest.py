"""What the tests of the CUDA kernels share."""

import pytest


@pytest.fixture(scope="session")
def cupy():
    """CuPy, where a device answers; without one the test is skipped."""
    module = pytest.importorskip("cupy")
    if not module.cuda.is_available():
        pytest.skip("no CUDA device answers")
    return module

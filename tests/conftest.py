"""Settings of the whole suite: the same examples on every run, no limit on their time, one BLAS thread.

`pytest --thorough` (or MINIGAN_PROFILE=thorough) tries many more examples, and other ones each time.

Hundreds of small products on two threads each spend their time waiting for each other. What several
threads do is tested on its own (kernels/test_parallel.py).
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded; passed on to subprocesses

from hypothesis import settings

from minigan.testing.strategies import register_profiles

register_profiles()
settings.load_profile(os.environ.get("MINIGAN_PROFILE", "quick"))


def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true", help="many more random examples, other ones on each run")


def pytest_configure(config):
    if config.getoption("--thorough"):
        settings.load_profile("thorough")

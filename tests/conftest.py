"""Settings of the whole suite: the same examples on every run, no limit on their time, one BLAS thread.

Hundreds of small products on two threads each spend their time waiting for each other. What several
threads do is tested on its own (kernels/test_parallel.py).
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded; passed on to subprocesses

from hypothesis import settings

settings.register_profile("minigan", derandomize=True, deadline=None, max_examples=20, print_blob=False)
settings.load_profile("minigan")

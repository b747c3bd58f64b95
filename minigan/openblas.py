"""How long OpenBLAS's threads spin while they wait for the next product. Imported before NumPy, which loads it.

By default each spins for 2²⁶ cycles, some 25 ms, on a core that the threads of `kernels.parallel` need meanwhile: with
0.1 ms, steps of convolutional networks take a tenth to a fifth less time on two cores. Products that follow each
other at once find the threads awake all the same. Nothing is changed where NumPy was there first, or for a user who
has set the variable.
"""

import os
import sys

CYCLES = 18  # 2¹⁸

if "numpy" not in sys.modules:
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", str(CYCLES))

"""For tests of one's own functions and layers: is every gradient the derivative of its forward pass?

`assert_gradients(fn)` is the one line a test needs; `gradcheck` and `assert_invariants` are its two
halves, for inputs of one's choice. `minigan.testing.strategies` has Hypothesis strategies for more.
"""

from minigan.testing.assertions import NoInputsError, assert_gradients
from minigan.testing.gradcheck import Agreement, gradcheck
from minigan.testing.invariants import InvariantError, assert_invariants
from minigan.testing.report import GradientError

__all__ = [
    "Agreement", "GradientError", "InvariantError", "NoInputsError", "assert_gradients", "assert_invariants",
    "gradcheck",
]  # fmt: skip

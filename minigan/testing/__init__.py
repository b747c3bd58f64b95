"""For tests of one's own functions and layers: is every gradient the derivative of its forward pass?"""

from minigan.testing.gradcheck import GradientError, gradcheck

__all__ = ["GradientError", "gradcheck"]

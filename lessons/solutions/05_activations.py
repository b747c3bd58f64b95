"""Lesson 5, solved."""


class Softsign(mg.Function):  # noqa: F821 (the lesson's own names)
    """y = x / (1 + |x|)        dx = dy / (1 + |x|)²"""

    def forward(self, x):
        self.save_for_backward(x)
        return x / (1 + np.abs(x))  # noqa: F821

    def backward(self, dy):
        (x,) = self.saved_tensors
        return dy / (1.0 + F.abs(x)) ** 2  # noqa: F821

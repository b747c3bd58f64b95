"""Lesson 13, solved."""


def best_answer(p, q, a, b):
    """2p (l − b) + 2q (l − a) = 0."""
    return (p * b + q * a) / (p + q)


class LeastSquaresD(mg.Function):  # noqa: F821 (the lesson's own names)
    """y = ½ mean (l(x) − 1)² + ½ mean l(G(z))²        dl(x) = (l(x) − 1) · dy / N        dl(G(z)) = l(G(z)) · dy / M"""

    def forward(self, real_logits, fake_logits):
        self.save_for_backward(real_logits, fake_logits)
        return ((real_logits - 1) ** 2).mean() / 2 + (fake_logits**2).mean() / 2

    def backward(self, dy):
        real_logits, fake_logits = self.saved_tensors
        return (real_logits - 1.0) * (dy / real_logits.size), fake_logits * (dy / fake_logits.size)


class LeastSquaresG(mg.Function):  # noqa: F821
    """y = ½ mean (l − 1)²        dl = (l − 1) · dy / N"""

    def forward(self, fake_logits):
        self.save_for_backward(fake_logits)
        return ((fake_logits - 1) ** 2).mean() / 2

    def backward(self, dy):
        (fake_logits,) = self.saved_tensors
        return (fake_logits - 1.0) * (dy / fake_logits.size)


class Hinge(mg.Function):  # noqa: F821
    """y = mean max(0, 1 − l(x)) + mean max(0, 1 + l(G(z)))        dl(x) = −dy / N where l(x) < 1, else 0, and so on"""

    def forward(self, real_logits, fake_logits):
        self.save_for_backward(real_logits, fake_logits)
        return np.maximum(0, 1 - real_logits).mean() + np.maximum(0, 1 + fake_logits).mean()  # noqa: F821

    def backward(self, dy):
        real_logits, fake_logits = self.saved_tensors
        return (real_logits < 1) * (-dy / real_logits.size), (fake_logits > -1) * (dy / fake_logits.size)

"""Lesson 6, solved."""


class BCEWithLogits(mg.Function):  # noqa: F821 (the lesson's own names)
    """y = mean of max(l, 0) − l·t + ln(1 + e^−|l|)        dl = (σ(l) − t) · dy / N"""

    def forward(self, logits, target):
        self.save_for_backward(logits, target)
        losses = np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-np.abs(logits)))  # noqa: F821
        return losses.mean()

    def backward(self, dy):
        logits, target = self.saved_tensors
        return (F.sigmoid(logits) - target) * (dy / logits.size), None  # noqa: F821

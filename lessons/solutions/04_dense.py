"""Lesson 4, solved."""


def dense_backward(x, weight, dy):
    """dx = dy W, dW = dyᵀ x, db = Σₙ dy."""
    return dy @ weight, dy.T @ x, F.sum(dy, axis=0)  # noqa: F821 (the lesson's own names)

"""Lesson 4, solved."""


def dense_backward(x, weight, dy):
    """dx = dy W, dW = dyᵀ x, db = Σₙ dy."""
    return dy @ weight, dy.T @ x, F.sum(dy, axis=0)  # noqa: F821 (the lesson's own names)


def dense(x, weight, bias):
    """Rows of x by rows of W."""
    return x @ weight.T + bias


def share_norms(x, dy):
    """Σ over o and c of (dy[n, o] x[n, c])² is Σ dy² times Σ x²."""
    return np.linalg.norm(x, axis=1) * np.linalg.norm(dy, axis=1)  # noqa: F821

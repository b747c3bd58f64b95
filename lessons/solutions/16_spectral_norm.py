"""Lesson 16, solved."""


def power_round(W, u):
    """There and back: along Wᵀ, then along W."""
    v = W.T @ u
    v = v / np.linalg.norm(v)  # noqa: F821 (the lesson's own names)
    u = W @ v
    u = u / np.linalg.norm(u)  # noqa: F821
    return v, u


def normalised(weight, u, training):
    """In evaluation the next u is made too, and thrown away."""
    matrix = weight.reshape(len(weight), -1)
    v, after = power_round(matrix, u)
    kept = after if training else u
    sigma = kept @ matrix @ v
    return weight / sigma, kept


def through_sigma(d_divided, W, u, v):
    """Through the numerator 1/σ of each entry; through σ the sum over all entries of −dW̄ W/σ², times u vᵀ."""
    sigma = u @ W @ v
    at_sigma = -(d_divided * W).sum() / sigma**2
    return d_divided / sigma + at_sigma * np.outer(u, v)  # noqa: F821

"""Lesson 11, solved."""


def turns_matrix(h):
    """y + h (x − h y)."""
    return np.array([[1.0, -h], [h, 1.0 - h**2]])  # noqa: F821 (the lesson's own names)


def adam_step(p, m, v, g, t, lr, beta1, beta2, eps):
    """Both averages are kept as they are, and corrected for the step alone."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return p - lr * m_hat / (np.sqrt(v_hat) + eps), m, v  # noqa: F821


def epsilon_of(eps_hat, t, beta2):
    """√v + ε̂ = √(1 − β₂ᵗ) · (√v̂ + ε̂ / √(1 − β₂ᵗ))."""
    return eps_hat / math.sqrt(1 - beta2**t)  # noqa: F821

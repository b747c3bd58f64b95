"""Lesson 18, solved."""


def nearest(samples, training):
    """Floats first: bytes wrap around."""
    differences = samples[:, None].astype(float) - training
    return (differences**2).sum(axis=(2, 3)).argmin(axis=1)


def frechet(mean_1, cov_1, mean_2, cov_2):
    """The trace of a root is the sum of the roots of the eigenvalues."""
    eigenvalues = np.real(np.linalg.eigvals(cov_1 @ cov_2))  # noqa: F821 (the lesson's own names)
    roots = np.sqrt(np.maximum(eigenvalues, 0))  # noqa: F821
    moved = ((mean_1 - mean_2) ** 2).sum()
    return float(moved + np.trace(cov_1) + np.trace(cov_2) - 2 * roots.sum())  # noqa: F821


def shares(between, samples, real, k):
    """Sorted, a row begins with the point itself: its k-th neighbour is at place k."""
    sample_radii = np.sort(samples, axis=1)[:, k]  # noqa: F821
    real_radii = np.sort(real, axis=1)[:, k]  # noqa: F821
    precise = between < real_radii[None, :]
    reached = between < sample_radii[:, None]
    return precise.any(axis=1).mean(), reached.any(axis=0).mean()

"""The Fréchet distance of two sets of features, each taken as a Gaussian: FID, if the features are Inception's."""

from __future__ import annotations

import numpy as np

from minigan.metrics.points import point_sets


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """‖m_x − m_y‖² + tr(S_x + S_y − 2(S_x S_y)^½),  m the means and S the covariances (over n − 1)
    x (N, d), y (M, d): features; N, M ≥ d + 1, or a covariance would be singular. 0 for equal Gaussians; it has no
    largest value. It falls with N as c/N, so that only figures of one N and one extractor can be compared: give
    beside it that of N real samples against the same y. Heusel et al., 2017 ("FID")."""
    x, y = point_sets("frechet_distance", x=x, y=y)
    least = x.shape[1] + 1
    for name, points in (("x", x), ("y", y)):
        if len(points) < least:
            raise ValueError(
                f"frechet_distance: {name} has too few samples for a covariance of {least - 1} features: "
                f"{len(points)}; give {least} or more, better twice as many"
            )
    return gaussian_frechet_distance(x.mean(0), _covariance(x), y.mean(0), _covariance(y))


def gaussian_frechet_distance(mean_x: np.ndarray, cov_x: np.ndarray, mean_y: np.ndarray, cov_y: np.ndarray) -> float:
    """‖m_x − m_y‖² + tr S_x + tr S_y − 2 Σ√eig(S_x^½ S_y S_x^½):  W₂² of N(m_x, S_x) and N(m_y, S_y)
    means (d,), covariances (d, d), symmetric and positive semidefinite. Those roots are the singular values of
    S_x^½ S_y^½: no root of a matrix that is not symmetric is taken, so nothing becomes complex, and singular
    covariances lose no digits. Dowson and Landau, 1982."""
    mean_x, cov_x, mean_y, cov_y = (np.asarray(a, "float64") for a in (mean_x, cov_x, mean_y, cov_y))
    d = mean_x.size
    if not (d and mean_x.shape == mean_y.shape == (d,) and cov_x.shape == cov_y.shape == (d, d)):
        shapes = ", ".join(str(a.shape) for a in (mean_x, cov_x, mean_y, cov_y))
        raise ValueError(f"gaussian_frechet_distance: shapes (d,), (d, d), (d,), (d, d) are needed, not {shapes}")
    roots = np.linalg.svd(_root("cov_x", cov_x) @ _root("cov_y", cov_y), compute_uv=False)
    squared = ((mean_x - mean_y) ** 2).sum() + np.trace(cov_x) + np.trace(cov_y) - 2 * roots.sum()
    return float(max(squared, 0.0))  # rounding may leave −1e-15 of equal ones


def _covariance(x: np.ndarray) -> np.ndarray:
    x = x - x.mean(0)
    return x.T @ x / (len(x) - 1)


def _root(name: str, s: np.ndarray) -> np.ndarray:
    """S^½, symmetric. Eigenvalues that eigh cannot tell from 0 are 0: their roots would be 1e-8 of the largest."""
    scale = abs(s).max()
    if not np.isfinite(s).all() or abs(s - s.T).max() > 1e-8 * scale:
        raise ValueError(
            f"gaussian_frechet_distance: {name} must be finite and symmetric; take np.cov(x, rowvar=False)"
        )
    values, vectors = np.linalg.eigh(s)
    if values[0] < -1e-6 * scale:
        raise ValueError(
            f"gaussian_frechet_distance: {name} has the eigenvalue {values[0]:.3g}; a covariance has none < 0"
        )
    values[values < len(s) * np.finfo("float64").eps * values[-1]] = 0
    return (vectors * np.sqrt(values)) @ vectors.T

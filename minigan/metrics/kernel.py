"""Maximum mean discrepancy of two sets of points, and the kernel distance (KID) made of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigan.metrics.points import point_sets

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]  # points (n, d), (m, d) → k(xᵢ, yⱼ), (n, m)

BLOCK_NUMBERS = 1_000_000  # in one block of a kernel's matrix: 8 MB


def linear_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """k(x, y) = ⟨x, y⟩: MMD then sees the means alone."""
    return x @ y.T


def polynomial_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """k(x, y) = (⟨x, y⟩/d + 1)³: MMD then sees moments up to the third. KID's."""
    k = x @ y.T
    k /= x.shape[1]
    k += 1
    return k * k * k


def gaussian_kernel(x: np.ndarray, y: np.ndarray, sigma: float = 1.0) -> np.ndarray:
    """k(x, y) = exp(−‖x − y‖²/2σ²): MMD is then 0 for equal distributions alone."""
    log_k = x @ y.T  # (2⟨x, y⟩ − ‖x‖² − ‖y‖²)/2σ², in place
    log_k -= (x**2).sum(1)[:, None] / 2
    log_k -= (y**2).sum(1) / 2
    log_k /= sigma**2
    return np.exp(np.minimum(log_k, 0, out=log_k), out=log_k)


def squared_mmd(x: np.ndarray, y: np.ndarray, kernel: Kernel = polynomial_kernel, unbiased: bool = True) -> float:
    """MMD² = E k(x, x′) + E k(y, y′) − 2 E k(x, y)
    x (N, d), y (M, d). unbiased: pairs x = x′ are left out, so that it is 0 on average for equal distributions, and
    below 0 about as often as above; else it is ≥ 0, and above 0 for equal distributions by about c/N. Its size
    depends on the kernel, with Gaussians on σ: give `lambda x, y: gaussian_kernel(x, y, 2.0)`.
    Gretton et al., 2012."""
    x, y = point_sets("squared_mmd", least=2 if unbiased else 1, x=x, y=y)
    n, m = len(x), len(y)
    within = []
    for points in (x, y):
        total, diagonal = _sums(kernel, points, points)
        size = len(points)
        within.append((total - diagonal) / (size * (size - 1)) if unbiased else total / size**2)
    return float(within[0] + within[1] - 2 * _sums(kernel, x, y)[0] / (n * m))


def kernel_distance(x: np.ndarray, y: np.ndarray, subsets: int = 100, size: int = 1000, seed: int = 0) -> float:
    """KID = mean over `subsets` of the unbiased MMD² of `size` points of x and `size` of y, k = (⟨x, y⟩/d + 1)³
    x (N, d), y (M, d): features; N, M ≥ size. The points of a subset are drawn without replacement. 0 on average for
    equal distributions of any N, where the Fréchet distance is above 0; it may lie below 0. It has no largest value,
    and its size depends on the features. Bińkowski et al., 2018."""
    x, y = point_sets("kernel_distance", x=x, y=y)
    if subsets < 1 or size < 2:
        raise ValueError(f"kernel_distance: 1 subset of 2 points or more is needed, not {subsets} of {size}")
    if min(len(x), len(y)) < size:
        raise ValueError(
            f"kernel_distance: subsets of {size} points need as many samples, and there are {len(x)} and {len(y)}; "
            "give a smaller size"
        )
    random = np.random.default_rng(seed)
    draws = ((x[random.permutation(len(x))[:size]], y[random.permutation(len(y))[:size]]) for _ in range(subsets))
    return float(np.mean([squared_mmd(a, b) for a, b in draws]))


def _sums(kernel: Kernel, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Σᵢⱼ k(xᵢ, yⱼ) and Σᵢ k(xᵢ, yᵢ), some rows of the matrix at a time."""
    total = diagonal = 0.0
    height = max(1, BLOCK_NUMBERS // len(y))
    for start in range(0, len(x), height):
        k = kernel(x[start : start + height], y)
        total += k.sum()
        diagonal += np.trace(k, offset=start)
    return float(total), float(diagonal)

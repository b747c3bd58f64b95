"""Scores of single images: PSNR and SSIM beside the true ones, and sharpness alone."""

from __future__ import annotations

import numpy as np


def psnr(images: np.ndarray, reference: np.ndarray, data_range: float) -> np.ndarray:
    """(N,) of 10 log₁₀(R²/MSE), in dB,  MSE = mean squared difference of an image (N, C, H, W) to its reference
    data_range R: largest minus smallest value there can be: 2 for images in [−1, 1], 255 of bytes; twice the true one
    adds 6 dB. Equal images give infinity; a difference as large as the range everywhere 0. A blurred image may have
    more than a sharp one whose details lie a pixel off. The mean over images is not that of their mean MSE."""
    images, reference = _pair("psnr", images, reference, data_range)
    mse = ((images - reference) ** 2).mean((1, 2, 3))
    with np.errstate(divide="ignore"):
        return 10 * np.log10(data_range**2 / mse)


def ssim(images: np.ndarray, reference: np.ndarray, data_range: float) -> np.ndarray:
    """(N,) of the mean of (2m_x m_y + c₁)(2s_xy + c₂)/((m_x² + m_y² + c₁)(s_x² + s_y² + c₂)),  c = (.01R)², (.03R)²
    m, s², s_xy: means, variances and covariance (population, not over n − 1) under a Gaussian window, 11×11, σ 1.5;
    the mean is over its places inside the image, and over channels. images, reference (N, C, H, W), H, W ≥ 11.
    data_range R as in `psnr`. 1: equal; 0: nothing alike; negative: one is the other's negative. Other windows,
    borders and covariances give other figures. Wang et al., 2004."""
    x, y = _pair("ssim", images, reference, data_range)
    if min(x.shape[2:]) < 11:
        raise ValueError(f"ssim: images of 11×11 or more are needed, not {x.shape[2]}×{x.shape[3]}")
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x, var_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    cov = _windowed(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    likeness = (2 * mean_x * mean_y + c1) * (2 * cov + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return likeness.mean((1, 2, 3))


def sharpness(images: np.ndarray) -> np.ndarray:
    """(N,) of the variance over pixels of the Laplacian, Δx = up + down + left + right − 4·x, mean over channels
    images (N, C, H, W), H, W ≥ 3; only pixels with four neighbours count. 0: flat, a slope, or evenly curved.
    It grows with the square of the data range, and noise is the sharpest of all: give the data's own beside it."""
    x = _images("sharpness", "images", images)
    if min(x.shape[2:]) < 3:
        raise ValueError(f"sharpness: images of 3×3 or more are needed, not {x.shape[2]}×{x.shape[3]}")
    inner = x[..., 1:-1, 1:-1]
    laplacian = x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:] - 4 * inner
    return laplacian.var((2, 3)).mean(1)


def _windowed(x: np.ndarray) -> np.ndarray:
    """Means under the Gaussian window, down the columns and then along the rows."""
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    for axis in (2, 3):
        x = np.lib.stride_tricks.sliding_window_view(x, 11, axis) @ weights
    return x


def _pair(score: str, images: np.ndarray, reference: np.ndarray, data_range: float) -> tuple[np.ndarray, np.ndarray]:
    x, y = _images(score, "images", images), _images(score, "reference", reference)
    if x.shape != y.shape:
        raise ValueError(f"{score}: each image needs its reference: images {x.shape}, reference {y.shape}")
    if not data_range > 0:
        raise ValueError(f"{score}: data_range must be above 0, not {data_range:g}; it is 2 for images in [−1, 1]")
    for name, array in (("images", x), ("reference", y)):
        if np.ptp(array) > data_range * (1 + 1e-6):
            raise ValueError(f"{score}: {name} span {np.ptp(array):g}, more than the data_range {data_range:g}")
    return x, y


def _images(score: str, name: str, images: np.ndarray) -> np.ndarray:
    x = np.asarray(images, "float64")
    if x.ndim != 4 or not x.size:
        raise ValueError(f"{score}: {name} (N, C, H, W) of one or more are needed, not {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError(f"{score}: {name} hold NaN or infinity; leave those images out and say how many")
    return x

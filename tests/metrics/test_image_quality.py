"""PSNR, SSIM and sharpness: by hand, and beside scikit-image and SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.metrics import psnr, sharpness, ssim

rng = np.random.default_rng(0)
REFERENCE = rng.uniform(-1, 1, (3, 2, 13, 16))
IMAGES = np.clip(REFERENCE + 0.3 * rng.standard_normal(REFERENCE.shape), -1, 1)


def test_equal_images_have_infinity_and_1():
    assert (psnr(REFERENCE, REFERENCE, 2) == np.inf).all()
    np.testing.assert_allclose(ssim(REFERENCE, REFERENCE, 2), 1)


def test_psnr_is_that_of_the_range_and_of_each_image():
    black = np.zeros((2, 1, 4, 4))
    grey = black + np.array([0.2, 1]).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(psnr(grey, black, 2), [20, 10 * np.log10(4)])
    np.testing.assert_allclose(psnr(grey, black, 1), [20 - 10 * np.log10(4), 0], atol=1e-12)


def test_ssim_of_flat_images_compares_their_means():
    """Variances are 0, and (2ab + c₁)/(a² + b² + c₁) is left, c₁ = (.01R)²."""
    a, b = np.full((1, 1, 11, 11), 0.5), np.full((1, 1, 11, 11), 0.25)
    assert ssim(a, b, 2)[0] == pytest.approx((0.25 + 0.02**2) / (0.3125 + 0.02**2))


def test_ssim_of_one_window_is_its_formula():
    x, y = REFERENCE[:1, :1, :11, :11], IMAGES[:1, :1, :11, :11]
    g = np.exp(-((np.arange(11) - 5) ** 2) / 4.5)
    w = np.outer(g, g) / g.sum() ** 2
    m, n = (w * x).sum(), (w * y).sum()
    s, t, both = (w * (x - m) ** 2).sum(), (w * (y - n) ** 2).sum(), (w * (x - m) * (y - n)).sum()
    c, e = 0.02**2, 0.06**2
    expected = (2 * m * n + c) * (2 * both + e) / ((m * m + n * n + c) * (s + t + e))
    assert ssim(x, y, 2)[0] == pytest.approx(expected)


def test_values_and_their_range_may_be_scaled_together():
    np.testing.assert_allclose(ssim(IMAGES * 100, REFERENCE * 100, 200), ssim(IMAGES, REFERENCE, 2))
    np.testing.assert_allclose(psnr(IMAGES * 100, REFERENCE * 100, 200), psnr(IMAGES, REFERENCE, 2))
    assert (abs(ssim(IMAGES, REFERENCE, 4) - ssim(IMAGES, REFERENCE, 2)) > 1e-3).all()


@pytest.mark.parametrize("data_range", [2, 255])
def test_they_are_those_of_scikit_image(data_range):
    skimage = pytest.importorskip("skimage.metrics")
    x, y = (np.moveaxis((a + 1) / 2 * data_range, 1, -1) for a in (IMAGES, REFERENCE))
    options = {"data_range": data_range, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    theirs = [skimage.structural_similarity(a, b, channel_axis=-1, **options) for a, b in zip(x, y, strict=True)]
    ours = [np.moveaxis(a, -1, 1) for a in (x, y)]
    np.testing.assert_allclose(ssim(*ours, data_range), theirs, rtol=1e-10)
    theirs = [skimage.peak_signal_noise_ratio(b, a, data_range=data_range) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(psnr(*ours, data_range), theirs)


def test_sharpness_of_slopes_noise_and_blur():
    row, column = np.arange(6), np.arange(5)[:, None]
    slope = (3 * row + 2 * column + 1.0)[None, None]
    assert sharpness(slope)[0] == pytest.approx(0, abs=1e-20)
    assert sharpness(slope + row**2)[0] == pytest.approx(0, abs=1e-20)  # the Laplacian is 2 everywhere
    noise = rng.standard_normal((1, 3, 100, 100))
    assert sharpness(noise)[0] == pytest.approx(4 + 16, rel=0.05)  # the sum of the squares of its weights
    assert sharpness(3 * noise + 1)[0] == pytest.approx(9 * sharpness(noise)[0])
    blurred = (noise + np.roll(noise, 1, 2) + np.roll(noise, 1, 3)) / 3
    assert sharpness(blurred)[0] < sharpness(noise)[0] / 2


def test_sharpness_of_a_point():
    """−4 in the middle of nine, 1 at its four sides, 0 at the corners: variance 20/9, and each image on its own."""
    image = np.zeros((2, 1, 5, 5))
    image[0, 0, 2, 2] = 1
    np.testing.assert_allclose(sharpness(image), [20 / 9, 0])


def test_sharpness_is_the_variance_of_scipys_laplacian():
    ndimage = pytest.importorskip("scipy.ndimage")
    theirs = [np.mean([ndimage.laplace(c)[1:-1, 1:-1].var() for c in image]) for image in IMAGES]
    np.testing.assert_allclose(sharpness(IMAGES), theirs)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: psnr(x[0], x[0], 2), r"psnr: images \(N, C, H, W\) of one or more are needed, not \(2, 13, 16\)"),
        (lambda x: ssim(x[:0], x[:0], 2), "of one or more are needed"),
        (lambda x: psnr(x, x[:1], 2), r"each image needs its reference: images \(3, 2, 13, 16\), reference \(1"),
        (lambda x: psnr(x, x * np.nan, 2), "reference hold NaN"),
        (lambda x: psnr(x, x, 0), "data_range must be above 0, not 0; it is 2 for images in"),
        (lambda x: ssim(x, 100 * x, 2), "reference span .*, more than the data_range 2"),
        (lambda x: ssim(x[..., :10], x[..., :10], 2), "images of 11×11 or more are needed, not 13×10"),
        (lambda x: sharpness(x[..., :2]), "images of 3×3 or more"),
        (lambda x: sharpness(x[0]), r"\(N, C, H, W\)"),
    ],
)
def test_what_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(REFERENCE)

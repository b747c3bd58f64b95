"""What no score takes: each refuses it in one sentence that begins with its name."""

from __future__ import annotations

import numpy as np
import pytest

from minigan import metrics
from minigan.metrics.broken import inception_score, parzen_log_likelihood, parzen_sigma
from minigan.metrics.points import point_sets

rng = np.random.default_rng(0)

OF_TWO_SETS = {
    "frechet_distance": metrics.frechet_distance,
    "squared_mmd": metrics.squared_mmd,
    "kernel_distance": lambda x, y: metrics.kernel_distance(x, y, size=2),
    "precision_recall": metrics.precision_recall,
    "density_coverage": metrics.density_coverage,
    "nearest_training": metrics.nearest_training,
    "copied_share": lambda x, y: metrics.copied_share(x, y, y, level=0.5),
    "ndb": lambda x, y: metrics.ndb(x, y, bins=2),
    "modes_covered": lambda x, y: metrics.modes_covered(x, y, sigma=0.1),
    "parzen_log_likelihood": lambda x, y: parzen_log_likelihood(x, y, sigma=0.1),
}


@pytest.mark.parametrize("name", OF_TWO_SETS)
def test_a_score_of_two_sets_is_of_points_of_one_width_that_are_numbers(name):
    score, good = OF_TWO_SETS[name], rng.standard_normal((12, 3))
    score(good, good + 1)  # the call itself is right
    with_nan, with_infinity = good.copy(), good.copy()
    with_nan[5, 1], with_infinity[5, 1] = np.nan, np.inf
    for x, y, said in [
        (good[:0], good, "has 0 points, and"),
        (good, good[:0], "has 0 points, and"),
        (with_nan, good, "holds NaN or infinity"),
        (good, with_infinity, "holds NaN or infinity"),
        (good, np.zeros((12, 4)), "points of one width are needed, not .* 3, .* 4 numbers each"),
        (np.zeros((12, 0)), np.zeros((12, 0)), "hold no numbers"),
        (np.float64(3), good, "not a single number"),
    ]:
        with pytest.raises(ValueError, match=said) as raised:
            score(x, y)
        assert str(raised.value).startswith(name) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda x: metrics.frechet_distance(x[:3], x),
            "x has too few samples for a covariance of 3 features: 3; give 4",
        ),
        (lambda x: metrics.frechet_distance(x, x[:3]), "y has too few samples for a covariance"),
        (lambda x: metrics.gaussian_frechet_distance(x[0], x[:3], x[0], x[:3]), "cov_x must be finite and symmetric"),
        (lambda x: metrics.gaussian_frechet_distance(x[0], np.eye(3), x[0], -np.eye(3)), "cov_y has the eigenvalue -1"),
        (
            lambda x: metrics.gaussian_frechet_distance(x[0], np.eye(3), x[1], np.eye(2)),
            r"not \(3,\), \(3, 3\), \(3,\)",
        ),
        (lambda x: metrics.squared_mmd(x[:1], x), "x has 1 points, and 2 or more"),
        (lambda x: metrics.kernel_distance(x, x, size=13), "subsets of 13 points need as many samples"),
        (lambda x: metrics.kernel_distance(x, x, subsets=0), "not 0 of 1000"),
        (lambda x: metrics.precision_recall(x[:3], x), "samples has 3 points, and 4 or more"),
        (lambda x: metrics.density_coverage(x, x[:5]), "real has 5 points, and 6 or more"),
        (lambda x: metrics.density_coverage(x, x, k=0), "k must be 1 or more, not 0"),
        (lambda x: metrics.copied_share(x, x, x), "12 held-out samples cannot give the level 0.01"),
        (lambda x: metrics.copied_share(x, x, x, level=1.5), "cannot give the level 1.5"),
        (lambda x: metrics.ndb(x, x, bins=13), "points has 12 points, and 13 or more"),
        (lambda x: metrics.ndb(x, x, bins=2, alpha=5), "alpha must lie between 0 and 1, not 5"),
        (lambda x: metrics.kmeans(x, 0), "k must be 1 or more"),
        (lambda x: metrics.kmeans(x[[0, 0, 1]], 3), "3 centers need as many different points; there are 2"),
        (lambda x: metrics.modes_covered(x, x, sigma=0), "sigma must be above 0"),
        (lambda x: metrics.modes_covered(x, x, sigma=1, least=0), "least must be 1 or more"),
        (lambda x: metrics.modes_covered(x, x[[0, 1, 0]], sigma=1), "two of the centers are the same"),
        (lambda x: metrics.wasserstein_distance(x, x), "single numbers are needed, not points of 3"),
        (lambda x: metrics.wasserstein_distance(x[:, 0], []), "y has 0 points"),
        (lambda x: metrics.wasserstein_distance([np.nan], x[:, 0]), "x holds NaN"),
        (lambda x: metrics.birthday_test(x[:1]), "samples has 1 points, and 2 or more"),
        (lambda x: metrics.birthday_test(x, same=-1), "same must be 0 or more"),
        (lambda x: metrics.closest_pairs(x, 0), "count must be 1 or more"),
        (lambda x: parzen_log_likelihood(x, x, 0), "sigma must be above 0"),
        (lambda x: parzen_sigma(x, x, []), "one or more sigmas"),
        (lambda x: inception_score(x), "sum to 1; take the softmax"),
        (lambda x: inception_score(x[:0]), "has 0 points"),
    ],
)
def test_what_else_a_score_cannot_take(call, said):
    with pytest.raises(ValueError, match=said):
        call(rng.standard_normal((12, 3)))


def test_images_become_float64_points_and_nothing_is_changed():
    images, numbers = rng.standard_normal((4, 1, 2, 3)).astype("float32"), np.arange(4)
    (flat,) = point_sets("score", images=images)
    assert flat.shape == (4, 6) and flat.dtype == "float64"
    np.testing.assert_array_equal(flat, images.reshape(4, 6))
    assert point_sets("score", numbers=numbers)[0].shape == (4, 1)

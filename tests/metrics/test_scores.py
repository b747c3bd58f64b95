"""Which scores are computed of what, and that each row of the registry gives what its function gives."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.data import ArrayDataset, ImageDataset, load_mnist
from minigan.metrics import (
    METRICS,
    Features,
    Metric,
    SampleSet,
    TrainingSamples,
    applicable_metrics,
    conditional_accuracy,
    copied_share,
    find_features,
    frechet_distance,
    kernel_distance,
    ndb,
    precision_recall,
    reference,
    sample_set,
    score,
)  # fmt: skip
from minigan.metrics.registry import better

pytestmark = pytest.mark.host_only("scores are computed on the host, by NumPy")


@pytest.fixture(scope="module")
def digits():
    """200 real digits, and as many others that were held out."""
    return reference(load_mnist("train"), 200, seed=1, held_out=load_mnist("test"))


@pytest.fixture(scope="module")
def scored(digits):
    """Every score of 200 other real digits, with labels."""
    other = reference(load_mnist("train"), 200, seed=2)
    return other, score(other, digits, [name for name in METRICS if METRICS[name].when != "named" and name != "modes"
                                        and METRICS[name].fits(other, digits)])  # fmt: skip


def test_of_labelled_digits_all_fit_but_those_of_points_and_of_many(digits):
    samples = SampleSet(digits.other_real.x, digits.other_real.labels, digits.extractor)
    assert applicable_metrics(samples, digits) == [
        "fid", "kid", "precision_recall", "density_coverage", "classes", "accuracy", "copied", "sharpness",
        "sliced_wasserstein",
    ]  # fmt: skip
    assert applicable_metrics(digits.other_real, digits, training=True) == [
        "fid", "precision_recall", "classes", "accuracy", "sliced_wasserstein",
    ]  # fmt: skip


def test_numbers_are_those_of_the_functions(scored, digits):
    samples, found = scored
    a, b = samples.features, digits.features
    assert found["fid"] == frechet_distance(a, b) and found["kid"] == pytest.approx(kernel_distance(a, b, size=200))
    assert (found["precision"], found["recall"]) == precision_recall(a, b)
    assert found["accuracy"] == conditional_accuracy(samples.predicted, samples.labels) > 0.95
    assert found["copied"] == copied_share(a, b, digits.other_real.features)
    assert found["rarest_class"] == np.bincount(samples.predicted, minlength=10).min() / 200
    assert found["sharpness"] == pytest.approx(1, abs=0.2)


def test_bins_are_of_the_real_samples_once():
    real = reference(load_mnist("train"), 1000)
    others = SampleSet(real.other_real.x, None, real.extractor)
    assert score(others, real, ["ndb"])["ndb"] == ndb(real.other_real.x, real.x).share
    assert real.bins is real.bins and real.bins.shape == (100, 784)


def test_samples_that_are_nearly_training_samples_are_copied(digits):
    nearly = SampleSet(np.clip(digits.x * 0.999, -1, 1), None, digits.extractor)
    assert score(nearly, digits, ["copied"]) == {"copied": 1.0}
    other = SampleSet(digits.other_real.x, None, digits.extractor)
    assert score(other, digits, ["copied"])["copied"] < 0.05
    assert "copied" not in applicable_metrics(digits.other_real, digits), (
        "the held-out ones are no samples beside themselves"
    )


def test_copies_are_looked_for_among_all_training_samples(digits, monkeypatch):
    """A copy of a digit that is none of the 200 real ones beside it. Where that costs too much: among some of them."""
    train = load_mnist("train")
    few = ArrayDataset({"x": train[slice(0, 800)].x}, "few", "few")
    training = TrainingSamples(few, digits.extractor, 200)
    real = reference(few, 200, held_out=load_mnist("test"), training=training)
    copies = SampleSet(few[slice(500, 700)].x, None, digits.extractor)
    assert score(copies, real, ["copied"]) == {"copied": 1.0}
    np.testing.assert_array_equal(training.features, digits.extractor(few[:].x))
    for affordable, looked_at in ((500 * 200 * 128, 500), (0, 200)):
        monkeypatch.setattr(sample_set, "AFFORDABLE", affordable)
        some = TrainingSamples(few, digits.extractor, 200).features
        assert len({row.tobytes() for row in some}) == looked_at


def test_a_score_changes_nothing_and_is_the_same_again(scored, digits):
    samples, found = scored
    before = samples.x.copy(), digits.x.copy()
    again = score(
        SampleSet(samples.x, samples.labels, samples.extractor), digits, ["fid", "kid", "sharpness", "copied"]
    )
    assert again.items() <= found.items()
    np.testing.assert_array_equal(samples.x, before[0]), np.testing.assert_array_equal(digits.x, before[1])


def test_every_number_has_its_better_end_in_the_table(scored):
    named = {number for metric in METRICS.values() for number in metric.better}
    assert scored[1].keys() <= named
    assert all(end in ("lower", "higher", "") for m in METRICS.values() for end in m.better.values())
    assert better("fid") == "lower" and better("recall") == "higher" and better("sharpness") == better("x") == ""


def test_samples_that_cannot_be_asked_for_by_label_have_no_accuracy(digits):
    samples = SampleSet(digits.other_real.x, None, digits.extractor)
    assert "accuracy" not in applicable_metrics(samples, digits) and "classes" in applicable_metrics(samples, digits)
    with pytest.raises(
        ValueError, match="accuracy cannot be computed of these samples: it needs digits, and the label"
    ):
        score(samples, digits, ["accuracy"])


def test_a_covariance_needs_more_samples_than_features():
    few = reference(load_mnist("train"), 60)
    assert "fid" not in applicable_metrics(few.other_real, few) and "precision_recall" in applicable_metrics(
        few.other_real, few
    )


def test_clothes_are_no_digits():
    """Labels that the classifier does not read: its classes are none of theirs."""
    train = load_mnist("train")
    shuffled = np.random.default_rng(0).permutation(train.labels[:400])
    real = reference(ImageDataset(train.images[:400], shuffled, "other", "other"), 150)
    assert not real.reads_labels and "classes" not in applicable_metrics(real.other_real, real)
    assert "fid" in applicable_metrics(real.other_real, real)


def test_labels_that_are_no_classes():
    train = load_mnist("train")
    several = ArrayDataset({"x": train[slice(0, 80)].x, "y": np.zeros((80, 3), "float32")}, "several", "several")
    real = reference(several, 40)
    assert not real.reads_labels and "classes" not in applicable_metrics(real.other_real, real)


def test_colour_images_are_compared_as_they_are():
    x = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8)).astype("uint8")
    real = reference(ImageDataset(x, None, "noise", "noise"), 99)
    assert len(real) == len(real.other_real) == 20 and not real.held_out and real.extractor.name == "pixels"
    assert applicable_metrics(real.other_real, real) == ["sharpness", "sliced_wasserstein"]
    mean = Features("mean", lambda images: images.mean((2, 3)))
    real = reference(ImageDataset(x, None, "noise", "noise"), 99, extractor=mean)
    assert "fid" in applicable_metrics(real.other_real, real), "by a feature function of one's own"


def test_points_with_known_modes():
    class Ring(ArrayDataset):
        centers, sigma = np.eye(2), 0.1

    points = np.eye(2).repeat(20, 0).astype("float32")
    real = reference(Ring({"x": points}, "two", "two points"), 10)
    assert applicable_metrics(real.other_real, real) == [
        "precision_recall",
        "density_coverage",
        "modes",
        "sliced_wasserstein",
    ]
    found = score(SampleSet(points + [[0.0, 0.29]], None, real.extractor), real, ["modes"])
    assert (found["modes"], found["good_share"], found["modes_kl"]) == (2, 1.0, 0.0)
    found = score(SampleSet(points[:20] + [[0.0, 0.31]], None, real.extractor), real, ["modes"])
    assert (found["modes"], found["good_share"]) == (0, 0.0)


# --- real samples --------------------------------------------------------------------------------


def test_real_samples_and_the_others_are_different_ones():
    data = ArrayDataset({"x": np.arange(20.0, dtype="float32")[:, None]}, "count", "count")
    real = reference(data, 8, seed=3)
    assert len({*real.x.ravel(), *real.other_real.x.ravel()}) == 16
    again, other = reference(data, 8, seed=3), reference(data, 8, seed=4)
    assert (again.x == real.x).all() and {*other.x.ravel()} != {*real.x.ravel()}


def test_held_out_samples_are_of_the_other_set():
    data = {k: ArrayDataset({"x": np.full((n, 2), k, "float32")}, "k", "k") for k, n in ((0, 30), (1, 10))}
    real = reference(data[0], 20, held_out=data[1])
    assert (
        real.held_out
        and len(real) == len(real.other_real) == 10
        and (real.x == 0).all()
        and (real.other_real.x == 1).all()
    )


def test_features_are_computed_once(digits):
    calls = []
    extractor = Features("count", lambda images: calls.append(len(images)) or images.mean((2, 3)))
    samples = SampleSet(digits.x, None, extractor)
    assert samples.features is samples.features and calls == [200]
    with pytest.raises(TypeError, match="features count predict no labels"):
        samples.predicted  # noqa: B018


def test_probabilities_of_features_are_those_of_the_images(digits):
    from minigan.metrics import digit_probabilities

    found = find_features("digits")
    probabilities = found.probabilities(found(digits.x))
    np.testing.assert_allclose(probabilities, digit_probabilities(digits.x), atol=1e-6)


def test_a_score_that_does_not_fit_all_samples_says_what_it_needs():
    fits_all = Metric.fits  # a default
    for name, metric in METRICS.items():
        assert bool(metric.needs) == (metric.fits is not fits_all), name

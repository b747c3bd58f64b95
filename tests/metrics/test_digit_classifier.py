"""The digit classifier: its weights are the package's own, it knows digits, and refuses what is no digit's image."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from minigan.backend import default_rng, new_rng
from minigan.data import DataError, load_mnist
from minigan.data.dataset import as_values
from minigan.data.reading import ReadOptions
from minigan.data.resize import fit
from minigan.metrics import digit_training, digits
from minigan.metrics.digit_training import confusion, shifted, train_digit_network
from minigan.metrics.digits import DigitClassifier, as_digits, digit_classifier, digit_features, digit_probabilities
from minigan.metrics.train_digits import main


@pytest.fixture(scope="module")
def test():
    return load_mnist("test")


@pytest.fixture
def few(test):
    return test[:12].x


def test_weights_are_small_and_those_that_the_code_names():
    raw = digits.WEIGHTS.read_bytes()
    assert len(raw) < 1_000_000
    assert hashlib.sha256(raw).hexdigest() == digits.SHA256


def test_altered_and_missing_weights_are_refused(tmp_path):
    raw = bytearray(digits.WEIGHTS.read_bytes())
    raw[-1] ^= 1
    path = tmp_path / "digits.safetensors"
    path.write_bytes(raw)
    with pytest.raises(
        DataError, match=r"digits.safetensors: altered: SHA-256 .* found, .* needed; reinstall minigan$"
    ):
        DigitClassifier.load(path)
    with pytest.raises(DataError, match="no such file or folder; it belongs to minigan: reinstall it$"):
        DigitClassifier.load(tmp_path / "none")


def test_it_knows_digits(test):
    part = test[4000:5000]  # 1,000 of the harder half
    assert (digit_probabilities(part.x).argmax(1) == part.y).mean() >= 0.985


@pytest.mark.slow
def test_its_accuracy_is_the_one_it_claims(test):
    counts = confusion(digit_classifier().network, test[:].x, test.labels)
    assert counts.sum(1).tolist() == np.bincount(test.labels).tolist()  # a row a digit
    assert counts.trace() / 10_000 == pytest.approx(digits.TEST_ACCURACY, abs=2e-4)
    assert digits.TEST_ACCURACY >= 0.99


def test_probabilities_are_the_softmax_of_the_last_layer_on_features(few):
    features = digit_classifier().features(few)
    probabilities = digit_classifier().probabilities_of(features)
    assert features.shape == (12, 64) and probabilities.shape == (12, 10)
    assert features.dtype == probabilities.dtype == np.float32
    np.testing.assert_array_equal(features, digit_features(few))
    np.testing.assert_array_equal(probabilities, digit_probabilities(few))
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    weight, bias = (digit_classifier().network.state_dict()[f"logits.{name}"] for name in ("weight", "bias"))
    logits = features.astype("float64") @ weight.T + bias
    likely = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(probabilities, likely / likely.sum(1, keepdims=True), atol=1e-6)


def test_images_are_judged_by_themselves_and_in_parts(few, monkeypatch):
    whole = digit_features(few)
    np.testing.assert_allclose(digit_features(few[3:4]), whole[3:4], atol=1e-5)
    monkeypatch.setattr(digits, "_PART", 5)
    np.testing.assert_allclose(digit_features(few), whole, atol=1e-5)


def test_no_feature_is_silent(test):
    """Each is negative for some digits and positive for others, so that covariances have full rank."""
    features = digit_features(test[:200].x)
    assert (features.min(0) < 0).all() and (features.max(0) > 0).all()


def test_a_run_draws_the_same_numbers_whether_or_not_it_is_scored(few):
    before = default_rng().bit_generator.state
    DigitClassifier.load().features(few)
    train_digit_network(few, np.zeros(12, int), 1)
    assert default_rng().bit_generator.state == before


def test_digits_of_other_sizes_are_resized(test):
    part = test[:200]
    large = fit(test.images[:200], ReadOptions(40))[0]
    assert as_digits(as_values(large)).shape == (200, 1, 28, 28)
    assert (digit_probabilities(as_values(large)).argmax(1) == part.y).mean() >= 0.97
    assert abs(as_digits(as_values(large)) - part.x).mean() < 0.05


def test_float64_becomes_float32_and_28x28_stays_as_it_is(few):
    np.testing.assert_array_equal(as_digits(few.astype("float64")), few)
    assert as_digits(few.astype("float64")).dtype == np.float32


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((2, 3, 28, 28)), r"1 channel \(grey\) needed; for others name a feature function: pixels, or your"),
        (np.zeros((2, 28, 28)), r"images of float64 with shape \(2, 28, 28\) found, floats \(N, 1, H, W\)"),
        (np.zeros((2, 1, 28, 28), "uint8"), r"images of uint8 with shape \(2, 1, 28, 28\) found, floats"),
        (np.zeros((0, 1, 28, 28)), "one image or more"),
        (np.full((2, 1, 28, 28), 1.1), r"values from 1.1 to 1.1 found, -1 \(black\) to 1 \(white\) needed"),
        (np.full((2, 1, 32, 32), -1.1), "values from -1.1 to -1.1 found"),
        (np.full((1, 1, 28, 28), np.nan), "784 values that are NaN or infinite found"),
    ],
)
def test_what_is_no_image_of_a_digit_is_refused(images, said):
    with pytest.raises(DataError, match=f"^digit classifier: .*{said}") as error:
        digit_features(images)
    assert "\n" not in str(error.value)


def test_shifts_move_each_image_by_up_to_two_pixels():
    images = np.full((400, 1, 9, 9), -1, "float32")
    images[:, 0, 4, 3] = np.arange(400) / 400
    moved = shifted(images, np.random.default_rng(0))
    assert moved.shape == images.shape and moved.dtype == np.float32
    n, _, rows, columns = (moved != -1).nonzero()
    assert n.tolist() == list(range(400))
    np.testing.assert_array_equal(moved[n, 0, rows, columns], images[:, 0, 4, 3])
    places = set(zip((rows - 4).tolist(), (columns - 3).tolist(), strict=True))
    assert places == {(r, c) for r in range(-2, 3) for c in range(-2, 3)}


def test_what_moves_in_is_black():
    assert set(shifted(np.ones((50, 1, 4, 4)), np.random.default_rng(0)).ravel()) == {-1, 1}


def test_training_learns_and_is_a_matter_of_its_seed(test, monkeypatch):
    monkeypatch.setattr(digit_training, "BATCH", 16)
    part = test[:300]
    chosen = part.y < 2
    x, y = part.x[chosen], part.y[chosen]
    network = train_digit_network(x, y, 10)
    again, other = train_digit_network(x, y, 10), train_digit_network(x, y, 10, seed=1)
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, again.state_dict()[name])
    assert (network.logits.weight.numpy() != other.logits.weight.numpy()).any()
    assert confusion(network, x, y).trace() >= 0.95 * len(y)
    assert confusion(network, x, np.full_like(y, 7)).sum(1).tolist() == [0] * 7 + [len(y), 0, 0]  # a row a label


def test_a_step_goes_by_its_own_gradients(few, monkeypatch):
    """A logit's bias has the gradient p − 1 or p, on average over the batch: several steps' sum would exceed 1."""
    monkeypatch.setattr(digit_training, "BATCH", 4)
    network = train_digit_network(few, np.zeros(12, int), 3)
    assert 0 < abs(network.logits.bias.grad.numpy()).max() < 1


def test_the_program_writes_weights_that_load_and_says_their_hash(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("minigan.metrics.train_digits.load_mnist", _FewDigits)
    path = tmp_path / "digits.safetensors"
    assert main(["--out", str(path), "--steps", "2"]) == 0
    said = capsys.readouterr().out
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f'SHA256 = "{found}"' in said and "TEST_ACCURACY = 0." in said
    monkeypatch.setattr(digits, "SHA256", found)
    assert DigitClassifier.load(path).features(_FewDigits("test")[:].x).shape == (40, 64)


class _FewDigits:
    """As `load_mnist` gives, but noise."""

    def __init__(self, split: str) -> None:
        rng = new_rng(0, split)
        self.x, self.y = rng.uniform(-1, 1, (40, 1, 28, 28)).astype("float32"), rng.integers(0, 10, 40)

    def __getitem__(self, indices):
        return self

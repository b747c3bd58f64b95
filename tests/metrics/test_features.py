"""Features: the package's, pixels, and a user's own function, which is held to what it must give."""

from __future__ import annotations

import numpy as np
import pytest

from minigan.data import DataInfo
from minigan.metrics.digits import digit_features, digit_probabilities
from minigan.metrics.features import find_features
from minigan.options import ConfigError

images = np.random.default_rng(0).uniform(-1, 1, (6, 1, 28, 28)).astype("float32")


@pytest.fixture
def own(tmp_path):
    """From the body of a function of images to its features."""

    def make(body: str, name: str = "mine"):
        path = tmp_path / "mine.py"
        path.write_text(f"import numpy as np\ndef mine(images):\n    {body}\n")
        return find_features(f"{path}:{name}")

    return make


def test_digits_are_the_packages_with_probabilities():
    features = find_features("digits")
    np.testing.assert_array_equal(features(images), digit_features(images))
    assert features.name == "digits" and features.probabilities is not None
    np.testing.assert_array_equal(features.probabilities(features(images)), digit_probabilities(images))


def test_pixels_are_the_images_flattened():
    features = find_features("pixels")
    np.testing.assert_array_equal(features(images), images.reshape(6, 784))
    assert features.probabilities is None and features(images).dtype == np.float64
    np.testing.assert_array_equal(find_features("pixels")(images[:, 0, :2, 0]), images[:, 0, :2, 0])  # points


@pytest.mark.parametrize(
    ("shape", "classes", "name"),
    [
        ((1, 28, 28), None, "digits"),
        ((3, 28, 28), 10, "pixels"),
        ((1, 32, 32), None, "digits"),
        ((1, 28, 56), 10, "pixels"),
        ((1, 64, 64), 10, "digits"),
        ((1, 64, 64), None, "pixels"),
        ((1, 64, 64), 9, "pixels"),
        ((3, 64, 64), 10, "pixels"),
        ((2,), 10, "pixels"),
    ],
)
def test_the_default_goes_by_the_images_shape_and_their_classes(shape, classes, name):
    info = DataInfo({"x": shape}, classes)
    assert find_features(info=info).name == name
    assert find_features("pixels", info).name == "pixels" == find_features().name


def test_a_function_of_ones_own(own):
    features = own("return images.mean((2, 3)).round().astype(int)")
    assert features.name.endswith("mine.py:mine") and features.probabilities is None
    np.testing.assert_array_equal(features(images), images.mean((2, 3)).round())
    assert features(images).dtype == np.float64


def test_what_a_function_does_to_its_images_is_lost(own):
    before = images.copy()
    own("images *= 2; return images[:, 0, 0]")(images)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return images", r"gave float32 of shape \(6, 1, 28, 28\), but must give numbers \(6, d\)"),
        ("return images[1:, 0, 0]", r"gave float32 of shape \(5, 28\), but must give numbers \(6, d\)"),
        ("return np.zeros((6, 0))", r"gave float64 of shape \(6, 0\)"),
        ("return None", r"gave object of shape \(\)"),
        ("return [[1], [2, 3]]", "ValueError"),
        ("return 0 * np.log(np.zeros((6, 2)))", "gave NaN or infinity for 6 of 6 images, but must give finite numbers"),
        ("return images.flat_map(0)", r"AttributeError: .*flat_map.* \(.*mine.py, line 3\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_a_function_must_give_is_one_sentence(own, body, said):
    with pytest.raises(ConfigError, match=f"^features .*mine.py:mine: .*{said}") as error:
        own(body)(images)
    assert "\n" not in str(error.value)


def test_the_width_may_not_change(own):
    features = own("return images[:, 0, 0, : len(images)]")
    features(images)
    with pytest.raises(ConfigError, match="the function gave 4 numbers an image, but 6 before"):
        features(images[:4])


def test_names_that_are_none_are_told(own, tmp_path):
    with pytest.raises(ConfigError, match="^features 'inception' are not known: digits, pixels, or your own function"):
        find_features("inception")
    with pytest.raises(ConfigError, match="^features .*none.py:f: there is no file .*none.py$"):
        find_features(f"{tmp_path / 'none.py'}:f")
    with pytest.raises(ConfigError, match="^features .*mine.py:yours: there is no function of this name in .*mine.py$"):
        own("return images", "yours")
    with pytest.raises(ConfigError, match="^features .*mine.py:mine: .*mine.py cannot be run: SyntaxError: "):
        own("return (")

"""A digit classifier that scores stand on: features and class probabilities of 28×28 grey digits.

A small LeNet of minigan's own layers, trained by minigan on MNIST's 60,000 training digits:

    python -m minigan.metrics.train_digits --out digits.safetensors

Its weights lie beside this file and are used if they are, byte for byte, those with the SHA-256 below. Of the 10,000
test digits it calls TEST_ACCURACY by their right names. The Fréchet distance of its features, 10,000 real digits
against 10,000: 0.225 of the first training digits and the test digits, 0.065 of two random parts of the training set.
Like any softmax it has only ten answers, and may be sure of an image that is no digit: read its probabilities beside
the pictures.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from minigan import functions as F
from minigan import nn
from minigan.autograd import Tensor, no_grad
from minigan.backend import drawing_from
from minigan.data.dataset import as_values
from minigan.data.errors import DataError, unreadable
from minigan.data.reading import ReadOptions
from minigan.data.resize import fit
from minigan.data.values import extremes, to_bytes

SIZE, CLASSES, WIDTH = 28, 10, 64
WEIGHTS = Path(__file__).parent / "digits.safetensors"
SHA256 = "af683e3a3a93da7ab5ce3d53c02743fccddb981b38c1c99edb840c33beb83aef"
TEST_ACCURACY = 0.9929

_PART = 250  # images at a time: the largest array of one pass is then some MB


class DigitNetwork(nn.Module):
    """Digits (N, 1, 28, 28) in [−1, 1] → logits (N, 10), by way of `features` (N, 64). LeCun et al., 1998."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 24, 4, 2, 1, bias=False), nn.BatchNorm(24), nn.ReLU(),  # 14×14
            nn.Conv2d(24, 48, 4, 2, 1, bias=False), nn.BatchNorm(48), nn.ReLU(),  # 7×7
            nn.Flatten(), nn.Dropout(0.3),
            # A slope left of 0, so that no feature is 0 for all images: scores invert covariances.
            nn.Dense(48 * 7 * 7, WIDTH, bias=False), nn.BatchNorm(WIDTH), nn.LeakyReLU(0.1),
        )  # fmt: skip
        self.logits = nn.Dense(WIDTH, CLASSES)
        nn.fuse(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))


def new_network(rng: np.random.Generator) -> DigitNetwork:
    """A network on the CPU, whatever the default device, whose weights are drawn from rng: not from minigan's own
    generator, whose next numbers are those of a run."""
    with drawing_from(rng):
        network = DigitNetwork()
    network.to("cpu")
    return network


class DigitClassifier:
    """Features and probabilities of digits, by a trained network. `DigitClassifier.load()` reads the package's."""

    def __init__(self, network: DigitNetwork) -> None:
        self.network = network
        network.eval()

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> DigitClassifier:
        """The classifier of the weights in the package. Raises DataError if they are missing or damaged."""
        from safetensors.numpy import load

        try:
            raw = path.read_bytes()
        except OSError as error:
            raise DataError(f"{unreadable(path, error)}; it belongs to minigan: reinstall it") from None
        found = hashlib.sha256(raw).hexdigest()
        if found != SHA256:
            raise DataError(f"{path}: altered: SHA-256 {found} found, {SHA256} needed; reinstall minigan")
        network = new_network(np.random.default_rng(0))
        network.load_state_dict(load(raw))
        return cls(network)

    def features(self, images: np.ndarray) -> np.ndarray:
        """The numbers (N, 64), float32, before the last layer, of grey images (N, 1, H, W) in [−1, 1]: what Fréchet
        distance and the like compare. Raises DataError for other images; those of another size than 28×28 are resized.
        """
        images = as_digits(images)
        features = np.empty((len(images), WIDTH), "float32")
        with no_grad():
            for k in range(0, len(images), _PART):
                features[k : k + _PART] = self.network.features(Tensor(images[k : k + _PART], device="cpu")).numpy()
        return features

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """How likely each image is each of the ten digits: (N, 10), float32."""
        return self.probabilities_of(self.features(images))

    def probabilities_of(self, features: np.ndarray) -> np.ndarray:
        """The same, softmax(logits), of what `features` gave."""
        with no_grad():
            logits = self.network.logits(Tensor(np.asarray(features, "float32"), device="cpu"))
            return F.softmax(logits, axis=1).numpy()


@cache
def digit_classifier() -> DigitClassifier:
    """The package's classifier, read once."""
    return DigitClassifier.load()


def digit_features(images: np.ndarray) -> np.ndarray:
    """Features (N, 64) of grey images (N, 1, H, W) in [−1, 1], by the package's classifier."""
    return digit_classifier().features(images)


def digit_probabilities(images: np.ndarray) -> np.ndarray:
    """Class probabilities (N, 10) of grey images (N, 1, H, W) in [−1, 1], by the package's classifier."""
    return digit_classifier().probabilities(images)


def as_digits(images: np.ndarray) -> np.ndarray:
    """The images as float32 (N, 1, 28, 28) in [−1, 1]: those of another size are resized as data is, through 8 bits.
    Raises DataError for what are no grey images in [−1, 1]."""
    images = np.asarray(images)
    found = f"digit classifier: images of {images.dtype} with shape {images.shape} found"
    if images.ndim == 4 and images.shape[1] == 3:
        needed = "1 channel (grey) needed; for others name a feature function: pixels, or your own as file.py:function"
        raise DataError(f"{found}, {needed}")
    if images.ndim != 4 or images.shape[1] != 1 or images.dtype.kind != "f" or not images.size:
        raise DataError(f"{found}, floats (N, 1, H, W) in [-1, 1] needed, one image or more")
    low, high = extremes(images, "digit classifier")
    if low < -1 - 1e-5 or high > 1 + 1e-5:
        raise DataError(f"digit classifier: values from {low:g} to {high:g} found, -1 (black) to 1 (white) needed")
    if images.shape[2:] == (SIZE, SIZE):
        return images.astype("float32", copy=False)
    return as_values(fit(to_bytes(images, (-1.0, 1.0)), ReadOptions(SIZE))[0])

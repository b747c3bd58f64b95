"""Features of images: the numbers (N, d) that scores compare sets of images by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigan.data import DataInfo
from minigan.importing import UserCodeError, described, import_named, names_file
from minigan.metrics.digits import CLASSES, SIZE, digit_classifier, digit_features
from minigan.options import ConfigError

Function = Callable[[np.ndarray], np.ndarray]


class Features:
    """A function of images (N, C, H, W) that gives float64 features (N, d), checked.

    name: what it was asked for by. probabilities: a function of these features that gives class probabilities (N, K),
    or None.
    Raises ConfigError where the function fails, or gives what is no finite (N, d) of the width d it gave before.
    """

    def __init__(self, name: str, function: Function, probabilities: Function | None = None) -> None:
        self.name, self.probabilities = name, probabilities
        self._function = function
        self._width: int | None = None  # d, once it is known

    def __call__(self, images: np.ndarray) -> np.ndarray:
        found = self._function(images)
        if found.ndim != 2 or found.dtype.kind not in "fiu" or len(found) != len(images) or not found.shape[1]:
            raise self._error(f"gave {found.dtype} of shape {found.shape}, but must give numbers ({len(images)}, d)")
        if self._width not in (None, found.shape[1]):
            raise self._error(f"gave {found.shape[1]} numbers an image, but {self._width} before")
        features = found.astype("float64")
        if bad := int((~np.isfinite(features)).any(axis=1).sum()):
            raise self._error(f"gave NaN or infinity for {bad} of {len(images)} images, but must give finite numbers")
        self._width = found.shape[1]
        return features

    def _error(self, what: str) -> ConfigError:
        return ConfigError(f"features {self.name}: the function {what}")


def find_features(spec: str | None = None, info: DataInfo | None = None) -> Features:
    """The features of a name, or of `file.py:function`, whose file is then run. Raises ConfigError.

    "digits": of the package's classifier, (N, 64), with probabilities; for grey images. "pixels": the images as they
    are, flattened; for anything. None: digits for data of shape (1, 28, 28) or (1, 32, 32), and for square grey images
    of any size with labels of ten classes; else pixels.
    """
    if spec is None:
        spec = "digits" if info and _may_be_digits(info.shapes["x"], info.classes) else "pixels"
    if spec == "digits":
        return Features(spec, digit_features, lambda features: digit_classifier().probabilities_of(features))
    if spec == "pixels":
        return Features(spec, _pixels)
    if not names_file(spec):
        raise ConfigError(f"features {spec!r} are not known: digits, pixels, or your own function as file.py:function")
    try:
        path, function = import_named(spec, "minigan_features")
    except UserCodeError as error:
        raise ConfigError(f"features {spec}: {error}") from error.__cause__
    if not callable(function):
        raise ConfigError(f"features {spec}: there is no function of this name in {path}")
    return Features(spec, _of_user(spec, function))


def _may_be_digits(shape: tuple[int, ...], classes: int | None) -> bool:
    if len(shape) != 3 or shape[0] != 1 or shape[1] != shape[2]:
        return False
    return shape[1] in (SIZE, 32) or classes == CLASSES


def _pixels(images: np.ndarray) -> np.ndarray:
    return np.asarray(images).reshape(len(images), -1)


def _of_user(spec: str, function: Callable[[np.ndarray], object]) -> Function:
    """The user's function, which gets images of its own to change."""

    def call(images: np.ndarray) -> np.ndarray:
        try:
            return np.asarray(function(images.copy()))
        except Exception as error:
            raise ConfigError(f"features {spec}: {described(error)}") from error

    return call

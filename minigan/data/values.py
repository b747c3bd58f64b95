"""Values of any kind as bytes: 0 is black, 255 white."""

from __future__ import annotations

import math

import numpy as np

from minigan.data.errors import DataError, count

Range = tuple[float, float]  # the values that stand for black and white
BYTES: Range = (0.0, 255.0)
DEPTHS = (8, 10, 12, 14, 16)  # bits a pixel of cameras and scanners
_BEYOND = 0.25  # how far a sharp resize may overshoot, of the whole range
_DARK = 63  # no set of photographs or drawings has 63 of 255 for its brightest value


def range_of(dtype: np.dtype, low: float, high: float, name: str) -> Range:
    """What stands for black and white, guessed from the least and the largest of all values.

    Floats: [0, 1], [−1, 1] or [0, 255], with room for what a sharp resize adds on both sides. Whole numbers: of as
    many bits as the largest takes, but 8 if it takes 7. Raises DataError where no guess is good.
    """
    needed = "whole numbers, or float in [0, 1], [-1, 1] or [0, 255], needed; or say what is black and white: "
    needed += "--value-range LOW HIGH (value_range)"
    if dtype.kind == "b" and high <= 1:
        return 0.0, 1.0
    if dtype.kind in "iu" and 0 <= low and high < 2 ** DEPTHS[-1]:
        if high > _DARK or high == 0:
            return 0.0, float(2 ** next(bits for bits in DEPTHS if high < 2**bits) - 1)
        return 0.0, float(2 ** int(high).bit_length() - 1)
    if dtype.kind == "f":
        for black, white in ((0.0, 1.0), (-1.0, 1.0), BYTES):
            slack = _BEYOND if white == 1 else 13.0
            if black - slack <= low and high <= white + slack and (white == 1 or high > _DARK):
                return black, white
    found = f"{dtype} from {low:g} to {high:g}" if dtype.kind in "iuf" else f"values of {dtype}"
    raise DataError(f"{name}: {found} found, {needed}")


def extremes(values: np.ndarray, name: str) -> Range:
    """The least and the largest value. Raises DataError for NaN and infinity, and for what is no real number."""
    if values.dtype.kind not in "biuf":
        return 0.0, math.inf  # which `range_of` refuses
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):  # min and max hand on any NaN
        bad = int(values.size - np.count_nonzero(np.isfinite(values)))
        raise DataError(f"{name}: {bad} values that are NaN or infinite found, finite ones needed")
    return low, high


def to_bytes(values: np.ndarray, black_and_white: Range) -> np.ndarray:
    """uint8: black as 0 and white as 255, rounded; what is beyond them is clipped."""
    if values.dtype == np.uint8 and black_and_white == BYTES:
        return np.ascontiguousarray(values)
    black, white = black_and_white
    scale = 255.0 / (white - black)
    out = np.empty(values.shape, np.uint8)
    for k in range(0, len(values), 1024):  # in parts: a float copy of everything would be large
        part = values[k : k + 1024].astype(np.float64) * scale - black * scale
        out[k : k + 1024] = np.clip(np.rint(part), 0, 255)
    return out


def range_note(dtype: np.dtype, low: float, high: float, black_and_white: Range) -> str:
    """What was made of the values, in a sentence; empty for bytes as bytes."""
    black, white = black_and_white
    if dtype == np.uint8 and black_and_white == BYTES:
        return ""
    slack = 1e-5 * (white - black)  # a value computed as 1 may be stored as a little more
    clipped = ", what is beyond clipped," if low < black - slack or high > white + slack else ""
    return (
        f"{dtype} values from {low:g} to {high:g} were read as [{black:g}, {white:g}]{clipped} and kept as 8 bits; "
        "--value-range says otherwise."
    )


def labels_of(labels: np.ndarray, n: int, name: str) -> tuple[np.ndarray | None, str]:
    """Whole numbers (N,), and a note if they had another form; None, with the reason, for what is no label an image.

    A column, one-hot rows and names are taken as labels too: names in their order in the alphabet.
    Raises DataError if there are more or fewer than images.
    """
    if labels.ndim == 0 or len(labels) != n:
        raise DataError(f"{name}: {count(len(labels) if labels.ndim else 1, 'label')} found, {n} needed, one an image")
    if labels.ndim == 2 and labels.shape[1] == 1:  # as CIFAR's and MedMNIST's
        labels = labels[:, 0]
    if (
        labels.ndim == 1
        and labels.dtype.kind == "f"
        and (labels == np.rint(labels)).all()
        and abs(labels).max() < 2**31
    ):
        labels = labels.astype(np.int64)
    if labels.ndim == 1 and labels.dtype.kind == "b":
        labels = labels.astype(np.int64)
    if labels.ndim == 1 and labels.dtype.kind in "iu":
        return labels, ""
    if labels.ndim == 1 and labels.dtype.kind in "US":
        names, numbers = np.unique(labels, return_inverse=True)
        return numbers, f"The labels are {len(names)} names, numbered in the order of the alphabet."
    if labels.ndim == 2 and labels.dtype.kind in "biuf" and ((labels == 0) | (labels == 1)).all():
        if (labels.sum(1) == 1).all():
            return labels.argmax(1), f"One-hot labels of {labels.shape[1]} classes were read as numbers."
    return None, f"The labels ({labels.dtype} {labels.shape}) are not one class an image, and were left out."

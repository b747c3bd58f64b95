"""`.npy` and `.npz` files of images.

Not read with `np.load`: the dtype is checked before a single value is read, so nothing can ever be unpickled, and a
truncated file can be told from a strange one.
"""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from minigan.data.dataset import ImageDataset, name_of
from minigan.data.errors import DataError, listed, unreadable
from minigan.data.resize import Size, checked, fit

# Keys, the first one present wins. x_train is Keras's, train_images MedMNIST's, arr_0 np.savez's own.
_IMAGE_KEYS = {"train": ("x_train", "train_images", "images", "x", "arr_0"), "test": ("x_test", "test_images")}
_LABEL_KEYS = {"train": ("y_train", "train_labels", "labels", "y"), "test": ("y_test", "test_labels")}


def load_arrays(
    path: str | os.PathLike[str], size: int | Size | None = None, channels: int | None = None, split: str = "train"
) -> ImageDataset:
    """Images from a `.npy` file, or images and labels from a `.npz` file.

    Shapes: (N, H, W), (N, H, W, C), (N, C, H, W), or flat (N, D) with D a square (or H·W of `size`).
    Values: uint8, or float in [0, 1] or [-1, 1]; which of the two is told by the least value.
    Only an `.npz` with x_test or test_images has a test split.
    Raises DataError for damaged files, pickled objects, other shapes and other values.
    """
    size = checked(size, channels, split)
    path = Path(path)
    try:
        with open(path, "rb") as file:
            is_npz = file.read(2) == b"PK"  # a zip, whatever its name and however damaged
            file.seek(0)
            if is_npz:
                images, labels, name = _read_npz(file, path, split)
            elif split == "test":
                raise DataError(f"{path}: one array has no test split, an .npz with x_test needed")
            else:
                images, labels, name = _read_npy(file, str(path)), None, str(path)
    except OSError as error:
        raise unreadable(path, error) from None
    images, notes = _to_bytes(_to_nchw(images, size, name), name)
    fitted, more = fit(images, size, channels)
    return ImageDataset(fitted, labels, name_of(path), name, (*notes, *more))


def _read_npz(file: IO[bytes], path: Path, split: str) -> tuple[np.ndarray, np.ndarray | None, str]:
    """The split's images and labels, and the name errors call the images by."""
    try:
        with zipfile.ZipFile(file) as archive:
            keys = [name.removesuffix(".npy") for name in archive.namelist()]
            image_key = next((key for key in _IMAGE_KEYS[split] if key in keys), None)
            if image_key is None:
                raise DataError(
                    f"{path}: no images of the {split} split: keys {listed(keys)} found, "
                    f"{' or '.join(_IMAGE_KEYS[split])} needed"
                )
            name = f"{path}: {image_key}"
            images = _read_member(archive, image_key, name)
            label_key = next((key for key in _LABEL_KEYS[split] if key in keys), None)
            labels = None if label_key is None else _read_member(archive, label_key, f"{path}: {label_key}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError: encrypted; NotImplementedError: a compression this Python lacks.
        raise DataError(f"{path}: damaged or unreadable ({error}), an .npz file needed") from None
    return images, None if labels is None else _check_labels(labels, len(images), f"{path}: {label_key}"), name


def _read_member(archive: zipfile.ZipFile, key: str, name: str) -> np.ndarray:
    with archive.open(key if key in archive.namelist() else f"{key}.npy") as file:
        return _read_npy(file, name)


def _read_npy(file: IO[bytes], name: str) -> np.ndarray:
    """One array in NumPy's own format: a header, then the values to the end of the file."""
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(file)
        if version not in read_header:  # 3.0 is for field names in UTF-8, and images have no fields
            raise ValueError(f"version {version[0]}.{version[1]}")
        shape, fortran, dtype = read_header[version](file)
    except Exception as error:  # a damaged header makes NumPy's parser raise nearly anything
        reason = " ".join(str(error).split())
        raise DataError(f"{name}: not NumPy data, or damaged ({reason}), an .npy file needed") from None
    if dtype.kind not in "biufc":
        what = "Python objects" if dtype.hasobject else f"values of {dtype}"
        raise DataError(f"{name}: {what} found, plain numbers needed (minigan never unpickles)")
    data = file.read()  # to the end, where a zip member checks its CRC
    found, needed = len(data), math.prod(shape) * dtype.itemsize
    if found != needed or min(shape, default=0) < 0:
        wrong = "truncated" if found < needed else "bytes after its end"
        raise DataError(f"{name}: {wrong}: {found} bytes found, {needed} needed by its header {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _check_labels(labels: np.ndarray, n: int, name: str) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:  # a column, as CIFAR's and MedMNIST's
        labels = labels[:, 0]
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise DataError(f"{name}: {labels.dtype} of shape {labels.shape} found, whole numbers ({n},) needed")
    if len(labels) != n:
        raise DataError(f"{name}: {len(labels)} labels found, {n} needed, one an image")
    return labels


def _to_nchw(array: np.ndarray, size: Size | None, name: str) -> np.ndarray:
    """Any accepted shape as (N, C, H, W), a view where it can be."""
    shape = array.shape
    if 0 in shape:
        raise DataError(f"{name}: no images: shape {shape} found, at least one image needed")
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        if size is not None and shape[1] == size[0] * size[1]:
            return array.reshape(len(array), 1, *size)
        if side * side == shape[1]:
            return array.reshape(len(array), 1, side, side)
        raise DataError(
            f"{name}: flat images of {shape[1]} values found, a square number such as 784 = 28×28 needed; "
            "save them as (N, H, W) or (N, C, H, W)"
        )
    if len(shape) == 3:
        if 3 in (shape[0], shape[2]):  # one colour picture is a likelier file than three images
            could = "could be one image or many, save it as (N, H, W, C) or (N, C, H, W) with N images"
            raise DataError(f"{name}: shape {shape} {could}")
        return array[:, None]
    if len(shape) == 4:
        first, last = shape[1] in (1, 3), shape[3] in (1, 3)
        if first and last:
            could = "could be (N, C, H, W) or (N, H, W, C), one axis of 1 or 3 channels needed, not two"
            raise DataError(f"{name}: shape {shape} {could}")
        if first or last:
            return array if first else array.transpose(0, 3, 1, 2)
    needed = "(N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3, or (N, H·W) needed"
    raise DataError(f"{name}: shape {shape} found, {needed}")


def _to_bytes(images: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    """Images as uint8, and a sentence on how floats were read."""
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images), []
    needed = "uint8, or float in [0, 1] or [-1, 1], needed"
    if images.dtype.kind != "f":
        raise DataError(f"{name}: values of {images.dtype} found, {needed}")
    low, high = float(images.min()), float(images.max())
    if not (math.isfinite(low) and math.isfinite(high)):  # min and max hand on any NaN
        bad = int(images.size - np.count_nonzero(np.isfinite(images)))
        raise DataError(f"{name}: {bad} values that are NaN or infinite found, {needed}")
    slack = 1e-5  # a value computed as 1 may be stored as a little more
    if low < -1 - slack or high > 1 + slack:
        raise DataError(f"{name}: {images.dtype} from {low:g} to {high:g} found, {needed}")
    scale, shift = (255.0, 0.0) if low >= -slack else (127.5, 127.5)
    out = np.empty(images.shape, np.uint8)
    for k in range(0, len(images), 1024):  # in parts: a float copy of everything would be large
        part = images[k : k + 1024].astype(np.float64) * scale + shift
        out[k : k + 1024] = np.clip(np.rint(part), 0, 255)
    span = "[0, 1]" if shift == 0 else "[-1, 1]"
    return out, [f"{images.dtype} values from {low:g} to {high:g} were read as {span} and kept as 8 bits."]

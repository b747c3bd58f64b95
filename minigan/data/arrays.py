"""`.npy` and `.npz` files of images, of points of the plane, and of the samples that `minigan sample` writes.

Not read with `np.load`: the dtype is checked before a single value is read, so nothing can ever be unpickled, and a
truncated file can be told from a strange one.
"""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from minigan.data.dataset import ArrayDataset, Dataset, ImageDataset, name_of
from minigan.data.errors import DataError, listed, unreadable
from minigan.data.reading import ReadOptions, Size
from minigan.data.resize import fit
from minigan.data.values import extremes, labels_of, range_note, range_of, to_bytes
from minigan.files import open_file

# Keys, the first one present wins. x_train is Keras's, train_images MedMNIST's, arr_0 np.savez's own.
_IMAGE_KEYS = {
    "train": ("x_train", "train_images", "images", "samples", "x", "arr_0"),
    "test": ("x_test", "test_images"),
}
_LABEL_KEYS = {"train": ("y_train", "train_labels", "labels", "y"), "test": ("y_test", "test_labels")}


def load_arrays(
    path: str | os.PathLike[str], size: int | Size | None = None, channels: int | None = None, split: str = "train",
    **options: Any,
) -> Dataset:  # fmt: skip
    """Images from a `.npy` file, or images and labels from a `.npz` file; or points of the plane, in place of images.

    Shapes: (N, H, W), (N, H, W, C), (N, C, H, W), or flat (N, D) with D a square (or H·W of `size`). Floats (N, 2) are
    points, and so are those of any (N, D) called `samples`: x of an `ArrayDataset`, as they are.
    Values: whole numbers, or float in [0, 1], [-1, 1] or [0, 255]; which of them is told by the least and the largest.
    Only an `.npz` with x_test or test_images has a test split. options: see `ReadOptions`.
    Raises DataError for damaged files, pickled objects, other shapes and other values.
    """
    asked = ReadOptions(size, channels, split, **options)
    path = Path(path)
    try:
        with open_file(path) as file:
            is_npz = file.read(2) == b"PK"  # a zip, whatever its name and however damaged
            file.seek(0)
            if is_npz:
                images, labels, name = _read_npz(file, path, asked)
            elif split == "test":
                raise DataError(f"{path}: one array has no test split, an .npz with x_test needed")
            else:
                images, labels, name = _read_npy(file, str(path), path.stat().st_size, asked), None, str(path)
    except OSError as error:
        raise unreadable(path, error) from None
    if _are_points(images, name, asked):
        return _points(images, labels, name, path, asked)
    images = _to_nchw(images, asked.shape, name)
    low, high = extremes(images, name)
    black_and_white = asked.value_range or range_of(images.dtype, low, high, name)
    notes = [range_note(images.dtype, low, high, black_and_white)]
    if labels is not None:
        labels, note = labels_of(labels, len(images), _label_name(name))
        notes.append(note)
    fitted, more = fit(to_bytes(images, black_and_white), asked)
    if labels is not None and asked.flip:
        labels = np.concatenate([labels, labels])
    return ImageDataset(fitted, labels, name_of(path), name, (*filter(None, notes), *more))


def _label_name(name: str) -> str:
    return f"{name.rpartition(': ')[0]}: labels"


def _are_points(array: np.ndarray, name: str, asked: ReadOptions) -> bool:
    """Whether they are no images: nobody's images are of two values each, but where a size of two is asked for."""
    if array.ndim != 2 or array.dtype.kind != "f":
        return False
    return name.endswith(": samples") or (array.shape[1] == 2 and asked.shape not in ((1, 2), (2, 1)))


def _points(points: np.ndarray, labels: np.ndarray | None, name: str, path: Path, asked: ReadOptions) -> ArrayDataset:
    if asked.flip or asked.value_range is not None:
        option = "flip" if asked.flip else "value_range"
        raise DataError(f"{name}: points found, images needed for {option}: leave it out")
    if not points.size:
        raise DataError(f"{name}: no points: shape {points.shape} found, at least one point needed")
    extremes(points, name)
    arrays, note = {"x": points.astype("float32")}, ""
    if labels is not None:
        labels, note = labels_of(labels, len(points), _label_name(name))
        arrays |= {} if labels is None else {"y": labels.astype("int64")}
    return ArrayDataset(arrays, name_of(path), name, (note,) if note else ())


def _read_npz(file: IO[bytes], path: Path, asked: ReadOptions) -> tuple[np.ndarray, np.ndarray | None, str]:
    """The split's images and labels, and the name errors call the images by."""
    try:
        with zipfile.ZipFile(file) as archive:
            keys = [name.removesuffix(".npy") for name in archive.namelist()]
            names = (asked.key,) if asked.key else _IMAGE_KEYS[asked.split]
            image_key = next((key for key in names if key in keys), None)
            if image_key is None:
                raise DataError(
                    f"{path}: no images of the {asked.split} split: keys {listed(keys)} found, "
                    f"{' or '.join(names)} needed; --key (key) names another"
                )
            name = f"{path}: {image_key}"
            images = _read_member(archive, image_key, name, asked)
            label_key = next((key for key in _LABEL_KEYS[asked.split] if key in keys), None)
            labels = None if label_key is None else _read_member(archive, label_key, f"{path}: {label_key}", asked)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError: encrypted; NotImplementedError: a compression this Python lacks.
        raise DataError(f"{path}: damaged or unreadable ({error}), an .npz file needed") from None
    return images, labels, name


def _read_member(archive: zipfile.ZipFile, key: str, name: str, asked: ReadOptions) -> np.ndarray:
    info = archive.getinfo(key if key in archive.namelist() else f"{key}.npy")
    asked.check_bytes(info.file_size, info.compress_size, name)
    with archive.open(info) as file:
        return _read_npy(file, name, info.compress_size, asked)


def _read_npy(file: IO[bytes], name: str, on_disk: int, asked: ReadOptions) -> np.ndarray:
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
    if dtype.kind not in "biufcUS":
        what = "Python objects" if dtype.hasobject else f"values of {dtype}"
        raise DataError(f"{name}: {what} found, plain numbers needed (minigan never unpickles)")
    if min(shape, default=0) < 0:
        raise DataError(f"{name}: damaged: its header says {shape}, lengths of 0 or more needed")
    needed = math.prod(shape) * dtype.itemsize
    asked.check_bytes(needed, on_disk, name)
    data = file.read(needed + 1)  # and one more: to the end, where a zip member checks its CRC
    if len(data) != needed:
        wrong = (
            f"truncated: {len(data)} bytes" if len(data) < needed else f"bytes after its end: more than {needed} bytes"
        )
        raise DataError(f"{name}: {wrong} found, {needed} needed by its header {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


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

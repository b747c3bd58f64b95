"""IDX, the format MNIST came in: a four-byte magic, the dimensions, then the bytes.

    00 00 08 03                      two zero bytes, the type (08: unsigned byte), the number of dimensions
    00 00 EA 60  00 00 00 1C  ...    each dimension, big-endian 32 bits: 60000, 28, 28
    ...                              the values, last dimension fastest

Source: the description on the MNIST page, http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import math
import os
import re
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from minigan.data.dataset import ImageDataset, name_of
from minigan.data.errors import DataError, count, listed, unreadable
from minigan.data.reading import ReadOptions, Size
from minigan.data.resize import fit
from minigan.data.values import BYTES, extremes, range_note, range_of, to_bytes
from minigan.files import open_file

_TYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_SPLITS = {"train": ("train",), "test": ("t10k", "test")}
_EXAMPLE = {"train": "train-images-idx3-ubyte", "test": "t10k-images-idx3-ubyte"}


def read_idx(path: str | os.PathLike[str], ndim: int | None = None, options: ReadOptions | None = None) -> np.ndarray:
    """The uint8 array in one IDX file, plain or gzipped (told by its bytes, not by its name).

    ndim: the number of dimensions needed, 3 for images and 1 for labels; None takes any.
    Raises DataError for a file that is missing, truncated, too long, corrupt, or something else.
    """
    try:
        with open_file(path) as file:
            raw = file.read()
    except OSError as error:
        raise unreadable(path, error) from None
    return parse_idx(raw, str(path), ndim, options)


def parse_idx(raw: bytes, name: str, ndim: int | None = None, options: ReadOptions | None = None) -> np.ndarray:
    """`read_idx` on bytes already read; `name` is what errors call them. The array is read-only."""
    zipped = raw[:2] == b"\x1f\x8b"
    head = _inflate(raw, 4 + 4 * 255, name)[0] if zipped else raw[: 4 + 4 * 255]
    if len(head) < 4:
        raise DataError(f"{name}: truncated: {len(head)} bytes found, at least 4 needed (an IDX header)")
    if head[:2] != b"\0\0" or head[2] not in _TYPES or head[3] == 0:
        found = head[:4].hex(" ")
        raise DataError(
            f"{name}: not an IDX file: it starts with {found}, 00 00 08 and the number of dimensions needed"
        )
    if head[2] != 0x08:
        raise DataError(f"{name}: type {head[2]:02x} ({_TYPES[head[2]]}) found, 08 (uint8) needed")
    if ndim is not None and head[3] != ndim:
        what = {1: "labels", 3: "grey images"}.get(ndim, "this use")
        raise DataError(f"{name}: {count(head[3], 'dimension')} found, {ndim} needed for {what}")
    start = 4 + 4 * head[3]
    if len(head) < start:
        raise DataError(f"{name}: truncated: {len(head)} bytes found, {start} needed for its header alone")
    shape = tuple(int.from_bytes(head[k : k + 4], "big") for k in range(4, start, 4))
    needed = start + math.prod(shape)
    if zipped:
        (options or ReadOptions()).check_bytes(needed, len(raw), name)
    # One byte more than needed is enough to see that there is too much, however far it goes on.
    data, stream = _inflate(raw, min(needed + 1, sys.maxsize), name) if zipped else (raw, None)
    header = f"its header ({'×'.join(map(str, shape))})"
    if len(data) < needed:
        raise DataError(f"{name}: truncated: {len(data)} bytes found, {needed} needed by {header}")
    if len(data) > needed:
        found = f"more than {needed}" if stream else f"{len(data)}"
        raise DataError(f"{name}: bytes after its end: {found} bytes found, {needed} needed by {header}")
    if stream and not stream.eof:
        raise DataError(f"{name}: truncated: its gzip data ends before its checksum, a whole copy needed")
    if stream and stream.unused_data:
        extra = len(stream.unused_data)
        raise DataError(f"{name}: bytes after its end: {extra} found behind its gzip data, none needed")
    return np.frombuffer(data, np.uint8)[start:].reshape(shape)


def _inflate(raw: bytes, limit: int, name: str) -> tuple[bytes, zlib._Decompress]:
    """At most `limit` bytes of a gzip file, less if it is cut short, and zlib's object for the state of the last of
    its members: a file may be several gzip files one after the other."""
    data = b""
    while True:
        stream = zlib.decompressobj(wbits=31)
        try:
            data += stream.decompress(raw, limit - len(data))
        except zlib.error as error:
            reason = str(error).rpartition(": ")[2]
            raise DataError(f"{name}: its gzip data is corrupt ({reason}), an unaltered copy needed") from None
        raw = stream.unused_data
        if len(data) >= limit or not stream.eof or raw[:2] != b"\x1f\x8b":
            return data, stream


def idx_key(filename: str) -> tuple[str, str] | None:
    """What an IDX file's name says: ("images" or "labels", the rest that pairs the two), or None.

    `train-images-idx3-ubyte.gz`, `train-images.idx3-ubyte` -> ("images", "train");
    `emnist-letters-test-labels-idx1-ubyte` -> ("labels", "emnist-letters-test").
    """
    match = re.fullmatch(r"(\w.*)[-._](images|labels)[-._]idx[1-9][-._]ubyte(\.gz)?", filename.lower())
    return (match[2], re.sub(r"[-._]+", "-", match[1])) if match else None


def idx_files(folder: Path) -> list[str]:
    """The names of the files in the folder itself (not in its subfolders) that are named like IDX files, sorted."""
    return sorted(entry.name for entry in folder.iterdir() if idx_key(entry.name) and entry.is_file())


def load_idx_folder(
    path: str | os.PathLike[str], size: int | Size | None = None, channels: int | None = None, split: str = "train",
    **options: Any,
) -> ImageDataset:  # fmt: skip
    """A folder of IDX files named as MNIST's: Fashion-MNIST, Kuzushiji-MNIST, EMNIST, one's own.

    split "train" takes `…train-images-idx3-ubyte`, "test" takes `…t10k-…` or `…test-…`, each with or
    without `.gz`, with `-`, `.` or `_` between the words. Labels are used where they are there.
    options: see `ReadOptions`.
    Raises DataError for missing, ambiguous or damaged files and for labels that do not match.
    """
    asked = ReadOptions(size, channels, split, **options)
    folder = Path(path)
    try:
        names = idx_files(folder) or sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from None
    images_name, pair = _find_images(folder, names, split)
    images = read_idx(folder / images_name, 3, asked)
    if images.size == 0:
        shape = "×".join(map(str, images.shape))
        raise DataError(f"{folder / images_name}: no images: {shape} found in its header, at least 1×1×1 needed")
    labels = None
    labels_file = next((folder / name for name in names if idx_key(name) == ("labels", pair)), None)
    if labels_file is not None:
        labels = read_idx(labels_file, 1, asked)
        if len(labels) != len(images):
            needed = f"{len(images)} needed, one for each image of {images_name}"
            raise DataError(f"{labels_file}: {len(labels)} labels found, {needed}")
        labels = np.concatenate([labels, labels]) if asked.flip else labels
    low, high = extremes(images, images_name)
    black_and_white = asked.value_range or range_of(images.dtype, low, high, images_name)
    fitted, notes = fit(to_bytes(images[:, None], black_and_white), asked)
    if black_and_white != BYTES:
        notes.insert(0, range_note(images.dtype, low, high, black_and_white))
    if pair.startswith("emnist"):
        notes.insert(0, "EMNIST stores its images with rows and columns swapped; they are used as stored.")
    return ImageDataset(fitted, labels, name_of(folder), str(folder / images_name), tuple(notes))


def _find_images(folder: Path, names: list[str], split: str) -> tuple[str, str]:
    """The split's images file and the key that its labels share."""
    keys = [(name, key[1]) for name in names if (key := idx_key(name)) and key[0] == "images"]
    found = [(name, key) for name, key in keys if set(key.split("-")) & set(_SPLITS[split])]
    if not found:
        raise DataError(
            f"{folder}: no IDX images of the {split} split: "
            f"{listed([name for name, _ in keys] or names)} found, {_EXAMPLE[split]}[.gz] needed"
        )
    if len({key for _, key in found}) > 1:
        raise DataError(
            f"{folder}: more than one data set: {listed([name for name, _ in found])} found, "
            f"images of one {split} split needed; move each set into a folder of its own"
        )
    return found[0]  # sorted: the plain file comes before its own .gz

"""MNIST, embedded in the package: no network, no download. See `mnist/README.md` for where it comes from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from minigan.data.dataset import ImageDataset
from minigan.data.errors import DataError, unreadable
from minigan.data.idx import parse_idx
from minigan.data.reading import ReadOptions, Size
from minigan.data.resize import fit

FOLDER = Path(__file__).parent / "mnist"

SHA256 = {
    "train-images-idx3-ubyte.gz": "801c38f1bca0ace71bfb29aeee0553d96e0475608dfcca76d161056a5d91a2f5",
    "train-labels-idx1-ubyte.gz": "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203",
    "t10k-images-idx3-ubyte.gz": "8e5dde377ceba9bf24695c6e21301fc25a2a2289d849ac1b7adcf433b658a38f",
    "t10k-labels-idx1-ubyte.gz": "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
}


def load_mnist(
    split: str = "train", size: int | Size | None = None, channels: int | None = None, **options: Any
) -> ImageDataset:
    """60,000 training or 10,000 test digits, 28×28 grey, white on black, with their labels 0 to 9.

    Yann LeCun, Corinna Cortes and Christopher Burges, from NIST's Special Databases 3 and 1.
    Raises DataError if a file is missing from the package or is not, byte for byte, the one shipped.
    """
    asked = ReadOptions(size, channels, split, **options)
    part, kind = ("train", "training") if split == "train" else ("t10k", "test")
    images = _verified(f"{part}-images-idx3-ubyte.gz", ndim=3)
    labels = _verified(f"{part}-labels-idx1-ubyte.gz", ndim=1)
    fitted, notes = fit(images[:, None], asked)
    labels = np.concatenate([labels, labels]) if asked.flip else labels
    source = f"MNIST, {kind} set, embedded in minigan (LeCun, Cortes and Burges; CC BY-SA 3.0)"
    return ImageDataset(fitted, labels, "mnist", source, tuple(notes))


def _verified(filename: str, ndim: int) -> np.ndarray:
    path = FOLDER / filename
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{unreadable(path, error)}; it belongs to minigan: reinstall it") from None
    found, needed = hashlib.sha256(raw).hexdigest(), SHA256[filename]
    if found != needed:
        raise DataError(f"{path}: altered: SHA-256 {found} found, {needed} needed; reinstall minigan")
    return parse_idx(raw, str(path), ndim)

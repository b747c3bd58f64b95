"""`load`: from a name or a path to a `Dataset`, whatever lies there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from minigan.data.arrays import load_arrays
from minigan.data.dataset import Dataset, ImageDataset
from minigan.data.digits import load_paired_digits, load_stacked_digits
from minigan.data.errors import DataError, listed, unreadable
from minigan.data.idx import idx_files, idx_key, load_idx_folder
from minigan.data.images import SUFFIXES, has_images, load_images
from minigan.data.mnist import load_mnist
from minigan.data.points import POINTS, PointsDataset, load_points
from minigan.data.reading import Size
from minigan.files import expanded

BY_NAME: dict[str, Callable[..., ImageDataset | PointsDataset]] = {
    "mnist": load_mnist, "paired-digits": load_paired_digits, "stacked-digits": load_stacked_digits,
    **{name: partial(load_points, name) for name in POINTS},
}  # fmt: skip

_KINDS = f"{', '.join(map(repr, BY_NAME))}, a folder of IDX files, an .npz or .npy file, or a folder or .zip of images"


def load(
    spec: str | os.PathLike[str], size: int | Size | None = None, channels: int | None = None, split: str = "train",
    **options: Any,
) -> Dataset:  # fmt: skip
    """The data set called `spec`: "mnist" (embedded), "paired-digits" or "stacked-digits" made of it, "ring" and other
    points of the plane (see `points`), or a path.

    A folder is read as IDX files if it or, where it has no images, a folder up to two levels below holds any, else as
    images; a file is told by its suffix (.npz, .npy, .zip). `size` (an int or (H, W)) and `channels` (1 or 3) are what
    the model needs; None leaves them as they are. `split`: "train" or "test". options: see `ReadOptions`.
    What was changed is in the dataset's `notes`.
    Raises DataError: one sentence naming the path, what was found there and what is needed.
    """
    if not os.fspath(spec):
        raise DataError(f"data: an empty name found, {_KINDS} needed")
    if is_name(spec):
        name = str(spec).lower()
        data = BY_NAME[name](split=split, size=size, channels=channels, **options)
        if Path(spec).exists():
            what = "MNIST" if name == "mnist" else f"set {name}"
            note = f"The embedded {what} was used; write {os.path.join('.', spec)} for what lies at {spec}."
            data = replace(data, notes=(*data.notes, note))
        return data
    path = expanded(spec)
    try:
        if path.is_dir():
            return _load_folder(path, size, channels, split, **options)
        if not path.exists():
            raise DataError(f"{spec}: no such data set, file or folder; {_KINDS} needed{_suggestion(path)}")
    except OSError as error:
        raise unreadable(path, error) from None
    suffix = path.suffix.lower()
    if suffix in (".npz", ".npy"):
        return load_arrays(path, size, channels, split, **options)
    if suffix == ".zip":
        return load_images(path, size, channels, split, **options)
    if idx_key(path.name) or suffix in SUFFIXES:
        kind = "one IDX file" if idx_key(path.name) else "one image"
        raise DataError(f"{spec}: {kind} found, the folder that holds it needed: {path.parent}")
    found = f"a file ending in {path.suffix!r}" if path.suffix else "a file without a suffix"
    raise DataError(f"{spec}: {found} found, {_KINDS} needed")


def is_name(spec: str | os.PathLike[str]) -> bool:
    """Whether it is the name of a data set that minigan has, and no path."""
    return str(spec).lower() in BY_NAME


def _load_folder(path: Path, *asked: Any, **options: Any) -> ImageDataset:
    """IDX files or images, whichever there are."""
    if idx_files(path):
        return load_idx_folder(path, *asked, **options)
    levels = [entry for pattern in ("*", "*/*") for entry in sorted(path.glob(pattern)) if entry.is_dir()]
    below = [folder for folder in levels if idx_files(folder)]
    if not below or has_images(path):
        return load_images(path, *asked, **options)
    if len(below) > 1:
        folders = listed([str(folder) for folder in below])
        raise DataError(f"{path}: IDX files in several folders: {folders} found, one of them needed")
    return load_idx_folder(below[0], *asked, **options)


def _suggestion(path: Path) -> str:
    """`; did you mean 'mnist'?`, for a slip of the keyboard in the name or in the path's last part."""
    near = get_close_matches(str(path).lower(), BY_NAME, n=1, cutoff=0.7)
    if not near and path.parent.is_dir():
        siblings = [entry.name for entry in path.parent.iterdir()]
        near = [str(path.parent / name) for name in get_close_matches(path.name, siblings, n=1, cutoff=0.7)]
    return f"; did you mean {near[0]!r}?" if near else ""

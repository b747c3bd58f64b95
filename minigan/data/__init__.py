"""Data: images in, one `Dataset` of uint8 (N, C, H, W) out.

`load("mnist")`, `load("folder-or-file", size=64, channels=3)`; `Batches` says which images make up
which batch. Everything here lives on the host; the training loop moves batches to its device.
Whatever is wrong with the data is a `DataError`, whose message is one sentence for the user.
"""

from __future__ import annotations

from minigan.data.arrays import load_arrays
from minigan.data.batches import Batches
from minigan.data.dataset import Dataset
from minigan.data.errors import DataError
from minigan.data.idx import load_idx_folder, read_idx
from minigan.data.images import load_images
from minigan.data.loading import load
from minigan.data.mnist import load_mnist

__all__ = [
    "Batches",
    "DataError",
    "Dataset",
    "load",
    "load_arrays",
    "load_idx_folder",
    "load_images",
    "load_mnist",
    "read_idx",
]

"""Data: files in, datasets and batches out.

`load("mnist")`, `load("folder-or-file", size=64, channels=3)` give an `ImageDataset`, `load("ring")` a `PointsDataset`;
`dataset[indices]` a `Batch` of named arrays; a `Loader` the batches of a run, shuffled, on its device, from a place
that a checkpoint can hold.
Whatever is wrong with the data is a `DataError`, whose message is one sentence for the user.
"""

from minigan.data.arrays import load_arrays
from minigan.data.batch import Batch
from minigan.data.batches import Batches
from minigan.data.dataset import ArrayDataset, DataInfo, Dataset, ImageDataset, UnpairedDataset
from minigan.data.digits import load_paired_digits, load_stacked_digits
from minigan.data.errors import DataError
from minigan.data.idx import load_idx_folder, read_idx
from minigan.data.images import load_images
from minigan.data.loader import Loader
from minigan.data.loading import is_name, load
from minigan.data.mnist import load_mnist
from minigan.data.points import PointsDataset, load_points
from minigan.data.prefetch import prefetch
from minigan.renamed import renamed_in

__all__ = [
    "ArrayDataset", "Batch", "Batches", "DataError", "DataInfo", "Dataset", "ImageDataset", "Loader",
    "PointsDataset", "UnpairedDataset", "is_name", "load", "load_arrays", "load_idx_folder", "load_images",
    "load_mnist", "load_paired_digits", "load_points", "load_stacked_digits", "prefetch", "read_idx",
]  # fmt: skip

__getattr__ = renamed_in(__name__)  # names of earlier versions

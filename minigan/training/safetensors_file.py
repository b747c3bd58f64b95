"""Any safetensors file: its arrays, and the texts in its header."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minigan.backend import Array
from minigan.files import open_file
from minigan.training.errors import CheckpointError

READ = {"BF16", "F16", "F32", "F64", "I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "BOOL"}
PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".tar")  # suffixes that people give to what torch.save wrote
PICKLED = "what torch.save writes could run any program when it is read; safetensors.torch.save_file writes one"


@dataclass
class SafetensorsFile:
    """What a file holds. header: its texts. widened: the names of arrays of bfloat16, which NumPy lacks: they are read
    as float32, which holds each of their values."""

    arrays: dict[str, Array]
    header: dict[str, str]
    widened: frozenset[str]

    @property
    def has_halves(self) -> bool:
        """Whether it has 16-bit numbers."""
        return bool(self.widened) or any(array.dtype == np.float16 for array in self.arrays.values())


def read_safetensors(path: Path) -> SafetensorsFile:
    """Read a file. Raises CheckpointError, one sentence that names it."""
    from safetensors import safe_open

    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            dtypes = {name: file.get_slice(name).get_dtype() for name in file.keys()}
            strange = sorted(set(dtypes.values()) - READ)
            if strange:
                raise CheckpointError(
                    f"{path} holds numbers of {', '.join(strange)}, which are not read: BF16, F16, F32 or F64 needed"
                )
            widened = frozenset(name for name, dtype in dtypes.items() if dtype == "BF16")
            arrays = {name: file.get_tensor(name) for name in dtypes if name not in widened}
            header = file.metadata() or {}
        return SafetensorsFile(arrays | _bfloat16(path, widened), header, widened)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"the checkpoint {path} cannot be read ({error.strerror or error})") from None
    except Exception as error:  # a damaged header makes the reader raise nearly anything
        hint = f": {PICKLED}" if path.suffix.lower() in PICKLES else ""
        raise CheckpointError(f"{path} is damaged or not a safetensors file ({error}){hint}") from None


def _bfloat16(path: Path, names: frozenset[str]) -> dict[str, Array]:
    """These arrays of bfloat16: the upper halves of float32 numbers. The file was checked before."""
    found: dict[str, Array] = {}
    if not names:
        return found
    with open_file(path) as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(start - 8))
        for name in names:
            begin, end = entries[name]["data_offsets"]
            file.seek(start + begin)
            halves = np.frombuffer(file.read(end - begin), "<u2").astype(np.uint32)
            found[name] = (halves << 16).view(np.float32).reshape(entries[name]["shape"])
    return found

"""The trained GAN that comes with minigan: a `small28`, as `python -m minigan.training.train_example` has made it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from minigan.files import read_file
from minigan.training.errors import CheckpointError

MODEL = "small28"
EPOCHS, STEPS = 4, 3752  # that it was trained for
WEIGHTS = Path(__file__).parent / "example.safetensors"
SHA256 = "bdd6ec7fb5c0a5b6786a6fce8dd2b093c571aed12e1be1bc2907d093a230fb8c"


def example_weights(path: Path = WEIGHTS) -> Path:
    """The file of its weights, for `--init-from`. Raises CheckpointError if it is missing or altered."""
    try:
        found = hashlib.sha256(read_file(path)).hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}); reinstall minigan") from None
    if found != SHA256:
        raise CheckpointError(f"{path}: altered: SHA-256 {found} found, {SHA256} needed; reinstall minigan")
    return path

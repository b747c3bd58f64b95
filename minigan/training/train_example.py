"""Trains the small GAN that comes with minigan, and writes its weights, the averaged ones of G, as float16.

    python -m minigan.training.train_example --out example.safetensors

The run is an ordinary one; --from takes what an earlier one has left. The weights are the same to the bit for one
machine and one number of BLAS threads.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

from minigan.backend import Array
from minigan.training.atomic import write_atomically
from minigan.training.checkpoint import read_weights
from minigan.training.config import Config
from minigan.training.example import EPOCHS, MODEL
from minigan.training.session import start


def main(argv: list[str] | None = None) -> int:
    """Train, write the weights, and say what belongs into `example.py`."""
    from safetensors.numpy import save

    parser = argparse.ArgumentParser(prog="python -m minigan.training.train_example")
    parser.add_argument("--out", type=Path, required=True, help="where the weights go")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the run goes (default: runs)")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--from", dest="checkpoint", type=Path, help="a checkpoint of such a run, instead of training")
    args = parser.parse_args(argv)
    if args.checkpoint is None:
        run = start(Config.for_model(MODEL, epochs=args.epochs, evaluate_every=0, device="cpu"), args.runs)
        run.train()
        args.checkpoint = run.run_dir.path / "ckpt" / "last.safetensors"
    raw = save(packed(read_weights(args.checkpoint).arrays))
    write_atomically(args.out, raw)
    print(f'{args.out}: {len(raw):,} bytes\nSHA256 = "{hashlib.sha256(raw).hexdigest()}"')
    return 0


def packed(arrays: dict[str, Array]) -> dict[str, Array]:
    """A checkpoint's networks, G by its averaged weights, as float16, matrices rounded to 6 significant bits, which
    packs them smaller. Whole numbers stay as they are."""
    networks = {name: array for name, array in arrays.items() if name.startswith(("G_ema.", "D."))}
    halves = {
        name.replace("G_ema.", "G."): coarse(array.astype("float16")) if array.dtype.kind == "f" else array
        for name, array in networks.items()
    }
    return {name: np.asarray(array, order="C") for name, array in sorted(halves.items())}


def coarse(array: Array) -> Array:
    """Matrices of float16 numbers whose last 5 of 10 bits of mantissa are 0, by rounding; vectors as they are."""
    if array.ndim < 2:
        return array
    bits = np.ascontiguousarray(array).view("uint16").astype("uint32") + 0b10000
    return (bits & ~np.uint32(0b11111)).astype("uint16").view("float16")


if __name__ == "__main__":
    raise SystemExit(main())

"""Trains the digit classifier that scores stand on, and writes its weights.

    python -m minigan.metrics.train_digits --out digits.safetensors

No choice is made by the test digits: they are looked at once, at the end. The weights are the same to the bit for one
seed, one machine and one number of BLAS threads.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

import numpy as np

from minigan.data.mnist import load_mnist
from minigan.metrics.digit_training import BATCH, confusion, train_digit_network

STEPS = 3752  # 8 epochs of 60,000 digits


def main(argv: list[str] | None = None) -> int:
    """Train, write the weights, and say what belongs into `digits.py`."""
    from safetensors.numpy import save

    parser = argparse.ArgumentParser(prog="python -m minigan.metrics.train_digits", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="where the weights go")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"each of {BATCH} digits")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    train, test = (load_mnist(split)[:] for split in ("train", "test"))
    start = time.perf_counter()
    network = train_digit_network(train.x, train.y, args.steps, args.seed)
    seconds = time.perf_counter() - start
    raw = save({name: np.asarray(array, order="C") for name, array in network.state_dict().items()})
    args.out.write_bytes(raw)
    counts = confusion(network, test.x, test.y)
    accuracy = counts.trace() / counts.sum()
    print(f"{args.steps} steps in {seconds:.0f} s; digits by row, what they are called by column:\n{counts}")
    print(
        f'{args.out}: {len(raw):,} bytes\nSHA256 = "{hashlib.sha256(raw).hexdigest()}"\nTEST_ACCURACY = {accuracy:.4f}'
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

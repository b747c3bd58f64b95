"""How sure the package's digit classifier is of a run's samples, beside real digits: the figures in the README.

    python tests/benchmarks/confidence.py runs/00000-quick28-mnist-s0/ckpt/last.safetensors

A share of sure answers means little without the classifier's own sharpness. So two are printed: for how many it is more
than 0.9 sure, and for how many as sure as for 96 % of the real test digits. Like any softmax it has only ten answers,
and may be sure of what is no digit: read the shares beside that of the rarest digit, and look at the images.
"""

from __future__ import annotations

import argparse

import numpy as np

from minigan.data import load_mnist
from minigan.metrics import digit_probabilities
from minigan.training.sampling import load_algorithm


def described(images: np.ndarray, threshold: float) -> str:
    """The shares of images, and how often each digit is seen in them."""
    p = digit_probabilities(images)
    sure, counts = p.max(1), np.bincount(p.argmax(1), minlength=10)
    shares = f"{(sure > 0.9).mean():.1%} above 0.9, {(sure > threshold).mean():.1%} above {threshold:.3f}"
    return f"{len(images):,} images: {shares}; rarest digit {counts.min() / len(images):.1%} of {counts.tolist()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("-n", type=int, default=5000, help="samples to draw")
    args = parser.parse_args()
    algorithm, _ = load_algorithm(args.checkpoint, "cpu")
    real = load_mnist("test")[:].x
    threshold = float(np.quantile(digit_probabilities(real).max(1), 0.04))
    print("real    ", described(real, threshold))
    print("samples ", described(algorithm.generate(args.n), threshold))


if __name__ == "__main__":
    main()

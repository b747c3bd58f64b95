"""How the digit classifier learns: cross-entropy, digits shifted at random, Adam with a falling learning rate."""

from __future__ import annotations

import math

import numpy as np

from minigan import functions as F
from minigan import optim
from minigan.autograd import Tensor
from minigan.backend import drawing_from
from minigan.metrics.digits import CLASSES, DigitClassifier, DigitNetwork, new_network

BATCH = 128


def train_digit_network(images: np.ndarray, labels: np.ndarray, steps: int, seed: int = 0) -> DigitNetwork:
    """A DigitNetwork trained on digits (N, 1, 28, 28) in [−1, 1] and their labels (N) for so many steps of 128, in
    shuffled order, again and again. Each digit is shifted by up to 2 pixels each time; Adam's learning rate falls from
    0.002 to 0 as half a cosine."""
    rng = np.random.default_rng(seed)
    network = new_network(rng)
    optimizer = optim.Adam(network.parameters(), 2e-3)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    epochs = math.ceil(steps * BATCH / len(images))
    order = np.concatenate([rng.permutation(len(images)) for _ in range(epochs)])
    with drawing_from(rng):  # dropout
        for k in range(steps):
            rows = order[k * BATCH : (k + 1) * BATCH]
            x = Tensor(shifted(images[rows], rng), device="cpu")
            optimizer.zero_grad()
            F.cross_entropy(network(x), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    return network


def shifted(images: np.ndarray, rng: np.random.Generator, reach: int = 2) -> np.ndarray:
    """Each image moved by whole pixels, up to `reach` each way, drawn for each by itself; what moves in is black."""
    n, _, h, w = images.shape
    canvas = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)), constant_values=-1)
    down, right = rng.integers(0, 2 * reach + 1, (2, n))
    rows, columns = down[:, None] + np.arange(h), right[:, None] + np.arange(w)
    return canvas[np.arange(n)[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def confusion(network: DigitNetwork, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How often a digit (row) is called another (column), (10, 10)."""
    found = DigitClassifier(network).probabilities(images).argmax(1)
    return np.bincount(labels * CLASSES + found, minlength=CLASSES**2).reshape(CLASSES, CLASSES)

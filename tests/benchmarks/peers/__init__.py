"""The same GANs in other frameworks, written by us to be compared with: values and speed.

Each module holds one architecture, and

    make_step(batch, ...) -> step      step() does one full training step and returns (loss_d, loss_g)

on data prepared in memory, with the noise drawn inside the step as the tutorials do. The losses
come back as the framework's own scalars: nothing waits for a GPU to finish. `step.generator` and
`step.discriminator` are the networks. The PyTorch modules also have `build(g_weights, d_weights)`,
which takes NumPy arrays by name, and `train_step(...)`, which takes everything from the caller, so
that a test can compare value by value. Importing a module needs its framework and does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def image_batches(
    images: np.ndarray | None, batch: int, shape: tuple[int, int, int], seed: int
) -> Iterator[np.ndarray]:
    """Endless batches (batch, C, H, W), reshuffled every epoch, whole batches only.

    Without `images`, four batches of uniform noise in [-1, 1) are repeated.
    """
    rng = np.random.default_rng(seed)
    if images is None:
        images = rng.random((4 * batch, *shape), dtype=np.float32) * 2 - 1
    if images.shape[1:] != shape or len(images) < batch:
        raise ValueError(f"need at least {batch} images of shape {shape}, got {images.shape}")
    while True:
        order = rng.permutation(len(images))
        for start in range(0, len(images) - batch + 1, batch):
            yield images[order[start : start + batch]]

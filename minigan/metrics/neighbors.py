"""Does a generator copy? The nearest training sample of each sample, and how often it is nearer than by chance."""

from __future__ import annotations

import numpy as np

from minigan.metrics.distances import nearest
from minigan.metrics.points import point_sets


def nearest_training(samples: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(index, distance), both (N,): argminⱼ ‖sᵢ − tⱼ‖ and minⱼ ‖sᵢ − tⱼ‖ of samples (N, …) and training (M, …)
    Look at these pairs. Of pixels, a copy that is shifted by one pixel is as far away as any sample; of the digit
    classifier's features, its original is still the nearest for most, if not near (lesson 18)."""
    samples, training = point_sets("nearest_training", samples=samples, training=training)
    return nearest(samples, training)


def copied_share(samples: np.ndarray, training: np.ndarray, held_out: np.ndarray, level: float = 0.01) -> float:
    """Share of samples not farther from the training set than the nearest `level` of held-out real samples are
    samples (N, …), training (M, …), held_out (H, …): real samples that were not trained on, H ≥ 1/level. It is the
    share below d₍ⱼ₎, the j-th smallest distance of a held-out sample to its nearest training sample,
    j = ⌊level·(H + 1)⌋. Samples as good as new real ones give j/(H + 1), about `level`, on average; copies of training
    samples give 1; samples far from all data 0, which is not praise. If the data hold doubles, d₍ⱼ₎ may be 0: choose a
    level above their share. After Meehan, Chaudhuri and Dasgupta, 2020."""
    samples, training, held_out = point_sets("copied_share", samples=samples, training=training, held_out=held_out)
    j = int(level * (len(held_out) + 1) + 1e-9)  # .01·100 is 1
    if not 1 <= j <= len(held_out):
        raise ValueError(
            f"copied_share: {len(held_out)} held-out samples cannot give the level {level:g}; take a level "
            f"between {1 / len(held_out):.2g} and 1"
        )
    threshold = np.sort(nearest(held_out, training)[1])[j - 1]
    return float((nearest(samples, training)[1] <= threshold).mean())

"""What attention does: pairs of digits that must match, drawn with and without it.

    python tests/benchmarks/paired_digits.py --judge judge.safetensors --minutes 10

Of `paired-digits` SAGAN learns images of two digits of one class, 28 pixels apart, and is told no label. D's kernels
reach 18 pixels, and their maps are summed over all places: without attention no feature of D depends on both digits, so
nothing tells it that they must match. Both variants begin from the same weights and see the same batches and noise; the
one without has nothing where the other has its two attentions. The judge (`judge.py`, which says how to make one; it
needs PyTorch) then names each half. Beside the share of pairs that match stands what chance would give, for
the digits that each half shows, and the share of real test pairs that the judge calls matching.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import minigan as mg
from minigan import nn
from minigan.algorithms import GAN
from minigan.data import ImageDataset, Loader, load
from minigan.models import sagan28
from minigan.options import options_of
from minigan.training import images
from minigan.training.ema import averaged_copy, update_average

SAMPLES = 2000


def gan(attention: bool, seed: int) -> GAN:
    """SAGAN for 28×56 images of one class."""
    mg.manual_seed(seed)
    G, D = sagan28.Generator(1, 1, width=56), sagan28.Discriminator(1, 1)
    if not attention:
        G.attention = nn.Identity()
        setattr(D.features, "2", nn.Identity())
    choices = {name: value for name, value in sagan28.DEFAULTS.items() if name in options_of(GAN)}
    made = GAN(model="sagan28", **choices).use(G.named("G"), D.named("D"))
    made.seed = seed
    return made


def train(attention: bool, data: ImageDataset, batch_size: int, minutes: float, steps: int | None, seed: int) -> GAN:
    """Train for so many steps, or else minutes; with G's averaged weights in its place."""
    made = gan(attention, seed)
    batches, G = iter(Loader(data, batch_size, seed=seed, names=made.reads)), made.networks["G"]
    average, begin, made.steps = averaged_copy(G), time.perf_counter(), 0
    while made.steps < steps if steps else time.perf_counter() - begin < 60 * minutes:
        figures = made(batches)
        made.steps += 1
        update_average(average, G, min(sagan28.DEFAULTS["ema_decay"], made.steps / (9 + made.steps)))
        if made.steps % 50 == 0:
            shown = "  ".join(f"{name} {value.item():.3f}" for name, value in figures.items())
            print(f"  step {made.steps}, {time.perf_counter() - begin:.0f} s: {shown}", flush=True)
    made.seconds = time.perf_counter() - begin
    made.networks["G"] = average
    return made


def matching(pairs: np.ndarray, judge) -> dict[str, float]:
    """Of pairs (N, 1, 28, 56): the share whose halves the judge calls the same digit; the share by chance, if the
    halves came together at random; and the first again, of those pairs whose both halves it is sure of (above 0.9)."""
    from judge import CLASSES, SURE, probabilities

    p = np.stack([probabilities(pairs[..., half], judge.network) for half in (slice(0, 28), slice(28, 56))])
    left, right = p.argmax(axis=2)
    sure = (p.max(axis=2) > SURE).all(axis=0)
    q = [np.bincount(found, minlength=CLASSES) / len(found) for found in (left, right)]
    of_sure = float((left == right)[sure].mean()) if sure.any() else float("nan")
    return {"matching": float((left == right).mean()), "by_chance": float(q[0] @ q[1]), "of_sure": of_sure,
            "sure": float(sure.mean())}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Pairs of digits that must match, with and without attention.")
    parser.add_argument("--judge", type=Path, required=True, help="the judge's weights: see judge.py")
    parser.add_argument("--minutes", type=float, default=10, help="of each variant (default: 10)")
    parser.add_argument("--steps", type=int, help="in place of minutes: the same for both")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("."), help="where the grids go")
    options = parser.parse_args()
    from judge import load as load_judge

    judge, data = load_judge(options.judge), load("paired-digits")
    data = ImageDataset(data.images, np.zeros(len(data), np.int64), data.name, data.source)  # told no label
    real = load("paired-digits", split="test").images[:SAMPLES]
    print(json.dumps({"real": matching(real, judge)}), flush=True)
    steps = options.steps
    for attention in (True, False):
        name = "with attention" if attention else "without"
        made = train(attention, data, options.batch_size, options.minutes, steps, options.seed)
        drawn = made.generate(SAMPLES, options.seed)
        images.save_png(options.out / f"pairs-{name.replace(' ', '-')}.png", images.grid(drawn[:64]))
        of_run = {"steps": made.steps, "seconds": round(made.seconds, 1)}
        print(json.dumps({name: of_run | matching(images.to_bytes(drawn), judge)}), flush=True)
        steps = steps or made.steps


if __name__ == "__main__":
    main()

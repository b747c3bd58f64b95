"""A separate digit classifier that judges generated digits. It shares no code with minigan.

    python tests/benchmarks/judge.py train --out judge.safetensors
    python tests/benchmarks/judge.py real  --weights judge.safetensors
    python tests/benchmarks/judge.py score --weights judge.safetensors samples.npz

`samples.npz` holds one array, `images`: (N, 1, 28, 28), uint8, or float in [-1, 1].

The judge is a small convolutional network with a plain softmax (no temperature, no ensembling),
trained on MNIST's 60,000 training digits with light augmentation for a fixed number of epochs; the
test digits are looked at once, at the end. Two shares are reported, because a share means little
without the judge's own sharpness:

- `confident`: the share of images whose largest probability exceeds 0.9;
- `confident_96`: the same with the threshold at which exactly 96 % of the real test digits pass
  (kept in the weights file). A judge that is very sure of real digits is also easily sure of
  false ones; this number cannot be raised by a sharper judge, and two judges can be compared by it.

Neither share means anything alone: like any softmax classifier this one has only ten answers, and
calls uniform noise a digit with full certainty. Read it beside `class_entropy` (log 10 = 2.30
where all digits come equally often) and look at the images.

Needs PyTorch and safetensors.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

MNIST = Path(__file__).resolve().parents[2] / "minigan" / "data" / "mnist"
CLASSES = 10
SURE = 0.9
REAL_SHARE = 0.96


class DigitNet(nn.Module):
    """Three convolutions and two dense layers. (N, 1, 28, 28) in [0, 1] -> logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(128)
        self.dense1 = nn.Linear(128 * 3 * 3, 128)
        self.drop = nn.Dropout(0.4)
        self.dense2 = nn.Linear(128, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x - 0.1307)), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        x = F.max_pool2d(F.relu(self.norm3(self.conv3(x))), 2)
        x = F.relu(self.dense1(x.flatten(1)))
        return self.dense2(self.drop(x))


@dataclass
class Judge:
    """A trained network and what is known of it."""

    network: DigitNet
    threshold_96: float
    test_accuracy: float


# ------------------------------------------------------------------------------------------- data
def read_idx(path: Path) -> np.ndarray:
    """One gzipped IDX file: magic 00 00 08 ndim, then ndim big-endian uint32 sizes, then bytes."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    shape = np.frombuffer(raw, ">u4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def mnist(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 28, 28) uint8 and labels (N,) of `split`, "train" or "t10k"."""
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz")
    return images[:, None], read_idx(folder / f"{split}-labels-idx1-ubyte.gz")


def to_unit(images: np.ndarray) -> torch.Tensor:
    """uint8, or float in [-1, 1], of shape (N, 1, 28, 28) -> float32 tensor in [0, 1]."""
    if images.ndim != 4 or images.shape[1:] != (1, 28, 28):
        raise ValueError(f"images must have shape (N, 1, 28, 28), not {images.shape}")
    if images.dtype == np.uint8:
        return torch.from_numpy(images.astype(np.float32) / 255)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(f"images must be uint8 or floating, not {images.dtype}")
    low, high = float(images.min()), float(images.max())
    if not (-1.001 <= low < 0 and high <= 1.001):
        raise ValueError(f"float images must lie in [-1, 1] with a dark background; these span [{low}, {high}]")
    return torch.from_numpy((images.astype(np.float32) + 1) / 2).clamp(0, 1)


# --------------------------------------------------------------------------------------- training
def augment(x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Rotate by up to 10 degrees, scale by up to 10 %, shift by up to 2 pixels: one draw an image."""
    n = len(x)
    u = torch.rand((n, 4), generator=rng) * 2 - 1
    angle, scale, shift = u[:, 0] * math.radians(10), 1 + 0.1 * u[:, 1], u[:, 2:] * (2 / 14)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.stack([cos, -sin, shift[:, 0], sin, cos, shift[:, 1]], dim=1).reshape(n, 2, 3)
    return F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)


def train(folder: Path, epochs: int, seed: int) -> DigitNet:
    """Cross-entropy, AdamW with a one-cycle learning rate; no choice is made on the test digits."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    images, labels = mnist(folder, "train")
    x, t = to_unit(images), torch.from_numpy(labels.astype(np.int64))
    network, batch = DigitNet().to(memory_format=torch.channels_last), 128
    steps = len(x) // batch
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=epochs * steps)
    start = time.perf_counter()
    for epoch in range(epochs):
        network.train()
        order = torch.randperm(len(x), generator=rng)
        total = 0.0
        for rows in order[: steps * batch].split(batch):
            loss = F.cross_entropy(network(augment(x[rows], rng)), t[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1}/{epochs}  loss {total / steps:.4f}  {seconds:.0f} s", flush=True)
    return network.eval()


# ---------------------------------------------------------------------------------------- judging
@torch.no_grad()
def probabilities(images: np.ndarray, network: DigitNet) -> np.ndarray:
    """Softmax probabilities (N, 10) in float64."""
    network.eval()
    chunks = [network(part).double().softmax(dim=1) for part in to_unit(images).split(1000)]
    return torch.cat(chunks).numpy()


def score(images: np.ndarray, judge: Judge) -> dict[str, Any]:
    """What the judge says of `images`, (N, 1, 28, 28), uint8 or float in [-1, 1].

    confident        share with max_c p(c|x) > 0.9
    confident_96     share above the threshold that 96 % of the real test digits exceed
    classes          N_c, c = argmax p(c|x), over all images
    classes_sure     the same over the confident images only
    class_entropy    -sum_c q_c log q_c of the mean prediction q = mean_x p(.|x); at most log 10 = 2.303
    mean_entropy     mean_x -sum_c p log p: 0 where every image is an unmistakable digit
    digit_score      exp(class_entropy - mean_entropy), from 1 to 10
    """
    p = probabilities(images, judge.network)
    best, top = p.argmax(1), p.max(1)
    sure = top > SURE
    q = p.mean(0)
    class_entropy, mean_entropy = -_plogp(q).sum(), -_plogp(p).sum(1).mean()
    return {
        "n": len(p),
        "confident": float(sure.mean()),
        "confident_96": float((top > judge.threshold_96).mean()),
        "threshold_96": judge.threshold_96,
        "classes": np.bincount(best, minlength=CLASSES).tolist(),
        "classes_sure": np.bincount(best[sure], minlength=CLASSES).tolist(),
        "class_entropy": float(class_entropy),
        "mean_entropy": float(mean_entropy),
        "digit_score": float(np.exp(class_entropy - mean_entropy)),
    }


def _plogp(p: np.ndarray) -> np.ndarray:
    return p * np.log(np.maximum(p, 1e-300))


def appraise(network: DigitNet, folder: Path) -> Judge:
    """Accuracy on the real test digits, and the threshold that 96 % of them exceed."""
    images, labels = mnist(folder, "t10k")
    p = probabilities(images, network)
    threshold = float(np.quantile(p.max(1), 1 - REAL_SHARE))
    return Judge(network, threshold, float((p.argmax(1) == labels).mean()))


def save(judge: Judge, path: Path) -> None:
    """The weights, with the threshold and the accuracy in the file's metadata."""
    state = {k: v.contiguous() for k, v in judge.network.state_dict().items()}
    facts = {"threshold_96": repr(judge.threshold_96), "test_accuracy": repr(judge.test_accuracy)}
    save_file(state, str(path), metadata=facts)


def load(path: str | Path) -> Judge:
    """The judge that `save` wrote."""
    with safe_open(str(path), framework="pt") as file:
        facts = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}
    network = DigitNet()
    network.load_state_dict(state)
    return Judge(network.eval(), float(facts["threshold_96"]), float(facts["test_accuracy"]))


# ----------------------------------------------------------------------------------- command line
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A separate classifier that judges generated digits.")
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("train", help="train the judge and write its weights")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=6)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--data", type=Path, default=MNIST, help="folder of the four gzipped IDX files")
    p = commands.add_parser("real", help="score the real test digits")
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--data", type=Path, default=MNIST)
    p = commands.add_parser("score", help="score the `images` of an npz file")
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("samples", type=Path)
    args = parser.parse_args(argv)

    if args.command == "train":
        judge = appraise(train(args.data, args.epochs, args.seed), args.data)
        save(judge, args.out)
        images = mnist(args.data, "t10k")[0]
    elif args.command == "real":
        judge, images = load(args.weights), mnist(args.data, "t10k")[0]
    else:
        judge = load(args.weights)
        with np.load(args.samples) as file:
            images = file["images"]
    print(json.dumps({"test_accuracy": judge.test_accuracy, **score(images, judge)}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

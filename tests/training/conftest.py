"""Models of a few hundred weights with all that a checkpoint must hold (BatchNorm, dropout), and data for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minigan import backend, nn
from minigan import functions as F
from minigan.models import MODELS
from minigan.training import Config, Trainer, images, resume, start
from minigan.training.callbacks import Stats
from minigan.training.checkpoint import load_checkpoint

IMAGES, BATCH = 70, 16  # 5 batches an epoch, the last of 6 images
CLASSES = 3


class Generator(nn.Sequential):
    z_dim = 4
    image_size = 8

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            nn.Dense(4, 32), nn.BatchNorm(32), nn.ReLU(), nn.Reshape(2, 4, 4),
            nn.ConvTranspose2d(2, channels, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip


class Discriminator(nn.Sequential):
    image_size = 8

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels, 3, 4, 2, 1), nn.BatchNorm(3), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Flatten(), nn.Dense(48, 1),
        )  # fmt: skip


class LabelledGenerator(nn.Module):
    z_dim, image_size, conditional = 4, 8, True

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.classes, self.label, self.main = classes, nn.Embedding(classes, 4), Generator(channels)

    def forward(self, z, y):
        return self.main(z + self.label(y))


class LabelledDiscriminator(nn.Module):
    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.label, self.main = nn.Embedding(classes, 64), Discriminator(channels)

    def forward(self, x, y):
        return self.main(x + F.reshape(self.label(y), (-1, 1, 8, 8)))


class Critic(nn.Sequential):
    """Without BatchNorm, as a gradient penalty needs it."""

    image_size = 8

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels, 3, 4, 2, 1), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Flatten(), nn.Dense(48, 1)
        )


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models "tiny", "tiny-labelled" and "tiny-critic", and no time spent on drawing curves."""
    for name, G, D in (
        ("tiny", Generator, Discriminator),
        ("tiny-labelled", LabelledGenerator, LabelledDiscriminator),
        ("tiny-critic", Generator, Critic),
    ):
        monkeypatch.setitem(MODELS, name, SimpleNamespace(Generator=G, Discriminator=D, DEFAULTS={}))
    monkeypatch.setattr(images, "save_curves", lambda path, stats, labels: path.write_bytes(b"curves"))


@pytest.fixture
def data(tmp_path: Path) -> Callable[..., str]:
    """data(n, size): the path of a file of random images, with labels."""

    def make(n: int = IMAGES, size: int = 8, name: str = "noise8") -> str:
        path = tmp_path / f"{name}.npz"
        rng = np.random.default_rng([n, size])
        images = rng.integers(0, 256, (n, size, size), dtype=np.uint8)
        np.savez(path, images=images, labels=rng.integers(0, CLASSES, n))
        return str(path)

    return make


@pytest.fixture
def begin(tmp_path: Path, data: Callable[..., str]) -> Callable[..., Trainer]:
    """begin(epochs, runs, images, **choices): a new run of the tiny model."""

    def make(
        epochs: int = 2,
        runs: str = "runs",
        images: int = IMAGES,
        detect_anomaly: bool = False,
        trace_every: int = 0,
        **choices: Any,
    ) -> Trainer:
        defaults = {"model": "tiny", "batch_size": BATCH, "ema_decay": 0.9, "grid": 4, "lr_G": 0.01, "lr_D": 0.01}
        defaults["device"] = str(backend.get_default_device())  # that of the tests, whatever else there is
        choices = defaults | choices
        size = MODELS[choices["model"]].Generator.image_size
        choices.setdefault("data", data(images, size, name=f"noise{size}"))
        config = Config.for_model(epochs=epochs, **choices)
        return start(config, tmp_path / runs, detect_anomaly=detect_anomaly, trace_every=trace_every)

    return make


@pytest.fixture
def go_on() -> Callable[..., Trainer]:
    """go_on(run or folder, **changes): train on from its last checkpoint, in a fresh Trainer."""

    def make(where: Any, **changes: Any) -> Trainer:
        folder = where.run_dir.path if isinstance(where, Trainer) else where
        run = resume(folder / "ckpt" / "last.safetensors", **changes)
        run.train()
        return run

    return make


@pytest.fixture
def left_by() -> Callable[..., dict[str, Any]]:
    """left_by(run): all that a run leaves on the disk, but for the time it took; to be compared."""

    def collect(where: Any) -> dict[str, Any]:
        folder = where.run_dir.path if isinstance(where, Trainer) else where
        checkpoint = load_checkpoint(folder / "ckpt" / "last.safetensors")
        lines = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
        some = [path for name in ("samples.gif",) if (path := folder / name).exists()]
        return {
            **{name: (a.dtype, a.shape, a.tobytes()) for name, a in checkpoint.arrays.items()},
            **{name: value for name, value in checkpoint.progress.items() if name != "seconds"},
            "config": checkpoint.config,
            "config.json": (folder / "config.json").read_text(),
            "stats": [{name: value for name, value in line.items() if name != "seconds"} for line in lines],
            **{p.name: p.read_bytes() for p in [*(folder / "samples").iterdir(), *some]},
        }

    return collect


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """at_step(n, action): call `action(trainer)` once, right after step n of whatever run comes next."""

    def plan(n: int, action: Callable[[Trainer], object]) -> None:
        added_up = Stats.on_step

        def on_step(self: Stats, trainer: Trainer, figures: Any) -> None:
            added_up(self, trainer, figures)
            if trainer.step == n:
                monkeypatch.setattr(Stats, "on_step", added_up)
                action(trainer)

        monkeypatch.setattr(Stats, "on_step", on_step)

    return plan

"""What the processes of test_data_parallel.py do: `mpiexec -n 2 python together.py SCENARIO …`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from own_algorithms import BEGAN, InfoGAN, Joined

from minigan import backend, cli, nn
from minigan.algorithms import GAN, GMMN, Algorithm, SimultaneousGAN
from minigan.backend.distributed import SINGLE_PROCESS, ProcessGroup
from minigan.data import ArrayDataset, Batch, Loader
from minigan.models import MODELS
from minigan.training import Trainer, images, launch
from minigan.training.callbacks import samples

SIZE, Z = 8, 4


# No bias before a BatchNorm: its gradient is 0, so that rounding alone would be compared.
class Generator(nn.Sequential):
    z_dim = Z
    image_size = SIZE

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            nn.Dense(Z, 32, bias=False), nn.BatchNorm(32), nn.ReLU(), nn.Reshape(2, 4, 4),
            nn.BatchNorm(2), nn.LeakyReLU(0.2), nn.ConvTranspose2d(2, channels, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip


class Discriminator(nn.Sequential):
    image_size = SIZE

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels, 3, 4, 2, 1, bias=False), nn.BatchNorm(3), nn.LeakyReLU(0.2), nn.Dropout(0.3),
            nn.Flatten(), nn.Dense(48, 6), nn.Dropout(0.2), nn.Dense(6, 1),
        )  # fmt: skip


class Critic(nn.Sequential):
    image_size = SIZE

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels, 3, 4, 2, 1), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Flatten(), nn.Dense(48, 1)
        )


class Score(nn.Sequential):
    """Of a relativistic loss, which no bias of the last layer changes."""

    image_size = SIZE

    def __init__(self, channels: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels, 3, 4, 2, 1), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Flatten(),
            nn.Dense(48, 1, bias=False),
        )  # fmt: skip


MODELS["tiny"] = SimpleNamespace(Generator=Generator, Discriminator=Discriminator, DEFAULTS={})
MODELS["score"] = SimpleNamespace(Generator=Generator, Discriminator=Score, DEFAULTS={})
MODELS["critic"] = SimpleNamespace(Generator=Generator, Discriminator=Critic, DEFAULTS={})

RATES = {"lr_G": 0.01, "lr_D": 0.01, "betas": (0.9, 0.999)}
WGAN_GP = {"objective": "wasserstein", "penalties": ("gradient",), "n_critic": 2}
ALGORITHMS: dict[str, Callable[[], Algorithm]] = {
    "gan": partial(GAN, model="tiny", **RATES),
    "simultaneous-gan": partial(SimultaneousGAN, model="tiny", **RATES),
    "wgan-gp": partial(GAN, model="critic", **RATES, **WGAN_GP),
    "pac": partial(GAN, model="critic", **RATES, **WGAN_GP, pac=2),
    "relativistic": partial(GAN, model="score", **RATES, objective="relativistic-average"),
    "gmmn": partial(GMMN, lr=0.01),
    "began": BEGAN,
    "infogan": InfoGAN,
    "joined": Joined,
}


# --- steps of an algorithm -------------------------------------------------------------------------


def steps(folder: str, name: str, dtype: str, batch: str, count: str, sync: str) -> int:
    """Steps on random images, taken alone, by all together, and by turns; what they left is in alone.npz and so on."""
    group, n = launch.join(), int(count)
    by_turns = [(SINGLE_PROCESS, n // 3), (group, n // 3), (SINGLE_PROCESS, n - n // 3 * 2)]
    spans = {"together": [(group, n)], "turns": by_turns}
    if group.is_main:
        spans = {"alone": [(SINGLE_PROCESS, n)]} | spans
    for who, parts in spans.items():
        state, figures = None, []
        for workers, k in parts:
            if workers is group or group.is_main:
                state, own = _taken(workers, state, k, name, dtype, int(batch), sync == "sync")
                figures += own
            if who == "turns":
                state = group.broadcast(lambda state=state: state)
        if group.is_main:
            np.savez(Path(folder) / f"{who}.npz", figures=np.array(figures), **state)
    return 0


def _taken(
    group: ProcessGroup, state: dict | None, count: int, name: str, dtype: str, batch_size: int, sync: bool
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The state after some more steps, and their figures."""
    n = 2 * batch_size + batch_size // 2  # of every three batches the last has half as many images
    x = np.random.default_rng(1).uniform(-1, 1, (n, 1, SIZE, SIZE)).astype(dtype)
    data = ArrayDataset({"x": x}, "noise", "noise")
    algorithm = ALGORITHMS[name]().build(data.info, 0, backend.CPU, dtype, group, sync)
    loader, figures = Loader(data, batch_size, names=algorithm.reads, process_group=group), []
    if state is not None:
        algorithm.load_state_dict(state)
        loader.load_state_dict(state)
    batches = iter(loader)
    for _ in range(count):
        found = algorithm(batches)
        norms = [i for i, figure in enumerate(found) if figure.endswith("_norm")]
        row = np.array([[value.item() for value in found.values()]])
        figures.append(group.average_figures(row, [group.batch_fraction], norms)[0])
    state = algorithm.state_dict() | loader.state_dict()
    for key, value in state.items():
        if sync or key.startswith("streams."):
            group.check_equal({key: value if isinstance(value, str) else np.copy(value).tobytes()})
    return state, figures


# --- minigan train ---------------------------------------------------------------------------------


def train(*arguments: str) -> int:
    """`minigan train`, without time spent on curves."""
    images.save_curves = lambda path, stats, labels: path.write_bytes(b"curves")
    return cli.main(["train", *arguments])


def slow_pictures(*arguments: str) -> int:
    """The first process is long at drawing when all have stopped."""
    samples.Pictures.on_stop = lambda *what: time.sleep(launch.TIMEOUT + 1)
    return train(*arguments)


def one_fails(*arguments: str) -> int:
    """Process 1 fails in its third step, and no other knows."""
    take_step = Trainer.take_step

    def fail(trainer: Trainer) -> Any:
        if trainer.step == 2 and trainer.process_group.rank == 1:
            raise OSError("a cable came loose")
        return take_step(trainer)

    Trainer.take_step = fail
    return train(*arguments)


def one_spoilt(*arguments: str) -> int:
    """Process 1 meets NaN in its third step's images."""
    whole = Loader.__iter__

    def spoilt(loader: Loader) -> Iterator[Batch]:
        for n, batch in enumerate(whole(loader), 1):
            yield batch.map(lambda x: x * np.nan) if n == 3 and loader.process_group.rank == 1 else batch

    Loader.__iter__ = spoilt
    return train(*arguments)


def other_images(folder: str, *arguments: str) -> int:
    """The processes are given different images."""
    return train("--data", f"{folder}/noise{launch.launched_as()[0]}.npz", *arguments)


if __name__ == "__main__":
    sys.exit(globals()[sys.argv[1]](*sys.argv[2:]))

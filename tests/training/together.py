"""What the processes of test_data_parallel.py do: `mpiexec -n 2 python together.py SCENARIO …`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigan import backend, cli, nn
from minigan.autograd import Tensor
from minigan.models import MODELS
from minigan.objectives import OBJECTIVES
from minigan.optim import Adam
from minigan.training import Run, pictures
from minigan.training.config import PRESETS
from minigan.training.folder import RunFolder
from minigan.training.mpi import PATIENCE, join, launched_as
from minigan.training.run import NORMS
from minigan.training.steps import STEPS, Players
from minigan.training.team import ALONE, Team

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


MODELS["tiny"] = SimpleNamespace(Generator=Generator, Discriminator=Discriminator)
PRESETS["tiny"] = {}


def steps(team: Team, folder: Path, step: str, dtype: str, batch: str, count: str, sync: str) -> None:
    """Some steps on random images; what they left, in FOLDER/alone.npz or together.npz."""
    backend.manual_seed(0)
    G, D = Generator().to(dtype=dtype), Discriminator().to(dtype=dtype)
    rate = 0.01
    players = Players(G, D, Adam(G.parameters(), rate), Adam(D.parameters(), rate), OBJECTIVES["non-saturating"]())
    team.employ(players, backend.CPU, sync == "sync")
    rng, figures = np.random.default_rng(1), []
    for _ in range(int(count)):
        share = team.begin(int(batch))
        x = rng.uniform(-1, 1, (int(batch), 1, SIZE, SIZE))[share]
        z = rng.standard_normal((int(batch), Z))[share]
        report = STEPS[step](players, Tensor(x.astype(dtype)), Tensor(z.astype(dtype)))
        own = np.array([[value.item() for value in vars(report).values()]])
        figures.append(team.average_figures(own, [team.weight], NORMS)[0])
    parts = {"G": G, "D": D, "opt_G": players.opt_G, "opt_D": players.opt_D}
    state = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    _save(team, folder, figures=np.array(figures), **state)


def _save(team: Team, folder: Path, **found: Any) -> None:
    if team.leads:
        np.savez(folder / ("alone.npz" if team.size == 1 else "together.npz"), **found)


def train(*arguments: str, on_step: Any = None) -> int:
    """`minigan train`, without time spent on curves."""
    pictures.save_loss_curves = lambda path, stats: path.write_bytes(b"curves")
    if on_step is not None:
        take = Run._train_step

        def take_watched(self: Run, images: Any) -> None:
            take(self, on_step(self, images))

        Run._train_step = take_watched
    return cli.main(["train", *arguments])


def slow_pictures(*arguments: str) -> int:
    """The first process is long at drawing when all have stopped."""
    RunFolder.finish_pictures = lambda folder, epochs: time.sleep(PATIENCE + 1)
    return train(*arguments)


def one_fails(*arguments: str) -> int:
    """Process 1 fails in its third step, and no other knows."""

    def fail(run: Run, images: Any) -> Any:
        if run.step == 2 and run.team.rank == 1:
            raise OSError("a cable came loose")
        return images

    return train(*arguments, on_step=fail)


def one_spoilt(*arguments: str) -> int:
    """Process 1 meets NaN in its third step's images."""
    return train(
        *arguments, on_step=lambda run, images: images * np.nan if run.step == 2 and run.team.rank == 1 else images
    )


def other_images(folder: str, *arguments: str) -> int:
    """The processes are given different images."""
    return train("--data", f"{folder}/noise{launched_as()[0]}.npz", *arguments)


def main(scenario: str, *arguments: str) -> int:
    """Do what the test asks for."""
    if scenario != "steps":
        return globals()[scenario](*arguments)
    together = join()
    for team in (ALONE, together) if together.leads else (together,):  # the first one also does it alone
        steps(team, Path(arguments[0]), *arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Progressive growing (PGGAN): both networks begin with 4×4 images, and learn finer ones once they draw coarse ones.

    images seen:   |— n —|—— n ——|— n —|—— n ——|— n …        n = images_per_level
    size:             4     4 → 8    8    8 → 16   16
    α:                1     0 → 1    1    0 → 1    1

While a size fades in, G's images are (1 − α) · enlarged + α · new, D's features are blended in the same way, and so are
the real images: (1 − α) · their own 2×2 means, enlarged, + α · themselves. D would else know them by their sharpness.
Where in this table a step is follows from the images seen so far, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from minigan import functions as F
from minigan.algorithms.figures import Figures
from minigan.algorithms.gan import GAN
from minigan.autograd import Tensor
from minigan.data import Batch, DataInfo
from minigan.models.pggan import blend
from minigan.optim import Optimizer
from minigan.options import NATURAL, one_of, option


def phase(images: int, per_level: int, highest: int) -> tuple[int, float]:
    """(level, α) after so many images: a level is trained for `per_level` images, then the next fades in over as many.
    Level k has images of 4·2ᵏ pixels. With per_level 0 it is the highest at once."""
    below, within = divmod(images, 2 * per_level) if per_level else (highest, 0)
    if below >= highest:
        return highest, 1.0
    return (below, 1.0) if within < per_level else (below + 1, within / per_level - 1.0)


@dataclass(eq=False)
class PGGAN(GAN):
    """WGAN-GP with drift, of networks that grow. Karras et al., 2018."""

    model: str = option("pggan", "architecture", one_of({"pggan": None}))
    images_per_level: int = option(
        8_000, "real images that D sees at each size, and as many again while the next size fades in; 0: full size "
        "from the first step", NATURAL,
    )  # fmt: skip

    def setup(self, data: DataInfo) -> None:
        super().setup(data)
        self.state = {"images": 0, "level": 0, "alpha": 1.0}  # seen so far; of the last step, and of its samples

    def step(self, batches: Iterator[Batch]) -> Figures:
        """A step of WGAN-GP at the size, and with the α, that the images seen so far ask for. Adam begins anew when a
        size begins to fade in, and when it has: its moments are of other gradients."""
        level, alpha = phase(self.state["images"], self.images_per_level, self.highest_level)
        if (level, alpha < 1.0) != (self.state["level"], self.state["alpha"] < 1.0):
            for optimizer in self.optimizers.values():
                forget_moments(optimizer)
        self.state |= {"level": level, "alpha": alpha}
        return super().step(map(self.seen, batches)) | {"size": self.number(4 * 2**level), "alpha": self.number(alpha)}

    def seen(self, batch: Batch) -> Batch:
        """A batch, counted, of images of the present size, faded as G's are."""
        self.state["images"] += batch.global_size
        return batch.map(self.faded)

    def faded(self, x: Tensor) -> Tensor:
        """Real images of the full size, as they are now shown to D."""
        times = x.shape[-1] // (4 * 2 ** self.state["level"])
        x = F.avg_pool2d(x, times) if times > 1 else x
        if self.state["alpha"] < 1.0:
            x = blend(F.upsample_nearest2d(F.avg_pool2d(x, 2)), x, self.state["alpha"])
        x.name = "x"  # in a trace
        return x

    def condition(self, batch: Batch) -> tuple[Tensor | float, ...]:
        """What G and D are given beside noise and images."""
        return self.state["level"], self.state["alpha"]

    def _images_of(self, z: Tensor) -> Tensor:
        """G's images of the present size, enlarged to the full one."""
        images = self.networks["G"](z, self.state["level"], self.state["alpha"])
        return F.upsample_nearest2d(images, self.image_size // images.shape[-1])

    @property
    def highest_level(self) -> int:
        """The level of the full size."""
        return len(self.networks["G"].blocks) - 1

    def number(self, value: float) -> Tensor:
        """A figure to be shown."""
        return Tensor(float(value), dtype=self.dtype, device=self.device)


def forget_moments(optimizer: Optimizer) -> None:
    """Take an optimiser back to its first step; the parameters stay as they are."""
    optimizer.step_count = 0
    for moments in optimizer.state:
        for moment in moments.values():
            moment[...] = 0

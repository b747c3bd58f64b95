"""What `compare.py` times: training steps of minigan's, and the modules of `peers` that take the same steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from minigan import backend, nn
from minigan import functions as F
from minigan.algorithms import GAN
from minigan.autograd import Tensor
from minigan.data import Batch, DataInfo
from minigan.kernels.layout import to_native
from minigan.training.config import Config

Step = Callable[[], Any]
EAGER, CHANNELS_LAST, COMPILED = "pytorch eager", "pytorch channels-last", "pytorch compiled"
TENSORFLOW = "tensorflow tf.function"


class Work(NamedTuple):
    """What is timed. make: a step of minigan's, of a batch size and on a device. peer: the module of `peers`, behind
    the name of its framework. steps: that are timed in a round, of the first batch size."""

    make: Callable[[int, str], Step]
    peer: str
    batches: tuple[int, ...]
    steps: int
    engines: tuple[str, ...]


def gan_step(model: str, batch: int, device: str, size: int | None = None) -> Step:
    """A step of a model, as `minigan train` takes it, on data made beforehand. size: of images, not its own."""
    options: dict[str, Any] = {} if size is None else {"size": size}
    algorithm = Config.for_model(model, **options).make_algorithm()
    pixels = algorithm.image_size
    shape = (2,) if pixels is None else (3 if model == "dcgan64" else 1, pixels, pixels)
    place = backend.choose_device(device)[0]
    algorithm.build(DataInfo({"x": shape}), device=place)
    x = np.random.default_rng(0).uniform(-1, 1, (batch, *shape)).astype("float32")
    data = Batch(x=backend.to_device(x, place))
    return lambda: algorithm(iter([data]))


def critic_step(batch: int, device: str) -> Step:
    """D's turn of a WGAN-GP: three 5×5 stride-2 convolutions (64-128-256) on 28×28 images, as pytorch_critic's."""

    class Turn(GAN):
        def step(self, batches):
            batch = next(batches)
            return self.discriminator_turn(batch, batch.fake)

    layers: list[Any] = []
    for channels, out_channels in ((1, 64), (64, 128), (128, 256)):
        layers += [nn.Conv2d(channels, out_channels, 5, 2, 2), nn.LeakyReLU(0.2)]
    critic = nn.Sequential(*layers, nn.Flatten(), nn.Dense(256 * 4 * 4, 1))
    place = backend.choose_device(device)[0]
    options = {"objective": "wasserstein", "penalties": ("gradient",), "lr_D": 1e-4, "betas": (0.5, 0.9)}
    algorithm = Turn(model="critic28", **options).use(nn.Dense(1, 1).to(place), critic.to(place))
    real, fake = np.random.default_rng(0).uniform(-1, 1, (2, batch, 1, 28, 28)).astype("float32")
    data = Batch(x=backend.to_device(real, place), fake=backend.to_device(fake, place))
    return lambda: algorithm(iter([data]))


ATTENTION = (32, 14)  # channels and pixels: sagan28's


def attention_step(batch: int, device: str) -> Step:
    """SAGAN's block, forward and backward: self-attention as sagan28 has it, of maps that need a gradient."""
    channels, pixels = ATTENTION
    place = backend.choose_device(device)[0]
    block = nn.SelfAttention(channels).to(place)
    maps = np.random.default_rng(0).standard_normal((batch, channels, pixels, pixels), "float32")
    x = Tensor(to_native(backend.to_device(maps, place)), requires_grad=True)  # as a layer before it leaves them

    def step() -> Tensor:
        block.zero_grad()
        x.grad = None
        y = F.sum(block(x))
        y.backward()
        return y

    return step


def sampling(batch: int, device: str) -> Step:
    """Images of quick28's G, brought to the host."""
    place = backend.choose_device(device)[0]
    algorithm = Config.for_model("quick28").make_algorithm().build(DataInfo({"x": (1, 28, 28)}), device=place)
    return lambda: algorithm.generate(batch)


_PYTORCH = (EAGER, CHANNELS_LAST, COMPILED)
WORKS = {
    "dcgan28": Work(partial(gan_step, "dcgan28"), "dcgan28", (256, 32), 5, (*_PYTORCH, TENSORFLOW)),
    "dcgan64": Work(partial(gan_step, "dcgan64"), "dcgan64", (128, 16), 2, _PYTORCH),
    "mlp": Work(partial(gan_step, "mlp"), "mlp", (100,), 200, (EAGER, COMPILED)),
    "plane": Work(partial(gan_step, "plane"), "small", (256,), 200, (EAGER, COMPILED)),
    "quick28": Work(partial(gan_step, "quick28"), "small", (64,), 20, _PYTORCH),
    # torch.compile differentiates once only: it has no critic with a gradient penalty.
    "critic": Work(critic_step, "critic", (64,), 10, (EAGER, CHANNELS_LAST)),
    "attention": Work(attention_step, "attention", (64,), 20, (EAGER, COMPILED)),
    "sampling": Work(sampling, "small", (10_000,), 1, (EAGER, CHANNELS_LAST)),
}  # fmt: skip

"""The GAN: a generator G and a discriminator D, in turns. Here the gradient crosses from D to G.

The fakes enter D as a tensor of their own, the *border*: a leaf that shares G's output's memory but not its graph. The
generator's loss is differentiated back through D down to the border, and no further. What has arrived there,
border.grad = ∂L_G/∂D.input, is then given to `fake.backward` as the cotangent of G's output: ∂L_G/∂G.output, the same
numbers. The chain rule is carried across by hand, in one line that can be printed, measured, or stepped through.

One class covers the family of two networks: what differs is the objective (`minigan.objectives`), what is added to D's
loss (`minigan.penalties`), D's steps for one of G, how many samples D judges together, and whether labels are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from minigan import functions as F
from minigan import nn
from minigan.algorithms.algorithm import Algorithm, SampleGenerator
from minigan.algorithms.figures import Figures
from minigan.autograd import Tensor
from minigan.data import Batch, DataInfo
from minigan.kernels.reduction import norm
from minigan.models import MODELS, build, check_shape, check_size, is_conditional
from minigan.objectives import OBJECTIVES, Objective
from minigan.optim import SGD, Adam, Optimizer, RMSprop
from minigan.options import COUNT, NOT_NEGATIVE, PAIR_OF_FRACTIONS, POSITIVE, ConfigError, Kind, one_of, option, or_none
from minigan.penalties import PENALTIES, clip_weights, is_penalty, parsed_penalties

OPTIMIZERS = {"adam": Adam, "rmsprop": RMSprop, "sgd": SGD}
_NEEDED = f"names from {', '.join(PENALTIES)}, each alone or with a weight above 0, as in gradient:10"
PENALTY_NAMES = Kind(
    lambda v: isinstance(v, (tuple, list)) and all(map(is_penalty, v)), _NEEDED, several=True, metavar="NAME[:WEIGHT]"
)


@dataclass(eq=False)
class GAN(Algorithm):
    """G and D in turns: D learns from reals and detached fakes, then G from the D that has just learned."""

    figure_labels: ClassVar[Mapping[str, str]] = {"D_x": "D(x)", "D_G_z": "D(G(z))", "border_norm": "‖∂L/∂G(z)‖"}

    model: str = option("quick28", "architecture", one_of(MODELS))
    size: int | None = option(
        None, "height and width of images: 32, 64 or 128 of dcgan64 and face, 8 to 64 of pggan", or_none(COUNT)
    )
    objective: str = option("non-saturating", "what each network minimises", one_of(OBJECTIVES))
    penalties: tuple[str, ...] = option(
        (), f"added to D's loss: {', '.join(PENALTIES)}, each alone or with a weight, as in gradient:10; may be given "
        "several times", PENALTY_NAMES,
    )  # fmt: skip
    weight_clip: float = option(0.0, "D's weights are clipped to [-this, this] after its step; 0: not", NOT_NEGATIVE)
    n_critic: int = option(1, "steps of D for one of G, each on a batch of its own", COUNT)
    pac: int = option(1, "samples that D judges together, as the channels of one: PacGAN's packing", COUNT)
    optimizer: str = option("adam", "of both networks", one_of(OPTIMIZERS))
    lr_G: float = option(2e-4, "the generator's learning rate", POSITIVE, set_by="lr")
    lr_D: float = option(2e-4, "the discriminator's learning rate", POSITIVE, set_by="lr")
    betas: tuple[float, float] = option((0.5, 0.999), "Adam's", PAIR_OF_FRACTIONS)
    eps: float = option(1e-8, "Adam's and RMSprop's", POSITIVE)
    epsilon_hat: bool = option(False, "Adam in TensorFlow's form")

    # The step.

    def step(self, batches: Iterator[Batch]) -> Figures:
        """D's turn, `n_critic` times, then G's. The last fakes that D saw are those that G learns from.
        The Wasserstein papers draw new noise for G; these fakes are of the same distribution, and are there already."""
        for _ in range(self.n_critic):
            batch = next(batches)
            fake = self.networks["G"](self.noise(batch), *self.condition(batch))
            of_D = self.discriminator_turn(batch, fake)
        return of_D | self.generator_turn(batch, fake)

    def discriminator_turn(self, batch: Batch, fake: Tensor) -> Figures:
        """D learns from real samples and fakes. detach(): no gradient of D's loss reaches G."""
        D, y = self.networks["D"], self.condition(batch)
        fake = fake.detach()
        real_logits = D(self.packed(batch.x), *y)
        with nn.holding_u(D):  # of spectral norm: one step of its power iteration a turn
            fake_logits = D(self.packed(fake), *y)
            loss_D = self.loss.discriminator_loss(real_logits, fake_logits)
            penalties = self.penalize(batch, fake, real_logits)
        loss_D = sum(penalties.values(), loss_D)
        self.name_loss("loss_D", loss_D)
        D.zero_grad()
        loss_D.backward()
        self.optimizers["D"].step()
        if self.weight_clip:
            clip_weights(D, self.weight_clip)
        return {"loss_D": loss_D} | penalties | self.loss.figures(real_logits, fake_logits)

    def generator_turn(self, batch: Batch, fake: Tensor) -> Figures:
        """G learns from what D, which has changed, now makes of the same fakes: the old logits would be stale."""
        G, D, y = self.networks["G"], self.networks["D"], self.condition(batch)
        border = as_border(fake)  # the fakes as D's input: the same memory as G's output, but a leaf
        with nn.frozen(D):  # the gradient passes through D, and none is computed for its weights
            loss_G = self.generator_loss(batch, D(self.packed(border), *y))
        self.name_loss("loss_G", loss_G)
        loss_G.backward()  # through D, back to its input: border.grad = ∂L_G/∂D.input
        G.zero_grad()
        fake.backward(border.grad)  # through G, from its output: ∂L_G/∂G.output, the same numbers
        self.optimizers["G"].step()
        return {"loss_G": loss_G, "border_norm": gradient_norm(border)}

    # What the step is made of.

    def noise(self, batch: Batch) -> Tensor:
        """z (N, z_dim), standard normal, for every sample of a batch."""
        z = self.normal(batch, self.z_dim)
        z.name = "z"  # in a trace
        return z

    def condition(self, batch: Batch) -> tuple[Tensor | float, ...]:
        """What G and D are given beside noise and images: labels y, if the model takes any."""
        return (batch.y,) if self.conditional else ()

    def generator_loss(self, batch: Batch, fake_logits: Tensor) -> Tensor:
        """G's loss. Where it compares fakes with real samples, D is asked about these too."""
        if not self.loss.relativistic:
            return self.loss.generator_loss(fake_logits)
        real_logits = self.networks["D"](self.packed(batch.x), *self.condition(batch))
        return self.loss.generator_loss(fake_logits, real_logits)

    def packed(self, x: Tensor) -> Tensor:
        """Samples (N, C, …) as D judges them: `pac` neighbours as the channels of one, (N / pac, pac · C, …)."""
        if self.pac == 1:
            return x
        n, c, *places = x.shape
        if n % self.pac:
            raise ConfigError(f"pac is {self.pac}, but a batch has {n} samples, no multiple of it: see --batch-size")
        return F.reshape(x, (n // self.pac, self.pac * c, *places))

    def penalize(self, batch: Batch, fake: Tensor, real_logits: Tensor) -> Figures:
        """The terms that are added to D's loss, by name."""
        y = self.condition(batch)

        def D(x: Tensor) -> Tensor:
            return self.networks["D"](x, *y)

        def uniform(*shape: int) -> Tensor:
            numbers = self.uniform(batch, *shape, stream="penalty")
            return numbers if self.pac == 1 else numbers[:: self.pac]  # one for all that are judged together

        real, fake, terms = self.packed(batch.x), self.packed(fake), self._penalties.items()
        return {f"penalty_{name}": penalty(D, real, fake, real_logits, uniform) for name, penalty in terms}

    # The networks.

    def setup(self, data: DataInfo) -> None:
        check_shape(self.model, data.shapes["x"])
        self.use(*build(self.model, data.channels, data.classes, self.size, self.pac))

    def use(self, G: nn.Module, D: nn.Module) -> GAN:
        """Train these networks, whatever the model; itself. Their optimisers are made anew."""
        per_sample = any(getattr(penalty, "per_sample", False) for penalty in self._penalties.values())
        if per_sample and any(isinstance(module, nn.BatchNorm) for module in D.modules()):
            raise ConfigError(
                f"penalties {', '.join(self.penalties)}: D has BatchNorm, which mixes the samples of a batch, but the "
                "penalty is on each sample's own slope: choose a model whose D has none, or LayerNorm"
            )
        if self.pac > 1 and getattr(G, "conditional", False):
            raise ConfigError(f"pac is {self.pac}, but {self.model}, which takes labels, judges samples one by one")
        self.loss.process_group = self.process_group
        self.networks = {"G": G, "D": D}
        self.optimizers = {"G": self._optimizer(G, self.lr_G), "D": self._optimizer(D, self.lr_D)}
        return self

    def _optimizer(self, network: nn.Module, lr: float) -> Optimizer:
        options: dict[str, Any] = {} if self.optimizer == "sgd" else {"eps": self.eps}
        if self.optimizer == "adam":
            options |= {"betas": self.betas, "epsilon_hat": self.epsilon_hat}
        return OPTIMIZERS[self.optimizer](network.parameters(), lr, **options)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self.model, self.size)
        self.loss = OBJECTIVES[self.objective]()
        self._penalties = parsed_penalties(self.penalties)

    @property
    def image_size(self) -> int | None:  # type: ignore[override]
        return self.size or MODELS[self.model].Generator.image_size

    @property
    def conditional(self) -> bool:
        """Whether G and D take labels."""
        return getattr(self.networks["G"], "conditional", False)

    @property
    def classes(self) -> int:  # type: ignore[override]
        """Labels that G can be asked for."""
        return self.networks["G"].classes if self.conditional else 0

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """Images, and labels if the model takes any."""
        return ("x", "y") if self.conditional else ("x",)

    @property
    def batch_multiple(self) -> int:  # type: ignore[override]
        return self.pac

    @property
    def batches_per_step(self) -> int:  # type: ignore[override]
        return self.n_critic

    # Samples.

    @property
    def z_dim(self) -> int:
        """Numbers of noise for a sample."""
        return self.networks["G"].z_dim

    def sample(self, n: int, rng: SampleGenerator, label: int | None = None) -> Tensor:
        """G's images for n draws of noise: of one label, or of all in turn."""
        G, z = self.networks["G"], self.tensor(rng.standard_normal((n, self.z_dim), "float32"))
        if not self.conditional:
            if label is not None:
                able = " and ".join(filter(is_conditional, MODELS))
                raise ConfigError(f"--label {label}: the model {self.model} takes no labels; {able} do")
            return self._images_of(z)
        if label is not None and not 0 <= label < self.classes:
            raise ConfigError(f"--label {label}: the labels of this model are 0 to {self.classes - 1}")
        labels = [label] * n if label is not None else [i % self.classes for i in range(n)]
        return G(z, Tensor(labels, dtype="int64", device=self.device))

    def _images_of(self, z: Tensor) -> Tensor:
        """G's images for noise, where the model takes no labels."""
        return self.networks["G"](z)

    def losses_to_compare(self) -> dict[str, Objective]:
        """The objectives of a probability, if this is one: their slopes differ where D is sure."""
        compared = {name: OBJECTIVES[name]() for name in ("minimax", "non-saturating", "least-squares")}
        return compared if self.objective in compared else {}


def as_border(fake: Tensor) -> Tensor:
    """The fakes as D's input: the same memory as G's output, and a leaf where the gradient can be met."""
    border = fake.detach()
    border.requires_grad = True
    border.name = "the border (D's input)"
    return border


def gradient_norm(border: Tensor) -> Tensor:
    """‖∂L/∂border‖, of the gradient that a backward pass has left there. Raises ValueError if none has come."""
    if border.grad is None:
        raise ValueError(f"no gradient has come to {border.name}: D's logits do not depend on its input")
    return Tensor(norm(border.grad.data), device=border.device)

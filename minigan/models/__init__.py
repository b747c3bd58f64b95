"""Networks: generator and discriminator pairs, one architecture a file.

Each file has a `Generator` (z (N, z_dim) → images (N, channels, H, W) in [−1, 1]), a `Discriminator` (images →
logits (N, 1)), both made for a number of channels, and `DEFAULTS`: what the pair is trained with if nothing else is
said (options of `algorithms` and of `training.Config`). One of points has `image_size = None`, makes points (N, C) in
place of images, and is made for their number C. A conditional pair says so (`conditional = True`), is made for
a number of classes too, and takes labels beside its input. One that can draw images of other sizes names them
(`Generator.sizes`), and both are made for a `size` too. A file that is added here is found by name at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from minigan.nn import Module
from minigan.options import Choices, ConfigError


class GeneratorClass(Protocol):
    """What an architecture's `Generator` is: it makes one for a number of channels, and of classes if conditional."""

    image_size: int | None

    def __call__(self, *made_for: int, **size: int) -> Module: ...


@dataclass(frozen=True)
class Architecture:
    """What a file of this package holds. summary: the first line of its docstring."""

    Generator: GeneratorClass
    Discriminator: Callable[..., Module]
    DEFAULTS: Choices
    summary: str


def _architecture(name: str) -> Architecture:
    module = import_module(f"minigan.models.{name}")
    summary = (module.__doc__ or name).strip().splitlines()[0].removesuffix(".")
    return Architecture(module.Generator, module.Discriminator, module.DEFAULTS, summary)


_ORDER = ("quick28", "mlp", "dcgan28", "dcgan64", "face")  # the others follow, by name
_FOUND = {module.name for module in iter_modules(__path__)} - {"base"}
MODELS: dict[str, Architecture] = {name: _architecture(name) for name in (*_ORDER, *sorted(_FOUND - set(_ORDER)))}


def is_conditional(name: str) -> bool:
    """Whether an architecture's networks take labels."""
    return getattr(MODELS[name].Generator, "conditional", False)


def sizes(name: str) -> tuple[int, ...]:
    """Height and width of the images that an architecture can draw: most draw one size only, one of points none."""
    generator = MODELS[name].Generator
    own = () if generator.image_size is None else (generator.image_size,)
    return getattr(generator, "sizes", own)


def check_size(name: str, size: int | None) -> None:
    """Raise ConfigError if an architecture cannot draw images of this size; None is its own."""
    if size is not None and size not in sizes(name):
        able = [other for other in MODELS if size in sizes(other)]
        others = f"; {' and '.join(', '.join(able).rsplit(', ', 1))} can draw {size}×{size}" if able else ""
        needed = " or ".join(", ".join(map(str, sizes(name))).rsplit(", ", 1)) or "left out"
        raise ConfigError(f"size is {size}, but must be {needed} for the model {name}{others}")


def check_shape(name: str, shape: Sequence[int]) -> None:
    """Raise ConfigError if an architecture is not for samples of this shape: (C, H, W) are images, (C,) points."""
    for_points = MODELS[name].Generator.image_size is None
    if len(shape) != (1 if for_points else 3):
        kind, others = ("points", "images") if for_points else ("images", "points")
        able = [other for other in MODELS if (MODELS[other].Generator.image_size is None) != for_points]
        found = f"points of {shape[0]} numbers" if len(shape) == 1 else f"of shape {tuple(shape)}"
        found = f"images {shape[1]}×{shape[2]}" if len(shape) == 3 else found
        raise ConfigError(
            f"the model {name} draws {kind}, but the samples of this data are {found}: choose other data, or a model "
            f"of {others}, such as {able[0]}"
        )


def build(
    name: str, channels: int = 1, classes: int | None = None, size: int | None = None, pac: int = 1
) -> tuple[Module, Module]:
    """(G, D) of an architecture, with initial weights drawn from minigan's generator: G first, then D.
    channels: of images, 1 or 3; of points, how many numbers each has. classes: of the data's labels, for a conditional
    architecture; others leave them unread. size: height and width of the images, if not the architecture's own.
    pac: samples that D is given as the channels of one."""
    if name not in MODELS:
        raise ValueError(f"model {name!r} is not known: choose from {', '.join(MODELS)}")
    if sizes(name) and channels not in (1, 3):
        raise ValueError(f"images have 1 channel (grey) or 3 (colour), not {channels}")
    architecture, made_for = MODELS[name], [channels]
    if is_conditional(name):
        if classes is None:
            raise ConfigError(
                f"the model {name} takes labels, but the data has none: name data that has, or another model"
            )
        made_for.append(classes)
    check_size(name, size)
    options = {} if size in (None, architecture.Generator.image_size) else {"size": size}
    G = architecture.Generator(*made_for, **options)
    D = architecture.Discriminator(pac * channels, *made_for[1:], **options)
    return G.named("G"), D.named("D")

"""Networks: generator and discriminator pairs, one architecture a file.

Each file has a `Generator` (z (N, z_dim) → images (N, channels, H, W) in [−1, 1]), a `Discriminator` (images →
logits (N, 1)), both made for a number of channels, and `DEFAULTS`: what the pair is trained with if nothing else is
said (options of `algorithms` and of `training.Config`). A conditional pair says so (`conditional = True`), is made for
a number of classes too, and takes labels beside its input. One that can draw images of other sizes names them
(`Generator.sizes`), and both are made for a `size` too. A file that is added here is found by name at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from minigan.nn import Module
from minigan.options import Choices, ConfigError


class GeneratorClass(Protocol):
    """What an architecture's `Generator` is: it makes one for a number of channels, and of classes if conditional."""

    image_size: int

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
    """Height and width of the images that an architecture can draw: most draw one size only."""
    generator = MODELS[name].Generator
    return getattr(generator, "sizes", (generator.image_size,))


def check_size(name: str, size: int | None) -> None:
    """Raise ConfigError if an architecture cannot draw images of this size; None is its own."""
    if size is not None and size not in sizes(name):
        able = [other for other in MODELS if size in sizes(other)]
        others = f"; {' and '.join(able)} can draw {size}×{size}" if able else ""
        needed = " or ".join(", ".join(map(str, sizes(name))).rsplit(", ", 1))
        raise ConfigError(f"size is {size}, but must be {needed} for the model {name}{others}")


def build(name: str, channels: int = 1, classes: int | None = None, size: int | None = None) -> tuple[Module, Module]:
    """(G, D) of an architecture, with initial weights drawn from minigan's generator: G first, then D.
    classes: of the data's labels, for a conditional architecture; others leave them unread. size: height and width
    of the images, if not the architecture's own."""
    if name not in MODELS:
        raise ValueError(f"model {name!r} is not known: choose from {', '.join(MODELS)}")
    if channels not in (1, 3):
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
    G, D = architecture.Generator(*made_for, **options), architecture.Discriminator(*made_for, **options)
    return G.named("G"), D.named("D")

"""From a name to an algorithm's class: minigan's own by name, a user's as `file.py:Class`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from minigan.algorithms.algorithm import Algorithm
from minigan.algorithms.gan import GAN
from minigan.algorithms.gmmn import GMMN
from minigan.algorithms.pggan import PGGAN
from minigan.algorithms.simultaneous import SimultaneousGAN
from minigan.algorithms.vae import VAE
from minigan.importing import UserCodeError, import_named, names_file
from minigan.options import ConfigError, options_of

ALGORITHMS: dict[str, type[Algorithm]] = {
    "gan": GAN, "simultaneous-gan": SimultaneousGAN, "vae": VAE, "gmmn": GMMN, "pggan": PGGAN,
}  # fmt: skip

# What the methods of a user's own class are called with, by position.
_CALLED_WITH = {
    "setup": ("data",), "step": ("batches",), "sample": ("n", "rng"), "translate": ("batch",),
    "preview": ("batch", "rng"), "load_data": ("spec", "channels"),
}  # fmt: skip

_loaded: dict[str, type[Algorithm]] = {}


def find_algorithm(name: str) -> type[Algorithm]:
    """The class of an algorithm's name, or of `file.py:Class`, whose file is then run. Raises ConfigError."""
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if not is_file(name):
        known = f"{', '.join(ALGORITHMS)}, or name one of your own as file.py:Class"
        raise ConfigError(f"algorithm {name!r} is not known: choose from {known}")
    if name not in _loaded:
        _loaded[name] = _load(name)
    return _loaded[name]


def files() -> set[str]:
    """The users' files that were loaded."""
    return {inspect.getfile(cls) for cls in _loaded.values()}


def is_file(name: str) -> bool:
    """Whether it names a class in a file of the user's."""
    return names_file(name)


def absolute(name: str) -> str:
    """The name as it can be found from any folder."""
    path, _, cls = name.rpartition(":")
    return f"{Path(path).expanduser().absolute()}:{cls}" if is_file(name) else name


def short_name(name: str) -> str:
    """What a run's folder is called after: `gan`, or the class of a file."""
    return name.rpartition(":")[2]


def _load(name: str) -> type[Algorithm]:
    try:
        path, found = import_named(name, f"minigan_algorithm_{len(_loaded)}")
    except UserCodeError as error:
        raise ConfigError(f"algorithm {name}: {error}") from error.__cause__
    if not (isinstance(found, type) and issubclass(found, Algorithm)):
        what = "there is no such class" if found is None else "it is no subclass of minigan.algorithms.Algorithm"
        raise ConfigError(f"algorithm {name}: {what} in {path}")
    for method, arguments in _CALLED_WITH.items():
        own = inspect.getattr_static(found, method)
        if own is getattr(Algorithm, method) and method in ("setup", "step"):
            raise ConfigError(f"algorithm {name}: the class defines no {method}; see lessons/your-own-gan.md")
        if inspect.isfunction(own) and not _takes(own, found, *arguments):
            call = f"def {method}(self, {', '.join(arguments)})"
            raise ConfigError(f"algorithm {name}: {method} takes other arguments than it is given: write {call}")
    annotated = {n: str(kind) for cls in found.__mro__ for n, kind in vars(cls).get("__annotations__", {}).items()}
    lost = {n for n, kind in annotated.items() if "ClassVar" not in kind} - set(found.__dataclass_fields__)
    if lost:
        what = f"{', '.join(sorted(lost))} is no option yet: write @dataclass(eq=False) above the class"
        raise ConfigError(f"algorithm {name}: {what}")
    try:
        options_of(found)
    except TypeError as error:
        raise ConfigError(f"algorithm {name}: {error}") from None
    return found


def _takes(function: Callable[..., object], *arguments: object) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    return True

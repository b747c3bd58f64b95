"""Modules that hold others: one after another, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

from minigan.nn.module import Module

M = TypeVar("M", bound="ModuleList")


class ModuleList(Module):
    """A list of modules, whose parameters are found; their names are 0, 1, 2 …"""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end."""
        if not isinstance(module, Module):
            found = module if isinstance(module, type) else type(module).__name__
            raise TypeError(
                f"{type(self).__name__}: module {len(self)} must be a Module, such as nn.ReLU(), not {found}"
            )
        self._modules[str(len(self))] = module
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add several modules at the end."""
        for module in modules:
            self.append(module)
        return self

    @overload
    def __getitem__(self, index: int) -> Module: ...

    @overload
    def __getitem__(self: M, index: slice) -> M: ...

    def __getitem__(self, index: int | slice) -> Module:
        """The module at a place; of a slice, a container like this with those modules."""
        modules = list(self._modules.values())[index]
        return modules if isinstance(modules, Module) else type(self)._of(modules)

    @classmethod
    def _of(cls, modules: list[Module]) -> ModuleList:
        return cls(modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())


class Sequential(ModuleList):
    """One module after another; their names are 0, 1, 2 …"""

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    @classmethod
    def _of(cls, modules: list[Module]) -> ModuleList:
        return Sequential(*modules)

    def forward(self, x: Any) -> Any:
        for module in self._modules.values():
            x = module(x)
        return x


class ModuleDict(Module):
    """Modules by name, whose parameters are found."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        for name, module in (modules or {}).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"ModuleDict: {name!r} must be a Module, such as nn.ReLU(), not {type(module).__name__}")
        self._modules[name] = module

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def items(self) -> Iterable[tuple[str, Module]]:
        """Each name with its module."""
        return self._modules.items()

    def values(self) -> Iterable[Module]:
        """The modules, in their order."""
        return self._modules.values()

"""Modules: things that hold parameters and call functions with them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from minigan import backend
from minigan.autograd import Tensor
from minigan.autograd.hooks import context, in_layer, notify
from minigan.autograd.tensor import Version
from minigan.backend import Array
from minigan.nn.state import fitted


class Parameter(Tensor):
    """A tensor that an optimiser may change: a leaf that requires a gradient, in memory of its own."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, name: str | None = None) -> None:
        super().__init__(data, requires_grad, name=name)
        self.array = self.array.copy(order="K")
        self._version = Version()


class Module:
    """Base of layers and models.

    `Parameter`s and `Module`s in attributes are found by themselves; arrays that are part of the state but not learned
    (running statistics) go to `register_buffer`. Names are dotted paths of attributes: `main.0.weight`.
    """

    training: bool = True
    holds_u: bool = True  # all do but a SpectralNorm: see `holding_u`
    _name: str | None = None  # what `named` called it

    def __init__(self) -> None:
        self._parameters: dict[str, Parameter] = {}
        self._buffers: dict[str, Tensor] = {}
        self._modules: dict[str, Module] = {}

    if TYPE_CHECKING:  # parameters, buffers and modules are attributes, which a type checker cannot know

        def __getattr__(self, name: str) -> Any: ...

    def __setattr__(self, name: str, value: Any) -> None:
        registries = self.__dict__
        registry = "_parameters" if isinstance(value, Parameter) else "_modules" if isinstance(value, Module) else None
        if registry and registry not in registries:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name!r}")
        if registry is None and isinstance(value, (list, tuple, dict)) and _holds_modules(value):
            container = "nn.ModuleDict" if isinstance(value, dict) else "nn.ModuleList"
            raise TypeError(
                f"{type(self).__name__}.{name}: modules and parameters in a plain {type(value).__name__} would not be "
                f"found, neither trained nor saved: use {container}, or make each an attribute"
            )
        if registry is None and isinstance(value, Tensor):
            if name in registries.get("_parameters", ()):
                raise TypeError(
                    f"{type(self).__name__}: {name!r} is a parameter: give it a Parameter or None, or change its .data"
                )
            registry = "_buffers" if name in registries.get("_buffers", ()) else None
        self._forget(name, but=registry)
        if registry:
            registries[registry][name] = value
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._forget(name)
        object.__delattr__(self, name)

    def _forget(self, name: str, but: str | None = None) -> None:
        """An attribute that was replaced or deleted is no parameter, buffer or module any more."""
        for registry in ("_parameters", "_buffers", "_modules"):
            if registry != but:
                self.__dict__.get(registry, {}).pop(name, None)

    def register_buffer(self, name: str, value: Any) -> None:
        """Add an array that belongs to the state and is not learned."""
        self._buffers[name] = Tensor(value)
        object.__setattr__(self, name, self._buffers[name])

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """What the module computes."""
        raise TypeError(f"{type(self).__name__} has no forward method")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        if not context.observers:
            return self.forward(*inputs, **options)
        given = (*inputs, *options.values())
        caller = context.layer if isinstance(context.layer, ModuleCall) else None
        call = ModuleCall(self, caller, given)
        notify("before_module", call, given)
        with in_layer(call):
            output = self.forward(*inputs, **options)
        notify("after_module", call, output)
        return output

    # What it is made of.

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all within, each with its dotted name."""
        found, waiting = [], [(prefix, self)]
        while waiting:
            path, module = waiting.pop()
            found.append((path, module))
            for name in reversed(module._modules):
                waiting.append((f"{path}.{name}" if path else name, module._modules[name]))
        return iter(found)

    def modules(self) -> Iterator[Module]:
        """This module and all within."""
        return iter([module for _, module in self.named_modules()])

    def _named(self, registry: str) -> Iterator[tuple[str, Any]]:
        for prefix, module in self.named_modules():
            for name, tensor in getattr(module, registry).items():
                yield f"{prefix}.{name}" if prefix else name, tensor

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters, each with its dotted name."""
        return self._named("_parameters")

    def parameters(self) -> list[Parameter]:
        """All parameters, each once: a module used in two places has two names, but one set of weights."""
        found: dict[Parameter, None] = {}
        for module in self.modules():
            found.update(dict.fromkeys(module._parameters.values()))
        return list(found)

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """All buffers, each with its dotted name."""
        return self._named("_buffers")

    def apply(self, function: Callable[[Module], None]) -> Module:
        """Call `function` on this module and all within, the innermost first."""
        for module in self._modules.values():
            module.apply(function)
        function(self)
        return self

    @property
    def full_name(self) -> str:
        """What `named` called it, `G.main.3`; else its class' name."""
        return self._name or type(self).__name__

    def named(self, name: str) -> Module:
        """Name every parameter, buffer and module within `name.path`, for messages and traces."""
        for path, module in self.named_modules():
            module._name = f"{name}.{path}" if path else name
        for path, tensor in (*self.named_parameters(), *self.named_buffers()):
            tensor.name = f"{name}.{path}"
        return self

    # Its state.

    def state_dict(self) -> dict[str, Array]:
        """Every parameter's and buffer's array by name. They are the arrays themselves, not copies."""
        return {name: t.array for name, t in (*self.named_parameters(), *self.named_buffers())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy arrays in by name; names and shapes must agree.

        What other programs leave differently is taken all the same, and a warning says so: names with the "module." of
        a wrapper, 16-bit numbers, no num_batches_tracked.
        """
        own = dict((*self.named_parameters(), *self.named_buffers()))
        state, notes = fitted(state, own)
        check_names(self, own, state)
        for name, t in own.items():
            if tuple(state[name].shape) != t.shape:
                raise ValueError(f"the state's {name!r} has shape {tuple(state[name].shape)}, but {t.shape} is needed")
        for name, t in own.items():
            t.copy_(backend.to_device(backend.as_array(state[name]), t.device), "load_state_dict()")
        if notes:
            warnings.warn(f"{type(self).__name__}.load_state_dict: {'; '.join(notes)}", stacklevel=2)

    def to(self, device: Any = None, dtype: Any = None) -> Module:
        """Move parameters and buffers to a device, or floating ones to another dtype, in place.

        They stay the same objects, so an optimiser that was made before goes on with them, and takes its moments
        after them. Gradients are forgotten.
        """
        for t in (*self.parameters(), *(b for _, b in self.named_buffers())):
            t.array = t.to(device, dtype if t.dtype.kind == "f" else None).array
            t.increment_version("Module.to()")
            t.grad = None
        return self

    # Its mode.

    def train(self, mode: bool = True) -> Module:
        """Set training mode (batch statistics, dropout), here and within."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Set evaluation mode (running statistics, no dropout), here and within."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

    def extra_repr(self) -> str:
        """The options shown in a module's print."""
        return ""

    def __repr__(self) -> str:
        if not self._modules:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = [f"  ({name}): {module!r}".replace("\n", "\n  ") for name, module in self._modules.items()]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])


class ModuleCall:
    """A call of a module, and within which call it was made, if any: a link of the chain of calls
    that are going on. As text: the layer's path, `G.main.3 (BatchNorm)`. given: what it was called with, as
    ids, good while it goes on: the call outlives its inputs."""

    __slots__ = ("module", "caller", "given")

    def __init__(self, module: Module, caller: ModuleCall | None, inputs: tuple = ()) -> None:
        self.module, self.caller, self.given = module, caller, tuple(map(id, inputs))

    @property
    def path(self) -> str:
        """`G.main.3`: its name within its caller (or, if it is no part of that, its caller's caller).
        A module that nobody called is what `named` called it, or else what its class is called."""
        caller = self.caller
        while caller is not None:
            for name, module in caller.module.named_modules():
                if module is self.module:
                    return f"{caller.path}.{name}" if name else caller.path
            caller = caller.caller
        return self.module.full_name

    def __str__(self) -> str:
        path, kind = self.path, type(self.module).__name__
        return path if path == kind else f"{path} ({kind})"


def _holds_modules(value: Any) -> bool:
    if isinstance(value, (list, tuple, dict)):
        return any(map(_holds_modules, value.values() if isinstance(value, dict) else value))
    return isinstance(value, (Module, Parameter))


def check_names(owner: object, own: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Raise unless `state` has the names of its owner's."""
    wrong = []
    for what, names in (("missing", own.keys() - state.keys()), ("not known here", state.keys() - own.keys())):
        if names:
            more = f" and {len(names) - 4} more" if len(names) > 4 else ""
            wrong.append(f"{what} {', '.join(sorted(names)[:4])}{more}")
    if wrong:
        raise ValueError(f"the state does not fit this {type(owner).__name__}: {'; '.join(wrong)}")


@contextmanager
def frozen(*modules: Module) -> Iterator[None]:
    """Meanwhile the modules' parameters require no gradient: it passes through, and none is computed for them.
    Nor does spectral norm's u go on: see `holding_u`."""
    thawed = [p for module in modules for p in module.parameters() if p.requires_grad]
    for p in thawed:
        p.requires_grad = False
    try:
        with holding_u(*modules):
            yield
    finally:
        for p in thawed:
            p.requires_grad = True


@contextmanager
def holding_u(*modules: Module) -> Iterator[None]:
    """Meanwhile no call moves u of a SpectralNorm within the modules.

    The convention of minigan's GANs: D's u takes one step of power iteration in each of D's turns, where D is asked
    about the real samples; it is held for the fakes, for a penalty, and in G's turn. So it is in the code of SAGAN's
    authors; in PyTorch each call is a step. G's u takes a step whenever G draws in training.
    """
    moving = [m for module in modules for m in module.modules() if not m.holds_u]
    for module in moving:
        module.holds_u = True
    try:
        yield
    finally:
        for module in moving:
            module.holds_u = False

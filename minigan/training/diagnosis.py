"""When a loss is no longer a number: which function was the first to produce one that is not finite."""

from __future__ import annotations

from collections.abc import Callable

from minigan.autograd import Function, Tensor, observe
from minigan.backend import get_array_module


class _Found(Exception):
    pass


class _FirstNonFinite:
    """An observer that stops at the first NaN or Inf and says where it arose."""

    def after_forward(self, node: Function, inputs: list[Tensor | None], outputs: list[Tensor]) -> None:
        self._look(node, "forward", inputs, outputs)

    def after_backward(self, node: Function, cotangents: list[Tensor], gradients: list[Tensor | None]) -> None:
        self._look(node, "backward", cotangents, gradients)

    def _look(self, node: Function, way: str, before: list[Tensor | None], after: list[Tensor | None]) -> None:
        if all(t is None or is_finite(t) for t in after):
            return
        named = [t.name for t in before if t is not None and t.name]
        bad = [t.name or f"an input of shape {t.shape}" for t in before if t is not None and not is_finite(t)]
        where = f"{node.name}'s {way} pass" + (f" (with {', '.join(named)})" if named else "")
        cause = f"it was given {bad[0]}, which was not finite already" if bad else "all it was given was finite"
        raise _Found(f"{where}; {cause}")


def is_finite(tensor: Tensor) -> bool:
    """Whether no element is NaN or infinite."""
    return bool(get_array_module(tensor._data).isfinite(tensor._data).all())


def first_nonfinite(step: Callable[[], object]) -> str:
    """Run `step` again under watch; a sentence part naming the first function with a NaN or Inf."""
    try:
        with observe(_FirstNonFinite()):
            step()
    except _Found as found:
        return str(found)
    return "no function, when the step was run again"

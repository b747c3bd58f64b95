"""States that other programs saved: under a module's own names, and in numbers that it computes with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minigan.autograd import Tensor
from minigan.backend import as_array

WRAPPERS = ("module", "_orig_mod")  # what PyTorch's DataParallel and compile put into every name
HALVES = ("float16", "bfloat16")
COUNT = "num_batches_tracked"


def fitted(state: Mapping[str, Any], own: Mapping[str, Tensor]) -> tuple[dict[str, Any], list[str]]:
    """A state as it fits the tensors `own` by name, and sentences on what had to be done for it.

    Names lose what a wrapper put into them, if only that makes them unknown; a BatchNorm's num_batches_tracked, which
    files of older programs lack, stays as it is in `own`; 16-bit numbers become float32. All else is left as it is.
    """
    plain = {_unwrapped(name): name for name in own}
    found: dict[str, Any] = {name: value for name, value in state.items() if name in own}
    renamed = lost = halves = 0
    for name, value in state.items():
        if name not in own:
            target = plain.get(_unwrapped(name), name)
            is_free = target not in found  # else it stays as unknown as it was
            found[target if is_free else name] = value
            renamed += is_free and target != name
    for name in own:
        if name not in found and name.endswith(COUNT) and name.removesuffix(COUNT) + "running_var" in found:
            lost += 1
            found[name] = own[name].array
    for name in own.keys() & found.keys():
        if own[name].dtype.kind == "f" and str(getattr(found[name], "dtype", "")).rpartition(".")[2] in HALVES:
            halves += 1
            found[name] = _as_float32(found[name])
    notes = {
        "names read without a wrapper's prefix (module., _orig_mod.)": renamed,
        f"{COUNT} missing, left as it was": lost,
        "arrays of 16-bit numbers read as float32": halves,
    }
    return found, [f"{note}: {times}" for note, times in notes.items() if times]


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def _as_float32(value: Any) -> Any:
    return value.float() if hasattr(value, "float") else as_array(value).astype("float32")  # PyTorch's; an array

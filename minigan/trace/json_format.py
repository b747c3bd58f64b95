"""A trace as JSON: {"format", "version", "arrays": […], and the trace's fields}. It holds no NaN or Infinity.

Summaries are written once, into the list "arrays"; wherever one is meant stands its number in that list.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from typing import Any, TypeVar

from minigan.trace.summary import ArraySummary

FORMAT, VERSION = "minigan-trace", 2

T = TypeVar("T")


class TraceError(ValueError):
    """What should be a trace is none, or is one of another version."""


def encode(trace: Any) -> str:
    """The JSON of a trace."""
    arrays: list[dict[str, Any]] = []
    fields = _encoded(trace, arrays, {})
    whole = {"format": FORMAT, "version": VERSION, "arrays": arrays, **fields}
    return json.dumps(whole, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def decode(cls: type[T], text: str) -> T:
    """The trace, an object of `cls`, that JSON holds.

    Raises: TraceError if it is no trace, one of another version, or damaged.
    """
    try:
        whole = json.loads(text)
        kind, version = whole["format"], whole["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TraceError("this is no trace: it is not JSON that minigan trace wrote") from None
    if (kind, version) != (FORMAT, VERSION):
        raise TraceError(
            f"this is {kind} of version {version}, but this minigan reads {FORMAT} of version {VERSION}: "
            "record the trace anew"
        )
    try:
        arrays = [_object(ArraySummary, item, []) for item in whole["arrays"]]
        return _object(cls, whole, arrays)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise TraceError(f"the trace is damaged: {type(error).__name__}: {error}") from None


def _encoded(value: Any, arrays: list[dict[str, Any]], numbers: dict[int, int]) -> Any:
    """A value as JSON knows it. numbers: by the id of a summary, its number in `arrays`."""
    if isinstance(value, ArraySummary):
        if id(value) not in numbers:
            numbers[id(value)] = len(arrays)
            arrays.append(dataclasses.asdict(value))
        return numbers[id(value)]
    if dataclasses.is_dataclass(value):
        return {f.name: _encoded(getattr(value, f.name), arrays, numbers) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_encoded(item, arrays, numbers) for item in value]
    return value


def _object(cls: type[T], fields: dict[str, Any], arrays: list[ArraySummary]) -> T:
    """An object of a dataclass from its fields in JSON."""
    hints = _hints(cls)  # type: ignore[arg-type]  # a class is hashable
    return cls(**{name: _decoded(hint, fields[name], arrays) for name, hint in hints.items()})


def _decoded(hint: Any, value: Any, arrays: list[ArraySummary]) -> Any:
    """A field's value, of the type that its annotation says."""
    if isinstance(hint, types.UnionType):  # X | None
        return None if value is None else _decoded(typing.get_args(hint)[0], value, arrays)
    if typing.get_origin(hint) is tuple:
        return tuple(_decoded(typing.get_args(hint)[0], item, arrays) for item in value)
    if hint is ArraySummary:
        return arrays[value]
    is_object = isinstance(hint, type) and dataclasses.is_dataclass(hint)
    return _object(hint, value, arrays) if is_object else value


_hints = functools.cache(typing.get_type_hints)  # the types of a dataclass' fields, by name

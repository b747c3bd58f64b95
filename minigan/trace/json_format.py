"""A trace as JSON: {"format", "version", "arrays": […], and the trace's fields}. It holds no NaN or Infinity.

Summaries are written once, into the list "arrays"; wherever one is meant stands its number in that list.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from minigan.trace.old_names import renamed
from minigan.trace.summary import ArraySummary

FORMAT, VERSION = "minigan-trace", 2

T = TypeVar("T")
Rename = Callable[[str, dict[str, Any]], dict[str, Any]]


class TraceError(ValueError):
    """What should be a trace is none, or is one of another version."""


def encode(trace: Any) -> str:
    """The JSON of a trace."""
    arrays: list[dict[str, Any]] = []
    fields = _encoded(trace, arrays, {})
    whole = {"format": FORMAT, "version": VERSION, "arrays": arrays, **fields}
    return json.dumps(whole, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def decode(cls: type[T], text: str) -> T:
    """The trace, an object of `cls`, that JSON of this version or of version 1 holds.

    Raises: TraceError if it is no trace, one of another version, or damaged.
    """
    try:
        whole = json.loads(text)
        kind, version = whole["format"], whole["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TraceError("this is no trace: it is not JSON that minigan trace wrote") from None
    if kind != FORMAT or version not in (1, VERSION):
        raise TraceError(f"this is {kind} of version {version}, but this minigan reads {FORMAT} of 1 and {VERSION}")
    rename: Rename = renamed if version == 1 else lambda name, fields: fields
    try:
        arrays = [_object(ArraySummary, item, [], rename) for item in whole["arrays"]]
        return _object(cls, whole, arrays, rename)
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


def _object(cls: type[T], fields: dict[str, Any], arrays: list[ArraySummary], rename: Rename) -> T:
    """An object of a dataclass from its fields in JSON."""
    fields = rename(cls.__name__, fields)
    return cls(**{name: _decoded(hint, fields[name], arrays, rename) for name, hint in _hints(cls).items()})


def _decoded(hint: Any, value: Any, arrays: list[ArraySummary], rename: Rename) -> Any:
    """A field's value, of the type that its annotation says."""
    if isinstance(hint, types.UnionType):  # X | None
        return None if value is None else _decoded(typing.get_args(hint)[0], value, arrays, rename)
    if typing.get_origin(hint) is tuple:
        return tuple(_decoded(typing.get_args(hint)[0], item, arrays, rename) for item in value)
    if hint is ArraySummary:
        return arrays[value]
    is_object = isinstance(hint, type) and dataclasses.is_dataclass(hint)
    return _object(hint, value, arrays, rename) if is_object else value


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """The types of a dataclass' fields, by name."""
    return typing.get_type_hints(cls)

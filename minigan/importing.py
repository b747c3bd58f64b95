"""Python files of a user's own, as modules, and what is said of an error in one."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from minigan.formatting import last_frame, one_line

ELSEWHERE = tuple(os.path.dirname(os.path.realpath(file)) + os.sep for file in (__file__, os.__file__))


class UserCodeError(Exception):
    """A user's file cannot be run: why, and in which line; to be said after the file's name."""


def import_file(path: Path, name: str) -> ModuleType:
    """The module that a Python file makes, run under this name. Raises UserCodeError for whatever it raises.

    It is in `sys.modules` before it runs: dataclasses look up their annotations there.
    """
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:  # its name has an ending that Python gives no loader
        raise UserCodeError("is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a script may end itself
        sys.modules.pop(name, None)
        raise UserCodeError(f"cannot be run: {described(error)}") from error
    return module


def names_file(spec: str) -> bool:
    """Whether it is of the form file.py:name, which names a class or function in a file of the user's."""
    path, colon, name = str(spec).rpartition(":")
    return bool(colon) and path.endswith(".py") and name.isidentifier()


def import_named(spec: str, module_name: str) -> tuple[Path, Any]:
    """The file of `file.py:name`, which is run as a module, and what it calls by that name, or None.

    It may import files beside it. Raises UserCodeError, which names the file.
    """
    place, _, name = spec.rpartition(":")
    path = Path(place).expanduser()
    if not path.is_file():
        raise UserCodeError(f"there is no file {path}")
    folder = str(path.parent.absolute())
    sys.path.insert(0, folder)  # for a file beside it
    try:
        return path, getattr(import_file(path, module_name), name, None)
    except UserCodeError as error:
        raise UserCodeError(f"{path} {error}") from error.__cause__
    finally:
        sys.path.remove(folder)


def described(error: BaseException) -> str:
    """An error that the user's code raised: "NameError: name 'x' is not defined (mine.py, line 3)"."""
    text = f"{type(error).__name__}: {one_line(error)}"
    if isinstance(error, SyntaxError) and error.filename and is_users(error.filename):
        return f"{type(error).__name__}: {error.msg} ({_short(error.filename)}, line {error.lineno})"
    return f"{text} ({place})" if (place := user_line(error)) else text


def user_line(error: BaseException, source: bool = False) -> str:
    """The last line of the user's own code that an error came through: "mine.py, line 3", with its source behind it if
    that is wanted; "" if it came through none."""
    at = last_frame(error, is_users)
    return f"{_short(at.filename)}, line {at.lineno}" + (f": {at.line}" if source else "") if at else ""


def is_users(file: str) -> bool:
    """Whether a file is the user's own: neither minigan's nor of an installed package, nor Python's."""
    return not file.startswith(("<", *ELSEWHERE)) and "site-packages" not in file


def _short(file: str) -> str:
    """Relative to the folder one is in, if it is below."""
    path, here = os.path.abspath(file), os.path.abspath(".")
    return os.path.relpath(path, here) if path.startswith(here + os.sep) else file

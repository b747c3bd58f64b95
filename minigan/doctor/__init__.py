"""`minigan doctor`: what is installed, what computes, and whether the engine computes rightly here.

On a GPU also: every function against the CPU, a training step, and how fast it is. The report is
plain text, to be pasted into a bug report.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from minigan import backend
from minigan.backend import Device
from minigan.doctor import compare, environment, timing
from minigan.doctor.checks import CHECKS, Check
from minigan.formatting import home_as_tilde, one_line


def examine(device: str | None = None) -> bool:
    """Print the report; whether every check passed. Without the device asked for it ends with a `DeviceError`."""
    _print_all(environment.of_host())
    try:
        chosen, why = backend.choose_device(device)
    except backend.DeviceError as error:
        if cause := _first_cause(error):
            print(f"cause   {type(cause).__name__}: {home_as_tilde(str(cause))}")
        print("FAIL: the device asked for cannot be used")
        raise
    print(f"device  {chosen} ({why})")
    if chosen != backend.CPU:
        _print_all(environment.of_gpu(chosen.index))
    print("self-check")
    wrong = [name for name, check in CHECKS.items() if not _passes(name, check, chosen)]
    if chosen != backend.CPU:
        wrong += compare.against_cpu(chosen)
        _print_all(timing.report(chosen))
    print(f"FAIL: {', '.join(wrong)}" if wrong else f"PASS: minigan computes rightly on {chosen}")
    return not wrong


def _first_cause(error: BaseException) -> BaseException | None:
    """What CuPy or CUDA said in its own words, if it all began with that."""
    while error.__cause__ is not None:
        error = error.__cause__
    return None if isinstance(error, backend.DeviceError) else error


def _print_all(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _passes(name: str, check: Check, device: Device) -> bool:
    began = time.perf_counter()
    try:
        found, passed = check(device), True
    except Exception as error:  # a check may fail in any way: that is what it is for
        found, passed = f"{type(error).__name__}: {one_line(error)}", False
    seconds = time.perf_counter() - began
    print(f"  {'ok    ' if passed else 'FAILED'}  {name:<42} {seconds:5.1f} s  {found}", flush=True)
    return passed

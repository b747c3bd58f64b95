"""pytest's plugin: with `-p cusim.plugin`, CuPy runs on this CPU. CUSIM_NVRTC=1 asks NVIDIA's compiler too."""

import os

import pytest

import cusim

try:
    cusim.install(nvrtc_check=os.environ.get("CUSIM_NVRTC") == "1")
except cusim.Unavailable as error:
    raise pytest.UsageError(str(error)) from None


def pytest_terminal_summary(terminalreporter):
    """What this process has asked of the device; with xdist's -n, the others ask."""
    counts = ", ".join(f"{name} {count}" for name, count in cusim.counters().items())
    terminalreporter.write_line(f"simulated device: {counts}")

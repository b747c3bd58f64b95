"""What the commands share: exit codes, and how they speak."""

from __future__ import annotations

import argparse
import sys

from minigan.backend import Device, choose_device
from minigan.training.run_options import DEVICE

DONE, FAILED, USAGE = 0, 1, 2
RUN = "a run's folder, a checkpoint, or last"


def say(text: str) -> None:
    """A line for the person at the terminal: on stderr, so that stdout holds results only."""
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:  # a full disk: what is said is no reason to end the work
        pass


def announced(spec: str | None) -> Device:
    """The device that is meant, said with the reason."""
    device, why = choose_device(spec)
    say(f"device {device} ({why})")
    return device


def add_device(parser: argparse.ArgumentParser) -> None:
    """The option that names a device."""
    parser.add_argument("--device", type=DEVICE.read, help="auto, cpu, gpu or gpu:N (default: auto)")

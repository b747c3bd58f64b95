"""What the commands share: exit codes, and how they speak."""

from __future__ import annotations

import sys

from minigan.backend import Device, choose_device

DONE, FAILED, USAGE = 0, 1, 2


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

"""What the commands share: exit codes, and how they speak."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minigan.backend import Device

DONE, FAILED, USAGE = 0, 1, 2


def say(text: str) -> None:
    """A line for the person at the terminal: on stderr, so that stdout holds results only."""
    print(text, file=sys.stderr, flush=True)


def announced(spec: str | None) -> Device:
    """The device that is meant, said with the reason."""
    from minigan.backend import choose_device

    device, why = choose_device(spec)
    say(f"device {device} ({why})")
    return device

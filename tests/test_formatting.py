"""Sizes and paths in few words."""

from __future__ import annotations

import os

import pytest

from minigan.formatting import gibibytes, home_as_tilde


@pytest.mark.parametrize("count, said", [
    (1.5 * 2**30, "1.5 GiB"), (80 * 2**30, "80.0 GiB"), (2**30, "1.0 GiB"), (2**30 - 2**20, "1023.0 MiB"),
    (12 * 2**20, "12.0 MiB"), (0, "0.0 MiB"),
])  # fmt: skip
def test_sizes_are_in_powers_of_1024(count, said):
    assert gibibytes(count) == said


def test_a_home_is_a_tilde_wherever_it_stands():
    home = os.path.expanduser("~")
    assert home_as_tilde(f"{home}/a lies in {home}") == "~/a lies in ~"

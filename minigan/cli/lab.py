"""`minigan lab`: a page in which a GAN is trained and watched, live."""

from __future__ import annotations

import argparse
import tempfile
import webbrowser
from pathlib import Path

from minigan.cli.common import say
from minigan.lab import lab_page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan lab`."""
    parser.add_argument(
        "state", nargs="?", default="", metavar="STATE",
        help="what it begins from, as its address has it: 'objective=minimax&steps=600' (default: a ring, untrained)",
    )  # fmt: skip
    parser.add_argument(
        "--html", metavar="FILE", help="write it there, and open nothing (default: opened in a browser)"
    )


def lab(arguments: argparse.Namespace) -> None:
    """Write the page, or open it."""
    from minigan.training.atomic import write_atomically

    path = Path(arguments.html or Path(tempfile.gettempdir()) / "minigan-lab.html")
    write_atomically(path, lab_page(arguments.state.removeprefix("#")).encode())
    if arguments.html or not webbrowser.open(path.resolve().as_uri()):
        say(f"wrote {path}: open it in a browser")
    else:
        say(f"opened {path}")

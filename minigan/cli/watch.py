"""`minigan watch`: a page on this machine that shows runs as they train, and as they were."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minigan import terminal
from minigan.cli.common import say
from minigan.options import COUNT
from minigan.training import ConfigError, Trainer, TrainingError
from minigan.training.run_dir import run_number
from minigan.watch.beside import beside, served
from minigan.watch.server import Runs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `minigan watch`."""
    parser.add_argument(
        "runs_named", nargs="*", metavar="RUN", help="a run's folder, or last (default: all runs, new ones too)"
    )
    parser.add_argument("--runs", default="runs", help="where runs are looked for (default: runs)")
    parser.add_argument("--port", type=COUNT.read, help="of 127.0.0.1 (default: 8765, or any that is free)")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def watch(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    folder = Path(arguments.runs)
    named = [_run(where, folder) for where in arguments.runs_named]
    try:
        server = served(Runs(named, None if named else folder), arguments.port)
    except OSError as error:
        raise TrainingError(
            f"--port {arguments.port} cannot be used ({error.strerror or error}): choose another"
        ) from None
    what = ", ".join(str(run) for run in named) or f"all runs in {folder}"
    say(f"{what}: open {server.url} in a browser on this machine (Ctrl-C ends it)")
    if arguments.open:
        webbrowser.open(server.url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def _run(where: str, runs: Path) -> Path:
    """The run's folder that is meant."""
    if where == "last" and not Path(where).exists():
        found = [path for path in runs.glob("*/config.json") if run_number(path.parent) is not None]
        if not found:
            raise ConfigError(f"there is no run in {runs} yet: minigan train begins one")
        return max(found, key=lambda path: run_number(path.parent) or 0).parent
    path = Path(where)
    if not (path / "config.json").is_file():
        raise ConfigError(
            f"{where} is no run's folder: it holds no config.json; minigan watch alone shows all in {runs}"
        )
    return path


@contextmanager
def watched(trainer: Trainer) -> Iterator[None]:
    """Meanwhile the page of this run is served, and, if somebody sits at a terminal, after it until Ctrl-C."""
    with beside(trainer.run_dir.path) as address:
        say(
            f"watch it at {address} in a browser on this machine" if address else "the page to watch it did not come up"
        )
        yield
        if address and terminal.interactive():
            say(f"The page stays at {address} until Ctrl-C")
            try:
                while True:
                    input()
            except (EOFError, KeyboardInterrupt):
                pass

"""The command line in this process."""

from __future__ import annotations

import pytest

from minigan.cli import main


@pytest.fixture
def call(capsys):
    """call("train", …): (exit code, standard output, standard error)."""

    def run(*arguments):
        capsys.readouterr()
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as exit:
            code = exit.code
        return code, *capsys.readouterr()

    return run

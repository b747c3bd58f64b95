"""The command that installs what is missing: as pasted it works where minigan runs, a clone or an installed package."""

from __future__ import annotations

import pytest

from minigan import extras


@pytest.mark.parametrize(
    ("clone", "here", "command"),
    [
        (True, "clone", "pip install -e '.[lessons]'"),
        (True, ".", "pip install -e '{tmp}/clone[lessons]'"),
        (False, "clone", "pip install 'minigan[lessons]'"),
    ],
    ids=["in the clone", "of a clone elsewhere", "installed"],
)
def test_what_to_install(clone, here, command, tmp_path, monkeypatch):
    (tmp_path / "clone").mkdir()
    if clone:
        (tmp_path / "clone" / "setup.cfg").touch()
    monkeypatch.setattr(extras, "ROOT", tmp_path / "clone")
    monkeypatch.chdir(tmp_path / here)
    assert extras.install_command("lessons") == command.format(tmp=tmp_path)


def test_the_root_is_the_folder_that_minigan_lies_in():
    assert (extras.ROOT / "minigan" / "extras.py").is_file()

"""`minigan watch`, and `minigan train --watch` and `--tensorboard`."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager

import pytest

from minigan.cli import train, watch
from minigan.training import session
from minigan.watch.beside import beside
from minigan.watch.server import WatchServer

pytestmark = pytest.mark.host_only("files, and a server of them")


@pytest.fixture
def until_ctrl_c(monkeypatch):
    """The servers that the command began, each of which Ctrl-C ends at once; what each showed."""
    shown = []

    def stopped(server):
        shown.append([run.folder.name for run in server.runs.current().values()])
        raise KeyboardInterrupt

    monkeypatch.setattr(WatchServer, "serve_forever", stopped)
    return shown


def test_all_runs_of_a_folder_or_those_that_are_named(minigan, trained, until_ctrl_c):
    name = trained.name
    for arguments in (("--runs", trained.parent), (trained,), ("last", "--runs", trained.parent), (trained, trained)):
        said = minigan("watch", *arguments)
        assert said.code == 0 and "open http://127.0.0.1:" in said.err and said.out == ""
    assert until_ctrl_c == [[name]] * 4


def test_the_browser_is_opened_if_that_is_asked_for(minigan, trained, until_ctrl_c, monkeypatch):
    opened = []
    monkeypatch.setattr(watch.webbrowser, "open", opened.append)
    assert minigan("watch", trained).code == 0 and not opened
    said = minigan("watch", trained, "--open")
    assert said.code == 0 and len(opened) == 1 and opened[0] in said.err


def test_what_is_no_run_is_told(minigan, tmp_path, data):
    said = minigan("watch", data, "--runs", tmp_path)
    assert said.code == 2 and "is no run's folder: it holds no config.json" in said.err
    said = minigan("watch", "last", "--runs", tmp_path)
    assert said.code == 2 and "there is no run in" in said.err and "minigan train" in said.err


def test_a_port_that_is_taken_is_told(minigan, trained):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = minigan("watch", trained, "--port", port)
    assert said.code == 1 and f"--port {port} cannot be used" in said.err


def test_train_is_watched_while_it_trains_and_writes_for_tensorboard_if_asked(minigan, data, tmp_path, monkeypatch):
    told = []

    @contextmanager
    def served(folder):
        told.append(("begun", folder.name, len(list((folder / "ckpt").iterdir()))))
        yield "http://127.0.0.1:1/"
        told.append(("ended", folder.name, len(list((folder / "ckpt").iterdir()))))

    monkeypatch.setattr(watch, "beside", served)
    monkeypatch.setattr(
        train, "start", lambda *a, **k: told.append(k) or session.start(*a, **k | {"tensorboard": False})
    )
    monkeypatch.setattr(watch.terminal, "interactive", lambda: False)  # nobody is there to look on
    options = f"train --data {data} --out {tmp_path} --model mlp --steps 1 --batch-size 20 --grid 1".split()
    said = minigan(*options, "--watch", "--tensorboard")
    assert said.code == 0 and "watch it at http://127.0.0.1:1/ " in said.err and "stays" not in said.err
    assert told[0]["tensorboard"] is True
    assert told[1:] == [("begun", "00000-mlp-noise-s0", 0), ("ended", "00000-mlp-noise-s0", 1)]
    assert minigan(*options).code == 0 and told[-1]["tensorboard"] is False and len(told) == 4


@pytest.mark.slow
def test_the_process_beside_a_training_serves_its_run_and_ends_with_it(trained):
    with beside(trained) as address:
        host = address.removeprefix("http://").rstrip("/")
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", "/runs")
        (run,) = json.loads(connection.getresponse().read())["runs"]
        connection.close()
    assert run["name"] == trained.name and run["state"] == "done"
    with pytest.raises(OSError):
        http.client.HTTPConnection(host, timeout=10).connect()

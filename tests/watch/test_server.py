"""The server answers its own page alone, from the run folders alone, and writes one file, when it is asked to."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import threading

import pytest
from made_runs import line, lines

from minigan.trace import trace_page
from minigan.watch.beside import served
from minigan.watch.page import watch_page
from minigan.watch.server import Runs, WatchServer

pytestmark = pytest.mark.host_only("a server of files")


@pytest.fixture
def serve():
    """serve(runs): a server's `ask`, which is ended after the test."""
    begun = []

    def begin(runs, **options):
        server = WatchServer(runs, port=0, **options)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        begun.append((server, thread))

        def ask(path, method="GET", **headers):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
            connection.putrequest(method, path, skip_host=True)
            for name, value in ({"Host": f"127.0.0.1:{server.port}"} | headers).items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, content, answer.headers

        ask.server = server
        return ask

    yield begin
    for server, thread in begun:
        server.shutdown()
        server.server_close()
        thread.join()


def names(ask):
    return [run["name"] for run in json.loads(ask("/runs")[1])["runs"]]


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_it_listens_on_this_machine_alone(make_run, serve):
    ask = serve(Runs([make_run()]))
    assert ask.server.socket.getsockname()[0] == "127.0.0.1" and ask.server.url.startswith("http://127.0.0.1:")


def test_the_page_the_list_and_a_run(make_run, serve):
    ask = serve(Runs([make_run(lines(3), grids=("e000", "e001"))]))
    status, page, headers = ask("/")
    assert status == 200 and page.decode() == watch_page(ask.server.token)
    assert (
        headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        and headers["X-Content-Type-Options"] == "nosniff"
    )
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert names(ask) == ["00000-mlp-mnist-s0"]
    told = json.loads(ask("/run/0")[1])
    assert (told["state"], told["step"], told["total"], told["pace"]) == ("running", 60, 1000, 10.0)
    assert [name for name, _ in told["grids"]] == ["e000", "e001"] and len(told["curves"]) == 5
    status, picture, headers = ask("/run/0/samples/e001.png")
    assert status == 200 and picture.startswith(b"\x89PNG") and headers["Content-Type"] == "image/png"


def test_what_has_not_changed_is_not_sent_again(make_run, serve):
    folder = make_run(lines(3))
    ask = serve(Runs([folder]))
    tag = ask("/run/0")[2]["ETag"]
    assert ask("/run/0", If_None_Match=tag)[:2] == (304, b"")
    with open(folder / "stats.jsonl", "a") as file:
        file.write(json.dumps(line(80)) + "\n")
    assert ask("/run/0", If_None_Match=tag)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil:{port}", ""]
)
@pytest.mark.parametrize("path", ["/", "/runs", "/run/0"])
def test_another_hosts_request_is_refused(host, path, make_run, serve):
    ask = serve(Runs([make_run(lines(3))]))
    status, content, _ = ask(path, Host=host.format(port=ask.server.port))
    assert status == 403 and b"mlp" not in content and ask.server.token.encode() not in content
    assert ask(path, Host=f"LOCALHOST:{ask.server.port}")[0] == 200


@pytest.mark.parametrize("origin", [
    "http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://localhost:{port}.evil", "",
])  # fmt: skip
def test_another_sites_page_is_refused(origin, make_run, serve):
    folder = make_run(lines(3))
    ask = serve(Runs([folder]))
    origin, own = (text.format(port=ask.server.port) for text in (origin, "http://127.0.0.1:{port}"))
    assert ask("/run/0", Origin=origin)[0] == 403 and ask("/run/0", Origin=own)[0] == 200
    before = files_in(folder)
    assert ask("/run/0/trace", "POST", Origin=origin, X_Minigan_Token=ask.server.token)[0] == 403
    assert files_in(folder) == before


def test_a_trace_is_asked_for_by_the_pages_token_and_nothing_else_is_written(make_run, serve):
    folder = make_run(lines(3), grids=("e000",))
    ask = serve(Runs([folder]))
    before = files_in(folder)
    for headers in ({}, {"X_Minigan_Token": ""}, {"X_Minigan_Token": "x" * 43}, {"X_Minigan_Token": "\xe9"}):
        assert ask("/run/0/trace", "POST", **headers)[0] == 403
    assert ask("/run/0/trace")[0] == 404  # a link makes a browser send a GET
    token = {"X_Minigan_Token": ask.server.token}
    for path in ("/", "/runs", "/run/0", "/run/7/trace", "/run/0/trace/1", "/run/0/samples/e000.png"):
        assert ask(path, "POST", **token)[0] == 404
    assert ask("/run/0", "PUT", **token)[0] == 501 and ask("/run/0", "DELETE", **token)[0] == 501
    assert files_in(folder) == before
    for _ in range(2):
        assert ask("/run/0/trace", "POST", **token)[0] == 200
    assert files_in(folder) == sorted([*before, "trace.request"]) and json.loads(ask("/run/0")[1])["requested"]


def test_a_run_that_has_ended_has_no_next_step(make_run, serve):
    folder = make_run(lines(3), state="done")
    ask = serve(Runs([folder]))
    status, why, _ = ask("/run/0/trace", "POST", X_Minigan_Token=ask.server.token)
    assert status == 409 and b"not running" in why and not (folder / "trace.request").exists()


@pytest.mark.parametrize("path", [
    "/../secret.png", "/run/0/samples/../../../secret.png", "/run/0/samples/..%2f..%2f..%2fsecret.png", "//etc/passwd",
    "/run/0/samples/%2e%2e/config.json", "/run/0/samples/secret.png", "/run/0/config.json",
    "/run/0/trace/../config.json", "/run/0/trace/x", "/run/-1", "/run/1", "/run/0/", "/run/%30",
    "/run/0/samples/e000.png/", "/run/0/samples/e999.png",
    "http://127.0.0.1/etc/passwd", "/run/0/samples/linked.png", "/run/99999999999999999999",
])  # fmt: skip
def test_nothing_else_is_served(path, make_run, serve, tmp_path):
    folder = make_run(lines(3), grids=("e000",))
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "samples" / "secret.png").write_bytes(b"secret")  # no grid's name
    if os.name != "nt":
        (folder / "samples" / "e001.png").symlink_to(tmp_path / "secret.png")
    ask = serve(Runs([folder]))
    for each in (path, "/run/0/samples/e001.png"):
        status, content, _ = ask(each)
        assert status == 404 and b"secret" not in content and b"lr_G" not in content


def test_a_folder_of_runs_is_followed_as_they_come_and_go(make_run, serve, tmp_path):
    ask = serve(Runs(folder=tmp_path / "runs"))
    assert names(ask) == []  # there is no folder yet
    first = make_run(lines(3))
    second = make_run(lines(1), "00001-plane-ring-s0")
    (tmp_path / "runs" / "notes").mkdir()
    if os.name != "nt":
        (tmp_path / "runs" / "00007-linked").symlink_to(second)
    assert names(ask) == ["00001-plane-ring-s0", "00000-mlp-mnist-s0"]
    keys = {run["name"]: run["key"] for run in json.loads(ask("/runs")[1])["runs"]}
    os.rename(second, tmp_path / "gone")
    assert names(ask) == ["00000-mlp-mnist-s0"] and ask(f"/run/{keys[second.name]}")[0] == 404
    make_run(lines(1), "00010-plane-ring-s0")
    assert names(ask) == ["00010-plane-ring-s0", "00000-mlp-mnist-s0"]
    assert json.loads(ask(f"/run/{keys[first.name]}")[1])["name"] == first.name  # it kept its number


def test_the_stepper_of_a_traced_step(make_run, trace, serve):
    folder = make_run()
    (folder / "trace" / "s000003.json").write_text(trace.to_json())
    (folder / "trace" / "s000004.json").write_text('{"format": "minigan-trace"')
    ask = serve(Runs([folder]))
    status, page, headers = ask("/run/0/trace/3")
    assert status == 200 and page.decode() == trace_page(trace) and headers["Content-Type"].startswith("text/html")
    assert ask("/run/0/trace/4")[0] == 404 == ask("/run/0/trace/5")[0]


def test_a_port_that_is_taken_is_left_to_whoever_has_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError):
            served(Runs(), port)


def test_the_page_asks_its_own_server_alone_and_runs_its_own_script_alone():
    page = watch_page("a-token")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    assert parts["default-src"] == "'none'" and parts["connect-src"] == "'self'" and parts["img-src"] == "'self' data:"
    assert re.fullmatch(r"'sha256-[\w+/=]+'", parts["script-src"]) and page.count("a-token") == 1
    assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[\w/.]*", page)) <= {"http://www.w3.org/2000/svg"}


def test_a_notebooks_frame(make_run, monkeypatch):
    display = pytest.importorskip("IPython.display")
    from minigan.watch import notebook, show_run

    begun = []
    monkeypatch.setattr(notebook, "served", lambda *a, **k: begun.append(served(*a, **k)) or begun[0])
    frame = show_run(make_run(lines(3)), height=500)
    try:
        assert isinstance(frame, display.IFrame) and frame.src == begun[0].url and frame.height == 500
        connection = http.client.HTTPConnection("127.0.0.1", begun[0].port, timeout=5)
        connection.request("GET", "/runs")
        answer = connection.getresponse()
        assert "localhost" in answer.headers["Content-Security-Policy"] and b"mlp-mnist" in answer.read()
        connection.close()
    finally:
        begun[0].shutdown()
        begun[0].server_close()

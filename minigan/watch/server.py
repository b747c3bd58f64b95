"""The server of the page: Python's own, on 127.0.0.1 alone, for pages that it gave out itself.

A page of another site that a browser shows on this machine could ask it too, by this address or by a name of its own
that it lets point here (DNS rebinding). So each request must name this machine as its host, and, where a browser says
which site's page asks, that must be this one. The one request that writes also needs the token that is in the page.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minigan.files import read_file
from minigan.trace import Trace, TraceError, trace_page
from minigan.training.run_dir import run_number
from minigan.training.trace_request import request_trace
from minigan.watch.page import watch_page
from minigan.watch.reading import GRID, MOST_BYTES, Run, file_inside
from minigan.watch.telling import details, summary

ADDRESS, PORT = "127.0.0.1", 8765
MOST_RUNS = 200  # in the list: the newest ones
TOKEN = "X-Minigan-Token"
HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",  # no picture of a run in another site's page
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Runs:
    """The runs that are watched, each by a number that it keeps. folder: all in it, those that are made later too."""

    def __init__(self, named: Sequence[Path] = (), folder: Path | None = None) -> None:
        self.named, self.folder = [path.resolve() for path in named], folder
        self.numbers: dict[Path, int] = {}
        self.known: list[Run] = []

    def current(self) -> dict[int, Run]:
        """Those that are there now, the newest first."""
        for path in [*self.named, *self._in_folder()]:
            if path not in self.numbers:
                self.numbers[path] = len(self.known)
                self.known.append(Run(path))
        order = reversed(self.known) if self.folder else self.known
        there = [run for run in order if run.exists]
        if self.folder:
            there.sort(key=lambda run: run_number(run.folder) or 0, reverse=True)
        return {self.numbers[run.folder]: run for run in there[:MOST_RUNS]}

    def _in_folder(self) -> list[Path]:
        if self.folder is None:
            return []
        try:
            found = [p for p in self.folder.resolve().iterdir() if run_number(p) is not None and not p.is_symlink()]
        except OSError:  # it is made with the first run
            return []
        return sorted(found, key=lambda p: run_number(p) or 0)[-MOST_RUNS:]


class WatchServer(ThreadingHTTPServer):
    """Serves the page of some runs until `shutdown`. port: 0 for any that is free.
    framed: whether a page of this machine (a notebook's) may show it in a frame."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, runs: Runs, port: int = PORT, framed: bool = False) -> None:
        super().__init__((ADDRESS, port), Handler)
        self.runs, self.lock = runs, threading.Lock()
        self.token = secrets.token_urlsafe(32)
        self.port = int(self.server_address[1])
        self.hosts = {f"{name}:{self.port}" for name in (ADDRESS, "localhost")}
        self.ancestors = "http://127.0.0.1:* http://localhost:* vscode-webview:" if framed else "'none'"

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.port}/"

    def in_background(self) -> WatchServer:
        """Answer in a thread of its own; the server itself."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has gone: nothing is printed into the training's own lines."""


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    server: WatchServer
    server_version, sys_version = "minigan", ""
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """The page, the list of runs, what a run says, its pictures, its traces."""
        self._answered(ROUTES)

    def do_POST(self) -> None:
        """Ask for a trace."""
        self.close_connection = True  # what it sends along is not read
        self._answered(WRITES, self.headers.get(TOKEN, ""))

    def _answered(self, routes: dict[str, Callable[..., None]], token: str | None = None) -> None:
        hosts, origin = self.headers.get_all("Host", []), self.headers.get("Origin")
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            return self._fail(HTTPStatus.FORBIDDEN, f"this page is at {self.server.url} alone")
        if origin is not None and origin.lower().removeprefix("http://") not in self.server.hosts:
            return self._fail(HTTPStatus.FORBIDDEN, "pages of other sites are not answered")
        if token is not None and not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return self._fail(HTTPStatus.FORBIDDEN, "the token is not this page's: load it again")
        path = urlsplit(self.path).path
        for pattern, answer in routes.items():
            if match := re.fullmatch(pattern, path, re.ASCII):
                return self._answer(answer, match)
        self._fail(HTTPStatus.NOT_FOUND, "there is no such page")

    def _answer(self, answer: Callable[..., None], match: re.Match[str]) -> None:
        given = match.groupdict()
        if "run" not in given:
            return answer(self)
        with self.server.lock:
            run = self.server.runs.current().get(int(given.pop("run")))
        if run is None:
            return self._fail(HTTPStatus.NOT_FOUND, "this run's folder is gone")
        answer(self, run, **given)

    # What is answered.

    def _page(self) -> None:
        self._send(watch_page(self.server.token).encode(), "text/html; charset=utf-8")

    def _list(self) -> None:
        with self.server.lock:
            found = [{"key": key} | summary(run) for key, run in self.server.runs.current().items()]
        self._send_json({"runs": found})

    def _run(self, run: Run) -> None:
        with self.server.lock:
            told = details(run)
        self._send_json(told)

    def _grid(self, run: Run, name: str) -> None:
        path = file_inside(run.folder, "samples", f"{name}.png") if GRID.fullmatch(name) else None
        self._send_file(path, "image/png", lambda content: content)

    def _trace(self, run: Run, step: str) -> None:
        def page(content: bytes) -> bytes:
            return trace_page(Trace.from_json(content.decode("utf-8"))).encode()

        self._send_file(run.trace_file(int(step)), "text/html; charset=utf-8", page)

    def _request(self, run: Run) -> None:
        if run.state != "running":
            return self._fail(HTTPStatus.CONFLICT, "this run is not running: it has no next step")
        try:
            request_trace(run.folder)
        except OSError as error:
            return self._fail(HTTPStatus.CONFLICT, f"the request could not be written ({error.strerror or error})")
        self._send_json({"requested": True})

    # How.

    def _send_file(self, path: Path | None, kind: str, made_into: Callable[[bytes], bytes]) -> None:
        try:
            content = None if path is None else made_into(read_file(path, MOST_BYTES))
        except (OSError, TraceError, UnicodeDecodeError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            content = None
        if content is None:
            return self._fail(HTTPStatus.NOT_FOUND, "there is no such file in the run's folder, or it cannot be read")
        self._send(content, kind)

    def _send_json(self, value: dict[str, Any]) -> None:
        self._send(json.dumps(value).encode(), "application/json")

    def _send(self, content: bytes, kind: str) -> None:
        """The content, or that it is the one that the asker has."""
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        same = self.headers.get("If-None-Match") == tag
        self._head(HTTPStatus.NOT_MODIFIED if same else HTTPStatus.OK, kind, 0 if same else len(content), tag)
        if not same:
            self.wfile.write(content)

    def _fail(self, status: HTTPStatus, why: str) -> None:
        content = f"{why}\n".encode()
        self._head(status, "text/plain; charset=utf-8", len(content))
        self.wfile.write(content)

    def _head(self, status: HTTPStatus, kind: str, length: int, tag: str | None = None) -> None:
        self.send_response(status)
        own = {"Content-Type": kind, "Content-Length": str(length)} | ({"ETag": tag} if tag else {})
        policy = {"Content-Security-Policy": f"frame-ancestors {self.server.ancestors}"}  # the rest is in the page
        for name, value in (HEADERS | policy | own).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the terminal is the training's."""


RUN = r"/run/(?P<run>\d{1,6})"
ROUTES: dict[str, Callable[..., None]] = {
    "/": Handler._page,
    "/runs": Handler._list,
    RUN: Handler._run,
    rf"{RUN}/samples/(?P<name>\w+)\.png": Handler._grid,
    rf"{RUN}/trace/(?P<step>\d{{1,12}})": Handler._trace,
}
WRITES: dict[str, Callable[..., None]] = {rf"{RUN}/trace": Handler._request}

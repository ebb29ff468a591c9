"""The pages and streams that a browser asks for: GET only, on the loopback only.

Every path is looked up in a dict that is made at the start: no request names a file. A request
whose Host is not ours is refused (a name that somebody else's DNS points here), and so is a control
without the header that only a page of ours can send: another site's page cannot drive a replay.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from replay.page.channel import Channel, Viewer

ADDRESS = "127.0.0.1"
STALLED_S = 15.0  # a browser that takes nothing for so long is gone
WAIT_S = 0.2
ALIVE_S = 5.0  # a comment is sent when there is nothing to say
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# A report is one file with its scripts inside, and plotly writes styles.
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; worker-src blob:"
)
OURS = "X-Micropulse"  # a header that makes a browser ask first when it crosses sites

Control = Callable[[dict[str, str]], dict[str, Any]]


class PageError(Exception):
    """A page that cannot be served."""


class ControlError(Exception):
    """A control that asks for what is not there; told with 400."""


def listen(port: int) -> socket.socket:
    """A socket that listens on the loopback; 0 is any free port. Raises PageError."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((ADDRESS, port))
        made.listen(64)
    except OSError as error:
        made.close()
        raise PageError(
            f"The page cannot be served on port {port}: {error.strerror}. Something listens there "
            "already, another page perhaps; choose a port with --page-port (0: any free one)."
        ) from None
    return made


def address_of(made: socket.socket) -> str:
    """Where a browser finds it."""
    return f"http://{ADDRESS}:{made.getsockname()[1]}/"


class PageServer:
    """Serves the page, and the channels as streams, from threads of its own."""

    def __init__(
        self,
        made: socket.socket,
        channels: Mapping[str, Channel],
        control: Control | None = None,
        report: Path | None = None,
    ) -> None:
        """`channels` may grow while it serves; `control` takes a replay's commands."""
        self.channels, self.control, self.report = channels, control, report
        self.port = int(made.getsockname()[1])
        self.files = _own_files()
        server = ThreadingHTTPServer((ADDRESS, self.port), _Handler, bind_and_activate=False)
        server.socket.close()
        server.socket, server.daemon_threads = made, True
        server.page = self  # type: ignore[attr-defined]
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, name="page")
        self._thread.start()

    def close(self) -> None:
        """Serve no more; streams that are open end with their sockets."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _own_files() -> dict[str, tuple[str, bytes]]:
    """Path -> (content type, bytes) of all that a browser may ask for."""
    found: dict[str, tuple[str, bytes]] = {}
    for file in (files("replay.page") / "web").iterdir():
        kind = KINDS.get(Path(file.name).suffix)
        if kind:
            found[f"/{file.name}"] = kind, file.read_bytes()
    found["/"] = found["/index.html"]
    return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "micropulse", ""
    timeout = STALLED_S
    disable_nagle_algorithm = True

    @property
    def page(self) -> PageServer:
        """Whose requests these are."""
        page: PageServer = self.server.page  # type: ignore[attr-defined]
        return page

    def do_GET(self) -> None:
        """Answer; whatever is asked, a browser gets a status and no traceback."""
        try:
            path, query = self._asked()
        except ValueError:
            return self._say(400, "This is no address of ours.\n")
        host = self.headers.get("Host", "")
        if host not in (f"{name}:{self.page.port}" for name in (ADDRESS, "localhost")):
            return self._say(403, "This page is served to the machine it runs on only.\n")
        if path == "/events":
            return self._events(query)
        if path == "/control":
            return self._control(query)
        if query:
            return self._say(400, "This address takes no query.\n")
        if path == "/report" and self.page.report is not None:
            return self._report(self.page.report)
        if path == "/favicon.ico":
            return self._answer(204, "image/x-icon", b"")
        found = self.page.files.get(path)
        if found is None:
            return self._say(404, "There is nothing here.\n")
        return self._answer(200, *found)

    def _asked(self) -> tuple[str, dict[str, str]]:
        """The path and the query, each name once. Raises ValueError."""
        parts = urlsplit(self.path)
        if parts.scheme or parts.netloc or not self.path.isascii():
            raise ValueError(self.path)
        pairs = parse_qsl(parts.query, True, True, max_num_fields=8) if parts.query else []
        if len(dict(pairs)) != len(pairs):
            raise ValueError(self.path)
        return parts.path, dict(pairs)

    def _events(self, query: dict[str, str]) -> None:
        """A stream of messages, until one side goes."""
        if query.keys() - {"symbol"}:
            return self._say(400, "A stream takes a symbol.\n")
        name = query.get("symbol")
        if name is not None and name not in self.page.channels:
            return self._say(404, "There is no such symbol, or nothing has come of it yet.\n")
        self.close_connection = True
        try:
            self._head(200, "text/event-stream", {"Connection": "close"})
            self.wfile.write(b"retry: 1000\n\n")
            while not self.page.channels:  # a run that has only begun
                time.sleep(WAIT_S)
                self.wfile.write(b":\n\n")
            self._follow(self.page.channels[name or next(iter(self.page.channels))])
        except OSError:
            return None
        return None

    def _follow(self, channel: Channel) -> None:
        """All that a channel says, until one side goes."""
        viewer = channel.come()
        if viewer is None:
            self.wfile.write(b'data: {"sent":0,"says":{"refused":"Too many are watching."}}\n\n')
            return
        try:
            while (message := _next(viewer)) is not None:
                self.wfile.write(message)
        finally:
            channel.go(viewer)

    def _control(self, query: dict[str, str]) -> None:
        """A command to a replay, from a page of ours."""
        control = self.page.control
        if control is None:
            return self._say(404, "There is nothing to control: the market is live.\n")
        origin = self.headers.get("Origin")
        ours = (None, f"http://{self.headers['Host']}")
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        if OURS not in self.headers or origin not in ours or site not in ("same-origin", "none"):
            return self._say(403, "Only the page itself may do this.\n")
        try:
            done = control(query)
        except ControlError as error:
            return self._say(400, f"{error}\n")
        return self._answer(200, "application/json", json.dumps(done).encode())

    def _report(self, path: Path) -> None:
        try:
            text = path.read_bytes()
        except OSError:
            return self._say(404, f"There is no report yet: micropulse report {path.parent}\n")
        return self._answer(200, KINDS[".html"], text, REPORT_POLICY)

    def _say(self, status: int, words: str) -> None:
        self._answer(status, KINDS[".txt"], words.encode())

    def _answer(self, status: int, kind: str, body: bytes, policy: str = POLICY) -> None:
        self._head(status, kind, {"Content-Length": str(len(body))}, policy)
        if status != 204:
            self.wfile.write(body)

    def _head(self, status: int, kind: str, more: dict[str, str], policy: str = POLICY) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        for name, value in (headers | more).items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses, in plain text."""
        self.close_connection = True
        self._say(code, "This server only answers GET, in plain HTTP.\n")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: who asks is no news."""


def _next(viewer: Viewer) -> bytes | None:
    """What is to be sent next; a comment when there is nothing for a while; None at the end."""
    try:
        message = viewer.queue.get(timeout=ALIVE_S)
    except queue.Empty:
        return b":\n\n"
    if message is None:
        return None
    return b'data: {"sent":%d,"says":%s}\n\n' % (time.time_ns() // 1_000_000, message)

"""An HTTP proxy in front of S3 that fails chosen objects, until it is told that they have been reported."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

S3_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>injected</Message></Error>'
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


Answer = tuple[int, list[tuple[str, str]], bytes]  # status, headers, body


class Fault(NamedTuple):
    """What goes wrong: with which method, and how."""

    method: str
    status: int  # HTTP; 0: the connection is closed without an answer; 200: it is closed in the middle of the body
    code: str


KINDS = (
    Fault("GET", 503, "SlowDown"),
    Fault("PUT", 500, "InternalError"),
    Fault("GET", 500, "InternalError"),
    Fault("PUT", 503, "SlowDown"),
    Fault("GET", 0, "connection closed"),
    Fault("GET", 200, "cut off"),
    Fault("PUT", 0, "connection closed"),
)


class FaultyProxy:
    """The proxy's plan and count.

    Attributes:
        url: where it listens.
        faults: path (`/bucket/key`, decoded) -> what goes wrong there.
        met: path -> how many requests met its fault.
        requests: how many there were in all.
    """

    def __init__(self, upstream: str) -> None:
        self.faults: dict[str, Fault] = {}
        self.met: dict[str, int] = {}
        self.requests = 0
        self.lock = threading.Lock()
        self._upstream = urlsplit(upstream).netloc
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[FaultyProxy]:
        """Answer requests until the context ends."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets, counted."""
        with self.lock:
            self.requests += 1
            planned = self.faults.get(path)
            if planned is None or planned.method != method:
                return None
            self.met[path] = self.met.get(path, 0) + 1
            return planned

    def heal(self, path: str) -> None:
        """Let the requests for a path through from now on."""
        with self.lock:
            self.faults.pop(path, None)

    def forward(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of the real S3."""
        with contextlib.closing(http.client.HTTPConnection(self._upstream, timeout=60)) as connection:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = proxy.fault(self.command, unquote(urlsplit(self.path).path))
            if fault and not fault.status:
                self.close_connection = True
            elif fault and fault.status == http.HTTPStatus.OK:
                self.close_connection = True
                self._answer(200, [("ETag", '"0"')], b"the beginning", rest=100)
            elif fault:
                self._answer(fault.status, [("Content-Type", "application/xml")], S3_ERROR.format(fault.code).encode())
            else:
                self._answer(*proxy.forward(self.command, self.path, body, dict(self.headers)))

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815  (the names that the base class calls)

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, rest: int = 0) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + rest))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (the base class's name)
            """Nothing: the report counts."""

    return Handler

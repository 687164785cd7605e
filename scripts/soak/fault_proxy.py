"""HTTP proxy in front of S3 for fault injection: requests for chosen paths fail until the fault is removed."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

S3_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>{}</Message></Error>'
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Fault(NamedTuple):
    """Injected fault: the HTTP method that fails, and the failure."""

    method: str
    status: int  # HTTP; 0: connection closed without a response; 200: connection closed in the middle of the body
    code: str
    message: str = "injected"


KINDS = (
    Fault("GET", 503, "SlowDown"),
    Fault("PUT", 500, "InternalError"),
    Fault("GET", 500, "InternalError"),
    Fault("PUT", 503, "SlowDown"),
    Fault("GET", 0, "connection closed"),
    Fault("GET", 200, "truncated body"),
    Fault("PUT", 0, "connection closed"),
)


class FaultyProxy:
    """Proxy with its faults and counts.

    Attributes:
        url: URL of the proxy.
        faults: path (`/bucket/key`, decoded) -> fault.
        met: path -> number of requests that met its fault.
        requests: number of all requests.
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
        """Serve requests until the context ends."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def fault(self, method: str, path: str) -> Fault | None:
        """Return the fault of a request, or None; count the request."""
        with self.lock:
            self.requests += 1
            fault = self.faults.get(path)
            if fault is None or fault.method != method:
                return None
            self.met[path] = self.met.get(path, 0) + 1
            return fault

    def remove_fault(self, path: str) -> None:
        """Forward the requests for a path from now on."""
        with self.lock:
            self.faults.pop(path, None)

    def forward(
        self, method: str, target: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return status, headers and body of the S3 server."""
        with contextlib.closing(http.client.HTTPConnection(self._upstream, timeout=60)) as connection:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            """Inject the fault of the request, or forward it to S3."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = proxy.fault(self.command, unquote(urlsplit(self.path).path))
            if fault and not fault.status:
                self.close_connection = True
            elif fault and fault.status == http.HTTPStatus.OK:
                self.close_connection = True
                self._reply(200, [("ETag", '"0"')], b"the beginning", missing=100)
            elif fault:
                text = S3_ERROR.format(fault.code, escape(fault.message))
                self._reply(fault.status, [("Content-Type", "application/xml")], text.encode())
            else:
                self._reply(*proxy.forward(self.command, self.path, body, dict(self.headers)))

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815  (names that the base class calls)

        def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes, missing: int = 0) -> None:
            """Send a response; its Content-Length counts `missing` bytes that are never sent."""
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + missing))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (name of the base class)
            """Log nothing: the report has the counts."""

    return Handler

"""HTTP proxy in front of S3 for fault injection: requests for chosen paths fail until the fault is removed."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
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
    delay_s: float = 0.0  # wait before the response, which is then that of S3
    drip_s: float = 0.0  # wait before each byte of the body of S3, until the fault is removed


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
        writes: path -> number of objects that were written.
        requests: number of all requests.
    """

    def __init__(self, upstream: str) -> None:
        self.faults: dict[str, Fault] = {}
        self.met: dict[str, int] = {}
        self.writes: dict[str, int] = {}
        self.requests = 0
        self.lock = threading.Lock()
        self._upstream = urlsplit(upstream).netloc
        self._server = _Server(self)
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
            if method == "PUT" and response.status == http.HTTPStatus.OK:
                path = decoded_path(target)
                with self.lock:
                    self.writes[path] = self.writes.get(path, 0) + 1
            return response.status, response.getheaders(), response.read()


def decoded_path(target: str) -> str:
    """Return the path of a request target, as the keys of `faults` are written."""
    return unquote(urlsplit(target).path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: FaultyProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        """Inject the fault of the request, or forward it to S3."""
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = decoded_path(self.path)
        fault = proxy.fault(self.command, path)
        if fault is None:
            self._reply(*proxy.forward(self.command, self.path, body, dict(self.headers)))
        elif fault.delay_s or fault.drip_s:
            time.sleep(fault.delay_s)
            status, headers, content = proxy.forward(self.command, self.path, body, dict(self.headers))
            self._reply(status, headers, b"", missing=len(content))
            self._drip(content, path, fault.drip_s)
        else:
            self._fail(fault)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve  # noqa: N815  (names that the base class calls)

    def _fail(self, fault: Fault) -> None:
        """Close the connection, cut off the body, or send an error of S3."""
        if not fault.status:
            self.close_connection = True
        elif fault.status == http.HTTPStatus.OK:
            self.close_connection = True
            self._reply(200, [("ETag", '"0"')], b"the beginning", missing=100)
        else:
            text = S3_ERROR.format(fault.code, escape(fault.message))
            self._reply(fault.status, [("Content-Type", "application/xml")], text.encode())

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

    def _drip(self, content: bytes, path: str, interval: float) -> None:
        """Send a body byte by byte while its fault exists, then the rest."""
        try:
            while interval and content and path in self.server.proxy.faults:
                self.wfile.write(content[:1])
                content = content[1:]
                time.sleep(interval)
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True  # the function gave up

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (name of the base class)
        """Log nothing: the report has the counts."""

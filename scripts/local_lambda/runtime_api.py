"""Server of Lambda's Runtime API on a listening socket: sends events and receives results.

Source: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.
"""

from __future__ import annotations

import http.server
import json
import secrets
import socket
import sys
import threading
import time
from typing import Any

from scripts.aws.limits import RESPONSE_LIMIT
from scripts.local_lambda.env_vars import FUNCTION_ARN
from scripts.local_lambda.invocation import (
    Channel,
    EventSent,
    HandlerError,
    InitError,
    NextRequested,
    ResponseReceived,
    RestoreError,
    Snapshot,
)

VERSION = "/2018-06-01/runtime"
CHUNK = 1 << 20


class RuntimeApi:
    """Server; set `channel` before a process starts.

    Attributes:
        channel: channel of the process that is running.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.channel = Channel()
        self._server = _Server(listener, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.channel.events.put(None)
        self._server.shutdown()
        self._thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.api = api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore broken connections, which a killed process leaves; report all other errors."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (name of the base class)
        """Log nothing: the command prints its own report."""

    def do_GET(self) -> None:
        """Serve `restore/next` and `invocation/next`."""
        channel = self.server.api.channel
        if self.path == f"{VERSION}/restore/next":
            channel.messages.put(Snapshot(time.monotonic()))
            self._reply(200, b"")
            return
        if self.path != f"{VERSION}/invocation/next":
            self._reply(404, _error("InvalidPath", self.path))
            return
        channel.messages.put(NextRequested(time.monotonic()))
        delivery = channel.events.get()
        if delivery is None:  # its process ended
            self.close_connection = True
            return
        channel.messages.put(EventSent(delivery.request_id, time.monotonic()))
        deadline = int((time.time() + delivery.timeout) * 1000)
        self._reply(200, delivery.event, {
            "Lambda-Runtime-Aws-Request-Id": delivery.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0",
        })  # fmt: skip

    def do_POST(self) -> None:
        """Receive a response or an error."""
        channel = self.server.api.channel
        body, size = self._body()
        now = time.monotonic()
        parts = self.path.removeprefix(VERSION).strip("/").split("/") if self.path.startswith(VERSION) else []
        if parts == ["init", "error"]:
            channel.messages.put(InitError(json.loads(body)))
        elif parts == ["restore", "error"]:
            channel.messages.put(RestoreError(json.loads(body)))
        elif len(parts) == 3 and parts[0] == "invocation" and parts[2] == "error":
            channel.messages.put(HandlerError(parts[1], json.loads(body), now))
        elif len(parts) == 3 and parts[0] == "invocation" and parts[2] == "response":
            fits = size <= RESPONSE_LIMIT
            content_type = self.headers.get("Content-Type", "")
            channel.messages.put(ResponseReceived(parts[1], body if fits else None, size, content_type, now))
            if not fits:
                self._reply(413, _error("RequestEntityTooLarge", "Exceeded maximum allowed payload size"))
                return
        else:
            self._reply(404, _error("InvalidPath", self.path))
            return
        self._reply(202, b'{"status":"OK"}\n')

    def _body(self) -> tuple[bytes, int]:
        """Return the body of the request, truncated at the limit, and its full size."""
        kept, size = bytearray(), 0
        length = int(self.headers.get("Content-Length", 0))
        while size < length:
            data = self.rfile.read(min(CHUNK, length - size))
            if not data:
                raise ConnectionResetError("the client closed the connection in the middle of a body")
            size += len(data)
            if len(kept) <= RESPONSE_LIMIT:
                kept += data
        return bytes(kept), size

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        # Always with Content-Type: without it the client crashes with a segmentation fault.
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()

"""S3 server for tests of slow objects: the key says how an object arrives."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DRIP_S = 0.1  # between two bytes


class Server(ThreadingHTTPServer):
    """Objects whose key says how they arrive: `drip`, `silent` (no response), `busy` (503), `head` (a slow head)."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, data: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = data
        self.written: list[str] = []
        self.closed = 0  # connections that the client closed while a body dripped
        self.ends = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        key = self.path.partition("?")[0]
        if "silent" in key:
            self.server.ends.wait(60)
            return
        if "busy" in key:
            self._respond(503, b"<Error><Code>SlowDown</Code></Error>")
            return
        if "head" in key:
            self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n" + b"X-A: b\r\n" * 1000)
            return
        self.send_response(200)
        for name, value in {"ETag": '"e1"', "Content-Length": str(len(self.server.data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if "drip" in key:
            self._drip(self.server.data)
        else:
            self.wfile.write(self.server.data)

    def do_PUT(self) -> None:
        key = self.path.partition("?")[0]
        self.rfile.read(int(self.headers["Content-Length"]))
        if "stuck" in key:
            self.server.ends.wait(60)
            return
        self.server.written.append(key)
        self._respond(200, b"")

    def _respond(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"e2"')
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, data: bytes) -> None:
        self.close_connection = True
        try:
            for byte in data:
                self.wfile.write(bytes([byte]))
                time.sleep(DRIP_S)
                if self.server.ends.is_set():
                    return
        except OSError:
            self.server.closed += 1

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serving(data: bytes) -> Iterator[tuple[str, Server]]:
    """Serve one image under every key."""
    with Server(data) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", server
        server.ends.set()
        server.shutdown()

"""HTTP server of this machine with the objects of an S3 bucket, which also serves as a web server without TLS."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves the same bytes for every GET, and accepts every PUT.

    Attributes:
        content: the bytes.
        status: of the response to GET.
        written: number of bytes of each PUT.
    """

    daemon_threads = True

    def __init__(self, content: bytes, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.status = status
        self.written: list[int] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables of a function whose S3 is this server."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "ALLOWED_BUCKETS": "images",
            "ALLOWED_URL_HOSTS": "*",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        try:
            self.wfile.write(self.server.content)
        except ConnectionError:  # the function refuses an object before it reads it
            self.close_connection = True

    def do_PUT(self) -> None:
        self.written_bytes = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.written.append(self.written_bytes)
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@contextmanager
def serving(content: bytes, status: int = 200) -> Iterator[Server]:
    """Serve the bytes in a thread."""
    with Server(content, status) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()

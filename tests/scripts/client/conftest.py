"""A server on loopback that is a Function URL, Lambda's API and STS, with the real handler."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from scripts.client import endpoint
from tests.conftest import Context

REPORT = "REPORT RequestId: 1\tDuration: 9.10 ms\tBilled Duration: 310 ms\tMemory Size: 1769 MB\t"
KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


class Lambda(ThreadingHTTPServer):
    """Both endpoints of one function; the first call is a cold start.

    Attributes:
        requests: path, headers and body of each call.
        errors: status and body in place of the next responses of the function.
        api_error: in place of every response.
    """

    daemon_threads = True

    def __init__(self, handler: ModuleType) -> None:
        super().__init__(("127.0.0.1", 0), _Endpoint)
        self.handler = handler
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.function_error = False
        self.api_error: tuple[int, bytes] | None = None
        self.errors: list[tuple[int, bytes]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Lambda

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b"GetCallerIdentity" in body:
            self._send(200, IDENTITY, {"Content-Type": "text/xml"})
            return
        with self.server.lock:
            cold = not self.server.requests
            self.server.requests.append((self.path, dict(self.headers.items()), body))
            error = self.server.errors.pop(0) if self.server.errors else self.server.api_error
            if error:
                self._send(*error, {})
            elif self.path.endswith("/invocations"):
                response = self.server.handler.lambda_handler(json.loads(body), Context())
                log = REPORT + ("Init Duration: 301.25 ms\t" if cold else "")
                extra = {"X-Amz-Log-Result": base64.b64encode(log.encode()).decode()}
                extra |= {"X-Amz-Function-Error": "Unhandled"} if self.server.function_error else {}
                self._send(200, json.dumps(response).encode(), extra)
            else:
                response = self.server.handler.lambda_handler(self._event(body), Context())
                self._send(response["statusCode"], response["body"].encode(), {})

    def _event(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        return {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "requestContext": {"http": {"method": "POST", "path": path}, "domainName": "x.lambda-url.eu-west-1.on.aws"},
            "body": body.decode(),
            "isBase64Encoded": False,
        }

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def served(handler: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    with Lambda(handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        for name, value in {**KEYS, "AWS_ENDPOINT_URL_LAMBDA": server.url, "AWS_ENDPOINT_URL_STS": server.url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        monkeypatch.setattr("scripts.client.connection.FIRST_WAIT", 0.001)
        monkeypatch.delenv(endpoint.KEY_VARIABLE, raising=False)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def red(tmp_path: Path, red_png: bytes) -> Path:
    path = tmp_path / "red.png"
    path.write_bytes(red_png)
    return path


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the output of call.py without the metrics of the handler, which runs in the same process."""
    lines = capsys.readouterr().out.splitlines()
    return "\n".join(line for line in lines if not line.startswith('{"_aws"'))

"""Local HTTP server with the wire format of the Converse API of Bedrock, for the real boto3.

with FakeBedrock() as bedrock:
    bedrock.replies = [throttled(), answer("4.2 bar")]   # one for each request; the last one stays

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html; errors as in the protocol REST-JSON.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import unquote


class Reply(NamedTuple):
    """Response to one request."""

    status: int
    body: bytes
    error: str = ""  # header x-amzn-ErrorType
    delay_s: float = 0


def answer(*texts: str, stop_reason: str = "end_turn", delay_s: float = 0, **content: Any) -> Reply:
    """Return an answer of a model with one block for each text."""
    blocks = [{"text": text} for text in texts]
    body = {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": 400, "outputTokens": 6, "totalTokens": 406},
        "metrics": {"latencyMs": 551},
    } | content
    return Reply(200, json.dumps(body).encode(), delay_s=delay_s)


def error(status: int, code: str, message: str = "a message of Bedrock") -> Reply:
    return Reply(status, json.dumps({"message": message}).encode(), error=code)


def throttled() -> Reply:
    return error(429, "ThrottlingException", "Too many requests, please wait before trying again.")


class Request(NamedTuple):
    """Request that the server received."""

    model: str
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def image(self) -> dict[str, Any]:
        image: dict[str, Any] = self.body["messages"][0]["content"][0]["image"]
        return image

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][0]["content"][1]["text"])


class FakeBedrock:
    """Server on the loopback interface.

    Attributes:
        replies: one for each request; the last one is used again.
        requests: in the order of their arrival.
        most_at_once: largest number of requests at the same time.
    """

    def __init__(self) -> None:
        self.replies = [answer("4.2 bar")]
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._open = 0
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                reply = fake.receive(self)
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(reply.body)))
                    if reply.error:
                        self.send_header("x-amzn-ErrorType", f"{reply.error}:http://internal.amazon.com/")
                    self.end_headers()
                    self.wfile.write(reply.body)
                except OSError:  # the client gave up
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def receive(self, handler: BaseHTTPRequestHandler) -> Reply:
        """Record a request and return its reply, after the delay of the reply."""
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        model = unquote(handler.path).removeprefix("/model/").removesuffix("/converse")
        with self._lock:
            self.requests.append(Request(model, body, dict(handler.headers.items())))
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        time.sleep(reply.delay_s)
        with self._lock:
            self._open -= 1
        return reply

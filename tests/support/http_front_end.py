"""HTTP server on loopback: turns requests into events as an AWS front end does, and returns the function's response.

Sources: the pages on events and responses of Function URLs (Lambda developer guide), of REST and HTTP APIs (API Gateway
developer guide), and of Lambda targets (guide of Application Load Balancers).
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

KINDS = ("function_url", "http_api", "rest", "alb")
PATHS = {
    "function_url": "/",
    "http_api": "/default/yolo",
    "rest": "/prod/yolo",
    "alb": "/lambda",
}  # as consoles make them
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")
Invoke = Callable[[dict[str, Any]], dict[str, Any]]
Pairs = list[tuple[str, str]]


class Incoming:
    """One HTTP request."""

    def __init__(self, method: str, target: str, headers: Pairs, body: bytes) -> None:
        parts = urlsplit(target)
        self.method, self.path, self.query = method, parts.path, parts.query
        self.headers = [(name.lower(), value) for name, value in headers]
        self.body = body

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, "")

    def pairs(self) -> Pairs:
        return parse_qsl(self.query, keep_blank_values=True)

    def encoded(self, always: bool = False) -> dict[str, Any]:
        """The body as text if the front end takes it for text, else in base64."""
        is_text = self.header("content-type").startswith(TEXT_TYPES) and not self.header("content-encoding")
        if self.body and (always or not is_text):
            return {"body": base64.b64encode(self.body).decode(), "isBase64Encoded": True}
        return {"body": self.body.decode("utf-8", "replace") or None, "isBase64Encoded": False}


def joined(pairs: Pairs) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def lists(pairs: Pairs) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def route(path: str) -> str:
    """The route of an API with a path: that of the console, or one for everything below it."""
    return "/yolo" if path.endswith("/yolo") else "/yolo/{proxy+}"


def payload_2(request: Incoming, stage: str, domain: str) -> dict[str, Any]:
    http = {"method": request.method, "path": request.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
    return {
        "version": "2.0",
        "rawPath": unquote(request.path),
        "rawQueryString": request.query,
        "headers": joined(request.headers),
        **({"queryStringParameters": joined(request.pairs())} if request.query else {}),
        "requestContext": {
            "http": http,
            "stage": stage,
            "domainName": domain,
            "requestId": "x",
            "routeKey": "$default" if stage == "$default" else f"ANY {route(request.path)}",
        },
        **request.encoded(),
    }


def rest(request: Incoming) -> dict[str, Any]:
    """An event of a stage `prod` with binaryMediaTypes */*."""
    path = unquote(request.path).removeprefix("/prod")
    return {
        "resource": path,
        "path": path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": lists(request.headers),
        "queryStringParameters": dict(request.pairs()) or None,
        "multiValueQueryStringParameters": lists(request.pairs()) or None,
        "requestContext": {
            "stage": "prod",
            "path": request.path,
            "httpMethod": request.method,
            "requestId": "x",
            "resourcePath": route(request.path),
        },
        **request.encoded(always=True),
    }


def alb(request: Incoming) -> dict[str, Any]:
    """An event without multi-value headers: the query string stays percent-encoded."""
    encoded = [part.partition("=") for part in request.query.split("&") if part]
    return {
        "requestContext": {
            "elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/y/1"}
        },
        "httpMethod": request.method,
        "path": request.path,
        "queryStringParameters": {name: value for name, _, value in encoded},
        "headers": dict(request.headers),
        **request.encoded(),
        "body": request.encoded()["body"] or "",
    }


EVENTS: dict[str, Callable[[Incoming], dict[str, Any]]] = {
    "function_url": lambda request: payload_2(request, "$default", "abc.lambda-url.us-east-1.on.aws"),
    "http_api": lambda request: payload_2(request, "default", "abc.execute-api.us-east-1.amazonaws.com"),
    "rest": rest,
    "alb": alb,
}


@contextmanager
def serve(kind: str, invoke: Invoke) -> Iterator[str]:
    """Serve one front end and yield its URL, with the path that a console gives to the function."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(kind, invoke))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}{PATHS[kind]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(kind: str, invoke: Invoke) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            request = Incoming(self.command, self.path, self.headers.items(), self.read_body())
            with lock:  # an execution environment has one invocation at a time
                reply = invoke(json.loads(json.dumps(EVENTS[kind](request))))
            body = reply.get("body") or ""
            data = base64.b64decode(body) if reply.get("isBase64Encoded") else body.encode()
            self.send_response(reply["statusCode"])
            for name, value in reply.get("headers", {}).items():
                self.send_header(name, value)
            if reply["statusCode"] != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = do_OPTIONS = respond  # noqa: N815

        def read_body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                return b"".join(iter(self.read_chunk, b""))
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def read_chunk(self) -> bytes:
            size = int(self.rfile.readline().partition(b";")[0], 16)
            data = self.rfile.read(size)
            self.rfile.readline()
            return data

        def log_message(self, *arguments: Any) -> None:
            """Write nothing."""

    return Handler

"""Local HTTP server with the wire format of Lambda's API, for the real boto3: Invoke and GetFunctionConfiguration.

with FakeLambda(concurrency=10, seed=7) as api:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", api.url)

A call above the concurrency is answered by 429, as Lambda does. With a seed, some calls meet an error: status 500, a
connection that is closed, a function that crashes, or a transient error of one image. Results are computed from the
name of an image, or by a handler. Source: docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
"""

import base64
import hashlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

Handler = Callable[[dict[str, Any]], dict[str, Any]]
ERRORS = ("status 500", "closed", "crash", "transient")
MODEL = {"task": "detect", "sha256": "0" * 64, "imgsz": [320, 320]}


def detections(name: str) -> dict[str, Any]:
    """Return the body of a result with 0 to 3 detections, which depends on the name alone; its times do not."""
    digest = hashlib.sha256(name.encode()).digest()
    rows = []
    for number in range(digest[0] % 4):
        x, y, class_id = digest[number + 1], digest[number + 5], digest[number + 9] % 2
        box = {"x_min": float(x), "y_min": float(y), "x_max": x + 20.5, "y_max": y + 10.25}
        rows.append({"class_name": ("gauge", "clock")[class_id], "class_id": class_id, "confidence": 0.5,
                     "box_2d": box, "normalized_box": {}})  # fmt: skip
    return {
        "image_name": name.rpartition("/")[2], "image_dimensions": {"width": 640, "height": 480}, "detections": rows,
        "detection_count": len(rows), "model": MODEL, "timing_ms": {"inference": round(random.random(), 3)},
    }  # fmt: skip


def respond(event: dict[str, Any], result: Callable[[str], dict[str, Any]] = detections) -> dict[str, Any]:
    """Return the response of the function to a direct event; an image without content has its name as `s3`."""
    results = [result(image.get("s3") or image["image_name"]) for image in event["images"]]
    return {"statusCode": 200, "headers": {}, "body": json.dumps({"results": results}), "isBase64Encoded": False}


def error(kind: str, message: str = "a message") -> dict[str, Any]:
    """Return the row of an image with an error."""
    return {"error": message, "type": kind, "request_id": str(random.random())}


class FakeLambda:
    """Server; a context manager.

    Attributes:
        handler: returns the response of the function for an event.
        status: of every call, with a type and a message of Lambda; None: the function is called.
        delay_s: of each call.
        images: source -> calls that had it.
        statuses: of the responses.
        most: calls at the same time, at most.
    """

    def __init__(self, concurrency: int = 10, seed: int | None = None, handler: Handler = respond) -> None:
        self.handler, self.delay_s, self.most = handler, 0.0, 0
        self.status: tuple[int, str, str] | None = None
        self.has_configuration = True
        self.images: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.events: list[dict[str, Any]] = []
        self.keeps_events = True
        self._random = random.Random(seed) if seed is not None else None
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(concurrency)
        self._active = 0
        self._server = _Server(("127.0.0.1", 0), _request_handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        """Return status, headers and body of a response; None closes the connection."""
        if self.status:
            return _error(*self.status)
        if not self._slots.acquire(blocking=False):
            return _error(429, "TooManyRequestsException", "Rate Exceeded.")
        try:
            return self._run(event)
        finally:
            with self._lock:
                self._active -= 1
            self._slots.release()

    def count(self, status: int) -> None:
        with self._lock:
            self.statuses[status] += 1

    def _run(self, event: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        with self._lock:
            self._active += 1
            self.most = max(self.most, self._active)
            self.images.update(image.get("s3") or image.get("image_name", "") for image in event.get("images", ()))
            if self.keeps_events:
                self.events.append(event)
            chance = self._random.random() if self._random else 1.0
            met = self._random.choice(ERRORS) if self._random and chance < 0.04 else ""
        time.sleep(self.delay_s)
        if met == "status 500":
            return _error(500, "ServiceException", "An error occurred. Please try again.")
        if met == "closed":
            return None
        if met == "crash":
            text = {"errorType": "Runtime.ExitError", "errorMessage": "RequestId: 1 Error: signal: killed"}
            return 200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps(text).encode()
        response = self.handler(event)
        if met == "transient":
            body = json.loads(response["body"])
            body["results"][-1] = error("TransientError")
            response = response | {"body": json.dumps(body)}
        report = (
            "REPORT RequestId: 1 Duration: 79.50 ms Billed Duration: 80 ms Memory Size: 1769 MB Max Memory Used: 90 MB"
        )
        return 200, {"X-Amz-Log-Result": base64.b64encode(report.encode()).decode()}, json.dumps(response).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200

    def handle_error(self, request: Any, client_address: Any) -> None:  # a client that was killed
        pass


def _error(status: int, kind: str, message: str) -> tuple[int, dict[str, str], bytes]:
    return status, {"x-amzn-ErrorType": kind}, json.dumps({"Type": "User", "message": message}).encode()


def _request_handler(api: FakeLambda) -> type[BaseHTTPRequestHandler]:
    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = api.invoke(event)
            if reply is None:
                self.close_connection = True
                return
            self._send(*reply)

        def do_GET(self) -> None:
            name = unquote(urlsplit(self.path).path.split("/")[3])
            if not api.has_configuration:
                self._send(*_error(403, "AccessDeniedException", "not authorized: lambda:GetFunctionConfiguration"))
                return
            arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}:live"
            found = {"Timeout": 30, "MemorySize": 1769, "Architectures": ["arm64"], "FunctionArn": arn}
            self._send(200, {}, json.dumps(found).encode())

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            api.count(status)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return RequestHandler

"""Program that serves the handler over standard input and output, where Lambda's runtime client cannot run.

Each line is one JSON value. The first input sets the search path, the environment variables and the handler; each of
the others is an event, or an image to draw on. It runs alone: in a container, or in the environment `build`.
"""

import base64
import importlib
import io
import json
import os
import sys
import time
import traceback
from typing import Any

JPEG_QUALITY = 90


class Context:
    """Context of an invocation, as far as the function reads it."""

    def __init__(self, request_id: str, timeout: float) -> None:
        """Start the time of the invocation."""
        self.aws_request_id = request_id
        self._deadline = time.monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until the timeout, ms."""
        return int(max(0.0, self._deadline - time.monotonic()) * 1000)


def main() -> None:
    """Load the handler, then handle lines until the input ends."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the function prints is its log
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", buffering=1)  # a line at a time

    def send(reply: dict[str, Any]) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    settings = json.loads(sys.stdin.readline())
    os.environ.update(settings["environ"])
    sys.path[:0] = settings["path"]
    began = time.perf_counter()
    try:
        module, _, name = settings["handler"].rpartition(".")
        handler = getattr(importlib.import_module(module), name)
    except BaseException as error:  # noqa: BLE001  (the function may raise anything; SystemExit too)
        send({"error": _document(error)})
        return
    send({"init_ms": _milliseconds(began)})
    for line in sys.stdin:
        message = json.loads(line)
        send(_drawn(message) if "image" in message else _invoked(handler, message))


def _invoked(handler: Any, message: dict[str, Any]) -> dict[str, Any]:
    """Return the response or the error, the time, and the peak memory of the process so far."""
    context = Context(message["request_id"], message["timeout"])
    began = time.perf_counter()
    try:
        reply = {"response": json.loads(json.dumps(handler(message["event"], context)))}
    except BaseException as error:  # noqa: BLE001  (the function may raise anything)
        reply = {"error": _document(error)}
    return {**reply, "invoke_ms": _milliseconds(began), "peak": _peak()}


def _drawn(message: dict[str, Any]) -> dict[str, Any]:
    """Return the image with the detections of a response as JPEG, or the error."""
    try:
        draw, multiband = (importlib.import_module(name) for name in ("function.draw", "function.preprocess.multiband"))
        pixels = multiband.drawable(base64.b64decode(message["image"]), message["body"], message["max_pixels"])
        jpeg = io.BytesIO()
        draw.annotate(pixels, message["body"]).save(jpeg, "JPEG", quality=JPEG_QUALITY)
    except Exception as error:  # noqa: BLE001  (reported to the caller)
        return {"error": _document(error)}
    return {"jpeg": base64.b64encode(jpeg.getvalue()).decode()}


def _document(error: BaseException) -> dict[str, Any]:
    """Return an error as Lambda reports it."""
    trace = traceback.format_tb(error.__traceback__)
    return {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": trace}


def _milliseconds(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _peak() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts in bytes, Linux in KiB


if __name__ == "__main__":
    main()

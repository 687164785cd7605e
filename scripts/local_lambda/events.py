"""Events for the function: an image or a request as a Function URL sends it, or a JSON file unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from scripts.aws.limits import EVENT_LIMIT
from scripts.local_lambda import function_url
from scripts.local_lambda.errors import NotRunnable, RequestTooLarge

CONTENT_TYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".bmp": "image/bmp",
    ".gif": "image/gif", ".tif": "image/tiff", ".tiff": "image/tiff", ".avif": "image/avif",
}  # fmt: skip
ENVELOPE = 4096  # bytes reserved for the other fields of the event


class InvocationInput(NamedTuple):
    """Event of one invocation.

    Attributes:
        name: name for the report.
        event: the event.
        image: bytes of the image; None if the event has none.
        has_status: the response is an HTTP response, whose status code must be 2xx.
    """

    name: str
    event: Any
    image: bytes | None
    has_status: bool = True


def from_file(path: Path) -> InvocationInput:
    """Return the content of a JSON file as the event.

    Raises:
        NotRunnable: the file cannot be read or is not JSON.
    """
    try:
        return InvocationInput(str(path), json.loads(path.read_text("utf-8")), None, has_status=False)
    except OSError as error:
        raise NotRunnable(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise NotRunnable(f"{path} is not JSON: {error}") from error


def from_request(path: Path, url_path: str) -> InvocationInput:
    """Return the event of a signed POST to a Function URL with a JSON file as the body.

    Args:
        path: path of the file.
        url_path: path of the request, such as /v2/models/model/infer.

    Raises:
        NotRunnable: the file cannot be read or is not JSON.
        RequestTooLarge: the file does not fit into an event.
    """
    text = json.dumps(from_file(path).event, separators=(",", ":"))
    size = len(json.dumps(text))  # in the event, which has the body as a JSON string
    largest = EVENT_LIMIT - ENVELOPE
    if size > largest:
        raise RequestTooLarge(
            f"{path} must be at most {largest:,} bytes as a JSON string, got {size:,}; "
            f"Lambda limits an event to {EVENT_LIMIT:,} bytes"
        )
    event = function_url_event(text.encode(), "application/json", is_signed=True)
    event["rawPath"] = event["requestContext"]["http"]["path"] = url_path
    return InvocationInput(str(path), {**event, "body": text, "isBase64Encoded": False}, None)


def from_image(path: Path, query: str) -> InvocationInput:
    """Return the event of a signed POST to a Function URL with an image as the raw body.

    Args:
        path: path of the image; its suffix determines the content type.
        query: query string without the question mark; may be empty.

    Raises:
        NotRunnable: the file cannot be read.
        RequestTooLarge: the image does not fit into an event.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotRunnable(f"{path}: {error.strerror}") from error
    largest = (EVENT_LIMIT - ENVELOPE) // 4 * 3
    if len(data) > largest:
        raise RequestTooLarge(
            f"{path} must be at most {largest:,} bytes, got {len(data):,}; Lambda limits an event to {EVENT_LIMIT:,} "
            "bytes with the image in base64: scale the image down or save it as JPEG"
        )
    content_type = CONTENT_TYPES.get(path.suffix.lower())
    return InvocationInput(str(path), function_url_event(data, content_type, query, is_signed=True), data)


def function_url_event(
    body: bytes, content_type: str | None, query: str = "", is_signed: bool = False
) -> dict[str, Any]:
    """Return the event of a Function URL for a POST with a binary body; `is_signed` as for `function_url.event`."""
    kind = content_type or "application/octet-stream"
    headers = [("host", function_url.DOMAIN), ("content-type", kind), ("content-length", str(len(body)))]
    request = function_url.Request("POST", "/", query, [*headers, ("user-agent", "invoke_local")], body)
    return function_url.event(request, is_signed)

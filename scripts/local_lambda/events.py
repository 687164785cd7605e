"""Events for the function: a picture or a request as a Function URL would bring it, or a file as it is."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from scripts.local_lambda.emulator import MAX_REQUEST
from scripts.local_lambda.errors import NotRunnable, RequestTooLarge

CONTENT_TYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".bmp": "image/bmp",
    ".gif": "image/gif", ".tif": "image/tiff", ".tiff": "image/tiff",
}  # fmt: skip
ENVELOPE = 4096  # bytes kept for what surrounds the picture in the event


class InvocationInput(NamedTuple):
    """One thing to invoke with: its name for the report, the event, and the picture's bytes if it is one."""

    name: str
    event: Any
    picture: bytes | None
    has_status: bool = True  # its answer is one of HTTP, which has to be a success


def from_file(path: Path) -> InvocationInput:
    """A JSON file, sent as it stands.

    Raises:
        NotRunnable: it cannot be read or is not JSON.
    """
    try:
        return InvocationInput(str(path), json.loads(path.read_text("utf-8")), None, has_status=False)
    except OSError as error:
        raise NotRunnable(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise NotRunnable(f"{path} is not JSON: {error}") from error


def from_request(path: Path, url_path: str) -> InvocationInput:
    """A JSON file as the body of a POST to a Function URL.

    Args:
        path: of the file.
        url_path: where it is posted, such as /v2/models/model/infer.

    Raises:
        NotRunnable: it cannot be read or is not JSON.
        RequestTooLarge: it does not fit into an event.
    """
    text = json.dumps(from_file(path).event, separators=(",", ":"))
    size = len(json.dumps(text))  # in the event, where it is a text inside a JSON text
    if size > MAX_REQUEST - ENVELOPE:
        raise RequestTooLarge(f"{path} makes an event of {size:,} bytes; Lambda takes at most {MAX_REQUEST:,}")
    event = function_url_event(text.encode(), "application/json")
    event["rawPath"] = event["requestContext"]["http"]["path"] = url_path
    return InvocationInput(str(path), {**event, "body": text, "isBase64Encoded": False}, None)


def from_picture(path: Path, query: str) -> InvocationInput:
    """A picture as the raw body of a POST to a Function URL.

    Args:
        path: of the picture; its suffix gives the content type.
        query: the query string without its question mark; may be empty.

    Raises:
        NotRunnable: it cannot be read.
        RequestTooLarge: it does not fit into an event.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotRunnable(f"{path}: {error.strerror}") from error
    largest = (MAX_REQUEST - ENVELOPE) // 4 * 3
    if len(data) > largest:
        raise RequestTooLarge(
            f"{path} is {len(data):,} bytes; a Lambda event is at most {MAX_REQUEST:,} with the picture in base64, "
            f"so at most {largest:,} fit: scale it down or save it as JPEG"
        )
    return InvocationInput(str(path), function_url_event(data, CONTENT_TYPES.get(path.suffix.lower()), query), data)


def function_url_event(body: bytes, content_type: str | None, query: str = "") -> dict[str, Any]:
    """The event that a Function URL makes of a POST with a binary body.

    Source: docs.aws.amazon.com/lambda/latest/dg/urls-invocation, payload format 2.0.
    """
    host = "local.lambda-url.us-east-1.on.aws"
    kind = content_type or "application/octet-stream"
    headers = {"host": host, "content-type": kind, "content-length": str(len(body)), "user-agent": "invoke_local"}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": "POST",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "invoke_local",
            },
            "requestId": "00000000-0000-0000-0000-000000000000",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    if query:
        parameters = parse_qs(query, keep_blank_values=True)
        event["queryStringParameters"] = {name: ",".join(values) for name, values in parameters.items()}
    return event

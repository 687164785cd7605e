"""Results in the shape of HTTP, which direct invocations get too."""

import json
from collections.abc import Callable
from typing import Any

from function import response
from function.errors import FunctionError, MethodNotAllowed, TooLarge
from function.response import Body, Result
from function.sources.payload import Asked
from function.sources.service import Service

MAX_BODY_BYTES = 6 * 1024 * 1024 - 16 * 1024  # bytes; AWS Lambda developer guide, "Lambda quotas", less the envelope

FEWER_BOXES = "fewer pictures, fewer boxes (max_det) or no masks (masks=none)"


def respond(read: Callable[[], Asked], service: Service) -> dict[str, Any]:
    """Read what is asked, answer it, and shape the answer.

    Args:
        read: reads the event; a FunctionError that it raises is the answer.
        service: answers each request.

    Returns:
        One result as it is, many as `{"results": [...]}` in their order, each a result or an error.
    """
    asked = service.attempt(read)
    if isinstance(asked, FunctionError):
        return http(asked, service.request_id)
    results = [service.answer(request) for request in asked.requests]
    if not asked.many:
        return http(results[0], service.request_id)
    return shape(200, {"results": [_row(result, service.request_id) for result in results]}, service.request_id)


def http(result: Result, request_id: str) -> dict[str, Any]:
    """One result as `statusCode`, `headers` and `body`, a JSON text."""
    if isinstance(result, FunctionError):
        body = response.error_body(result, request_id)
        return shape(result.status, body, request_id, result.allow if isinstance(result, MethodNotAllowed) else "")
    return shape(200, response.body(result), request_id)


def shape(status: int, body: Body, request_id: str, allow: str = "", less: str = FEWER_BOXES) -> dict[str, Any]:
    """Any JSON object in the shape of HTTP.

    Args:
        status: of HTTP.
        body: the object.
        request_id: for the error that takes its place when it is too large.
        allow: the method that would have been right; "" for none.
        less: what to ask for when it is too large.
    """
    headers = {"Content-Type": "application/json"} | ({"Allow": allow} if allow else {})
    # ASCII, because a lone surrogate, which JSON can spell, has no UTF-8 for the runtime client to send.
    text = json.dumps(body, allow_nan=False, separators=(",", ":"))
    size = len(text) + text.count('"') + text.count("\\")  # on the wire, where it is a text inside a JSON text
    if size > MAX_BODY_BYTES:
        found = f"the answer has {size} bytes; Lambda takes {MAX_BODY_BYTES}"
        return http(TooLarge(f"{found}: ask for {less}"), request_id)
    return {"statusCode": status, "headers": headers, "body": text, "isBase64Encoded": False}


def _row(result: Result, request_id: str) -> Body:
    return response.error_body(result, request_id) if isinstance(result, FunctionError) else response.body(result)

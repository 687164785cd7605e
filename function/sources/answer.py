"""A result in the shape of HTTP, which direct invocations get too."""

import json
from typing import Any

from function import response
from function.errors import FunctionError, MethodNotAllowed
from function.response import Result


def http(result: Result, request_id: str) -> dict[str, Any]:
    """One result as `statusCode`, `headers` and `body`, a JSON text."""
    if isinstance(result, FunctionError):
        return shape(result.status, response.error_body(result, request_id), isinstance(result, MethodNotAllowed))
    return shape(200, response.body(result))


def shape(status: int, body: dict[str, Any], allow: bool = False) -> dict[str, Any]:
    """Any JSON object in the shape of HTTP; `allow` names the method that would have been right."""
    headers = {"Content-Type": "application/json"} | ({"Allow": "POST"} if allow else {})
    # ASCII, because a lone surrogate, which JSON can spell, has no UTF-8 for the runtime client to send.
    text = json.dumps(body, allow_nan=False, separators=(",", ":"))
    return {"statusCode": status, "headers": headers, "body": text, "isBase64Encoded": False}

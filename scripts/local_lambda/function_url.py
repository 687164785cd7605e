"""Function URL: an HTTP request as the event of the function, and the function's result as an HTTP response.

Source: docs.aws.amazon.com/lambda/latest/dg/urls-invocation, payload format 2.0.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from scripts.local_lambda.env_vars import REGION

ACCOUNT = "123456789012"
CALLER = {  # of a request that IAM has authenticated: the user of this machine
    "accessKey": "AKIAIOSFODNN7EXAMPLE",
    "accountId": ACCOUNT,
    "callerId": "AIDACKCEVSQ6C2EXAMPLE",
    "cognitoIdentity": None,
    "principalOrgId": None,
    "userArn": f"arn:aws:iam::{ACCOUNT}:user/local",
    "userId": "AIDACKCEVSQ6C2EXAMPLE",
}
DOMAIN_PREFIX = "local"
DOMAIN = f"{DOMAIN_PREFIX}.lambda-url.{REGION}.on.aws"
TEXT_TYPES = ("text/", "json", "xml", "javascript")  # in a content type: the body may stay text
STATUS_RANGE = range(200, 600)  # of a final response
OWN_HEADERS = {
    "connection",
    "content-length",
    "keep-alive",
    "transfer-encoding",
}  # of the connection
Headers = Sequence[tuple[str, str]]


class Request(NamedTuple):
    """HTTP request.

    Attributes:
        method: in upper case.
        path: percent-encoded, without the query.
        query: percent-encoded, without the question mark; may be empty.
        headers: names and values in the order of the request.
        body: the whole body; may be empty.
        protocol: such as `HTTP/1.1`.
        source_ip: address of the client.
        scheme: `http` or `https`.
        port: of the server.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    protocol: str = "HTTP/1.1"
    source_ip: str = "127.0.0.1"
    scheme: str = "https"
    port: int = 443


class Response(NamedTuple):
    """HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class BadResponse(ValueError):
    """The function returned what is no HTTP response; Lambda responds with 502."""


def event(request: Request, is_signed: bool = False) -> dict[str, Any]:
    """Return the event of a request.

    Args:
        request: of a client.
        is_signed: as of a Function URL with the auth type AWS_IAM, which has checked the signature of the request.
    """
    headers = _joined((name.lower(), value) for name, value in request.headers) | _forwarded(request)
    body, is_base64 = _encoded(request.body, headers)
    cookies = [item.strip() for item in headers.get("cookie", "").split(";") if item.strip()]
    now = time.time()
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        **({"cookies": cookies} if cookies else {}),
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT if is_signed else "anonymous",
            "apiId": DOMAIN_PREFIX,
            **({"authorizer": {"iam": CALLER}} if is_signed else {}),
            "domainName": DOMAIN,
            "domainPrefix": DOMAIN_PREFIX,
            "http": {
                "method": request.method,
                "path": unquote(request.path),
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        **({"body": body} if body else {}),
        "isBase64Encoded": is_base64,
    }
    if request.query:
        made["queryStringParameters"] = _joined(parse_qsl(request.query, keep_blank_values=True))
    return made


def response(result: Any) -> Response:
    """Return the HTTP response of the function's result: an object with `statusCode`, or any other value as the body.

    Args:
        result: value that JSON can represent, or the bytes that the handler returned.

    Raises:
        BadResponse: a field of the object has another type than that of a response.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        return Response(200, [("content-type", "application/json")], _plain(result))
    status, headers = result["statusCode"], result.get("headers") or {}
    if isinstance(status, bool) or not isinstance(status, int) or status not in STATUS_RANGE:
        raise BadResponse(f"statusCode must be an integer from 200 to 599, got {status!r}")
    if not isinstance(headers, dict):
        raise BadResponse(f"headers must be an object, got {headers!r}")
    sent = [(name.lower(), _text(value)) for name, value in headers.items() if name.lower() not in OWN_HEADERS]
    if "content-type" not in dict(sent):
        sent.append(("content-type", "application/json"))
    sent += [("set-cookie", _text(cookie)) for cookie in result.get("cookies") or []]
    return Response(status, sent, _body(result))


def _forwarded(request: Request) -> dict[str, str]:
    """Return the headers in which a Function URL describes the connection; a caller cannot set them."""
    return {
        "x-forwarded-for": request.source_ip,
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": request.scheme,
    }


def _joined(pairs: Any) -> dict[str, str]:
    """Return names and values; the values of a repeated name are joined with commas."""
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _encoded(body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
    """Return the body as text, and whether this is base64."""
    content_type = headers.get("content-type", "").partition(";")[0].lower()
    if not body:
        return "", False
    if any(kind in content_type for kind in TEXT_TYPES) and "content-encoding" not in headers:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # no text, whatever the type says
    return base64.b64encode(body).decode(), True


def _plain(result: Any) -> bytes:
    if isinstance(result, bytes):
        return result
    return (result if isinstance(result, str) else json.dumps(result)).encode()


def _body(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise BadResponse(f"body must be text, got {type(body).__name__}")
    if not result.get("isBase64Encoded"):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise BadResponse(f"body must be base64: {error}") from error


def _text(value: Any) -> str:
    """Return the value of a header. A line break would begin another header."""
    text = value if isinstance(value, str) else json.dumps(value)
    if not text.isprintable() or not all(ord(character) < 256 for character in text):
        raise BadResponse(f"a header must be printable Latin-1 text, got {text!r}")
    return text

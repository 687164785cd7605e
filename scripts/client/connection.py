"""Connection to a function: by its name through Lambda's API, or by a URL."""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from scripts.aws.limits import TIMEOUT_RANGE
from scripts.client import NotCallable
from scripts.client.sigv4 import Credentials, sign_headers

TIMEOUT = TIMEOUT_RANGE[1] + 5  # seconds; a function may run until its own timeout
LAMBDA_URL = re.compile(r"[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws")
INIT_DURATION = re.compile(r"(?:Init|Restore) Duration: ([0-9.]+) ms")  # in the REPORT line; Restore is SnapStart's
# A kept connection that the other side has closed.
CLOSED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Endpoint(NamedTuple):
    """URL of a function, and how to call it.

    Attributes:
        url: the URL of the request.
        direct: the URL is of Lambda's API: the response is the function's return value, with the end of the log.
        credentials: sign the request with these; None: do not sign it.
        region: region of the function; "" if nothing is signed.
        key: API key of the function; "" for none.
    """

    url: str
    direct: bool
    credentials: Credentials | None
    region: str
    key: str = ""


class Reply(NamedTuple):
    """Response to one request.

    Attributes:
        status: HTTP status of the function; 0 if there is no response.
        body: decoded JSON, or text.
        ms: time from sending the request to the end of the response.
        init_ms: init duration of a cold start; None for a warm start, or if it is not visible.
        log: the last 4 KB of the log of the invocation; "" if it is not visible.
    """

    status: int
    body: Any
    ms: float
    init_ms: float | None
    log: str = ""


def by_name(function: str, region: str, credentials: Credentials, endpoint: str | None) -> Endpoint:
    """Return the endpoint of a function in Lambda's API.

    Args:
        function: NAME, NAME:ALIAS, NAME:VERSION or an ARN.
        region: region of the function.
        credentials: of the caller.
        endpoint: base URL of the API; None: the one of AWS.
    """
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    base = (endpoint or f"https://lambda.{region}.{domain}").rstrip("/")
    return Endpoint(f"{base}/2015-03-31/functions/{quote(function, safe='')}/invocations", True, credentials, region)


def region_of(url: str) -> str | None:
    """Return the region of a Function URL; None for any other URL."""
    match = LAMBDA_URL.fullmatch(urlsplit(url).hostname or "")
    return match[1] if match else None


class Connection:
    """Connection to an endpoint, kept from call to call. Not for use by several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: http.client.HTTPConnection | None = None

    def call(self, event: dict[str, Any]) -> Reply:
        """Send an event and return the response.

        The event is sent a second time only if a kept connection was closed before it could be used.
        """
        body = json.dumps(event).encode()
        started = time.perf_counter()
        try:
            status, headers, data = self._send(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Reply(0, f"{type(error).__name__}: {error}", (time.perf_counter() - started) * 1000, None)
        ms = (time.perf_counter() - started) * 1000
        if self._endpoint.direct:
            return _parse_invocation(status, headers, data, ms)
        return Reply(status, _decode(data), ms, None)

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _send(self, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        kept = self._connection is not None
        try:
            return self._exchange(body)
        except CLOSED:
            self.close()
            if not kept:
                raise
            return self._exchange(body)

    def _exchange(self, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        parts = urlsplit(self._endpoint.url)
        if self._connection is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(parts.netloc, timeout=TIMEOUT)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection.request("POST", path, body, self._headers(body))
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._endpoint.direct:
            headers["X-Amz-Log-Type"] = "Tail"
        if self._endpoint.key:
            headers["x-api-key"] = self._endpoint.key
        if self._endpoint.credentials is None:
            return headers
        now = datetime.now(timezone.utc)  # noqa: UP017  (Python 3.9)
        return sign_headers(self._endpoint.url, headers, body, self._endpoint.credentials, self._endpoint.region, now)


def check_url(url: str) -> str:
    """Return the URL.

    Raises:
        NotCallable: it is not an http or https URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise NotCallable(f"--url must be an https:// URL, got {url!r}")
    return url


def _parse_invocation(status: int, headers: http.client.HTTPMessage, data: bytes, ms: float) -> Reply:
    """Parse a response of Lambda's API: the function's response, its error, or an error of the API."""
    log = base64.b64decode(headers.get("X-Amz-Log-Result", "")).decode(errors="replace")
    match = INIT_DURATION.search(log)
    init_ms = float(match[1]) if match else None
    result = _decode(data)
    if status == 200 and not headers.get("X-Amz-Function-Error") and isinstance(result, dict):
        return Reply(int(result.get("statusCode", 200)), _decode(result.get("body", result)), ms, init_ms, log)
    return Reply(502 if status == 200 else status, result, ms, init_ms, log)


def _decode(data: Any) -> Any:
    """Return JSON as values, other bytes as text, and anything else as it is."""
    if not isinstance(data, (bytes, str)):
        return data
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace") if isinstance(data, bytes) else data

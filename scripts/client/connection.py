"""Where a call goes: a function by its name, through Lambda's API, or a URL. One request out, one Reply back."""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from scripts.client import NotCallable
from scripts.client.sigv4 import Credentials, signed

TIMEOUT = 905  # seconds; a function's own limit is 900
LAMBDA_URL = re.compile(r"[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws")
START = re.compile(r"(?:Init|Restore) Duration: ([0-9.]+) ms")  # of the REPORT line; Restore is SnapStart's
HIDDEN = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)  # a kept connection was closed


class Endpoint(NamedTuple):
    """Where to and in whose name.

    Attributes:
        url: of the request.
        direct: Lambda's API: the answer is the function's return value, and the log's end comes along.
        credentials: None sends it unsigned.
        region: of the function; "" where nothing is signed.
    """

    url: str
    direct: bool
    credentials: Credentials | None
    region: str


class Reply(NamedTuple):
    """What came back.

    Attributes:
        status: of HTTP, the function's own; 0 if nothing came.
        body: decoded JSON, or text.
        ms: request sent to answer read.
        init_ms: of a cold start; None if it was warm, or if that cannot be seen.
    """

    status: int
    body: Any
    ms: float
    init_ms: float | None


def by_name(function: str, region: str, credentials: Credentials, endpoint: str | None) -> Endpoint:
    """A function: NAME, NAME:alias, NAME:version or an ARN.

    Args:
        function: which.
        region: where it is.
        credentials: of the caller.
        endpoint: another address of Lambda's API; None for AWS's own.
    """
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    base = (endpoint or f"https://lambda.{region}.{domain}").rstrip("/")
    return Endpoint(f"{base}/2015-03-31/functions/{quote(function, safe='')}/invocations", True, credentials, region)


def region_of(url: str) -> str | None:
    """The region of a Function URL; None for any other address."""
    match = LAMBDA_URL.fullmatch(urlsplit(url).hostname or "")
    return match[1] if match else None


class Connection:
    """One connection to the target, kept from call to call; of one thread."""

    def __init__(self, target: Endpoint) -> None:
        self._target = target
        self._connection: http.client.HTTPConnection | None = None

    def call(self, event: dict[str, Any]) -> Reply:
        """Send one event; nothing is sent again unless the connection was closed before it could be used."""
        body = json.dumps(event).encode()
        started = time.perf_counter()
        try:
            status, headers, data = self._send(body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Reply(0, f"{type(error).__name__}: {error}", (time.perf_counter() - started) * 1000, None)
        ms = (time.perf_counter() - started) * 1000
        return _direct(status, headers, data, ms) if self._target.direct else Reply(status, _decoded(data), ms, None)

    def close(self) -> None:
        """End the connection; the next call opens another."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _send(self, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        kept = self._connection is not None
        try:
            return self._exchange(body)
        except HIDDEN:
            self.close()
            if not kept:
                raise
            return self._exchange(body)

    def _exchange(self, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        parts = urlsplit(self._target.url)
        if self._connection is None:
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(parts.netloc, timeout=TIMEOUT)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._connection.request("POST", path, body, self._headers(body))
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._target.direct:
            headers["X-Amz-Log-Type"] = "Tail"
        if self._target.credentials is None:
            return headers
        now = datetime.now(timezone.utc)  # noqa: UP017  (Python 3.9)
        return signed(self._target.url, headers, body, self._target.credentials, self._target.region, now)


def check_url(url: str) -> str:
    """The URL, if it is one.

    Raises:
        NotCallable: it is not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise NotCallable(f"--url is {url!r}; wanted https://...")
    return url


def _direct(status: int, headers: http.client.HTTPMessage, data: bytes, ms: float) -> Reply:
    """What Lambda's API says: the function's answer in the shape of HTTP, its error, or a refusal to call it."""
    log = base64.b64decode(headers.get("X-Amz-Log-Result", "")).decode(errors="replace")
    report = START.search(log)
    init_ms = float(report[1]) if report else None
    answer = _decoded(data)
    if status == 200 and not headers.get("X-Amz-Function-Error") and isinstance(answer, dict):
        return Reply(int(answer.get("statusCode", 200)), _decoded(answer.get("body", answer)), ms, init_ms)
    return Reply(502 if status == 200 else status, answer, ms, init_ms)


def _decoded(data: Any) -> Any:
    if not isinstance(data, (bytes, str)):
        return data
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace") if isinstance(data, bytes) else data

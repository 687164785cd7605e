"""AWS Signature Version 4 of a POST request, for Lambda's API and Function URLs.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "lambda"  # also for a Function URL
UNRESERVED = "-_.~"


class Credentials(NamedTuple):
    """Access key of the caller; `token` is None for long-term credentials."""

    key: str
    secret: str
    token: str | None


def sign_headers(
    url: str, headers: dict[str, str], body: bytes, credentials: Credentials, region: str, now: datetime
) -> dict[str, str]:
    """Return the headers with the signature of the headers, the URL and the body.

    Args:
        url: URL of the request, with its path percent-encoded.
        headers: headers to sign; `Host` is added.
        body: body of the request.
        credentials: credentials of the caller.
        region: region of the function.
        now: present time in UTC.
    """
    parts = urlsplit(url)
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {**headers, "Host": parts.netloc, "X-Amz-Date": timestamp}
    if credentials.token:
        signed["X-Amz-Security-Token"] = credentials.token
    lowered = sorted((name.lower(), " ".join(value.split())) for name, value in signed.items())
    names = ";".join(name for name, _ in lowered)
    digest = hashlib.sha256(body).hexdigest()
    lines = ["POST", quote(parts.path or "/", safe="/" + UNRESERVED), _query(parts.query)]
    lines += [*(f"{name}:{value}" for name, value in lowered), "", names, digest]
    scope = f"{timestamp[:8]}/{region}/{SERVICE}/aws4_request"
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    signature = hmac.new(
        _key(credentials.secret, timestamp[:8], region),
        f"{ALGORITHM}\n{timestamp}\n{scope}\n{request}".encode(),
        hashlib.sha256,
    ).hexdigest()
    signed["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def _query(query: str) -> str:
    """Return the query string sorted, with the encoding of the request."""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key

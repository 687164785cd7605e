"""AWS Signature Version 4 of a POST, for Lambda's API and its Function URLs. Reads no clock and no credentials.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "lambda"  # that of a Function URL too
UNRESERVED = "-_.~"


class Credentials(NamedTuple):
    """Of whoever calls; `token` is None for those that do not expire."""

    key: str
    secret: str
    token: str | None


def signed(
    url: str, headers: dict[str, str], body: bytes, credentials: Credentials, region: str, now: datetime
) -> dict[str, str]:
    """The headers with those that sign them, the URL and the body.

    Args:
        url: its path already percent-encoded, as it is sent.
        headers: all that shall be signed; `Host` is added.
        body: what is sent.
        credentials: of the caller.
        region: of the function.
        now: UTC.
    """
    parts = urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    out = {**headers, "Host": parts.netloc, "X-Amz-Date": moment}
    if credentials.token:
        out["X-Amz-Security-Token"] = credentials.token
    lowered = sorted((name.lower(), " ".join(value.split())) for name, value in out.items())
    names = ";".join(name for name, _ in lowered)
    digest = hashlib.sha256(body).hexdigest()
    lines = ["POST", quote(parts.path or "/", safe="/" + UNRESERVED), _query(parts.query)]
    lines += [*(f"{name}:{value}" for name, value in lowered), "", names, digest]
    scope = f"{moment[:8]}/{region}/{SERVICE}/aws4_request"
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    signature = hmac.new(
        _key(credentials.secret, moment[:8], region),
        f"{ALGORITHM}\n{moment}\n{scope}\n{request}".encode(),
        hashlib.sha256,
    ).hexdigest()
    out["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return out


def _query(query: str) -> str:
    """Sorted, and encoded as it is sent."""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key

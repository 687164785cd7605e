"""API keys of HTTP requests. Loaded only if API_KEY_SHA256 is set.

Source: RFC 6750 for `Authorization: Bearer`.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from function.errors import Unauthorized

HEADER = "x-api-key"


def require(headers: Mapping[str, str], digests: Sequence[str]) -> None:
    """Check that a request has a valid key.

    Raises:
        Unauthorized: no key, or another one; the message does not repeat it.
    """
    if not is_valid(headers, digests):
        got = "another key" if _keys(headers) else "none"
        raise Unauthorized(f"{HEADER} (or Authorization: Bearer) must be a valid API key, got {got}")


def is_valid(headers: Mapping[str, str], digests: Sequence[str]) -> bool:
    """Return whether a request has the key of one of the digests.

    Args:
        headers: of the request, names in lower case.
        digests: SHA-256 of each valid key, lowercase hexadecimal; no digest: no key is valid.
    """
    # A list, so that every digest is compared: the time tells nothing of which of them fits.
    matches = [hmac.compare_digest(_digest(key), digest) for key in _keys(headers) for digest in digests]
    return any(matches)


def _keys(headers: Mapping[str, str]) -> list[str]:
    """Return the keys that a request names; the header `Authorization` may also be a signature of AWS."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    bearer = token if scheme.lower() == "bearer" else ""
    return [key.strip() for key in (headers.get(HEADER, ""), bearer) if key.strip()]


def _digest(key: str) -> str:
    # JSON can spell half of a surrogate pair, which has no UTF-8 form.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()

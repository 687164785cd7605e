"""CORS headers, for the front ends that have none of their own. Loaded only if CORS_ORIGINS is set.

Source: fetch.spec.whatwg.org, "CORS protocol".
"""

from collections.abc import Sequence

ANY = "*"
METHODS = "GET, HEAD, POST, OPTIONS"
HEADERS = (
    "Content-Type, Content-Encoding, Authorization, X-Api-Key, X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256"
)
MAX_AGE_S = 86400


def headers(allowed: Sequence[str], origin: str) -> dict[str, str]:
    """Return the headers of every response.

    Args:
        allowed: CORS_ORIGINS in lower case: origins, also with one `*` in them, or `*` for every origin.
        origin: header `Origin` of the request; "" if it has none.

    Returns:
        `Access-Control-Allow-Origin` if the origin is allowed, and `Vary` if the response depends on the origin.
    """
    if ANY in allowed:
        return {"Access-Control-Allow-Origin": ANY}
    if not origin and len(allowed) == 1 and ANY not in allowed[0]:
        return {"Access-Control-Allow-Origin": allowed[0]}  # the same for everybody
    vary = {"Vary": "Origin"}
    if any(_matches(pattern, origin.lower()) for pattern in allowed):
        return {"Access-Control-Allow-Origin": origin, **vary}
    return vary


def preflight_headers(allowed: Sequence[str], origin: str) -> dict[str, str]:
    """Return the headers of the response to a preflight request, method OPTIONS."""
    common = headers(allowed, origin)
    if "Access-Control-Allow-Origin" not in common:
        return common
    return common | {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": HEADERS,
        "Access-Control-Max-Age": str(MAX_AGE_S),
    }


def _matches(pattern: str, origin: str) -> bool:
    start, star, end = pattern.partition(ANY)
    if not star:
        return origin == pattern
    if not (origin.isascii() and origin.isprintable()):
        return False
    return len(origin) > len(start) + len(end) and origin.startswith(start) and origin.endswith(end)

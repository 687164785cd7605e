"""Download of an image from an https URL that a caller names, with protection against server-side request forgery.

A host is resolved once, every returned address is checked, and the connection goes to one of these checked addresses.
Redirects are followed here, each with the same checks. No error message contains data that the server sent.
"""

import io
import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from function.errors import BadRequest, Forbidden, FunctionError, UrlFetchFailed
from function.fetch import addresses, https
from function.fetch.addresses import HttpsUrl
from function.fetch.https import Connect, Limits

if TYPE_CHECKING:
    from http.client import HTTPResponse

TIMEOUT_S = 10.0  # for the whole download; API Gateway stops waiting after 29 s
MAX_REDIRECTS = 3
MAX_TRIED = 4  # addresses of one host; a name may have hundreds
READ_BYTES = 1 << 16
OK = 200
REDIRECTS = (301, 302, 303, 307, 308)  # RFC 9110, section 15.4

Resolve = Callable[[str, int], Sequence[str]]  # host, port -> addresses


def resolve_all(host: str, port: int) -> list[str]:
    """Return every address of a host name, or the address itself if the host is one.

    Raises:
        OSError: the host has no address.
    """
    import socket  # here: only requests with a URL pay for this import

    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class _Policy(NamedTuple):
    """Limits and functions for a URL and for each of its redirects."""

    allowed_hosts: tuple[str, ...]
    limits: Limits
    resolve: Resolve
    connect: Connect


def image(
    url: str,
    allowed_hosts: tuple[str, ...],
    max_bytes: int,
    timeout_s: float = TIMEOUT_S,
    resolve: Resolve = resolve_all,
    connect: Connect = https.connect_tls,
) -> bytes:
    """Return the bytes of the image at an https URL.

    Args:
        url: URL of the request, unchanged.
        allowed_hosts: entries as in `addresses.is_allowed`; empty allows no host.
        max_bytes: largest accepted image.
        timeout_s: time limit from the first name resolution to the last byte, including all redirects.
        resolve: returns the addresses of a host.
        connect: opens a connection to an address.

    Raises:
        BadRequest: the URL is not valid.
        Forbidden: the host is not allowed, or one of its addresses is not public.
        TooLarge: more than `max_bytes`.
        UrlFetchFailed: no connection, no response in time, a status other than 200, too many redirects, ...
    """
    requested = addresses.parse(url)
    policy = _Policy(allowed_hosts, Limits(max_bytes, time.monotonic() + timeout_s), resolve, connect)
    try:
        return _follow(requested, policy)
    except FunctionError as error:
        raise type(error)(f"url at {requested.authority!r} {error}") from error


def _follow(url: HttpsUrl, policy: _Policy) -> bytes:
    for _ in range(1 + MAX_REDIRECTS):
        with https.exchange(url, _checked_addresses(url, policy), policy.limits, policy.connect) as response:
            if response.status not in REDIRECTS:
                return _body(response, policy.limits)
            location = response.getheader("Location") or ""
        url = _redirected(url, location)
    raise UrlFetchFailed(f"redirects more than {MAX_REDIRECTS} times")


def _redirected(url: HttpsUrl, location: str) -> HttpsUrl:
    try:
        # Before urljoin, because urljoin drops the white space and the control characters that are refused here.
        addresses.check_characters(location)
        return addresses.parse(urljoin(url.text, location))
    except (BadRequest, ValueError) as error:
        raise UrlFetchFailed("redirects to a target that is not a valid https URL") from error


def _checked_addresses(url: HttpsUrl, policy: _Policy) -> Sequence[str]:
    """Resolve the host once and return its addresses; refuse all of them if one is not public."""
    if not addresses.is_allowed(url, policy.allowed_hosts):
        raise Forbidden("leads to a host that is not in ALLOWED_URL_HOSTS")
    try:
        resolved = _resolved(url, policy)
    except OSError as error:
        raise UrlFetchFailed("leads to a host name that cannot be resolved") from error
    if not resolved:
        raise UrlFetchFailed("leads to a host name that has no address")
    if not all(map(addresses.is_public, resolved)):
        raise Forbidden("leads to an address that is not public")
    return resolved[:MAX_TRIED]


def _resolved(url: HttpsUrl, policy: _Policy) -> Sequence[str]:
    """Return the addresses of a host; raise UrlFetchFailed if the resolver does not respond in time.

    The resolver of the system takes no time limit, and whoever operates a host decides how slow its name is. It runs in
    a thread, which ends by itself later.
    """
    outcome: list[Sequence[str] | Exception] = []

    def resolve() -> None:
        try:
            outcome.append(policy.resolve(url.host, url.port))
        except Exception as error:  # noqa: BLE001  (raised below)
            outcome.append(error)

    thread = Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(max(policy.limits.deadline - time.monotonic(), 0))
    if not outcome:
        raise UrlFetchFailed("exceeded the time limit")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _body(response: "HTTPResponse", limits: Limits) -> bytes:
    _check_head(response)
    if response.length is not None and response.length > limits.max_bytes:
        raise limits.too_large()
    received = io.BytesIO()  # its getvalue() makes no copy; joining a list of parts would
    while part := response.read(min(READ_BYTES, limits.max_bytes + 1 - received.tell())):
        received.write(part)
        if received.tell() > limits.max_bytes:
            raise limits.too_large()
    if response.length:
        raise UrlFetchFailed("closed the connection before the end of the body")
    if not received.tell():  # also the rest of a response that ends within its headers
        raise UrlFetchFailed("must return an image, got an empty body")
    return received.getvalue()


def _check_head(response: "HTTPResponse") -> None:
    if response.status != OK:
        raise UrlFetchFailed(f"must return status {OK}, got {response.status}")
    content = response.getheader("Content-Encoding") or "identity"
    transfer = response.getheader("Transfer-Encoding") or "chunked"
    if (content.lower(), transfer.lower()) != ("identity", "chunked"):
        raise UrlFetchFailed("must return a body without an encoding, got an encoded body")

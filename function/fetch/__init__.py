"""A picture from an https link that a caller names, guarded against being sent anywhere else.

A host is resolved once, every address of the answer is checked, and the connection goes to one of those very
addresses. Redirects are followed here, each like a new link. No message repeats what the other side sent.
"""

import io
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from function.errors import BadRequest, Forbidden, FunctionError, UrlFetchFailed
from function.fetch import addresses, https
from function.fetch.addresses import Link
from function.fetch.https import Connect, Limits

if TYPE_CHECKING:
    from http.client import HTTPResponse

TIMEOUT_S = 10.0  # for everything together; API Gateway gives up after 29 s
MAX_REDIRECTS = 3
MAX_TRIED = 4  # addresses of one host; a name may have hundreds
READ_BYTES = 1 << 16
OK = 200
REDIRECTS = (301, 302, 303, 307, 308)  # RFC 9110, section 15.4

Resolve = Callable[[str, int], Sequence[str]]  # host, port -> addresses


def resolve_all(host: str, port: int) -> list[str]:
    """Every address of a host; an address is its own. Raises OSError when there is none."""
    import socket  # here: only links pay for loading it

    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class _Guard(NamedTuple):
    """What holds for the link and for each place that it redirects to."""

    allowed_hosts: tuple[str, ...]
    limits: Limits
    resolve: Resolve
    connect: Connect


def picture(
    url: str,
    allowed_hosts: tuple[str, ...],
    max_bytes: int,
    timeout_s: float = TIMEOUT_S,
    resolve: Resolve = resolve_all,
    connect: Connect = https.connect_tls,
) -> bytes:
    """The bytes that an https link leads to.

    Args:
        url: the link, as the caller gave it.
        allowed_hosts: as `addresses.is_allowed` reads them; empty allows nothing.
        max_bytes: of the picture.
        timeout_s: for all redirects together, from the first name that is resolved to the last byte. A name server
            that does not answer is waited for as long as the system's resolver does.
        resolve: the addresses of a host.
        connect: a connection to an address.

    Raises:
        BadRequest: the link is not spelled as one.
        Forbidden: the host is not among the allowed ones, or one of its addresses is not public.
        TooLarge: more than max_bytes.
        UrlFetchFailed: no connection, no answer in time, a status other than 200, too many redirects, ...
    """
    asked = addresses.read(url)
    guard = _Guard(allowed_hosts, Limits(max_bytes, time.monotonic() + timeout_s), resolve, connect)
    try:
        return _follow(asked, guard)
    except FunctionError as error:
        raise type(error)(f"the link to {asked.authority!r} {error}") from error


def _follow(link: Link, guard: _Guard) -> bytes:
    for _ in range(1 + MAX_REDIRECTS):
        with https.exchange(link, _checked_addresses(link, guard), guard.limits, guard.connect) as response:
            if response.status not in REDIRECTS:
                return _body(response, guard.limits)
            location = response.getheader("Location") or ""
        link = _redirected(link, location)
    raise UrlFetchFailed(f"redirects more than {MAX_REDIRECTS} times")


def _redirected(link: Link, location: str) -> Link:
    try:
        # Before it is joined, since urljoin drops the white space and the control characters that are refused.
        addresses.check_spelling(location)
        return addresses.read(urljoin(link.url, location))
    except (BadRequest, ValueError) as error:
        raise UrlFetchFailed("redirects to what is not an https link") from error


def _checked_addresses(link: Link, guard: _Guard) -> Sequence[str]:
    """The host's addresses, resolved this once; a single one that is not public refuses them all."""
    if not addresses.is_allowed(link, guard.allowed_hosts):
        raise Forbidden("leads to a host that ALLOWED_URL_HOSTS does not name")
    try:
        found = guard.resolve(link.host, link.port)
    except OSError as error:
        raise UrlFetchFailed("leads to a host name that cannot be resolved") from error
    if not found:
        raise UrlFetchFailed("leads to a host name that has no address")
    if not all(map(addresses.is_public, found)):
        raise Forbidden("leads to an address that is not public")
    return found[:MAX_TRIED]


def _body(response: "HTTPResponse", limits: Limits) -> bytes:
    _check_head(response)
    if response.length is not None and response.length > limits.max_bytes:
        raise limits.too_large()
    received = io.BytesIO()  # its getvalue() is no copy, as joining the parts would be
    while part := response.read(min(READ_BYTES, limits.max_bytes + 1 - received.tell())):
        received.write(part)
        if received.tell() > limits.max_bytes:
            raise limits.too_large()
    if response.length:
        raise UrlFetchFailed("broke off before its end")
    if not received.tell():  # also what is left of an answer that breaks off within its headers
        raise UrlFetchFailed("gave an empty body; wanted a picture")
    return received.getvalue()


def _check_head(response: "HTTPResponse") -> None:
    if response.status != OK:
        raise UrlFetchFailed(f"gave status {response.status}; wanted {OK}")
    content = response.getheader("Content-Encoding") or "identity"
    transfer = response.getheader("Transfer-Encoding") or "chunked"
    if (content.lower(), transfer.lower()) != ("identity", "chunked"):
        raise UrlFetchFailed("gave an encoded body; wanted it as it is")

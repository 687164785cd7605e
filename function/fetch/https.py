"""One question and its answer over https, to an address that was chosen before, within limits of time and bytes.

It knows nothing of which hosts and addresses are allowed, and asks no proxy of the environment.

`http.client`, `socket` and `ssl` are imported where they are used: nothing else in the function loads them, so that
only links pay for it.
"""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, cast

from function.errors import TooLarge, UrlFetchFailed
from function.fetch.addresses import Link

if TYPE_CHECKING:
    import socket
    import ssl
    from http.client import HTTPResponse

HEAD_BYTES = 1 << 16  # allowed on the wire beside the body
WIRE_SHARE = 2  # bytes on the wire per byte of the limit; chunks of a sensible size add less than 1 %

Connect = Callable[[str, int, str, float], "socket.socket"]  # address, port, name on the certificate, seconds


class Limits(NamedTuple):
    """What everything that is done for one link may take together."""

    max_bytes: int  # of the body
    deadline: float  # s, on the monotonic clock

    def seconds_left(self) -> float:
        """Never 0, which would mean "do not wait" to a socket; raises TimeoutError when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def too_large(self) -> TooLarge:
        """The error for a body above the limit."""
        return TooLarge(f"leads to more than {self.max_bytes} bytes")


class _Wire(io.RawIOBase):
    """A connection as HTTPResponse reads it, to which the limits hold: each read waits only for the time that is left.

    The bytes are counted here, below HTTP: headers without end, padded chunks, and http.client reading a chunk of size
    -1 as "everything" would get past a count of the body.
    """

    def __init__(self, connection: "socket.socket", limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._bytes_left = HEAD_BYTES + WIRE_SHARE * limits.max_bytes

    def readable(self) -> bool:
        """Yes; `io.BufferedReader` asks."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a part of the buffer; 0 is the end."""
        if self._bytes_left <= 0:
            raise self._limits.too_large()
        self._connection.settimeout(self._limits.seconds_left())
        count = self._connection.recv_into(buffer)
        self._bytes_left -= count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002
        """The part of a socket that HTTPResponse uses."""
        return io.BufferedReader(self)


@contextmanager
def exchange(link: Link, found: Sequence[str], limits: Limits, connect: Connect) -> Iterator["HTTPResponse"]:
    """Ask for a link; the head of the answer is read, its body can be while the context lasts.

    Args:
        link: what to ask for.
        found: the addresses to ask at, tried in turn; at least one.
        limits: of time and bytes.
        connect: makes the connection.

    Raises:
        UrlFetchFailed: not reached, not in time, or no HTTP; also for what reading the body raises within the context.
        TooLarge: more on the wire than a body of the allowed size can need.
    """
    from http.client import HTTPException, HTTPResponse  # here: see the module's docstring

    try:
        with _opened(link, found, limits, connect) as connection:
            connection.settimeout(limits.seconds_left())
            connection.sendall(_request(link))
            with HTTPResponse(cast("socket.socket", _Wire(connection, limits)), method="GET") as response:
                response.begin()
                yield response
    except TimeoutError as error:
        raise UrlFetchFailed("took longer than its time limit") from error
    except OSError as error:
        raise UrlFetchFailed("could not be reached, or broke off") from error
    except (HTTPException, ValueError) as error:  # ValueError: http.client at a chunk of negative size
        raise UrlFetchFailed("did not answer in proper HTTP") from error


def connect_tls(address: str, port: int, name: str, timeout_s: float) -> "socket.socket":
    """A TLS connection to exactly this address, whose certificate is valid for the name.

    Raises:
        UrlFetchFailed: the certificate is not valid.
        OSError: no connection, or not in time.
    """
    import socket  # here: see the module's docstring
    import ssl

    limits = Limits(0, time.monotonic() + timeout_s)
    plain = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        plain.settimeout(timeout_s)
        plain.connect((address, port))
        plain.settimeout(limits.seconds_left())
        return _tls().wrap_socket(plain, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        raise UrlFetchFailed("leads to a host without a valid certificate") from error
    finally:
        plain.close()  # nothing to close once TLS has taken the descriptor over


@cache
def _tls() -> "ssl.SSLContext":
    """Made once, since it reads the certificates of the system."""
    import ssl  # here: see the module's docstring

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _opened(link: Link, found: Sequence[str], limits: Limits, connect: Connect) -> "socket.socket":
    """A connection to the first address that takes one: of an IPv6 and an IPv4 address often only one is reachable."""
    *others, last = found
    for position, address in enumerate(others):
        share_s = limits.seconds_left() / (len(found) - position)
        try:
            return connect(address, link.port, link.host, share_s)
        except OSError:
            continue
    return connect(last, link.port, link.host, limits.seconds_left())


def _request(link: Link) -> bytes:
    # A link has no line break and nothing outside ASCII: `addresses.read` saw to that.
    lines = (
        f"GET {link.target} HTTP/1.1",
        f"Host: {link.authority}",
        "User-Agent: yolo-lambda-zip",  # some hosts refuse a request without one
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")

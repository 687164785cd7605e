"""GET request over https to one address, with limits of time and bytes.

This module does not decide which hosts and addresses are allowed, and it ignores proxy settings of the environment.

`http.client`, `socket` and `ssl` are imported where they are used: no other module of the function loads them, so only
requests with a URL pay for them.
"""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, cast

from function.errors import TooLarge, UrlFetchFailed
from function.fetch.addresses import HttpsUrl

if TYPE_CHECKING:
    import socket
    import ssl
    from http.client import HTTPResponse

HEAD_BYTES = 1 << 16  # allowed on the wire in addition to the body
WIRE_SHARE = 2  # bytes on the wire per byte of the body limit; chunks of a usual size add less than 1 %

Connect = Callable[[str, int, str, float], "socket.socket"]  # address, port, certificate name, time limit in seconds


class Limits(NamedTuple):
    """Limits of one download, including its redirects."""

    max_bytes: int  # of the body
    deadline: float  # s, on the monotonic clock

    def seconds_left(self) -> float:
        """Return the remaining time, which is never 0, because 0 makes a socket non-blocking.

        Raises:
            TimeoutError: no time is left.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def too_large(self) -> TooLarge:
        """Return the error for a body above the limit."""
        return TooLarge(f"must return at most {self.max_bytes} bytes, got more")


class _LimitedStream(io.RawIOBase):
    """Stream of a connection for HTTPResponse that enforces the limits; a read waits at most for the remaining time.

    The bytes are counted here, below HTTP. A count of the body alone would miss endless headers and padded chunks, and
    http.client reads a chunk of size -1 as "everything".
    """

    def __init__(self, connection: "socket.socket", limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._bytes_left = HEAD_BYTES + WIRE_SHARE * limits.max_bytes

    def readable(self) -> bool:
        """Return True; `io.BufferedReader` requires it."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read into the buffer and return the number of bytes, 0 at the end."""
        if self._bytes_left <= 0:
            raise self._limits.too_large()
        self._connection.settimeout(self._limits.seconds_left())
        count = self._connection.recv_into(buffer)
        self._bytes_left -= count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002
        """Return a buffered reader; HTTPResponse calls no other method of a socket."""
        return io.BufferedReader(self)


@contextmanager
def exchange(url: HttpsUrl, resolved: Sequence[str], limits: Limits, connect: Connect) -> Iterator["HTTPResponse"]:
    """Send a GET request and yield the response; its body can be read within the context.

    Args:
        url: URL to request.
        resolved: addresses of the host, at least one; they are tried in this order.
        limits: limits of time and bytes.
        connect: opens the connection.

    Raises:
        UrlFetchFailed: no connection, no response in time, or no valid HTTP; also while the body is read.
        TooLarge: more bytes on the wire than a body of the allowed size can need.
    """
    from http.client import HTTPException, HTTPResponse  # here: see the module docstring

    try:
        with _open(url, resolved, limits, connect) as connection:
            connection.settimeout(limits.seconds_left())
            connection.sendall(_request(url))
            stream = cast("socket.socket", _LimitedStream(connection, limits))
            with HTTPResponse(stream, method="GET") as response:
                response.begin()
                yield response
    except TimeoutError as error:
        raise UrlFetchFailed("exceeded the time limit") from error
    except OSError as error:
        raise UrlFetchFailed("could not be reached, or the connection was closed") from error
    except (HTTPException, ValueError) as error:  # ValueError: http.client with a chunk of negative size
        raise UrlFetchFailed("did not respond with valid HTTP") from error


def connect_tls(address: str, port: int, name: str, timeout_s: float) -> "socket.socket":
    """Open a TLS connection to exactly this address, with a certificate that is valid for the name.

    Raises:
        UrlFetchFailed: the certificate is not valid.
        OSError: no connection, or not within the time limit.
    """
    import socket  # here: see the module docstring
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
        plain.close()  # has no effect after TLS has taken over the file descriptor


@cache
def _tls() -> "ssl.SSLContext":
    """Return the TLS context, made once because it reads the certificates of the system."""
    import ssl  # here: see the module docstring

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _open(url: HttpsUrl, resolved: Sequence[str], limits: Limits, connect: Connect) -> "socket.socket":
    """Connect to the first address that accepts; of an IPv6 and an IPv4 address often only one is reachable."""
    *others, last = resolved
    for position, address in enumerate(others):
        share_s = limits.seconds_left() / (len(resolved) - position)
        try:
            return connect(address, url.port, url.host, share_s)
        except OSError:
            continue
    return connect(last, url.port, url.host, limits.seconds_left())


def _request(url: HttpsUrl) -> bytes:
    # A URL has no line break and only ASCII characters: `addresses.parse` checks this.
    lines = (
        f"GET {url.target} HTTP/1.1",
        f"Host: {url.authority}",
        "User-Agent: yolo-lambda-zip",  # some hosts refuse a request without one
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")

"""Fake network for tests of `function.fetch`: fixed addresses per host, and one prepared response per connection."""

import socket
from collections.abc import Sequence

from function import fetch

PUBLIC = "93.184.215.14"  # a public address; no test sends anything to it
IMAGE = b"\xff\xd8 an image"


def response(body: bytes = IMAGE, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return the bytes of a response with a Content-Length, which is correct unless `length` is set."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


def unsized(body: bytes, *headers: str) -> bytes:
    """Return a response without Content-Length: it ends with the connection, or as its headers say."""
    return "\r\n".join(("HTTP/1.1 200 OK", *headers, "", "")).encode() + body


def redirect(location: str | None, status: str = "302 Found") -> bytes:
    return response(b"SECRET", *([] if location is None else [f"Location: {location}"]), status=status)


class FakeWeb:
    """Resolver and connector for `fetch.image`; records names, connections and requests."""

    def __init__(self, *responses: bytes, **addresses: Sequence[Sequence[str]]) -> None:
        self.responses = list(responses)
        self.addresses: dict[str, Sequence[Sequence[str]]] = dict(addresses)  # host -> result of each resolution
        self.unreachable: set[str] = set()
        self.resolved: list[str] = []
        self.connected: list[tuple[str, int, str]] = []
        self.requests: list[str] = []
        self.servers: list[socket.socket] = []

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.resolved.append(host)
        results = self.addresses.get(host, [[PUBLIC]])
        return results[min(self.resolved.count(host), len(results)) - 1]

    def connect(self, address: str, port: int, name: str, timeout_s: float) -> socket.socket:
        self.connected.append((address, port, name))
        if address in self.unreachable:
            raise OSError(101, f"Network is unreachable: {address}")
        data = self.responses.pop(0)
        client, server = socket.socketpair()
        self.servers.append(server)
        server.settimeout(5)
        server.sendall(data)
        server.shutdown(socket.SHUT_WR)
        return client

    def image(
        self, url: str, allowed_hosts: tuple[str, ...] = ("*",), max_bytes: int = 1000, timeout_s: float = 5
    ) -> bytes:
        try:
            return fetch.image(url, allowed_hosts, max_bytes, timeout_s, self.resolve, self.connect)
        finally:
            for server in self.servers:
                self.requests.append(self._request(server))
                server.close()

    @staticmethod
    def _request(server: socket.socket) -> str:
        try:
            return server.recv(1 << 16).decode("ascii")
        except ConnectionResetError:  # the client closed the connection without reading the whole response
            return ""

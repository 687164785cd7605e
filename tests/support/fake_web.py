"""A web that exists only in a test: names have the addresses it is told, and every connection meets the next answer."""

import socket
from collections.abc import Sequence

from function import fetch

PUBLIC = "93.184.215.14"  # a global address; nothing is ever sent to it
PICTURE = b"\xff\xd8 a picture"


def answer(body: bytes = PICTURE, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """The bytes of an answer with a Content-Length, true unless another is given."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


def unsized(body: bytes, *headers: str) -> bytes:
    """An answer that ends with its connection, or says itself how it ends."""
    return "\r\n".join(("HTTP/1.1 200 OK", *headers, "", "")).encode() + body


def redirect(location: str | None, status: str = "302 Found") -> bytes:
    return answer(b"SECRET", *([] if location is None else [f"Location: {location}"]), status=status)


class Web:
    """What `fetch.picture` takes for the name servers and the network; it writes down what was asked of it."""

    def __init__(self, *answers: bytes, **names: Sequence[Sequence[str]]) -> None:
        self.answers = list(answers)
        self.names: dict[str, Sequence[Sequence[str]]] = dict(names)  # host -> what each question for it is answered
        self.unreachable: set[str] = set()
        self.resolved: list[str] = []
        self.connected: list[tuple[str, int, str]] = []
        self.requests: list[str] = []
        self.servers: list[socket.socket] = []

    def resolve(self, host: str, port: int) -> Sequence[str]:
        self.resolved.append(host)
        told = self.names.get(host, [[PUBLIC]])
        return told[min(self.resolved.count(host), len(told)) - 1]

    def connect(self, address: str, port: int, name: str, timeout_s: float) -> socket.socket:
        self.connected.append((address, port, name))
        if address in self.unreachable:
            raise OSError(101, f"Network is unreachable: {address}")
        told = self.answers.pop(0)
        client, server = socket.socketpair()
        self.servers.append(server)
        server.settimeout(5)
        server.sendall(told)
        server.shutdown(socket.SHUT_WR)
        return client

    def picture(
        self, url: str, allowed_hosts: tuple[str, ...] = ("*",), max_bytes: int = 1000, timeout_s: float = 5
    ) -> bytes:
        try:
            return fetch.picture(url, allowed_hosts, max_bytes, timeout_s, self.resolve, self.connect)
        finally:
            for server in self.servers:
                self.requests.append(self._request(server))
                server.close()

    @staticmethod
    def _request(server: socket.socket) -> str:
        try:
            return server.recv(1 << 16).decode("ascii")
        except ConnectionResetError:  # the function hung up without reading all that there was
            return ""

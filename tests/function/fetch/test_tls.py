"""TLS connections of `function.fetch`, to a server on loopback with a certificate made for the test."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from function import fetch
from function.errors import UrlFetchFailed
from function.fetch import https
from tests.support.fake_web import IMAGE, PUBLIC, response

NAME = "images.example"
pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File with a key and a self-signed certificate for a name and an address."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    options = (
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        str(file),
        "-out",
        str(file.with_suffix(".crt")),
    )
    names = f"subjectAltName=DNS:{NAME},IP:{PUBLIC}"
    command = ["openssl", "req", "-x509", *options, "-subj", "/CN=test", "-addext", names]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return file


class Server:
    """TCP server on loopback; `serve` handles its connection."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, args=(serve,))
        self.thread.start()

    def _run(self, serve: Callable[[socket.socket], None]) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(5)
        with connection:
            serve(connection)

    def close(self) -> None:
        socket.create_connection(("127.0.0.1", self.port)).close()  # ends an accept without a client
        self.thread.join()
        self.listener.close()

    def connect(self, address: str, port: int, name: str, timeout_s: float) -> socket.socket:
        """Connect as the function does, but to loopback instead of the public address."""
        assert (address, port) == (PUBLIC, 443)
        return https.connect_tls("127.0.0.1", self.port, name, timeout_s)

    def image(self, url: str, timeout_s: float = 5) -> bytes:
        return fetch.image(url, ("*",), 1000, timeout_s, lambda host, port: [PUBLIC], self.connect)


@pytest.fixture
def start() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    started: list[Server] = []

    def make(serve: Callable[[socket.socket], None]) -> Server:
        started.append(Server(serve))
        return started[-1]

    yield make
    for server in started:
        server.close()


@pytest.fixture
def requested_names() -> list[str | None]:
    return []


@pytest.fixture
def server(
    start: Callable[[Callable[[socket.socket], None]], Server], certificate: Path, requested_names: list[str | None]
) -> Server:
    """Server that responds to one request with the image and records the name in the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda connection, name, _: requested_names.append(name)

    def serve(plain: socket.socket) -> None:
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(1 << 16)
                connection.sendall(response())
        except OSError:
            return  # a client that does not trust the certificate closes the connection

    return start(serve)


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    https._tls.cache_clear()
    yield
    https._tls.cache_clear()


@pytest.mark.usefixtures("trusted")
def test_name_is_sent_and_its_certificate_accepted(server: Server, requested_names: list[str | None]) -> None:
    assert server.image(f"https://{NAME}/") == IMAGE
    assert requested_names == [NAME]


@pytest.mark.usefixtures("trusted")
def test_address_in_the_certificate_is_accepted(server: Server) -> None:
    assert server.image(f"https://{PUBLIC}/") == IMAGE


@pytest.mark.usefixtures("trusted")
def test_connection_does_not_resolve_the_name_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise AssertionError("resolved a second time")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        patched.setattr(socket, "gethostbyname", resolve)
        assert server.image(f"https://{NAME}/") == IMAGE


@pytest.mark.usefixtures("trusted")
def test_certificate_for_another_name_is_refused(server: Server) -> None:
    with pytest.raises(UrlFetchFailed, match=r"^url at 'a\.example' leads to a host without a valid certificate$"):
        server.image("https://a.example/")


def test_untrusted_certificate_is_refused(server: Server) -> None:
    with pytest.raises(UrlFetchFailed, match="without a valid certificate"):
        server.image(f"https://{NAME}/")


def test_host_without_tls_is_refused(start: Callable[[Callable[[socket.socket], None]], Server]) -> None:
    server = start(lambda plain: plain.sendall(response()))
    with pytest.raises(UrlFetchFailed, match="could not be reached, or the connection was closed"):
        server.image(f"https://{NAME}/")


def test_handshake_without_end_ends_at_the_time_limit(
    start: Callable[[Callable[[socket.socket], None]], Server],
) -> None:
    def listen(plain: socket.socket) -> None:
        while plain.recv(1 << 16):
            pass

    server = start(listen)
    with pytest.raises(UrlFetchFailed, match="exceeded the time limit"):
        server.image(f"https://{NAME}/", timeout_s=0.3)


def test_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        https.connect_tls("127.0.0.1", port, NAME, 1)


def test_system_resolver_returns_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(0, 0, 0, "", ("2606:4700::1111", 443, 0, 0)), (0, 0, 0, "", (PUBLIC, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    assert fetch.resolve_all(NAME, 443) == ["2606:4700::1111", PUBLIC]


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700::1111"])
def test_address_resolves_to_itself(address: str) -> None:
    assert set(fetch.resolve_all(address, 443)) == {address}

"""The connection itself, to a TLS server on loopback with a certificate made for the test."""

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
from tests.support.fake_web import PICTURE, PUBLIC, answer

NAME = "pictures.example"
pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and its own certificate, for a name and an address."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    made = ("-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(file), "-out", str(file.with_suffix(".crt")))
    names = f"subjectAltName=DNS:{NAME},IP:{PUBLIC}"
    command = ["openssl", "req", "-x509", *made, "-subj", "/CN=test", "-addext", names]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    file.write_text(file.read_text() + file.with_suffix(".crt").read_text())
    return file


class Server:
    """One port on loopback; each connection is met by `serve`."""

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
        socket.create_connection(("127.0.0.1", self.port)).close()  # ends an accept that nobody came to
        self.thread.join()
        self.listener.close()

    def connect(self, address: str, port: int, name: str, timeout_s: float) -> socket.socket:
        """The connection of the function, to loopback instead of the public address."""
        assert (address, port) == (PUBLIC, 443)
        return https.connect_tls("127.0.0.1", self.port, name, timeout_s)

    def picture(self, url: str, timeout_s: float = 5) -> bytes:
        return fetch.picture(url, ("*",), 1000, timeout_s, lambda host, port: [PUBLIC], self.connect)


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
def asked_names() -> list[str | None]:
    return []


@pytest.fixture
def server(
    start: Callable[[Callable[[socket.socket], None]], Server], certificate: Path, asked_names: list[str | None]
) -> Server:
    """Answers one request with the picture; writes down the name in the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda connection, name, _: asked_names.append(name)

    def serve(plain: socket.socket) -> None:
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(1 << 16)
                connection.sendall(answer())
        except OSError:
            return  # a client that does not trust the certificate hangs up

    return start(serve)


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    https._tls.cache_clear()
    yield
    https._tls.cache_clear()


@pytest.mark.usefixtures("trusted")
def test_the_name_is_sent_and_its_certificate_accepted(server: Server, asked_names: list[str | None]) -> None:
    assert server.picture(f"https://{NAME}/") == PICTURE
    assert asked_names == [NAME]


@pytest.mark.usefixtures("trusted")
def test_an_address_is_accepted_when_the_certificate_names_it(server: Server) -> None:
    assert server.picture(f"https://{PUBLIC}/") == PICTURE


@pytest.mark.usefixtures("trusted")
def test_the_connection_resolves_nothing_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise AssertionError("resolved a second time")

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        patched.setattr(socket, "gethostbyname", resolve)
        assert server.picture(f"https://{NAME}/") == PICTURE


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_refused(server: Server) -> None:
    with pytest.raises(UrlFetchFailed, match=r"^the link to 'a\.example' leads to a host without a valid certificate$"):
        server.picture("https://a.example/")


def test_a_certificate_that_nobody_trusts_is_refused(server: Server) -> None:
    with pytest.raises(UrlFetchFailed, match="without a valid certificate"):
        server.picture(f"https://{NAME}/")


def test_a_host_without_tls_is_refused(start: Callable[[Callable[[socket.socket], None]], Server]) -> None:
    server = start(lambda plain: plain.sendall(answer()))
    with pytest.raises(UrlFetchFailed, match="could not be reached, or broke off"):
        server.picture(f"https://{NAME}/")


def test_a_handshake_without_end_ends_with_the_time_limit(
    start: Callable[[Callable[[socket.socket], None]], Server],
) -> None:
    def listen(plain: socket.socket) -> None:
        while plain.recv(1 << 16):
            pass

    server = start(listen)
    with pytest.raises(UrlFetchFailed, match="took longer than its time limit"):
        server.picture(f"https://{NAME}/", timeout_s=0.3)


def test_a_port_that_nobody_listens_at_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        https.connect_tls("127.0.0.1", port, NAME, 1)


def test_the_resolver_of_the_system_gives_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [(0, 0, 0, "", ("2606:4700::1111", 443, 0, 0)), (0, 0, 0, "", (PUBLIC, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: told)
    assert fetch.resolve_all(NAME, 443) == ["2606:4700::1111", PUBLIC]


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700::1111"])
def test_an_address_is_resolved_to_itself(address: str) -> None:
    assert set(fetch.resolve_all(address, 443)) == {address}

"""URLs of a caller, and the bytes that a server sends."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from tests.fuzz import documented, runtime
from tests.fuzz.targets import Target, variant
from tests.fuzz.verdict import check, require

NEXT = b"\n--next--\n"  # between two responses
ADDRESSES = (
    ("93.184.215.14",), ("127.0.0.1",), ("10.0.0.1", "93.184.215.14"), ("2606:2800:220:1::1",), ("::ffff:10.0.0.1",),
    ("64:ff9b::7f00:1",), ("fe80::1%eth0",), (), ("not an address",),
)  # fmt: skip
PUBLIC = ("93.184.215.14", "2606:2800:220:1::1")
ALLOWED = ("*", "a.example,*.b.example,c.example:8443,[2606:2800:220:1::1]", "")
URLS = (
    "https://a.example/a.png", "https://x.b.example:443/a?b=c#d", "https://c.example:8443", "https://93.184.215.14/",
    "https://[2606:2800:220:1::1]/a", "https://user@a.example/", "https://127.1/", "https://0x7f000001/",
    "https://2130706433/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "http://a.example/", "https://localhost/",
    "https://a.example\\@b.example/", "https://a.example%2f/", "https://a.example./", "https://xn--80ak6aa92e.com/",
)  # fmt: skip


def run_url(data: bytes) -> None:
    """Ask for a URL; whatever it is, a connection goes to a public address only."""
    text = data.decode("utf-8", "surrogateescape")
    addresses = ADDRESSES[variant(data, len(ADDRESSES))]
    web = runtime.FakeWeb([_ok(runtime.png())], addresses)
    event = {"url": text}

    def documented_response(value: object) -> None:
        documented.http_response(event, value)
        require(all(address in (*PUBLIC, _host(text)) for address in web.connected), "connected to:", web.connected)

    with web.installed():
        allowed = ALLOWED[variant(data[::-1], len(ALLOWED))]
        check(lambda: runtime.invoke(event, ALLOWED_URL_HOSTS=allowed), documented_response, ())


def run_fetch(data: bytes) -> None:
    """Let servers send these bytes, in pieces of different sizes."""
    web = runtime.FakeWeb(data.split(NEXT), chunk=(1 << 16, 1, 7)[variant(data, 3)])
    event = {"url": "https://a.example/a.png"}
    with web.installed():
        environ = {"ALLOWED_URL_HOSTS": "a.example,*.b.example", "MAX_OBJECT_BYTES": "20000"}
        check(lambda: runtime.invoke(event, **environ), partial(documented.http_response, event), ())


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _ok(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", b"")) + body


def _url_seeds() -> Iterator[bytes]:
    for url in URLS:
        yield url.encode()


def _fetch_seeds() -> Iterator[bytes]:
    png = runtime.png()
    yield _ok(png, b"Content-Type: image/png")
    yield b"HTTP/1.0 200 OK\r\n\r\n" + png
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(png) + png + b"\r\n0\r\n\r\n"
    yield b"HTTP/1.1 302 Found\r\nLocation: https://x.b.example/a\r\nContent-Length: 0\r\n\r\n" + NEXT + _ok(png)
    yield b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n" + NEXT + b"HTTP/1.1 301 Moved\r\nLocation: //b.example\r\n\r\n"
    yield b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nSECRET"
    yield b"HTTP/1.1 100 Continue\r\n\r\n" + _ok(png, b"Content-Encoding: gzip")
    yield b""


TARGETS = {
    "url": Target(
        run_url,
        _url_seeds,
        frozenset({"url"}),
        (b"https://", b"@", b"[::", b"%", b":443", b"//", b"\\", b"#", b"?", b"127.0.0.1", b"a.example"),
    ),
    "fetch": Target(
        run_fetch,
        _fetch_seeds,
        frozenset({"fetch"}),
        (NEXT, b"Transfer-Encoding: chunked", b"Content-Length: ", b"Location: ", b"HTTP/1.1 ", b"\r\n\r\n", b"\r\n "),
    ),
}

"""Download of an image from a URL: the request, redirects, limits and errors."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from function import fetch
from function.errors import BadRequest, Forbidden, FunctionError, TooLarge, UrlFetchFailed
from function.fetch.https import Connect
from tests.support.fake_web import IMAGE, PUBLIC, FakeWeb, redirect, response, unsized

LIMIT = 1000
FULL = bytes(range(250)) * 4
URL = "https://a.example/p.jpg"


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return unsized(body + end, "Transfer-Encoding: chunked")


def test_url_returns_the_bytes_of_its_image() -> None:
    web = FakeWeb(response())
    assert web.image(URL, ("a.example",)) == IMAGE
    assert web.connected == [(PUBLIC, 443, "a.example")]


def test_request_has_no_encoding_no_keep_alive_and_no_credentials() -> None:
    web = FakeWeb(response())
    web.image(URL)
    first, *headers = web.requests[0].removesuffix("\r\n\r\n").split("\r\n")
    assert first == "GET /p.jpg HTTP/1.1"
    assert {"Host: a.example", "Accept-Encoding: identity", "Connection: close"} <= set(headers)
    assert not {"cookie", "authorization", "referer"} & {header.partition(":")[0].lower() for header in headers}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.example", "/"),
        ("https://a.example/", "/"),
        ("https://a.example?", "/?"),
        ("https://a.example?a=1", "/?a=1"),
        ("https://a.example/p?a=1&b=%20+%2F&a=2;c", "/p?a=1&b=%20+%2F&a=2;c"),
        ("https://a.example/%0d%0aX:%201", "/%0d%0aX:%201"),
        ("https://a.example/a/../b//c/./", "/a/../b//c/./"),
        ("https://a.example/@b:80/https://c", "/@b:80/https://c"),
        ("https://a.example/p?q#fragment?x", "/p?q"),
        ("https://a.example#fragment", "/"),
        ("HTTPS://A.Example/P", "/P"),
        ("https://a.example:443/p", "/p"),
        ("https://a.example:00443/p", "/p"),
        ("https://a.example/'\"<>[]^`{|}", "/'\"<>[]^`{|}"),
    ],
)
def test_path_and_query_are_sent_unchanged(url: str, target: str) -> None:
    web = FakeWeb(response())
    web.image(url, ("a.example",))
    assert web.requests[0].startswith(f"GET {target} HTTP/1.1\r\nHost: a.example\r\n")


@pytest.mark.parametrize(
    ("entry", "url", "host"),
    [
        ("*", "https://any.example/", "any.example"),
        ("*", f"https://{PUBLIC}/", PUBLIC),
        (PUBLIC, f"https://{PUBLIC}/", PUBLIC),
        ("*", "https://[2606:4700::1111]/", "[2606:4700::1111]"),
        ("[2606:4700::1111]", "https://[2606:4700:0:0:0:0:0:1111]/", "[2606:4700::1111]"),
        ("*", "https://[64:ff9b::5db8:d70e]/", "[64:ff9b::5db8:d70e]"),
        ("*.a.example", "https://b.a.example/", "b.a.example"),
        ("*.a.example", "https://c.b.a.example/", "c.b.a.example"),
        ("a.example:8443", "https://a.example:8443/", "a.example:8443"),
        ("a.example:443", "https://a.example/", "a.example"),
        ("*.a.example:8443", "https://b.a.example:8443/", "b.a.example:8443"),
        ("*:8443", "https://a.example:8443/", "a.example:8443"),
        ("[2606:4700::1111]:8443", "https://[2606:4700::1111]:8443/", "[2606:4700::1111]:8443"),
        ("my_bucket.s3.example", "https://my_bucket.s3.example/", "my_bucket.s3.example"),
        ("xn--bcher-kva.example", "https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
    ],
)
def test_allowed_host_is_requested_with_its_host_header(entry: str, url: str, host: str) -> None:
    web = FakeWeb(response())
    web.resolve = lambda host, port: [PUBLIC if host.endswith("example") else host]  # type: ignore[method-assign]
    assert web.image(url, ("other.example", entry)) == IMAGE
    assert f"\r\nHost: {host}\r\n" in web.requests[0]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirect_to_another_allowed_host_is_followed(status: str) -> None:
    web = FakeWeb(redirect("https://b.example/q?x=1#f", status), response())
    assert web.image(URL, ("a.example", "b.example")) == IMAGE
    assert web.resolved == ["a.example", "b.example"]
    assert web.requests[1].startswith("GET /q?x=1 HTTP/1.1\r\nHost: b.example\r\n")


@pytest.mark.parametrize(
    ("location", "host", "target"),
    [
        ("/q.jpg", "a.example:8443", "/q.jpg"),
        ("q.jpg?x=%20", "a.example:8443", "/f/q.jpg?x=%20"),
        ("../q.jpg", "a.example:8443", "/q.jpg"),
        ("?x=1", "a.example:8443", "/f/p.jpg?x=1"),
        ("//b.example/q", "b.example", "/q"),
    ],
)
def test_relative_redirect_is_resolved_against_the_url(location: str, host: str, target: str) -> None:
    web = FakeWeb(redirect(location), response())
    assert web.image("https://a.example:8443/f/p.jpg", ("a.example:8443", "b.example")) == IMAGE
    assert web.requests[1].startswith(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n")


def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    assert FakeWeb(*[redirect("/again")] * 3, response()).image(URL) == IMAGE
    web = FakeWeb(*[redirect("/again")] * 4, response())
    with pytest.raises(UrlFetchFailed, match="redirects more than 3 times"):
        web.image(URL)
    assert len(web.connected) == 4


@pytest.mark.parametrize(
    "first", [redirect(None), redirect(""), response(b"", "Location: /a", "Location: /b", status="302 Found")]
)
def test_redirect_without_a_target_or_with_two_is_refused(first: bytes) -> None:
    with pytest.raises(UrlFetchFailed, match="redirects to a target that is not a valid https URL"):
        FakeWeb(first).image(URL)


SIZED: list[Callable[[bytes], bytes]] = [
    response,
    unsized,
    chunked,
    lambda body: chunked(*(body[at : at + 100] for at in range(0, len(body), 100))),
]


@pytest.mark.parametrize("send", SIZED)
def test_image_exactly_at_the_limit_is_read(send: Callable[[bytes], bytes]) -> None:
    assert FakeWeb(send(FULL)).image(URL, max_bytes=LIMIT) == FULL


@pytest.mark.parametrize("send", SIZED)
@pytest.mark.parametrize("excess", [1, 100_000])
def test_image_above_the_limit_is_refused(send: Callable[[bytes], bytes], excess: int) -> None:
    with pytest.raises(TooLarge, match=r"url at 'a\.example' must return at most 1000 bytes, got more"):
        FakeWeb(send(FULL + bytes(excess))).image(URL, max_bytes=LIMIT)


def test_content_length_above_the_limit_is_refused_before_the_body() -> None:
    with pytest.raises(TooLarge):
        FakeWeb(response(b"", length=LIMIT + 1)).image(URL, max_bytes=LIMIT)


@pytest.mark.parametrize("send", SIZED)
def test_an_empty_body_is_refused(send: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UrlFetchFailed, match="must return an image, got an empty body"):
        FakeWeb(send(b"")).image(URL)


def test_large_image_is_read_completely() -> None:
    body = bytes(range(256)) * 500  # more than one read, and less than a socket pair holds
    assert FakeWeb(response(body)).image(URL, max_bytes=len(body)) == body


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "9" * 30])
def test_invalid_content_length_does_not_remove_the_limit(length: str) -> None:
    with pytest.raises(FunctionError):
        FakeWeb(unsized(FULL + b"x", f"Content-Length: {length}")).image(URL, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "invalid",
    [
        pytest.param(response(b"x", length=2), id="shorter than its length"),
        pytest.param(response(b"", length=1), id="empty with a length"),
        pytest.param(chunked(b"x", end=b""), id="chunks without an end"),
        pytest.param(chunked(end=b"5\r\nab"), id="a chunk cut short"),
        pytest.param(chunked(end=b"zz\r\nab\r\n"), id="a chunk without a size"),
        pytest.param(chunked(end=b"-5\r\n" + FULL), id="a chunk of negative size"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200", id="half a status line"),
        pytest.param(b"\xff\xd8\xff\xe0 image", id="no HTTP"),
        pytest.param(b"HTTP/2 200 OK\r\n\r\n", id="another HTTP"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="a status that is no number"),
        pytest.param(b"HTTP/1.1 99999 OK\r\n\r\n", id="a status out of range"),
        pytest.param(unsized(b"", "X: " + "a" * 70_000), id="a header without end"),
        pytest.param(unsized(b"", *["X: a"] * 101), id="too many headers"),
        pytest.param(b"HTTP/1.1 " + b"2" * 70_000, id="a status line without end"),
    ],
)
def test_invalid_http_response_is_refused(invalid: bytes) -> None:
    with pytest.raises(
        UrlFetchFailed, match=r"^url at 'a\.example' (did not|could not|closed the|must return an image)"
    ):
        FakeWeb(invalid).image(URL, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(chunked(end=b"-1\r\n" + bytes(100_000)), id="a chunk of size -1 as everything"),
        pytest.param(chunked(end=b"1;" + b"x" * 1000 + b"\r\na\r\n") * 90, id="padded chunks"),
        pytest.param(chunked(b"a", end=b"0\r\n" + b"X: a\r\n" * 20_000), id="trailers without end"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000, id="100 Continue without end"),
    ],
)
def test_more_bytes_on_the_wire_than_the_limit_needs_are_refused(flood: bytes) -> None:
    with pytest.raises((TooLarge, UrlFetchFailed)):
        FakeWeb(flood).image(URL, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "header", ["Content-Encoding: gzip", "Content-Encoding: br", "Transfer-Encoding: gzip, chunked"]
)
def test_a_compressed_body_is_refused(header: str) -> None:
    with pytest.raises(UrlFetchFailed, match="must return a body without an encoding, got an encoded body"):
        FakeWeb(unsized(b"0\r\n\r\n", header)).image(URL)


def test_body_with_identity_encoding_is_read() -> None:
    assert FakeWeb(response(IMAGE, "Content-Encoding: Identity")).image(URL) == IMAGE


def test_interim_response_is_skipped() -> None:
    assert FakeWeb(b"HTTP/1.1 100 Continue\r\n\r\n" + response()).image(URL) == IMAGE


@pytest.mark.parametrize(
    "status", [101, 103, 201, 204, 206, 300, 304, 400, 401, 403, 404, 407, 429, 500, 502, 503, 999]
)
def test_status_other_than_200_is_in_the_error(status: int) -> None:
    with pytest.raises(UrlFetchFailed, match=rf"^url at 'a\.example' must return status 200, got {status}$"):
        FakeWeb(response(b"", status=f"{status} SECRET")).image(URL)


@pytest.mark.parametrize(
    "revealing",
    [
        response(b"SECRET", "X: SECRET", status="500 SECRET"),
        response(b"SECRET", "Content-Encoding: SECRET"),
        response(b"SECRET", length=1001),
        response(b"SECRET", length=500),
        chunked(end=b"SECRET\r\nSECRET"),
        b"SECRET",
        b"HTTP/1.1 SECRET SECRET\r\n\r\nSECRET",
        redirect("https://SECRET.example:8080/"),
        redirect("http://SECRET.example/"),
        redirect("https://[SECRET]/"),
        redirect("https://SECRET/"),
        redirect("https://10.0.0.1/SECRET"),
    ],
)
def test_error_contains_nothing_that_the_server_sent(revealing: bytes) -> None:
    web = FakeWeb(revealing)
    web.resolve = lambda host, port: [PUBLIC if host == "a.example" else host]  # type: ignore[method-assign]
    with pytest.raises(FunctionError) as failure:
        web.image(URL, max_bytes=LIMIT)
    assert not re.search(r"secret|10\.0|93\.184", str(failure.value), re.IGNORECASE)
    assert "'a.example'" in str(failure.value)


def test_error_contains_no_ip_address() -> None:
    web = FakeWeb(**{"a.example": [["10.1.2.3"]], "b.example": [[PUBLIC]]})
    web.unreachable = {PUBLIC}
    for url, error in (("https://a.example/", Forbidden), ("https://b.example/", UrlFetchFailed)):
        with pytest.raises(error) as failure:
            web.image(url)
        assert not re.search(r"\d\.\d", str(failure.value))


def test_next_address_is_tried_if_one_does_not_respond() -> None:
    web = FakeWeb(response(), **{"a.example": [["2606:4700::1111", PUBLIC]]})
    web.unreachable = {"2606:4700::1111"}
    assert web.image(URL) == IMAGE
    assert [address for address, _, _ in web.connected] == ["2606:4700::1111", PUBLIC]
    assert web.resolved == ["a.example"]


def test_only_the_first_addresses_of_many_are_tried() -> None:
    web = FakeWeb(**{"a.example": [[f"93.184.215.{last}" for last in range(1, 100)]]})
    web.unreachable = {f"93.184.215.{last}" for last in range(1, 100)}
    with pytest.raises(UrlFetchFailed, match="could not be reached"):
        web.image(URL)
    assert len(web.connected) == fetch.MAX_TRIED


@pytest.mark.parametrize(
    "failure", [socket.gaierror(-2, "Name or service not known"), OSError(5, "I/O"), TimeoutError()]
)
def test_unresolvable_host_is_in_the_error(failure: OSError) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise failure

    with pytest.raises(UrlFetchFailed, match=r"^url at 'a\.example' leads to a host name that cannot be resolved$"):
        fetch.image(URL, ("*",), LIMIT, 1, resolve, FakeWeb().connect)


def test_host_without_an_address_is_refused() -> None:
    with pytest.raises(UrlFetchFailed, match="has no address"):
        FakeWeb(**{"a.example": [[]]}).image(URL)


@pytest.fixture
def trickle() -> Iterator[Callable[[bytes, bytes], Connect]]:
    """Connector to a server that sends `start` at once, and then `rest` again every 20 ms."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def server(end: socket.socket, start: bytes, rest: bytes) -> None:
        with end:
            end.sendall(start)
            while not stop.wait(0.02):
                try:
                    end.sendall(rest)
                except OSError:
                    return

    def make(start: bytes, rest: bytes) -> Connect:
        def connect(*_: Any) -> socket.socket:
            client, end = socket.socketpair()
            threads.append(threading.Thread(target=server, args=(end, start, rest)))
            threads[-1].start()
            return client

        return connect

    yield make
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        pytest.param(b"", b"", id="silent"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"a", id="header by the byte"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n", id="headers one by one"),
        pytest.param(response(b"", length=999), b"a", id="body by the byte"),
        pytest.param(unsized(b""), b"a", id="body without end"),
        pytest.param(chunked(end=b""), b"1\r\na\r\n", id="chunk by chunk"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="100 Continue"),
    ],
)
def test_slow_response_ends_at_the_time_limit(
    trickle: Callable[[bytes, bytes], Connect], start: bytes, rest: bytes
) -> None:
    began = time.monotonic()
    with pytest.raises(UrlFetchFailed, match=r"^url at 'a\.example' exceeded the time limit$"):
        fetch.image(URL, ("*",), LIMIT, 0.3, FakeWeb().resolve, trickle(start, rest))
    assert 0.25 < time.monotonic() - began < 3


def test_time_limit_includes_all_redirects() -> None:
    web = FakeWeb(*[redirect("/again")] * 3, response())

    def slow(host: str, port: int) -> list[str]:
        time.sleep(0.15)
        return [PUBLIC]

    web.resolve = slow  # type: ignore[method-assign]
    with pytest.raises(UrlFetchFailed, match="time limit"):
        web.image(URL, timeout_s=0.4)
    assert len(web.connected) < 4


def test_each_address_gets_a_share_of_the_remaining_time() -> None:
    timeouts: list[float] = []

    def connect(address: str, port: int, name: str, timeout_s: float) -> socket.socket:
        timeouts.append(timeout_s)
        raise TimeoutError

    with pytest.raises(UrlFetchFailed, match="time limit"):
        fetch.image(URL, ("*",), LIMIT, 8, lambda *_: [PUBLIC] * 4, connect)
    assert timeouts == pytest.approx([2, 8 / 3, 4, 8], abs=0.5)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"])
def test_proxies_of_the_environment_are_ignored(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:3128")
    web = FakeWeb(response())
    assert web.image(URL) == IMAGE
    assert web.connected == [(PUBLIC, 443, "a.example")]
    assert web.requests[0].startswith("GET /p.jpg HTTP/1.1")


def test_error_for_an_empty_url_has_the_expected_length() -> None:
    with pytest.raises(BadRequest, match="url must have 1 to 8192 characters, got 0"):
        FakeWeb().image("")


def test_import_of_fetch_loads_no_network_module(run_python: Callable[..., Any]) -> None:
    program = "import sys, json, function.fetch; print(json.dumps([m for m in {} if m in sys.modules]))"
    assert run_python(program.format(["http.client", "ssl", "socket", "urllib.request"])) == []


def test_host_name_that_resolves_too_slowly_exceeds_the_time_limit() -> None:
    web = FakeWeb(response())
    released = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        released.wait(10)
        return [PUBLIC]

    began = time.monotonic()
    with pytest.raises(UrlFetchFailed, match=r"^url at 'a\.example' exceeded the time limit$"):
        fetch.image(URL, ("*",), LIMIT, 0.3, resolve, web.connect)
    assert 0.3 <= time.monotonic() - began < 1
    assert web.connected == []
    released.set()


def test_unexpected_error_of_the_resolver_is_raised_unchanged() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fetch.image(URL, ("*",), LIMIT, 5, resolve, FakeWeb().connect)

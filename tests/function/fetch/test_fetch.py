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
from tests.support.fake_web import PICTURE, PUBLIC, Web, answer, redirect, unsized

LIMIT = 1000
FULL = bytes(range(250)) * 4
URL = "https://a.example/p.jpg"


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    return unsized(body + end, "Transfer-Encoding: chunked")


def test_a_link_gives_the_bytes_of_its_picture() -> None:
    web = Web(answer())
    assert web.picture(URL, ("a.example",)) == PICTURE
    assert web.connected == [(PUBLIC, 443, "a.example")]


def test_the_request_asks_for_the_bytes_as_they_are_on_a_connection_of_its_own() -> None:
    web = Web(answer())
    web.picture(URL)
    first, *headers = web.requests[0].removesuffix("\r\n\r\n").split("\r\n")
    assert first == "GET /p.jpg HTTP/1.1"
    assert {"Host: a.example", "Accept-Encoding: identity", "Connection: close"} <= set(headers)
    assert not {"cookie", "authorization", "referer"} & {one.partition(":")[0].lower() for one in headers}


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
def test_path_and_query_are_sent_as_they_were_given(url: str, target: str) -> None:
    web = Web(answer())
    web.picture(url, ("a.example",))
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
def test_a_named_host_is_asked_under_its_name(entry: str, url: str, host: str) -> None:
    web = Web(answer())
    web.resolve = lambda host, port: [PUBLIC if host.endswith("example") else host]  # type: ignore[method-assign]
    assert web.picture(url, ("other.example", entry)) == PICTURE
    assert f"\r\nHost: {host}\r\n" in web.requests[0]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_to_another_allowed_host_is_followed(status: str) -> None:
    web = Web(redirect("https://b.example/q?x=1#f", status), answer())
    assert web.picture(URL, ("a.example", "b.example")) == PICTURE
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
def test_a_relative_redirect_is_followed_from_where_it_came(location: str, host: str, target: str) -> None:
    web = Web(redirect(location), answer())
    assert web.picture("https://a.example:8443/f/p.jpg", ("a.example:8443", "b.example")) == PICTURE
    assert web.requests[1].startswith(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n")


def test_three_redirects_are_followed_and_a_fourth_is_not() -> None:
    assert Web(*[redirect("/again")] * 3, answer()).picture(URL) == PICTURE
    web = Web(*[redirect("/again")] * 4, answer())
    with pytest.raises(UrlFetchFailed, match="redirects more than 3 times"):
        web.picture(URL)
    assert len(web.connected) == 4


@pytest.mark.parametrize(
    "first", [redirect(None), redirect(""), answer(b"", "Location: /a", "Location: /b", status="302 Found")]
)
def test_a_redirect_to_no_place_or_to_two_is_refused(first: bytes) -> None:
    with pytest.raises(UrlFetchFailed, match="redirects to what is not an https link"):
        Web(first).picture(URL)


SIZED: list[Callable[[bytes], bytes]] = [
    answer,
    unsized,
    chunked,
    lambda body: chunked(*(body[at : at + 100] for at in range(0, len(body), 100))),
]


@pytest.mark.parametrize("send", SIZED)
def test_a_picture_exactly_at_the_limit_is_read(send: Callable[[bytes], bytes]) -> None:
    assert Web(send(FULL)).picture(URL, max_bytes=LIMIT) == FULL


@pytest.mark.parametrize("send", SIZED)
@pytest.mark.parametrize("excess", [1, 100_000])
def test_a_picture_above_the_limit_is_refused(send: Callable[[bytes], bytes], excess: int) -> None:
    with pytest.raises(TooLarge, match=r"the link to 'a\.example' leads to more than 1000 bytes"):
        Web(send(FULL + bytes(excess))).picture(URL, max_bytes=LIMIT)


def test_a_length_above_the_limit_is_refused_before_the_body_comes() -> None:
    with pytest.raises(TooLarge):
        Web(answer(b"", length=LIMIT + 1)).picture(URL, max_bytes=LIMIT)


@pytest.mark.parametrize("send", SIZED)
def test_an_empty_body_is_refused(send: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UrlFetchFailed, match="gave an empty body; wanted a picture"):
        Web(send(b"")).picture(URL)


def test_a_large_picture_is_read_whole() -> None:
    body = bytes(range(256)) * 500  # more than one read, and less than a socket pair holds
    assert Web(answer(body)).picture(URL, max_bytes=len(body)) == body


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "9" * 30])
def test_a_length_that_is_no_length_does_not_lift_the_limit(length: str) -> None:
    with pytest.raises(FunctionError):
        Web(unsized(FULL + b"x", f"Content-Length: {length}")).picture(URL, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "lying",
    [
        pytest.param(answer(b"x", length=2), id="shorter than its length"),
        pytest.param(answer(b"", length=1), id="empty with a length"),
        pytest.param(chunked(b"x", end=b""), id="chunks without an end"),
        pytest.param(chunked(end=b"5\r\nab"), id="a chunk cut short"),
        pytest.param(chunked(end=b"zz\r\nab\r\n"), id="a chunk without a size"),
        pytest.param(chunked(end=b"-5\r\n" + FULL), id="a chunk of negative size"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200", id="half a status line"),
        pytest.param(b"\xff\xd8\xff\xe0 picture", id="no HTTP"),
        pytest.param(b"HTTP/2 200 OK\r\n\r\n", id="another HTTP"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="a status that is no number"),
        pytest.param(b"HTTP/1.1 99999 OK\r\n\r\n", id="a status out of range"),
        pytest.param(unsized(b"", "X: " + "a" * 70_000), id="a header without end"),
        pytest.param(unsized(b"", *["X: a"] * 101), id="too many headers"),
        pytest.param(b"HTTP/1.1 " + b"2" * 70_000, id="a status line without end"),
    ],
)
def test_an_answer_that_is_not_proper_http_is_refused(lying: bytes) -> None:
    with pytest.raises(UrlFetchFailed, match=r"^the link to 'a\.example' (did not|could not|broke off|gave an empty)"):
        Web(lying).picture(URL, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(chunked(end=b"-1\r\n" + bytes(100_000)), id="a chunk of size -1 as everything"),
        pytest.param(chunked(end=b"1;" + b"x" * 1000 + b"\r\na\r\n") * 90, id="padded chunks"),
        pytest.param(chunked(b"a", end=b"0\r\n" + b"X: a\r\n" * 20_000), id="trailers without end"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 4_000, id="100 Continue without end"),
    ],
)
def test_more_on_the_wire_than_the_limit_can_need_is_refused(flood: bytes) -> None:
    with pytest.raises((TooLarge, UrlFetchFailed)):
        Web(flood).picture(URL, max_bytes=LIMIT)


@pytest.mark.parametrize(
    "header", ["Content-Encoding: gzip", "Content-Encoding: br", "Transfer-Encoding: gzip, chunked"]
)
def test_a_compressed_body_is_refused(header: str) -> None:
    with pytest.raises(UrlFetchFailed, match="gave an encoded body"):
        Web(unsized(b"0\r\n\r\n", header)).picture(URL)


def test_a_body_said_to_be_as_it_is_is_read() -> None:
    assert Web(answer(PICTURE, "Content-Encoding: Identity")).picture(URL) == PICTURE


def test_an_interim_answer_is_skipped() -> None:
    assert Web(b"HTTP/1.1 100 Continue\r\n\r\n" + answer()).picture(URL) == PICTURE


@pytest.mark.parametrize(
    "status", [101, 103, 201, 204, 206, 300, 304, 400, 401, 403, 404, 407, 429, 500, 502, 503, 999]
)
def test_a_status_other_than_200_is_named(status: int) -> None:
    with pytest.raises(UrlFetchFailed, match=rf"^the link to 'a\.example' gave status {status}; wanted 200$"):
        Web(answer(b"", status=f"{status} SECRET")).picture(URL)


@pytest.mark.parametrize(
    "telling",
    [
        answer(b"SECRET", "X: SECRET", status="500 SECRET"),
        answer(b"SECRET", "Content-Encoding: SECRET"),
        answer(b"SECRET", length=1001),
        answer(b"SECRET", length=500),
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
def test_nothing_that_the_other_side_sent_is_repeated(telling: bytes) -> None:
    web = Web(telling)
    web.resolve = lambda host, port: [PUBLIC if host == "a.example" else host]  # type: ignore[method-assign]
    with pytest.raises(FunctionError) as failure:
        web.picture(URL, max_bytes=LIMIT)
    assert not re.search(r"secret|10\.0|93\.184", str(failure.value), re.IGNORECASE)
    assert "'a.example'" in str(failure.value)


def test_no_address_is_repeated() -> None:
    web = Web(**{"a.example": [["10.1.2.3"]], "b.example": [[PUBLIC]]})
    web.unreachable = {PUBLIC}
    for url, error in (("https://a.example/", Forbidden), ("https://b.example/", UrlFetchFailed)):
        with pytest.raises(error) as failure:
            web.picture(url)
        assert not re.search(r"\d\.\d", str(failure.value))


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    web = Web(answer(), **{"a.example": [["2606:4700::1111", PUBLIC]]})
    web.unreachable = {"2606:4700::1111"}
    assert web.picture(URL) == PICTURE
    assert [address for address, _, _ in web.connected] == ["2606:4700::1111", PUBLIC]
    assert web.resolved == ["a.example"]


def test_only_the_first_addresses_of_many_are_tried() -> None:
    web = Web(**{"a.example": [[f"93.184.215.{last}" for last in range(1, 100)]]})
    web.unreachable = {f"93.184.215.{last}" for last in range(1, 100)}
    with pytest.raises(UrlFetchFailed, match="could not be reached"):
        web.picture(URL)
    assert len(web.connected) == fetch.MAX_TRIED


@pytest.mark.parametrize(
    "failure", [socket.gaierror(-2, "Name or service not known"), OSError(5, "I/O"), TimeoutError()]
)
def test_a_name_that_cannot_be_resolved_is_named(failure: OSError) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise failure

    with pytest.raises(
        UrlFetchFailed, match=r"^the link to 'a\.example' leads to a host name that cannot be resolved$"
    ):
        fetch.picture(URL, ("*",), LIMIT, 1, resolve, Web().connect)


def test_a_name_without_an_address_is_named() -> None:
    with pytest.raises(UrlFetchFailed, match="has no address"):
        Web(**{"a.example": [[]]}).picture(URL)


@pytest.fixture
def trickle() -> Iterator[Callable[[bytes, bytes], Connect]]:
    """A connector to a server that sends its start at once, and then one bit of its rest every 20 ms."""
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
        pytest.param(answer(b"", length=999), b"a", id="body by the byte"),
        pytest.param(unsized(b""), b"a", id="body without end"),
        pytest.param(chunked(end=b""), b"1\r\na\r\n", id="chunk by chunk"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="100 Continue"),
    ],
)
def test_a_slow_answer_ends_with_the_time_limit(
    trickle: Callable[[bytes, bytes], Connect], start: bytes, rest: bytes
) -> None:
    began = time.monotonic()
    with pytest.raises(UrlFetchFailed, match=r"^the link to 'a\.example' took longer than its time limit$"):
        fetch.picture(URL, ("*",), LIMIT, 0.3, Web().resolve, trickle(start, rest))
    assert 0.25 < time.monotonic() - began < 3


def test_the_time_limit_holds_for_all_redirects_together() -> None:
    web = Web(*[redirect("/again")] * 3, answer())

    def slow(host: str, port: int) -> list[str]:
        time.sleep(0.15)
        return [PUBLIC]

    web.resolve = slow  # type: ignore[method-assign]
    with pytest.raises(UrlFetchFailed, match="time limit"):
        web.picture(URL, timeout_s=0.4)
    assert len(web.connected) < 4


def test_each_address_gets_its_share_of_the_time() -> None:
    given: list[float] = []

    def connect(address: str, port: int, name: str, timeout_s: float) -> socket.socket:
        given.append(timeout_s)
        raise TimeoutError

    with pytest.raises(UrlFetchFailed, match="time limit"):
        fetch.picture(URL, ("*",), LIMIT, 8, lambda *_: [PUBLIC] * 4, connect)
    assert given == pytest.approx([2, 8 / 3, 4, 8], abs=0.5)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"])
def test_proxies_of_the_environment_are_ignored(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:3128")
    web = Web(answer())
    assert web.picture(URL) == PICTURE
    assert web.connected == [(PUBLIC, 443, "a.example")]
    assert web.requests[0].startswith("GET /p.jpg HTTP/1.1")


def test_an_empty_link_says_what_was_wanted() -> None:
    with pytest.raises(BadRequest, match="url has 0 characters; wanted 1 to 8192"):
        Web().picture("")


def test_importing_it_loads_nothing_that_only_links_need(run_python: Callable[..., Any]) -> None:
    program = "import sys, json, function.fetch; print(json.dumps([m for m in {} if m in sys.modules]))"
    assert run_python(program.format(["http.client", "ssl", "socket", "urllib.request"])) == []

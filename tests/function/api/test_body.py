"""What callers may send: pictures in the request, links, objects, many at once, and forms."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from function import fetch, storage
from function.api import body, multipart, response
from function.errors import BadRequest, Forbidden, FunctionError, InvalidOption, NotFound, TooLarge
from function.request import Options, Request
from function.settings import Settings
from function.sources import direct, http
from tests.conftest import service
from tests.function.sources.test_http import ENCODED, HTTP_EVENTS, PICTURE, event
from tests.support.fake_s3 import Shelf

OPEN = Settings.from_env({"ALLOWED_URL_HOSTS": "pictures.example", "ALLOWED_BUCKETS": "shared,other"})
CLOSED = Settings.from_env({})


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    buckets = Shelf()
    buckets.objects["shared", "in/a b.jpg"] = PICTURE
    monkeypatch.setattr(storage, "read", buckets.read)
    return buckets


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []

    def picture(*arguments: Any) -> bytes:
        calls.append(arguments)
        return PICTURE

    monkeypatch.setattr(fetch, "picture", picture)
    return calls


def made(fields: Any, settings: Settings = OPEN) -> list[Request]:
    return [make() for make in body.from_object(fields, settings).requests]


def test_a_link_is_read_with_the_hosts_and_the_limit_of_the_settings(web: list[tuple[Any, ...]]) -> None:
    (request,) = made({"url": "https://pictures.example/a.jpg", "image_name": "a", "conf": 0.5})
    assert request == Request(PICTURE, "a", Options(conf=0.5))
    assert web == [("https://pictures.example/a.jpg", ("pictures.example",), OPEN.max_object_bytes)]


def test_links_are_off_unless_hosts_are_named(web: list[tuple[Any, ...]]) -> None:
    with pytest.raises(Forbidden, match="ALLOWED_URL_HOSTS"):
        made({"url": "https://pictures.example/a.jpg"}, CLOSED)
    assert web == []


def test_an_object_is_read_from_a_bucket_that_may_be_named(shelf: Shelf) -> None:
    assert made({"s3": "s3://shared/in/a b.jpg"})[0].image == PICTURE


@pytest.mark.parametrize("bucket", ["secret", "share", "shared2", "SHARED"])
def test_an_object_of_another_bucket_is_not_read(shelf: Shelf, bucket: str) -> None:
    shelf.objects[bucket, "in/a b.jpg"] = PICTURE
    with pytest.raises(Forbidden, match="ALLOWED_BUCKETS"):
        made({"s3": f"s3://{bucket}/in/a b.jpg"})
    assert shelf.versions_asked == []


def test_buckets_are_closed_unless_they_are_named(shelf: Shelf) -> None:
    with pytest.raises(Forbidden):
        made({"s3": "s3://shared/in/a b.jpg"}, CLOSED)


def test_a_missing_object_is_not_found(shelf: Shelf) -> None:
    with pytest.raises(NotFound):
        made({"s3": "s3://shared/nowhere.jpg"})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"conf": 0.5},
        {"url": ""},
        {"url": 5},
        {"s3": []},
        {"s3": "shared/a.jpg"},
        {"s3": "s3://shared"},
        {"s3": "s3://shared/"},
        {"s3": "s3:///a.jpg"},
        {"s3": "https://shared/a.jpg"},
        {"image_data": ENCODED, "url": "https://pictures.example/a.jpg"},
        {"url": "https://pictures.example/a.jpg", "s3": "s3://shared/in/a b.jpg"},
        {"images": []},
        {"images": {}},
        {"images": "x"},
    ],
)
def test_one_way_to_a_picture_has_to_be_named(shelf: Shelf, web: list[tuple[Any, ...]], fields: Any) -> None:
    with pytest.raises(BadRequest):
        made(fields)


def test_options_are_looked_at_before_anything_is_fetched(web: list[tuple[Any, ...]]) -> None:
    with pytest.raises(InvalidOption):
        made({"url": "https://pictures.example/a.jpg", "conf": 2})
    assert web == []


def test_many_pictures_keep_their_order_and_their_own_options(shelf: Shelf, web: list[tuple[Any, ...]]) -> None:
    images = [
        {"image_data": ENCODED, "image_name": "1", "conf": 0.1},
        {"url": "https://pictures.example/a.jpg", "image_name": "2"},
        {"s3": "s3://shared/in/a b.jpg", "image_name": "3", "classes": [1]},
    ]
    requests = made({"images": images, "conf": 0.9, "max_det": 5})
    assert [request.image_name for request in requests] == ["1", "2", "3"]
    assert [request.options.conf for request in requests] == [0.1, 0.9, 0.9]
    assert [request.options.max_det for request in requests] == [5, 5, 5]
    assert requests[2].options.classes == (1,)


def test_more_pictures_than_the_limit_are_refused() -> None:
    asked = {"images": [{"image_data": ENCODED}] * 3}
    assert len(made(asked, OPEN._replace(max_images=3))) == 3
    with pytest.raises(TooLarge, match=r"3 pictures .* at most 2"):
        made(asked, OPEN._replace(max_images=2))


def replied(fields: Any, result: Any) -> tuple[int, Any]:
    reply = direct.respond(fields, service(result, OPEN))
    return reply["statusCode"], json.loads(reply["body"])


def test_each_of_many_has_its_result_or_its_error() -> None:
    def result(request: Request) -> FunctionError:
        return NotFound(f"for {request.image_name}")

    images = [{"image_data": ENCODED, "image_name": "a"}, {"image_data": "!"}, 5, {"image_data": ENCODED, "conf": 2}]
    status, body = replied({"images": images}, result)
    assert status == 200
    assert [row["type"] for row in body["results"]] == ["NotFound", "BadRequest", "BadRequest", "InvalidOption"]
    assert body["results"][0] == {"error": "for a", "type": "NotFound", "request_id": "id-1"}


def test_a_list_of_one_is_answered_as_a_list() -> None:
    status, body = replied({"images": [{"image_data": ENCODED}]}, NotFound("x"))
    assert (status, len(body["results"])) == (200, 1)


def test_an_answer_beyond_the_limit_of_lambda_is_an_error_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "MAX_BODY_BYTES", 1000)
    status, body = replied({"images": [{"image_data": ENCODED}] * 9}, NotFound("x" * 200))
    assert (status, body["type"]) == (413, "TooLarge")


def test_the_limit_is_that_of_the_answer_as_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "MAX_BODY_BYTES", 3000)
    for count in range(1, 60):
        reply = direct.respond({"images": [{"image_data": ENCODED}] * count}, service(NotFound('"\\'), OPEN))
        if reply["statusCode"] == 200:
            assert len(json.dumps(reply["body"])) <= 3000 + 2
        else:
            assert count > 5
            break
    else:
        pytest.fail("no answer was too large")


def form(*parts: tuple[str, str | None, bytes], boundary: str = "----x7") -> tuple[bytes, str]:
    """A body as `curl -F` writes it, and its content type; parts are (name, file name, content)."""
    body = b""
    for name, file_name, content in parts:
        named = f'; filename="{file_name}"' if file_name is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'
        body += (head + ("Content-Type: image/png\r\n" if named else "") + "\r\n").encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def form_event(name: str, body: bytes, content_type: str, **changes: Any) -> dict[str, Any]:
    sample = event(name, body=body, **changes)
    for place, value in (("headers", content_type), ("multiValueHeaders", [content_type])):
        if place in sample:
            sample[place] = {"Content-Type": value}
    return sample


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_a_form_with_one_file_is_answered_like_its_picture(name: str) -> None:
    content = b"\x89PNG\r\n--not a boundary\r\n\r\n\x00\xff--"
    sample = form_event(name, *form(("conf", None, b"0.4"), ("image", "a b.png", content), ("classes", None, b"0,red")))
    asked = http.read(sample, CLOSED)
    assert not asked.many
    assert [make() for make in asked.requests] == [Request(content, "a b.png", Options(conf=0.4, classes=(0, "red")))]


def test_a_form_with_several_files_is_many() -> None:
    sample = form_event("function_url", *form(("image", "a.png", b"1"), ("image", "b.png", b"2")))
    asked = http.read(sample, CLOSED)
    assert asked.many
    assert [make().image_name for make in asked.requests] == ["a.png", "b.png"]
    with pytest.raises(TooLarge):
        http.read(sample, CLOSED._replace(max_images=1))


def test_names_in_a_form_may_be_quoted_and_of_any_script() -> None:
    body, content_type = form(("image", r"Druck \"A\" 圧力.png", b"1"), boundary="a'b+c")
    (part,) = multipart.parts(body, content_type)
    assert part.file_name == 'Druck "A" 圧力.png'


@pytest.mark.parametrize("quoted", [False, True])
def test_the_boundary_may_be_quoted(quoted: bool) -> None:
    body, content_type = form(("image", "a.png", b"1"), boundary="x y" if quoted else "xy")
    if quoted:
        content_type = 'Multipart/Form-Data; charset=utf-8; Boundary="x y"'
    assert multipart.parts(body, content_type)[0].content == b"1"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (form(("a", "b", b"c"))[0], "multipart/form-data"),
        (form(("a", "b", b"c"))[0], "multipart/form-data; boundary=another"),
        (form(("a", "b", b"c"))[0][:-8], "multipart/form-data; boundary=----x7"),
        (b"--x\r\nno header\r\n--x--", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\nc\r\n--x--", "multipart/form-data; boundary=x"),
        (b"--x\r\n" * 5000 + b"--x--", "multipart/form-data; boundary=x"),
    ],
)
def test_a_broken_form_is_a_bad_request(body: bytes, content_type: str) -> None:
    with pytest.raises(BadRequest):
        multipart.parts(body, content_type)


def test_a_file_field_that_was_left_empty_is_no_picture() -> None:
    sample = form_event("function_url", *form(("image", "a.png", b"1"), ("second", "", b"")))
    asked = http.read(sample, CLOSED)
    assert not asked.many
    assert len(asked.requests) == 1


def test_a_form_without_a_file_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="curl -F"):
        http.read(form_event("function_url", *form(("conf", None, b"0.4"))), CLOSED)


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("field", ["url", "s3", "images"])
def test_every_front_door_takes_every_way_in_json(
    name: str, field: str, shelf: Shelf, web: list[tuple[Any, ...]]
) -> None:
    values = {"url": "https://pictures.example/a", "s3": "s3://shared/in/a b.jpg", "images": [{"image_data": ENCODED}]}
    asked = http.read(event(name, body=json.dumps({field: values[field]})), OPEN)
    assert [make().image for make in asked.requests] == [PICTURE]


@pytest.mark.parametrize(
    "wrap", [dict, lambda fields: {"body": fields}, lambda fields: {"body": json.dumps(fields)}], ids=str
)
@pytest.mark.parametrize("field", ["url", "s3", "images"])
def test_a_direct_invocation_takes_every_way(
    wrap: Callable[[Any], Any], field: str, shelf: Shelf, web: list[tuple[Any, ...]]
) -> None:
    values = {"url": "https://pictures.example/a", "s3": "s3://shared/in/a b.jpg", "images": [{"image_data": ENCODED}]}
    sample = wrap({field: values[field]})
    assert direct.matches(sample)
    assert [make().image for make in direct.read(sample, OPEN).requests] == [PICTURE]

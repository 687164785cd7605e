"""Parsing of request bodies: images in the request, by URL and by S3 address, several images, and forms."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from function import fetch, storage
from function.api import body, multipart
from function.errors import BadRequest, FunctionError, InvalidOption, TooLarge
from function.request import ImageRef, ImageRequest, Options
from function.settings import Settings
from function.sources import direct, http
from tests.function.sources.test_http import ENCODED, HTTP_EVENTS, IMAGE, event, event_with_form, form

SETTINGS = Settings.from_env({})
URL = "https://images.example/a.jpg"
S3 = "s3://shared/in/a b.jpg"


def parse(fields: Any, settings: Settings = SETTINGS) -> list[ImageRequest | FunctionError]:
    return body.parse(fields, settings).requests


@pytest.mark.parametrize(
    ("fields", "ref"),
    [
        ({"image_data": ENCODED}, ImageRef("base64", ENCODED)),
        ({"url": URL}, ImageRef("url", URL)),
        ({"s3": S3}, ImageRef("s3", S3)),
    ],
)
def test_object_becomes_a_request(fields: dict[str, Any], ref: ImageRef) -> None:
    options = {"image_name": "a", "conf": 0.5}
    parsed = body.parse(fields | options, SETTINGS)
    assert parsed == body.ParsedBody([ImageRequest(ref, "a", Options(conf=0.5))], is_list=False)


def test_raw_image_becomes_a_request() -> None:
    parsed = body.parse_bytes(IMAGE, {"image_name": "a", "conf": "0.5"})
    assert parsed.requests == [ImageRequest(ImageRef("bytes", IMAGE), "a", Options(conf=0.5))]


def test_equal_requests_are_equal_values() -> None:
    fields = {"url": URL, "classes": "0,red", "masks": "rle"}
    assert parse(fields) == parse(dict(fields))
    assert len(set(parse(fields) + parse(dict(fields)))) == 1
    assert parse(fields) != parse(fields | {"conf": 0.5})
    assert repr(parse(fields)[0]).startswith(f"ImageRequest(ref=ImageRef(kind='url', value={URL!r})")


def test_parsing_reads_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((fetch, "image"), (storage, "read")):
        monkeypatch.setattr(module, name, lambda *_: pytest.fail("an image was read"))
    images = [{"url": URL}, {"s3": S3}, {"image_data": "not base64!"}, {"s3": "no address"}]
    requests = parse({"images": images})
    assert [request.ref for request in requests if isinstance(request, ImageRequest)] == [
        ImageRef("url", URL),
        ImageRef("s3", S3),
        ImageRef("base64", "not base64!"),
        ImageRef("s3", "no address"),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"conf": 0.5},
        {"url": ""},
        {"url": 5},
        {"s3": []},
        {"image_data": ""},
        {"image_data": None},
        {"image_data": ENCODED, "url": URL},
        {"url": URL, "s3": S3},
        {"url": URL, "image_name": 5},
    ],
)
def test_exactly_one_image_must_be_named(fields: Any) -> None:
    (error,) = parse(fields)
    assert isinstance(error, BadRequest)


@pytest.mark.parametrize("fields", [None, 5, "x", [], {"images": []}, {"images": {}}, {"images": "x"}, {"inputs": []}])
def test_body_of_another_form_is_refused(fields: Any) -> None:
    with pytest.raises(BadRequest):
        parse(fields)


def test_options_are_checked_before_the_image() -> None:
    (error,) = parse({"conf": 2})
    assert isinstance(error, InvalidOption)


def test_images_keep_their_order_and_their_options() -> None:
    images = [
        {"image_data": ENCODED, "image_name": "1", "conf": 0.1},
        {"url": URL, "image_name": "2"},
        {"s3": S3, "image_name": "3", "classes": [1]},
    ]
    assert parse({"images": images, "conf": 0.9, "max_det": 5, "image_name": "x"}) == [
        ImageRequest(ImageRef("base64", ENCODED), "1", Options(conf=0.1, max_det=5)),
        ImageRequest(ImageRef("url", URL), "2", Options(conf=0.9, max_det=5)),
        ImageRequest(ImageRef("s3", S3), "3", Options(conf=0.9, max_det=5, classes=(1,))),
    ]


def test_each_image_has_its_own_error() -> None:
    images = [{"image_data": ENCODED}, {}, 5, {"image_data": ENCODED, "conf": 2}]
    types = [type(request) for request in parse({"images": images})]
    assert types == [ImageRequest, BadRequest, BadRequest, InvalidOption]


def test_number_of_images_is_limited() -> None:
    fields = {"images": [{"image_data": ENCODED}] * 3}
    assert len(parse(fields, SETTINGS._replace(max_images=3))) == 3
    with pytest.raises(TooLarge, match=r"at most 2 images .*, got 3"):
        parse(fields, SETTINGS._replace(max_images=2))


def test_list_of_one_image_is_a_list() -> None:
    assert body.parse({"images": [{"image_data": ENCODED}]}, SETTINGS).is_list


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_form_with_one_file_is_one_image(name: str) -> None:
    content = b"\x89PNG\r\n--not a boundary\r\n\r\n\x00\xff--"
    fields = (("conf", None, b"0.4"), ("image", "a b.png", content), ("classes", None, b"0,red"))
    parsed = http.read(event_with_form(name, *form(*fields)), SETTINGS)
    request = ImageRequest(ImageRef("bytes", content), "a b.png", Options(conf=0.4, classes=(0, "red")))
    assert parsed == body.ParsedBody([request], is_list=False)


def test_form_with_several_files_is_a_list() -> None:
    sample = event_with_form("function_url", *form(("image", "a.png", b"1"), ("image", "b.png", b"2")))
    parsed = http.read(sample, SETTINGS)
    assert parsed.is_list
    assert [request.image_name for request in parsed.requests if isinstance(request, ImageRequest)] == [
        "a.png",
        "b.png",
    ]
    with pytest.raises(TooLarge):
        http.read(sample, SETTINGS._replace(max_images=1))


def test_file_name_may_have_quotation_marks_and_any_script() -> None:
    content, content_type = form(("image", r"Druck \"A\" 圧力.png", b"1"), boundary="a'b+c")
    (part,) = multipart.parts(content, content_type)
    assert part.file_name == 'Druck "A" 圧力.png'


@pytest.mark.parametrize("quoted", [False, True])
def test_boundary_may_be_quoted(quoted: bool) -> None:
    content, content_type = form(("image", "a.png", b"1"), boundary="x y" if quoted else "xy")
    if quoted:
        content_type = 'Multipart/Form-Data; charset=utf-8; Boundary="x y"'
    assert multipart.parts(content, content_type)[0].content == b"1"


@pytest.mark.parametrize(
    ("content", "content_type"),
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
def test_broken_form_is_a_bad_request(content: bytes, content_type: str) -> None:
    with pytest.raises(BadRequest):
        multipart.parts(content, content_type)


def test_empty_file_field_is_not_an_image() -> None:
    sample = event_with_form("function_url", *form(("image", "a.png", b"1"), ("second", "", b"")))
    parsed = http.read(sample, SETTINGS)
    assert not parsed.is_list
    assert len(parsed.requests) == 1


def test_form_without_a_file_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="curl -F"):
        http.read(event_with_form("function_url", *form(("conf", None, b"0.4"))), SETTINGS)


REFS = {
    "url": (URL, ImageRef("url", URL)),
    "s3": (S3, ImageRef("s3", S3)),
    "images": ([{"image_data": ENCODED}], ImageRef("base64", ENCODED)),
}


def refs(parsed: body.ParsedBody) -> list[ImageRef]:
    return [request.ref for request in parsed.requests if isinstance(request, ImageRequest)]


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize("field", REFS)
def test_every_front_end_accepts_every_image_field(name: str, field: str) -> None:
    value, ref = REFS[field]
    assert refs(http.read(event(name, body=json.dumps({field: value})), SETTINGS)) == [ref]


@pytest.mark.parametrize(
    "wrap", [dict, lambda fields: {"body": fields}, lambda fields: {"body": json.dumps(fields)}], ids=str
)
@pytest.mark.parametrize("field", REFS)
def test_direct_invocation_accepts_every_image_field(wrap: Callable[[Any], Any], field: str) -> None:
    value, ref = REFS[field]
    sample = wrap({field: value})
    assert direct.matches(sample)
    assert refs(direct.read(sample, SETTINGS)) == [ref]

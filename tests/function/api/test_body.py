"""Parsing of request bodies: images in the request, by URL and by S3 address, several images, and forms."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from function import fetch, storage
from function.api import body
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
    request = ImageRequest(ImageRef("bytes", content), "a b.png", Options(conf=0.4, classes=("0", "red")))
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


def test_empty_file_field_is_not_an_image() -> None:
    sample = event_with_form("function_url", *form(("image", "a.png", b"1"), ("second", "", b"")))
    parsed = http.read(sample, SETTINGS)
    assert not parsed.is_list
    assert len(parsed.requests) == 1


def test_form_without_an_image_is_a_bad_request_that_names_its_fields() -> None:
    fields = (("conf", None, b"0.4"), ("picture", None, b"a.png"))
    with pytest.raises(BadRequest, match=r"curl -F.* got the fields conf, picture"):
        http.read(event_with_form("function_url", *form(*fields)), SETTINGS)


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
    "wrap",
    [dict, lambda fields: {"body": fields}, lambda fields: {"body": json.dumps(fields)}],
    ids=["event", "object in body", "text in body"],
)
@pytest.mark.parametrize("field", REFS)
def test_direct_invocation_accepts_every_image_field(wrap: Callable[[Any], Any], field: str) -> None:
    value, ref = REFS[field]
    sample = wrap({field: value})
    assert direct.matches(sample)
    assert refs(direct.read(sample, SETTINGS)) == [ref]


def section(headers: str, content: bytes) -> bytes:
    return f"--x7\r\n{headers}\r\n\r\n".encode() + content + b"\r\n"


def read_form(*sections: bytes, query: dict[str, str] | None = None) -> body.ParsedBody:
    content = b"".join(sections) + b"--x7--\r\n"
    return body.parse_form(content, "multipart/form-data; boundary=x7", query or {}, SETTINGS)


FILE = section('Content-Disposition: form-data; name="image"; filename="a.png"', IMAGE)


def field(name: str, value: str) -> bytes:
    return section(f'Content-Disposition: form-data; name="{name}"', value.encode())


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ('Content-Disposition: form-data; name="image"\r\nContent-Type: image/jpeg', b"\xff\xd8\xff"),
        ('Content-Type: IMAGE/PNG; x=y\r\nContent-Disposition: form-data; name="conf"', b"text"),
        ('Content-Disposition: form-data; name="file"\r\nContent-Type: application/octet-stream', b"II*\0"),
        ('Content-Disposition: form-data; name="photo"', b"\x89PNG\r\n"),
    ],
)
def test_part_without_a_file_name_is_a_file_by_its_type_or_its_bytes(headers: str, content: bytes) -> None:
    (request,) = read_form(section(headers, content)).requests
    assert request == ImageRequest(ImageRef("bytes", content), None, Options())


@pytest.mark.parametrize(
    ("name", "value", "ref"),
    [
        ("image_data", ENCODED, ImageRef("base64", ENCODED)),
        ("url", f" {URL}\n", ImageRef("url", URL)),
        ("s3", S3, ImageRef("s3", S3)),
    ],
)
def test_image_field_may_be_a_text_field_of_a_form(name: str, value: str, ref: ImageRef) -> None:
    other = "s3" if name == "url" else "url"
    (request,) = read_form(field(name, value), field("conf", "0.4"), field(other, "")).requests
    assert request == ImageRequest(ref, None, Options(conf=0.4))


def test_files_and_image_fields_of_a_form_are_a_list_in_their_order() -> None:
    parsed = read_form(field("url", URL), FILE, field("url", URL + "2"))
    assert refs(parsed) == [ImageRef("url", URL), ImageRef("bytes", IMAGE), ImageRef("url", URL + "2")]
    assert parsed.is_list


@pytest.mark.parametrize(
    ("fields", "classes"),
    [
        ([("classes", "0"), ("classes", "red")], ("0", "red")),
        ([("classes[]", "0"), ("classes[]", "1")], ("0", "1")),
        ([("classes[0]", "0"), ("classes[1]", "red")], ("0", "red")),
        ([("classes", '[0, "traffic light, red"]')], (0, "traffic light, red")),
        ([("classes", "[0]"), ("classes", "[1]")], (0, 1)),
    ],
)
def test_list_in_a_form_is_read_in_every_notation(fields: list[tuple[str, str]], classes: tuple[Any, ...]) -> None:
    (request,) = read_form(*(field(*pair) for pair in fields), FILE).requests
    assert isinstance(request, ImageRequest)
    assert request.options == Options(classes=classes)


def test_repeated_field_with_two_values_is_refused() -> None:
    with pytest.raises(InvalidOption, match="conf must have one threshold"):
        read_form(field("conf", "0.4"), field("conf", "0.5"), FILE)


def test_form_precedes_the_query_string() -> None:
    query = {"conf": "0.9", "max_det": "3", "image_name": "q"}
    (request,) = read_form(field("confidence", "0.4"), FILE, query=query).requests
    assert request == ImageRequest(ImageRef("bytes", IMAGE), "q", Options(conf=0.4, max_det=3))


def test_near_miss_in_a_form_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"unknown option 'max-det'; did you mean max_det\?"):
        read_form(field("max-det", "4"), FILE)


def test_unknown_field_of_a_form_is_listed() -> None:
    (request,) = read_form(field("submit", "Send"), FILE, query={"v": "1"}).requests
    assert isinstance(request, ImageRequest)
    assert request.ignored == ("v", "submit")


def test_query_string_comes_below_the_fields_of_a_json_body() -> None:
    query = {"conf": "0.9", "iou": "0.5", "image_name": "q"}
    fields = {"url": URL, "conf_thres": 0.4, "max_det": 5, "iou": None}
    expected = ImageRequest(ImageRef("url", URL), "q", Options(conf=0.4, iou=0.5, max_det=5))
    assert body.parse(fields, SETTINGS, query).requests == [expected]


@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_query_string_counts_beside_images_through_every_front_end(name: str) -> None:
    images = [{"url": URL}, {"s3": S3, "classes": [0]}]
    sample = event(name, body=json.dumps({"images": images, "max_det": 5}), query={"classes[]": "1", "max_det": "9"})
    requests = http.read(sample, SETTINGS).requests
    assert [request.options for request in requests if isinstance(request, ImageRequest)] == [
        Options(classes=("1",), max_det=5),
        Options(classes=(0,), max_det=5),
    ]


def test_options_beside_the_body_of_a_direct_event_count() -> None:
    outside = {"conf": 0.4, "iou": 0.9, "headers": {}, "queryStringParameters": {"max_det": "3"}}
    sample = {"body": {"url": URL, "iou": 0.5}, **outside}
    expected = ImageRequest(ImageRef("url", URL), None, Options(conf=0.4, iou=0.5, max_det=3))
    assert direct.read(sample, SETTINGS).requests == [expected]


@pytest.mark.parametrize("fields", [{"url": URL, "Conf": 0.4}, {"url": URL, "mask": "none"}])
def test_near_miss_in_an_object_is_the_error_of_its_image(fields: dict[str, Any]) -> None:
    results = parse({"images": [fields, {"url": URL}]})
    assert [type(result) for result in results] == [InvalidOption, ImageRequest]


@pytest.mark.parametrize("query", [{"conf": "2"}, {"IOU": "0.5"}, {"conf": "0.1", "confidence": "0.2"}])
def test_bad_option_in_the_query_string_is_the_error_of_the_request(query: dict[str, str]) -> None:
    for fields in ({"images": [{"url": URL}]}, {"url": URL}):
        with pytest.raises(InvalidOption):
            body.parse(fields, SETTINGS, query)
    with pytest.raises(InvalidOption):
        body.parse_bytes(IMAGE, query)


def test_unknown_fields_are_listed_for_each_image() -> None:
    images = [{"url": URL, "foo": 1}, {"s3": S3}]
    requests = parse({"images": images, "bar": 2})
    assert [request.ignored for request in requests if isinstance(request, ImageRequest)] == [("bar", "foo"), ("bar",)]


@pytest.mark.parametrize(
    "fields", [{"url": URL}, {"url": URL, "image_name": "a", "images": None, "inputs": None, "agnostic_nms": True}]
)
def test_fields_of_the_api_are_not_listed(fields: dict[str, Any]) -> None:
    (request,) = parse(fields)
    assert isinstance(request, ImageRequest)
    assert request.ignored == ()


def test_list_of_unknown_fields_is_limited() -> None:
    (request,) = parse({"url": URL} | {"x" * 5000 + str(number): 1 for number in range(300)})
    assert isinstance(request, ImageRequest)
    assert len("".join(request.ignored)) <= 2000


def test_image_field_beside_images_is_refused() -> None:
    with pytest.raises(BadRequest, match="got images and url"):
        parse({"images": [{"url": URL}], "url": URL})


def test_name_beside_images_is_the_default() -> None:
    fields = {"images": [{"url": URL}, {"url": URL, "image_name": "b"}], "image_name": "a"}
    assert [request.image_name for request in parse(fields) if isinstance(request, ImageRequest)] == ["a", "b"]


@pytest.mark.parametrize("text", ["{", '{"a": }', "[1,", "NaN1"])
def test_error_of_broken_json_has_the_place_and_no_words_of_the_parser(text: str) -> None:
    with pytest.raises(BadRequest, match=r"text that is not JSON from line 1, column \d+;") as caught:
        body.parse_json(text, SETTINGS)
    assert "Expecting" not in str(caught.value)
    assert "char " not in str(caught.value)


def test_form_without_a_file_is_told_what_to_send() -> None:
    content = b'--x7\r\nContent-Disposition: form-data; name="conf"\r\n\r\n0.5\r\n--x7--\r\n'
    with pytest.raises(BadRequest) as refusal:
        body.parse_form(content, "multipart/form-data; boundary=x7", {}, SETTINGS)
    assert str(refusal.value) == (
        "the form must have at least one file, as `curl -F image=@a.jpg` sends it, or a field image_data, url or s3, "
        "got the fields conf"
    )

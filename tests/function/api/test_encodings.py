"""Compressed request bodies, images that arrive as text, and images that a front end has destroyed."""

import base64
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from function.api import encodings
from function.errors import BadRequest, TooLarge, UnsupportedImage
from function.request import ImageRef, ImageRequest
from function.sources import direct, http
from tests.function.sources.test_http import (
    BASE64,
    ENCODED,
    HTTP_EVENTS,
    IMAGE,
    RAW,
    SETTINGS,
    event,
    event_with_form,
    form,
    read,
)

CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP ": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
    "deflate, gzip": lambda data: gzip.compress(zlib.compress(data)),
}


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def coded(name: str, data: bytes, coding: str, content_type: str = "image/png") -> dict[str, Any]:
    """A sample event whose body has a content coding."""
    sample = event(name, body=data)
    headers = {"Content-Type": content_type, "Content-Encoding": coding}
    if "headers" in sample:
        sample["headers"] = headers
    if "multiValueHeaders" in sample:
        sample["multiValueHeaders"] = {field: [value] for field, value in headers.items()}
    return sample


@pytest.mark.parametrize("name", HTTP_EVENTS)
@pytest.mark.parametrize(("coding", "compress"), [*CODINGS.items(), ("deflate", raw_deflate)])
def test_compressed_image_is_decompressed(name: str, coding: str, compress: Callable[[bytes], bytes]) -> None:
    assert read(coded(name, compress(IMAGE), coding)).ref == RAW


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, raw_deflate])
def test_compressed_json_and_form_are_decompressed(compress: Callable[[bytes], bytes]) -> None:
    coding = "gzip" if compress is gzip.compress else "deflate"
    text = json.dumps({"image_data": ENCODED, "iou": 0.5}).encode()
    assert read(coded("function_url", compress(text), coding, "application/json")).options.iou == 0.5
    data, content_type = form(("image", "a.png", IMAGE))
    assert read(coded("alb", compress(data), coding, content_type)).ref == RAW


@pytest.mark.parametrize("data", [IMAGE, json.dumps({"image_data": ENCODED}).encode()])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_body_that_the_front_end_has_decompressed_is_read(data: bytes, coding: str) -> None:
    assert read(coded("rest_v1", data, coding)).ref in (RAW, BASE64)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "compress", "gzip, gzip, gzip"])
def test_other_content_coding_is_unsupported(coding: str) -> None:
    with pytest.raises(UnsupportedImage, match="Content-Encoding must be gzip, deflate"):
        read(coded("function_url", IMAGE, coding))


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
@pytest.mark.parametrize("content_type", ["application/json", "image/png"])
def test_compressed_body_that_was_read_as_text_is_refused_with_the_remedy(
    coding: str, compress: Callable[[bytes], bytes], content_type: str
) -> None:
    sample = coded("rest_v1", compress(IMAGE), coding, content_type)
    text = base64.b64decode(sample["body"]).decode("utf-8", "replace")
    with pytest.raises(UnsupportedImage, match="binaryMediaTypes"):
        read(sample | {"body": text, "isBase64Encoded": False})


@pytest.mark.parametrize(
    ("data", "coding"),
    [
        (gzip.compress(IMAGE)[:-9], "gzip"),
        (gzip.compress(IMAGE)[:12] + b"\xff" * 20, "gzip"),
        (gzip.compress(IMAGE) + b"more", "gzip"),
        (zlib.compress(IMAGE)[:-5], "deflate"),
        (b"\xff" * 20, "deflate"),
    ],
    ids=["cut off", "broken", "longer", "cut off zlib", "no deflate"],
)
def test_broken_compressed_body_is_a_bad_request(data: bytes, coding: str) -> None:
    with pytest.raises(BadRequest, match=f"body must be {coding}"):
        read(coded("http_api_v2", data, coding))


@pytest.mark.parametrize(("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bomb_is_refused_without_its_memory(coding: str, compress: Callable[[bytes], bytes]) -> None:
    sample = coded("function_url", compress(bytes(200_000_000)), coding)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="MAX_OBJECT_BYTES"):
            http.read(sample, SETTINGS._replace(max_object_bytes=1_000_000))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_bomb_inside_of_a_bomb_is_refused() -> None:
    data = gzip.compress(gzip.compress(bytes(200_000_000)))
    with pytest.raises(TooLarge):
        http.read(coded("alb", data, "gzip, gzip"), SETTINGS._replace(max_object_bytes=1_000_000))


def test_decompressed_json_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "MAX_JSON_BYTES", 1000)
    text = json.dumps({"image_data": ENCODED, "x": [[]] * 1000}).encode()
    with pytest.raises(TooLarge, match="JSON"):
        read(coded("function_url", gzip.compress(text), "gzip", "application/json"))


IMAGES = [IMAGE, b"\xff\xd8\xff\xe0 jpeg", b"GIF89a gif", b"RIFF1234WEBP", b"BM bitmap", b"II*\0 tiff", b"MM\0* tiff"]
BASE64_TEXTS = {
    "plain": lambda data: base64.b64encode(data).decode(),
    "lines": lambda data: "\n" + base64.encodebytes(data * 20).decode(),
    "URL-safe": lambda data: base64.urlsafe_b64encode(data).decode(),
    "unpadded": lambda data: base64.b64encode(data).decode().rstrip("="),
    "data URL": lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
    "data URL in capitals": lambda data: "DATA:image/png;name=a;BASE64," + base64.urlsafe_b64encode(data).decode(),
}


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("kind", BASE64_TEXTS)
@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
def test_base64_text_as_the_body_is_read(image: bytes, kind: str, is_text: bool) -> None:
    text = BASE64_TEXTS[kind](image)
    sample = event("function_url", body=text if is_text else text.encode(), headers={"content-type": "text/plain"})
    assert read(sample).ref == ImageRef("bytes", image * 20 if kind == "lines" else image)


@pytest.mark.parametrize("kind", BASE64_TEXTS)
@pytest.mark.parametrize("encoded", [True, False])
def test_image_may_be_the_body_of_a_direct_invocation(kind: str, encoded: bool) -> None:
    text = BASE64_TEXTS[kind](IMAGE)
    encoded = encoded and not kind.startswith("data URL")
    (request,) = direct.read({"body": text, "isBase64Encoded": encoded}, SETTINGS).requests
    assert isinstance(request, ImageRequest)
    assert request.ref == ImageRef("bytes", IMAGE * 20 if kind == "lines" else IMAGE)


def test_direct_body_that_is_no_text_has_an_error_without_the_words_of_a_codec() -> None:
    with pytest.raises(BadRequest, match=r"got bytes that are not text; .*image_data") as caught:
        direct.read({"body": base64.b64encode(b"\xfe\x01").decode(), "isBase64Encoded": True}, SETTINGS)
    assert "codec" not in str(caught.value)


@pytest.mark.parametrize("text", ["data:image/png,abc", "/9j/ /9j/", "iVBORw0KGgo%2F", "data:image/png;base64,b'iVBO'"])
def test_broken_base64_text_as_the_body_is_refused_with_its_cause(text: str) -> None:
    with pytest.raises(UnsupportedImage, match="base64"):
        read(event("function_url", body=text, headers={"content-type": "text/plain"}))


def test_text_as_the_body_is_refused_with_the_ways_that_work() -> None:
    with pytest.raises(UnsupportedImage, match=r"binaryMediaTypes.*base64 text.*image_data"):
        read(event("rest_v1", body="an image"))


@pytest.mark.parametrize(
    "fields", ["image_data=iVBORw0KGgo&conf=0.4", "url=https%3A%2F%2Fa.example%2Fa.jpg", "conf=0.4"]
)
@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_urlencoded_body_is_refused_with_what_to_send(name: str, fields: str, is_text: bool) -> None:
    sample = event_with_form(name, fields if is_text else fields.encode(), "application/x-www-form-urlencoded")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedImage, match=r"application/x-www-form-urlencoded.*multipart/form-data"):
        read(sample)


@pytest.mark.parametrize("image", IMAGES)
def test_image_with_the_default_content_type_of_curl_is_read(image: bytes) -> None:
    sample = event_with_form("function_url", image, "application/x-www-form-urlencoded")
    assert read(sample).ref == ImageRef("bytes", image)


@pytest.mark.parametrize("content_type", ["image/png", "text/plain", "multipart/form-data; boundary=x", ""])
def test_text_that_is_not_unicode_is_refused(content_type: str) -> None:
    with pytest.raises((BadRequest, UnsupportedImage)):
        read(event("function_url", body="--x\ud800", headers={"content-type": content_type}))


def noise(start: bytes) -> str:
    """An image as a decoder of UTF-8 text sees it."""
    return (start + bytes(range(256)) * 4).decode("utf-8", "replace")


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
def test_image_that_was_read_as_text_is_refused_with_the_remedy(image: bytes, is_text: bool) -> None:
    text = noise(image)
    with pytest.raises(UnsupportedImage, match="binaryMediaTypes"):
        read(event("rest_v1", body=text if is_text else text.encode()))


@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
def test_form_that_was_read_as_text_is_refused_with_the_remedy(is_text: bool) -> None:
    data, content_type = form(("image", "a.png", noise(b"\xff\xd8\xff\xe0").encode()))
    body = data.decode() if is_text else data
    with pytest.raises(UnsupportedImage, match="binaryMediaTypes"):
        read(event_with_form("rest_v1", body, content_type))  # type: ignore[arg-type]


@pytest.mark.parametrize("image", [IMAGE, b"\xff\xd8\xff\xe0 jpeg", b"\xff\xd8\xff\xdb jpeg"])
@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
def test_image_that_was_read_as_latin1_text_is_refused_with_the_remedy(image: bytes, is_text: bool) -> None:
    text = image.decode("latin-1")
    with pytest.raises(UnsupportedImage, match="read as text"):
        read(event("rest_v1", body=text if is_text else text.encode()))


def test_image_with_few_bytes_that_look_like_replacements_is_read() -> None:
    image = IMAGE + b"\xef\xbf\xbd" + bytes(5000) + b"\xef\xbf\xbd" * 9
    assert read(event("rest_v1", body=image)).ref == ImageRef("bytes", image)


@pytest.mark.parametrize("content_type", ["application/json", "image/png", "multipart/form-data; boundary=x7", ""])
@pytest.mark.parametrize("name", HTTP_EVENTS)
def test_gzip_without_its_header_is_refused_with_the_header(name: str, content_type: str) -> None:
    data = gzip.compress(json.dumps({"image_data": ENCODED}).encode())
    with pytest.raises(UnsupportedImage, match="must have the header Content-Encoding: gzip"):
        read(event_with_form(name, data, content_type))


def test_gzip_without_its_header_as_text_is_refused_with_both_remedies() -> None:
    text = gzip.compress(IMAGE).decode("utf-8", "replace")
    with pytest.raises(UnsupportedImage, match=r"Content-Encoding: gzip; .*binaryMediaTypes"):
        read(event_with_form("rest_v1", text, "application/json"))  # type: ignore[arg-type]


@pytest.mark.parametrize("header", ["content-encoding", "Content-Encoding"])
@pytest.mark.parametrize("data", [IMAGE, json.dumps({"image_data": ENCODED}).encode()], ids=["image", "JSON"])
def test_content_encoding_of_a_direct_test_event_counts(header: str, data: bytes) -> None:
    sample = {"body": base64.b64encode(gzip.compress(data)).decode(), "isBase64Encoded": True}
    assert read(sample | {"headers": {header: "gzip"}}).ref in (RAW, BASE64)
    with pytest.raises(UnsupportedImage, match="Content-Encoding: gzip"):
        read(sample)


@pytest.mark.parametrize("cuts", [(1,), (5, 9), (2, 4, 6, 8)])
@pytest.mark.parametrize("padding", [b"", bytes(512)])
def test_gzip_with_several_members_is_read(cuts: tuple[int, ...], padding: bytes) -> None:
    parts = [IMAGE[start:end] for start, end in zip((0, *cuts), (*cuts, None), strict=True)]
    data = b"".join(map(gzip.compress, parts)) + padding
    assert read(coded("function_url", data, "gzip")).ref == RAW


def test_members_of_gzip_share_the_limit() -> None:
    data = gzip.compress(bytes(600_000)) * 2
    with pytest.raises(TooLarge):
        http.read(coded("function_url", data, "gzip"), SETTINGS._replace(max_object_bytes=1_000_000))


def test_members_of_gzip_have_a_limit() -> None:
    with pytest.raises(BadRequest, match="data after its end"):
        read(coded("function_url", gzip.compress(b"") * 200, "gzip"))


URLENCODED_BODIES = {
    "percent-encoded JSON": b"%7B%22image_data%22%3A%22aGVsbG8%22%7D",
    "percent-encoded data URL": b"data%3Aimage%2Fpng%3Bbase64%2CiVBORw0KGgo%3D",
    "base64 as a name": b"/9j/4AAQ=",
    "base64 with spaces": b"iVBORw0K Ggo AAA",
    "text": b"hello",
    "JPEG of curl -d": b"\xff\xd8\xff\xe0" + b"\x01\x02\x03" * 30,
    "JPEG of an older curl -d": b"\xff\xd8\xff\xe0" + bytes(3000),
    "PNG of curl -d": b"\x89PNG\x1a\x0d".replace(b"\r", b"") + bytes(20),
}


@pytest.mark.parametrize("data", URLENCODED_BODIES.values(), ids=URLENCODED_BODIES)
def test_body_of_curl_d_is_refused_with_the_option_that_works(data: bytes) -> None:
    with pytest.raises(UnsupportedImage, match=r"application/x-www-form-urlencoded.*--data-binary"):
        read(event_with_form("function_url", data, "application/x-www-form-urlencoded"))


@pytest.mark.parametrize("content_type", ["text/plain", "image/jpeg", "application/octet-stream", ""])
@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (str(ENCODED.encode()), "b'...'"),
        (f"bytearray({ENCODED.encode()})", "b'...'"),
        (f'"{ENCODED}"', "quotation marks"),
        (f"'{ENCODED}'", "quotation marks"),
        (ENCODED.replace("=", "%3D").replace("A", "%41"), "percent-encoded"),
        (f"data%3Aimage%2Fpng%3Bbase64%2C{ENCODED}", "percent-encoded"),
    ],
)
def test_base64_dialect_as_the_body_has_the_cause(content_type: str, is_text: bool, text: str, cause: str) -> None:
    with pytest.raises(UnsupportedImage, match=f"(base64|data).*{cause}"):
        read(event_with_form("function_url", text if is_text else text.encode(), content_type))  # type: ignore[arg-type]


@pytest.mark.parametrize("is_text", [True, False], ids=["text", "bytes"])
def test_base64_with_a_byte_order_mark_as_the_body_is_read(is_text: bool) -> None:
    text = "\ufeff" + ENCODED
    assert read(event("function_url", body=text if is_text else text.encode())).ref == RAW

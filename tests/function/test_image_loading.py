"""Loading of images: base64 text, URLs and S3 addresses, within what the settings allow."""

import base64
from typing import Any

import pytest

from function import fetch, image_loading, storage
from function.errors import BadRequest, Forbidden, NotFound, TooLarge
from function.request import ImageRef
from function.settings import Settings
from tests.support.fake_s3 import FakeS3

IMAGE = b"\x89PNG and so on"
ENCODED = base64.b64encode(IMAGE).decode()
OPEN = Settings.from_env({"ALLOWED_URL_HOSTS": "images.example", "ALLOWED_BUCKETS": "shared,other"})
CLOSED = Settings.from_env({})
URL = "https://images.example/a.jpg"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    buckets = FakeS3()
    buckets.objects["shared", "in/a b.jpg"] = IMAGE
    monkeypatch.setattr(storage, "read", buckets.read)
    return buckets


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The arguments of each download."""
    calls: list[tuple[Any, ...]] = []

    def image(*arguments: Any) -> bytes:
        calls.append(arguments)
        return IMAGE

    monkeypatch.setattr(fetch, "image", image)
    return calls


def test_bytes_are_returned_as_they_are() -> None:
    assert image_loading.load(ImageRef("bytes", IMAGE), CLOSED) == IMAGE


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        f"data:image/png;base64,{ENCODED}",
        f" DATA:;BASE64,{ENCODED}",
        "\n".join(ENCODED[i : i + 4] for i in range(0, len(ENCODED), 4)),
        "\r\n".join(["", ENCODED, ""]),
        ENCODED.rstrip("="),
        base64.urlsafe_b64encode(IMAGE).decode(),
        base64.urlsafe_b64encode(IMAGE).decode().rstrip("="),
    ],
    ids=["plain", "data URL", "loose data URL", "wrapped lines", "CRLF", "unpadded", "URL-safe", "URL-safe unpadded"],
)
def test_base64_is_decoded(text: str) -> None:
    assert image_loading.load(ImageRef("base64", text), CLOSED) == IMAGE


@pytest.mark.parametrize(
    "text", ["no base64!", "QUJDR", "÷÷÷÷", "data:image/png,abc", "data:image/png;base64,", "data:", " "]
)
def test_text_that_is_not_base64_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest):
        image_loading.load(ImageRef("base64", text), CLOSED)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("QUJD QUJD", "spaces where \\+ was"),
        ("QUJD QUJD QUJD QUJD QUJD", "spaces where \\+ was"),
        ("b'QUJD'", "b'...'"),
        ('b"QUJD"', "b'...'"),
        ("QUJD%2BQUI%3D", "percent-encoded"),
        ("QU+DQU-D", "URL-safe"),
        ("QUJDR", "5 digits"),
        ("QUJD*UJD", "the character '\\*'"),
        ("QUJD=QUJD", "= in its middle, at position 5"),
        ("QUJD===", "more than 2 ="),
        ("QU+D QUJD", "text with spaces: remove them"),
        ("bytearray(b'QUJD')", "b'...'"),
        (str(IMAGE), "b'...'"),
        (f'"{ENCODED}"', "text in quotation marks"),
        (IMAGE.decode("utf-8", "replace"), "bytes that were read as text"),
        (IMAGE.decode("latin-1"), "bytes that were read as text"),
        ("\xff\xd8\xff\xe0 JFIF", "bytes that were read as text"),
        ("[object Blob]", "JavaScript object"),
        ("[object ArrayBuffer]", "JavaScript object"),
        ("[137, 80, 78, 71]", "JSON: encode the bytes of the image instead$"),
        ('{"type": "Buffer", "data": [137, 80]}', "JSON"),
        (f"data:image/png;base64,data:image/png;base64,{ENCODED}", "a data: URL"),
        (f"base64,{ENCODED}", "a data: URL"),
        ("QUJD\\nQUJD", r"text with \\n"),
        ("QUJD\u0660", "the character '\\\\u0660' at position 5"),
    ],
)
def test_error_of_text_that_is_not_base64_has_the_cause(text: str, cause: str) -> None:
    with pytest.raises(BadRequest, match=f"image_data must be base64, got .*{cause}"):
        image_loading.load(ImageRef("base64", text), CLOSED)


def test_url_is_fetched_with_the_hosts_and_the_limit_of_the_settings(fetched: list[tuple[Any, ...]]) -> None:
    assert image_loading.load(ImageRef("url", URL), OPEN) == IMAGE
    assert fetched == [(URL, ("images.example",), OPEN.max_object_bytes)]


def test_urls_are_off_by_default(fetched: list[tuple[Any, ...]]) -> None:
    with pytest.raises(Forbidden, match="ALLOWED_URL_HOSTS"):
        image_loading.load(ImageRef("url", URL), CLOSED)
    assert fetched == []


def test_object_of_an_allowed_bucket_is_read(s3: FakeS3) -> None:
    assert image_loading.load(ImageRef("s3", "s3://shared/in/a b.jpg"), OPEN) == IMAGE


def test_size_of_an_object_is_limited(s3: FakeS3) -> None:
    with pytest.raises(TooLarge):
        image_loading.load(ImageRef("s3", "s3://shared/in/a b.jpg"), OPEN._replace(max_object_bytes=len(IMAGE) - 1))


@pytest.mark.parametrize("bucket", ["secret", "share", "shared2", "SHARED"])
def test_object_of_another_bucket_is_not_read(s3: FakeS3, bucket: str) -> None:
    s3.objects[bucket, "in/a b.jpg"] = IMAGE
    with pytest.raises(Forbidden, match="ALLOWED_BUCKETS"):
        image_loading.load(ImageRef("s3", f"s3://{bucket}/in/a b.jpg"), OPEN)
    assert s3.requested_versions == []


def test_buckets_are_off_by_default(s3: FakeS3) -> None:
    with pytest.raises(Forbidden, match="ALLOWED_BUCKETS"):
        image_loading.load(ImageRef("s3", "s3://shared/in/a b.jpg"), CLOSED)
    assert s3.requested_versions == []


def test_missing_object_is_not_found(s3: FakeS3) -> None:
    with pytest.raises(NotFound):
        image_loading.load(ImageRef("s3", "s3://shared/nowhere.jpg"), OPEN)


@pytest.mark.parametrize(
    "address",
    ["shared/a.jpg", "s3://shared", "s3://shared/", "s3:///a.jpg", "https://shared/a.jpg", "s3://shared/\ud800.jpg"],
)
def test_malformed_s3_address_is_a_bad_request(s3: FakeS3, address: str) -> None:
    with pytest.raises(BadRequest, match="s3 must be s3://bucket/key"):
        image_loading.load(ImageRef("s3", address), OPEN)
    assert s3.requested_versions == []

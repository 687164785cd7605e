"""Images and base64 that arrive as text: line breaks of an image, and the named cause of a broken base64 text."""

import pytest

from function import image_loading
from function.api import body, encodings
from function.errors import BadRequest, UnsupportedImage
from function.request import ImageRef
from function.settings import Settings
from tests.conftest import encode, image_with_box

URLENCODED = "application/x-www-form-urlencoded"
JPEG = encode(image_with_box((640, 640)), "JPEG", quality=100)


@pytest.mark.parametrize("breaks", [b"\n", b"\r", b"\r\n"])
def test_image_with_any_line_break_is_complete(breaks: bytes) -> None:
    data = JPEG.replace(b"\r", b" ").replace(b"\n", b" ") + breaks + b"\0" * 5000
    assert encodings.image_bytes(data, URLENCODED) == data


def test_image_without_line_breaks_is_refused() -> None:
    data = JPEG.replace(b"\r", b"").replace(b"\n", b"") + b"\0" * 5000
    with pytest.raises(UnsupportedImage, match="removes them"):
        encodings.image_bytes(data, URLENCODED)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("QUJD_+Q=", "both the standard digits"),
        ("QUJD-/Q=", "both the standard digits"),
        ("QU JD_Q", "spaces: remove them"),
        ("QU JDQQ", "spaces where \\+ was"),
        ("QU J+DQ", "spaces: remove them"),
        ("QUJ=DQQ", "= in its middle, at position 4"),
        ("QUJDQ", "5 digits, which is one too many"),
        ("QUJDQQ===", "more than 2 = at its end"),
    ],
)
def test_cause_of_a_broken_base64_text_is_named(text: str, cause: str) -> None:
    with pytest.raises(BadRequest, match=cause):
        image_loading.decode_base64(text, "image_data")


@pytest.mark.parametrize("text", ["", "data:image/png;base64,"])
def test_empty_text_is_no_image(text: str) -> None:
    with pytest.raises(BadRequest, match="got an empty text"):
        image_loading.load(ImageRef("base64", text), Settings.from_env({}))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"image_data": "QUJD", "url": "https://a.example/a"}, "image_data and url"),
        ({"url": "https://a.example/a", "s3": "s3://b/k"}, "url and s3"),
        ({"image_name": "a.png"}, "none of them"),
    ],
)
def test_error_for_several_images_in_one_object_names_their_fields(fields: dict[str, str], named: str) -> None:
    (error,) = body.parse(fields, Settings.from_env({})).requests
    assert isinstance(error, BadRequest)
    assert f"must be set, got {named}" in str(error)

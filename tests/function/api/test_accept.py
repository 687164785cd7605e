"""Choice between JSON and an image by `Accept` (RFC 9110, section 12.5.1)."""

import pytest

from function.api.accept import image_type

JPEG, PNG = "image/jpeg", "image/png"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", None),
        ("*/*", None),
        ("application/json", None),
        ("text/html, */*;q=0.8", None),
        ("image/jpeg", JPEG),
        ("IMAGE/PNG", PNG),
        ("image/png, image/jpeg", PNG),
        ("image/jpeg, image/png", JPEG),
        ("image/jpeg;q=0.5, image/png", PNG),
        ("image/*", JPEG),
        ("image/*, image/png", PNG),
        ("image/webp", None),
        ("image/webp, image/png;q=0.1", PNG),
        ("image/jpeg, */*", JPEG),
        ("*/*, image/jpeg", JPEG),
        ("*/*, image/jpeg;q=0.9", None),
        ("image/jpeg, */*;q=0.1", JPEG),
        ("application/json, image/jpeg", None),
        ("image/jpeg, application/json", JPEG),
        ("image/jpeg;q=0.8, application/json;q=0.9", None),
        ("image/jpeg;q=0.9, application/json;q=0.8", JPEG),
        ("application/*, image/jpeg;q=0.9", None),
        ("application/json;q=0, image/jpeg;q=0.1", JPEG),
        ("application/json;q=0.1, application/*, image/png;q=0.5", PNG),
        ("image/jpeg;q=0", None),
        ("image/jpeg;q=0, */*", None),
        ("image/*;q=0, image/png", PNG),
        ("image/jpeg;q=0, image/*", PNG),
        ("image/jpeg; q=0.2, application/json; q = 0.1", JPEG),
        ("image/jpeg;level=1;q=0.2, application/json;charset=utf-8;q=0.1", JPEG),
        ("image/jpeg;q=2", None),
        ("image/jpeg;q=high", None),
        ("image/jpeg;q=", None),
        ("image/jpeg;q=1.000", JPEG),
        (";;,,;q=,image", None),
        ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", PNG),  # <img> of Firefox
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", None),
    ],
)
def test_type_with_the_highest_quality_is_sent(accept: str, expected: str | None) -> None:
    assert image_type(accept) == expected

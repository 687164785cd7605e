"""Values in error messages: JSON types, quotation marks, and one line in the log."""

from typing import Any

import pytest

from function import errors


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("", "an empty text"),
        (7, "7"),
        (0.5, "0.5"),
        (True, "true or false"),
        (None, "null"),
        ({"a": 1}, "an object"),
        ([1], "an array"),
        ([], "an empty array"),
    ],
)
def test_value_is_described_in_terms_of_json(value: Any, text: str) -> None:
    assert errors.described(value) == text


def test_description_is_limited() -> None:
    assert max(len(errors.described(value)) for value in ("a" * 999, 10**999)) < 110


@pytest.mark.parametrize(
    ("text", "line"), [("a 'b' \"c\" ä", "a 'b' \"c\" ä"), ("a\r\nb", "a\\r\\nb"), ("\ud800\x00", "\\ud800\\x00")]
)
def test_text_for_the_log_is_one_line_with_plain_quotation_marks(text: str, line: str) -> None:
    assert errors.one_line(text) == line

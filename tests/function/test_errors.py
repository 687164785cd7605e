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
        ({1}, "a value that JSON does not have"),
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


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\n[ERROR] b", r"a\n[ERROR] b"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u2028\u202e", r"\u2028\u202e"),
        ("ä 画像", "ä 画像"),
    ],
)
@pytest.mark.parametrize("kind", [errors.BadRequest, errors.TransientError, errors.TooLarge, errors.MethodNotAllowed])
def test_message_of_an_error_has_unprintable_characters_of_names_as_escapes(
    kind: type[errors.FunctionError], name: str, shown: str
) -> None:
    assert str(kind(f"s3://b/{name}: no")) == f"s3://b/{shown}: no"

"""What a caller sends, whatever the envelope: a JSON object with the picture in base64, or the picture's bytes."""

import binascii
import json
from collections.abc import Mapping
from typing import Any

from function.errors import BadRequest
from function.request import Request, read_options

BYTE_ORDER_MARK = "\ufeff"
JSON_KINDS = {
    dict: "an object",
    list: "an array",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}
WANTED = 'wanted {"image_data": "<base64>"} or the bytes of a picture'


def from_object(fields: Any) -> Request:
    """The request of a JSON object.

    Args:
        fields: `{"image_data": "<base64>"}` and, optional, `image_name`, `conf`, `iou`, `max_det`, `classes`.

    Raises:
        BadRequest: no object, no picture in it, or one that is not base64.
        InvalidOption: an option out of range.
    """
    if not isinstance(fields, Mapping):
        raise BadRequest(f"the body is {kind(fields)}; wanted an object with image_data")
    data = fields.get("image_data")
    if not isinstance(data, str) or not data:
        found = "is missing" if data is None else f"is {kind(data)}"
        raise BadRequest(f"image_data {found}; wanted the picture in base64")
    return Request(_picture(data), _name(fields), read_options(fields))


def from_json(text: str | bytes) -> Request:
    """The request of a JSON text; raises as `from_object`, and BadRequest for text that is not JSON."""
    try:
        fields = json.loads(text.removeprefix(BYTE_ORDER_MARK) if isinstance(text, str) else text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON ({error}); {WANTED}") from error
    return from_object(fields)


def from_bytes(picture: bytes, query: Mapping[str, str]) -> Request:
    """The request of a raw body, whose options stand in the query string; raises InvalidOption."""
    return Request(picture, _name(query), read_options(query))


def decode_base64(text: str, what: str) -> bytes:
    """Bytes from base64, line breaks allowed.

    Args:
        text: base64 with the standard alphabet and padding.
        what: how the error calls it.

    Raises:
        BadRequest: anything else.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        unwrapped = "".join(text.split())
    try:
        return binascii.a2b_base64(unwrapped, strict_mode=True)
    except ValueError as error:
        raise BadRequest(f"{what} is not base64: {error}") from error


def looks_like_json(body: str | bytes) -> bool:
    """Whether a body is meant as a JSON object; no picture format begins like one."""
    start = body[:64] if isinstance(body, str) else body[:64].decode("utf-8", "replace")
    return start.removeprefix(BYTE_ORDER_MARK).lstrip().startswith("{")


def kind(value: Any) -> str:
    """What a JSON value is, in the words of JSON."""
    return "empty" if value == "" else JSON_KINDS.get(type(value), "of no JSON kind")


def _picture(data: str) -> bytes:
    if data[:16].lstrip().lower().startswith("data:"):
        header, comma, data = data.partition(",")
        if not (comma and header.lower().endswith(";base64")):
            raise BadRequest("image_data begins like a data: URL without base64; wanted data:image/...;base64,...")
    picture = decode_base64(data, "image_data")
    if not picture:
        raise BadRequest("image_data is empty; wanted the picture in base64")
    return picture


def _name(fields: Mapping[str, Any]) -> str | None:
    name = fields.get("image_name")
    if name is not None and not isinstance(name, str):
        raise BadRequest(f"image_name is {kind(name)}; wanted text")
    return name

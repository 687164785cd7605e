"""Parsing of request bodies into `ImageRequest`s: JSON objects, raw images and forms. Nothing is decoded or fetched."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from function.errors import BadRequest, FunctionError, TooLarge, kind
from function.request import ImageRef, ImageRequest, read_options
from function.settings import Settings

BYTE_ORDER_MARK = "\ufeff"
OPTIONS = ("conf", "iou", "max_det", "classes", "agnostic", "masks")
EXPECTED = 'expected {"image_data": "<base64>"}, or "url", "s3" or "images" instead, or the bytes of an image'


class ParsedBody(NamedTuple):
    """Images of one request body, each with its own error if it cannot be parsed."""

    requests: list[ImageRequest | FunctionError]
    is_list: bool  # the response is a list, even for one image


def parse(fields: Any, settings: Settings) -> ParsedBody:
    """Parse a JSON object.

    Args:
        fields: one image, as `image_data` (base64), `url` or `s3`, with `image_name` and options; or `images`, a
            list of such objects. An option beside `images` is the default for those that do not set it.
        settings: the limit of images.

    Raises:
        BadRequest: not an object, or `images` is not an array of at least one item.
        TooLarge: more images than the limit.
    """
    if not isinstance(fields, Mapping):
        raise BadRequest(f"body must be an object, got {kind(fields)}; {EXPECTED}")
    if fields.get("inputs") is not None:
        raise BadRequest(f"inputs must not be set, this model takes images, not tensors; {EXPECTED}")
    if fields.get("images") is None:
        return ParsedBody([_parse_image(fields)], is_list=False)
    images = fields["images"]
    if not isinstance(images, list) or not images:
        raise BadRequest(f"images must be an array of at least one object, got {kind(images)}")
    _check_count(len(images), settings)
    defaults = {name: fields[name] for name in OPTIONS if name in fields}
    return ParsedBody([_parse_image(image, defaults) for image in images], is_list=True)


def parse_json(text: str | bytes, settings: Settings) -> ParsedBody:
    """Parse a JSON text; raise the errors of `parse`, and BadRequest for text that is not JSON."""
    return parse(load_json(text, EXPECTED), settings)


def parse_bytes(data: bytes, query: Mapping[str, str]) -> ParsedBody:
    """Parse a raw image, whose name and options are in the query string."""
    return ParsedBody([_image_request(data, query)], is_list=False)


def parse_form(content: bytes, content_type: str, query: Mapping[str, str], settings: Settings) -> ParsedBody:
    """Parse `multipart/form-data`: each file is an image, the other fields are options and precede the query string.

    Raises:
        BadRequest: a broken form, or a form without a file.
        TooLarge: more images than the limit.
    """
    from function.api import multipart  # imported here: a start without a form does not load it

    parts = multipart.parts(content, content_type)
    # A file field that was left empty has an empty name and no content.
    files = [part for part in parts if part.file_name or (part.file_name is not None and part.content)]
    if not files:
        raise BadRequest("the form must have at least one file, as `curl -F image=@a.jpg` sends it, got none")
    _check_count(len(files), settings)
    values = {part.name: part.content.decode("utf-8", "replace") for part in parts if part.file_name is None}
    requests = [_image_request(part.content, {"image_name": part.file_name or "", **query, **values}) for part in files]
    return ParsedBody(requests, is_list=len(files) > 1)


def load_json(text: str | bytes, expected: str) -> Any:
    """Return the value of a JSON text.

    Args:
        text: a byte order mark at the start is ignored.
        expected: the end of the error message.

    Raises:
        BadRequest: not JSON.
    """
    try:
        return json.loads(text.removeprefix(BYTE_ORDER_MARK) if isinstance(text, str) else text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"body must be JSON, got text that is not ({error}); {expected}") from error


def looks_like_json(body: str | bytes) -> bool:
    """Return whether a body begins like a JSON object; no image format begins like one."""
    start = body[:64] if isinstance(body, str) else body[:64].decode("utf-8", "replace")
    return start.removeprefix(BYTE_ORDER_MARK).lstrip().startswith("{")


def _check_count(count: int, settings: Settings) -> None:
    if count > settings.max_images:
        raise TooLarge(f"a request must have at most {settings.max_images} images (MAX_IMAGES), got {count}")


def _image_request(data: bytes, fields: Mapping[str, str]) -> ImageRequest | FunctionError:
    try:
        return ImageRequest(ImageRef("bytes", data), _image_name(fields), read_options(fields))
    except FunctionError as error:
        return error


def _parse_image(fields: Any, defaults: Mapping[str, Any] | None = None) -> ImageRequest | FunctionError:
    """Parse the object of one image; `defaults` are the options of the whole request."""
    try:
        if not isinstance(fields, Mapping):
            raise BadRequest(f"an item of images must be an object, got {kind(fields)}; {EXPECTED}")
        merged = {**(defaults or {}), **fields}
        image_name, options = _image_name(merged), read_options(merged)
        return ImageRequest(_image_ref(fields), image_name, options)
    except FunctionError as error:
        return error


def _image_ref(fields: Mapping[str, Any]) -> ImageRef:
    names = [name for name in ("image_data", "url", "s3") if fields.get(name) is not None]
    if len(names) != 1:
        actual = " and ".join(names) if names else "none of them"
        raise BadRequest(f"exactly one of image_data, url and s3 must be set, got {actual}; {EXPECTED}")
    (name,) = names
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} must be text, got {kind(value)}; {EXPECTED}")
    if name == "image_data":
        return ImageRef("base64", value)
    return ImageRef("url" if name == "url" else "s3", value)


def _image_name(fields: Mapping[str, Any]) -> str | None:
    name = fields.get("image_name")
    if name is not None and not isinstance(name, str):
        raise BadRequest(f"image_name must be text, got {kind(name)}")
    return name

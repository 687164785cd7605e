"""Parsing of request bodies into `ImageRequest`s: JSON objects, raw images and forms. Nothing is decoded or fetched."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from function.errors import BadRequest, FunctionError, TooLarge, UnsupportedImage, kind
from function.image_loading import decode_base64
from function.request import ImageRef, ImageRequest, Options, is_option, parse_options, unknown_fields
from function.settings import Settings

if TYPE_CHECKING:
    from function.api import multipart

BYTE_ORDER_MARK = "\ufeff"
REFS = ("image_data", "url", "s3")
ITEM_FIELDS = (*REFS, "image_name")  # of one image, beside its options
FIELDS = (*ITEM_FIELDS, "images", "inputs")  # of a whole request, beside its options
MAX_IGNORED = 20  # names in the response
MAX_NAME = 100  # characters of such a name
GZIP_MAGIC = b"\x1f\x8b"
GZIP_AS_TEXT = "\x1f\ufffd"
TEXT_BYTES = bytes(range(ord(" "), 127)) + b"\t\r\n"
TEXT_START = 16  # bytes at the start that tell text from an image
MAX_FIELD_BYTES = 2000  # of an option or an address that a client sends as a file
EXPECTED = 'expected {"image_data": "<base64>"}, or "url", "s3" or "images" instead, or the bytes of an image'


class ParsedBody(NamedTuple):
    """Images of one request body, each with its own error if it cannot be parsed."""

    requests: list[ImageRequest | FunctionError]
    is_list: bool  # the response is a list, even for one image


class Defaults(NamedTuple):
    """Values from outside of an image's own object: the query string, and the fields beside `images`."""

    options: dict[str, Any]  # parsed
    image_name: str | None
    ignored: tuple[str, ...]  # unknown fields


def parse(fields: Any, settings: Settings, query: Mapping[str, Any] | None = None) -> ParsedBody:
    """Parse a JSON object.

    Args:
        fields: one image, as `image_data` (base64), `url` or `s3`, with `image_name` and options; or `images`, a
            list of such objects. An option beside `images` is the default for those that do not set it.
        settings: the limit of images.
        query: name and options from outside of the object, which come second.

    Raises:
        BadRequest: not an object, or `images` is not an array of at least one item, or not the only image field.
        InvalidOption: an option in the query or beside `images`.
        TooLarge: more images than the limit.
    """
    if not isinstance(fields, Mapping):
        raise BadRequest(f"body must be an object, got {kind(fields)}; {EXPECTED}")
    if fields.get("inputs") is not None:
        raise BadRequest(f"inputs must not be set, this model takes images, not tensors; {EXPECTED}")
    images = fields.get("images")
    if images is None:
        return ParsedBody([_parse_image(fields, FIELDS, _defaults(query or {}))], is_list=False)
    if not isinstance(images, list) or not images:
        raise BadRequest(f"images must be an array of at least one object, got {kind(images)}")
    beside = [name for name in REFS if fields.get(name) is not None]
    if beside:
        raise BadRequest(f"exactly one of image_data, url, s3 and images must be set, got images and {beside[0]}")
    _check_count(len(images), settings)
    outer, inner = _defaults(query or {}), _defaults(fields, FIELDS)
    name = outer.image_name if inner.image_name is None else inner.image_name
    defaults = Defaults(outer.options | inner.options, name, outer.ignored + inner.ignored)
    return ParsedBody([_parse_image(image, ITEM_FIELDS, defaults) for image in images], is_list=True)


def parse_json(text: str | bytes, settings: Settings, query: Mapping[str, Any] | None = None) -> ParsedBody:
    """Parse a JSON text; raise the errors of `parse`, and BadRequest for text that is not JSON."""
    return parse(load_json(text, EXPECTED), settings, query)


def parse_bytes(data: bytes, query: Mapping[str, str]) -> ParsedBody:
    """Parse a raw image, whose name and options are in the query string.

    Raises:
        InvalidOption: an option in the query string.
    """
    return ParsedBody([_image_request(ImageRef("bytes", data), None, _defaults(query))], is_list=False)


def parse_form(content: bytes, content_type: str, query: Mapping[str, str], settings: Settings) -> ParsedBody:
    """Parse `multipart/form-data`: each file and each field `image_data`, `url` or `s3` is an image.

    The other fields are options and the name of the image; they precede the query string.

    Raises:
        BadRequest: a broken form, or a form without an image.
        InvalidOption: an option in the form or in the query string.
        TooLarge: more images than the limit.
    """
    from function.api import multipart  # imported here: a start without a form does not load it

    images: list[tuple[ImageRef | FunctionError, str | None]] = []
    values: dict[str, list[str]] = {}
    for part in multipart.parts(content, content_type):
        if _is_file(part):
            # A file field that was left empty has an empty name and no content.
            if part.file_name or part.content:
                images.append((_file_ref(part.content), part.file_name))
            continue
        text = part.content.decode("utf-8", "replace")
        if part.name in REFS:
            if text.strip():
                images.append((_image_ref({part.name: text.strip()}), None))
        else:
            values.setdefault(part.name, []).append(text)
    if not images:
        names = f"the fields {', '.join(values):.200}" if values else "no field"
        raise BadRequest(
            "the form must have at least one file, as `curl -F image=@a.jpg` sends it, or a field image_data, url or "
            f"s3, got {names}"
        )
    _check_count(len(images), settings)
    if len(set(values.get("image_name", ()))) > 1:
        raise BadRequest(f"image_name must be one field, got {len(values['image_name'])}")
    # A list as repeated fields becomes a list with commas, as in a query string.
    own = _defaults({name: ",".join(dict.fromkeys(texts)) for name, texts in values.items()})
    outer = _defaults(query)
    name = outer.image_name if own.image_name is None else own.image_name
    defaults = Defaults(outer.options | own.options, name, outer.ignored + own.ignored)
    requests: list[ImageRequest | FunctionError] = [
        ref if isinstance(ref, FunctionError) else _image_request(ref, file, defaults) for ref, file in images
    ]
    return ParsedBody(requests, is_list=len(images) > 1)


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
    except UnicodeDecodeError as error:
        raise BadRequest(f"body must be JSON, got bytes that are not text; {expected}") from error
    except json.JSONDecodeError as error:
        problem = f"text that is not JSON from line {error.lineno}, column {error.colno}"
        raise BadRequest(f"body must be JSON, got {problem}; {expected}") from error
    except (ValueError, RecursionError) as error:  # digits without end, or brackets in brackets
        raise BadRequest(f"body must be JSON, got a number that is too long or too many levels; {expected}") from error


def looks_like_json(body: str | bytes) -> bool:
    """Return whether a body begins like a JSON object; no image format begins like one."""
    start = body[:64] if isinstance(body, str) else body[:64].decode("utf-8", "replace")
    return start.removeprefix(BYTE_ORDER_MARK).lstrip().startswith("{")


def may_be_text(data: bytes) -> bool:
    """Return whether bytes begin like text, as no image does except by chance."""
    return not data[:TEXT_START].removeprefix(BYTE_ORDER_MARK.encode()).translate(None, TEXT_BYTES)


def decode(text: str, is_base64: bool, coding: str | None, max_bytes: int, memory_mb: int | None = None) -> str | bytes:
    """Return a body without base64 and without compression; text if it arrived as text.

    Args:
        text: of the event.
        is_base64: as the event says.
        coding: header `Content-Encoding`.
        max_bytes: limit of the decompressed body.
        memory_mb: of the function, which lowers this limit; None: no other limit.

    Raises:
        FunctionError: it cannot be decoded, has more than the limit, or is compressed and has no such header.
    """
    content = decode_base64(text, "body") if is_base64 else text
    if coding and content:
        from function.api import encodings  # imported here: few bodies are compressed

        content = encodings.decompress(content, coding, max_bytes, memory_mb)
    if content[:2] in (GZIP_MAGIC, GZIP_AS_TEXT):
        as_text = "" if isinstance(content, bytes) else "; a REST API also needs binaryMediaTypes */*"
        raise UnsupportedImage(
            f"the body is compressed with gzip; it must have the header Content-Encoding: gzip{as_text}"
        )
    return content


def _check_count(count: int, settings: Settings) -> None:
    if count > settings.max_images:
        raise TooLarge(f"a request must have at most {settings.max_images} images (MAX_IMAGES), got {count}")


def _defaults(fields: Mapping[str, Any], known: tuple[str, ...] = ("image_name",)) -> Defaults:
    """Read the options and the name in one place; of the known fields, only the name is read."""
    ignored = unknown_fields(fields, known)
    return Defaults(parse_options(fields), _image_name(fields), ignored)


def _is_file(part: "multipart.Part") -> bool:
    """Return whether a part of a form is a file: by its file name, its type, or bytes that no text field has."""
    if part.content_type.startswith("image/"):
        return True
    if part.name == "image_data":
        return part.file_name is not None or not _is_text(part.content)
    if is_option(part.name) or part.name in ITEM_FIELDS:
        # Libraries give a field the file name `conf` if a caller passes it among the files.
        is_small = 0 < len(part.content) <= MAX_FIELD_BYTES
        return part.file_name is not None and not (is_small and _is_text(part.content))
    if part.file_name is not None:
        return True
    return part.content_type == "application/octet-stream" or not _is_text(part.content)


def _file_ref(content: bytes) -> ImageRef | FunctionError:
    """Return the image of a file, which may hold it as base64 text."""
    if not may_be_text(content):
        return ImageRef("bytes", content)
    from function.api import encodings  # imported here: files are images

    try:
        return ImageRef("bytes", encodings.find_image(content) or content)
    except FunctionError as error:
        return error


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _image_request(ref: ImageRef, file_name: str | None, defaults: Defaults) -> ImageRequest:
    name = file_name if defaults.image_name is None else defaults.image_name
    return ImageRequest(ref, name, Options(**defaults.options), shorten(defaults.ignored))


def _parse_image(fields: Any, known: tuple[str, ...], defaults: Defaults) -> ImageRequest | FunctionError:
    """Parse the object of one image."""
    try:
        if not isinstance(fields, Mapping):
            raise BadRequest(f"an item of images must be an object, got {kind(fields)}; {EXPECTED}")
        own = _defaults(fields, known)
        name = defaults.image_name if own.image_name is None else own.image_name
        merged = Defaults(defaults.options | own.options, name, defaults.ignored + own.ignored)
        return _image_request(_image_ref(fields), None, merged)
    except FunctionError as error:
        return error


def shorten(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return each name once, as far as they fit into a response."""
    return tuple(name[:MAX_NAME] for name in tuple(dict.fromkeys(names))[:MAX_IGNORED])


def _image_ref(fields: Mapping[str, Any]) -> ImageRef:
    names = [name for name in REFS if fields.get(name) is not None]
    if len(names) != 1:
        actual = " and ".join(names) if names else "none of them"
        raise BadRequest(f"exactly one of image_data, url and s3 must be set, got {actual}; {EXPECTED}")
    (name,) = names
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name} must be text of at least one character, got {kind(value)}; {EXPECTED}")
    if name == "image_data":
        return ImageRef("base64", value)
    return ImageRef("url" if name == "url" else "s3", value)


def _image_name(fields: Mapping[str, Any]) -> str | None:
    name = fields.get("image_name")
    if name is not None and not isinstance(name, str):
        raise BadRequest(f"image_name must be text, got {kind(name)}")
    return name

"""What a caller sends, whatever the envelope: JSON that holds or names pictures, or the bytes of one."""

import binascii
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from function import storage
from function.errors import BadRequest, Forbidden, TooLarge, kind
from function.request import Request, read_options
from function.settings import Settings

BYTE_ORDER_MARK = "\ufeff"
OPTIONS = ("conf", "iou", "max_det", "classes", "agnostic", "masks")
WANTED = 'wanted {"image_data": "<base64>"}, or "url", "s3" or "images" instead, or the bytes of a picture'


class Asked(NamedTuple):
    """What a caller asks for: requests yet to be made, so that each has its own error."""

    requests: list[Callable[[], Request]]
    many: bool  # answered as a list, even of one


def from_object(fields: Any, settings: Settings) -> Asked:
    """What a JSON object asks for.

    Args:
        fields: one picture, as `image_data` (base64), `url` or `s3`, with `image_name` and options; or `images`, a
            list of such, beside which an option holds for all that do not set it.
        settings: what a caller may name, and how many pictures.

    Raises:
        BadRequest: no object, or a list that is none.
        TooLarge: more pictures than the limit.
    """
    if not isinstance(fields, Mapping):
        raise BadRequest(f"the body is {kind(fields)}; {WANTED}")
    if fields.get("inputs") is not None:
        raise BadRequest(f"inputs are for a model that takes tensors, this one takes pictures; {WANTED}")
    if fields.get("images") is None:
        return Asked([lambda: _request(fields, settings)], many=False)
    images = fields["images"]
    if not isinstance(images, list) or not images:
        raise BadRequest(f"images is {kind(images)}; wanted an array of objects, at least one of them")
    check_count(len(images), settings)
    shared = {name: fields[name] for name in OPTIONS if name in fields}
    return Asked([partial(_request_of_many, shared, one, settings) for one in images], many=True)


def from_json(text: str | bytes, settings: Settings) -> Asked:
    """What a JSON text asks for; raises as `from_object`, and BadRequest for text that is not JSON."""
    return from_object(parsed(text, WANTED), settings)


def parsed(text: str | bytes, wanted: str) -> Any:
    """The value of a JSON text; BadRequest, with what was wanted, for text that is none."""
    try:
        return json.loads(text.removeprefix(BYTE_ORDER_MARK) if isinstance(text, str) else text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON ({error}); {wanted}") from error


def from_bytes(picture: bytes, query: Mapping[str, str]) -> Asked:
    """A raw body, whose options stand in the query string."""
    return Asked([lambda: Request(picture, _name(query), read_options(query))], many=False)


def check_count(count: int, settings: Settings) -> None:
    """Raise TooLarge for more pictures than one event may ask about."""
    if count > settings.max_images:
        raise TooLarge(f"{count} pictures are asked for at once; wanted at most {settings.max_images} (MAX_IMAGES)")


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


def _request_of_many(shared: Mapping[str, Any], fields: Any, settings: Settings) -> Request:
    if not isinstance(fields, Mapping):
        raise BadRequest(f"one of images is {kind(fields)}; {WANTED}")
    return _request({**shared, **fields}, settings)


def _request(fields: Mapping[str, Any], settings: Settings) -> Request:
    """One picture, read from where it is; options are looked at first, because they cost nothing."""
    name, options = _name(fields), read_options(fields)
    named = [way for way in READERS if fields.get(way) is not None]
    if len(named) != 1:
        found = f"{' and '.join(named)} are both there" if named else "image_data is missing"
        raise BadRequest(f"{found}; {WANTED}")
    (way,) = named
    value = fields[way]
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{way} is {kind(value)}; {WANTED}")
    return Request(READERS[way](value, settings), name, options)


def _from_link(url: str, settings: Settings) -> bytes:
    if not settings.allowed_url_hosts:
        raise Forbidden("links are switched off here; ALLOWED_URL_HOSTS names the hosts that may be read")
    from function import fetch  # here, because a start without a link goes without

    return fetch.picture(url, settings.allowed_url_hosts, settings.max_object_bytes)


def _from_bucket(address: str, settings: Settings) -> bytes:
    bucket, slash, key = address.removeprefix("s3://").partition("/")
    if not (address.startswith("s3://") and bucket and slash and key):
        raise BadRequest(f"s3 is {address!r:.200}; wanted s3://bucket/key")
    if bucket not in settings.allowed_buckets:
        raise Forbidden(
            f"the bucket {bucket!r:.100} may not be read for a caller; ALLOWED_BUCKETS names those that may"
        )
    return storage.read(bucket, key, None, settings.max_object_bytes).data


def _from_base64(data: str, _: Settings) -> bytes:
    if data[:16].lstrip().lower().startswith("data:"):
        header, comma, data = data.partition(",")
        if not (comma and header.lower().endswith(";base64")):
            raise BadRequest("image_data begins like a data: URL without base64; wanted data:image/...;base64,...")
    picture = decode_base64(data, "image_data")
    if not picture:
        raise BadRequest("image_data is empty; wanted the picture in base64")
    return picture


READERS: dict[str, Callable[[str, Settings], bytes]] = {
    "image_data": _from_base64,
    "url": _from_link,
    "s3": _from_bucket,
}


def _name(fields: Mapping[str, Any]) -> str | None:
    name = fields.get("image_name")
    if name is not None and not isinstance(name, str):
        raise BadRequest(f"image_name is {kind(name)}; wanted text")
    return name

"""Loading of the encoded bytes that an `ImageRef` refers to, within what the settings allow a caller to name."""

import binascii

from function import storage
from function.errors import BadRequest, Forbidden
from function.request import ImageRef
from function.settings import Settings


def load(ref: ImageRef, settings: Settings) -> bytes:
    """Return the encoded image.

    Args:
        ref: from a request.
        settings: allowed hosts and buckets, and the limit of bytes.

    Raises:
        BadRequest: the base64 text, the URL or the S3 address is not valid.
        Forbidden: the host or bucket is not allowed, or the role of the function may not read the object.
        NotFound: no such object.
        TooLarge: more bytes than the limit.
        UrlFetchFailed: the server of the URL did not return an image.
        TransientError: S3 fails, throttles or does not answer.
    """
    if isinstance(ref.value, bytes):
        return ref.value
    if ref.kind == "url":
        return _from_url(ref.value, settings)
    if ref.kind == "s3":
        return _from_s3(ref.value, settings)
    return _from_base64(ref.value)


def decode_base64(text: str, name: str) -> bytes:
    """Return the bytes of a base64 text, in which line breaks are allowed.

    Args:
        text: base64 with the standard alphabet and padding.
        name: of the field, for error messages.

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
        raise BadRequest(f"{name} must be base64, got text that is not ({error})") from error


def _from_url(url: str, settings: Settings) -> bytes:
    if not settings.allowed_url_hosts:
        raise Forbidden("url is not allowed; set ALLOWED_URL_HOSTS to the allowed hosts")
    from function import fetch  # imported here: a start without a URL does not load it

    return fetch.image(url, settings.allowed_url_hosts, settings.max_object_bytes)


def _from_s3(address: str, settings: Settings) -> bytes:
    bucket, slash, key = address.removeprefix("s3://").partition("/")
    if not (address.startswith("s3://") and bucket and slash and key):
        raise BadRequest(f"s3 must be s3://bucket/key, got {address!r:.200}")
    if bucket not in settings.allowed_buckets:
        raise Forbidden(f"the bucket {bucket!r:.100} is not allowed; ALLOWED_BUCKETS names the allowed buckets")
    return storage.read(bucket, key, None, settings.max_object_bytes).data


def _from_base64(data: str) -> bytes:
    if data[:16].lstrip().lower().startswith("data:"):
        header, comma, data = data.partition(",")
        if not (comma and header.lower().endswith(";base64")):
            raise BadRequest("image_data must be base64 or data:image/...;base64,..., got a data: URL without base64")
    image = decode_base64(data, "image_data")
    if not image:
        raise BadRequest("image_data must be an image in base64, got an empty text")
    return image

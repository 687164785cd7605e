"""Loading of the encoded bytes that an `ImageRef` refers to, within what the settings allow a caller to name."""

import binascii

from function import storage
from function.errors import BadRequest, Forbidden
from function.request import ImageRef
from function.settings import Settings

URL_SAFE = str.maketrans("-_", "+/")
BASE64_DIGITS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
MAX_PADDING = 2


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
    """Return the bytes of a base64 text, with line breaks or without.

    Args:
        text: base64 with the standard or the URL-safe alphabet, with padding or without.
        name: of the field, for error messages.

    Raises:
        BadRequest: anything else; the message names the cause.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return _decode_dialect(text.strip(), name)


def _decode_dialect(text: str, name: str) -> bytes:
    """Decode base64 with line breaks, with the URL-safe alphabet or without padding."""
    if " " in text:  # without the spaces it could be decoded, to other bytes
        raise BadRequest(
            f"{name} must be base64, got spaces where + was: a form or a URL turns + into a space. Write + as %2B "
            "there, or send JSON; remove spaces that are no +"
        )
    if text.startswith(("b'", 'b"')):
        raise BadRequest(
            f"{name} must be base64, got the text of a Python bytes object, b'...': "
            "use base64.b64encode(data).decode() instead of str()"
        )
    unwrapped = "".join(text.split())
    if "+" not in unwrapped and "/" not in unwrapped:
        unwrapped = unwrapped.translate(URL_SAFE)
    digits = unwrapped.rstrip("=")
    if len(unwrapped) - len(digits) <= MAX_PADDING:
        try:
            return binascii.a2b_base64(digits + "=" * (-len(digits) % 4), strict_mode=True)
        except ValueError:
            pass
    raise BadRequest(f"{name} must be base64, got {_problem(digits)}")


def _problem(digits: str) -> str:
    """Describe why a text is not base64."""
    wrong = next((character for character in digits if character not in BASE64_DIGITS), None)
    if wrong == "%":
        return "percent-encoded text, with %2B and %2F: decode it first"
    if wrong in ("-", "_"):
        return "text with both the standard digits (+ /) and the URL-safe ones (- _)"
    if wrong:
        return f"text with the character {wrong!a}"
    return f"{len(digits)} digits, which is one too many or text that is cut off"


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

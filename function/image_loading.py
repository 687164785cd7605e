"""Loading of the encoded bytes that an `ImageRef` refers to, within what the settings allow a caller to name."""

import binascii
import re

from function import storage
from function.errors import BadRequest, Forbidden, shown
from function.request import ImageRef
from function.settings import UPLOAD_PREFIX, Settings

URL_SAFE = str.maketrans("-_", "+/")
LINE_BREAKS = r"[\t\r\n\f\v]+"
FOREIGN = r"[^A-Za-z0-9+/=_ \t\r\n\f\v-]"
PYTHON_BYTES = r"""(?:bytearray\()?b["']"""
MOJIBAKE = ("\xff\xd8", "\x89PNG", "\u2030PNG", "GIF89a", "GIF87a", "RIFF")  # images as Latin-1 or Windows text
SHOWN = 40  # characters of a caller's text
MAX_PADDING = 2


def prepare(ref: ImageRef, settings: Settings) -> None:
    """Load what the first read from S3 takes, for an image that is there: it is no part of the time of the image.

    Raises:
        BadRequest: the S3 address is not valid.
        Forbidden: the bucket is not allowed.
    """
    if ref.kind == "s3" and isinstance(ref.value, str):
        _bucket_and_key(ref.value, settings)
        storage.prepare()


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
        return _decode_dialect(text.removeprefix("\ufeff").strip(), name)


def _decode_dialect(text: str, name: str) -> bytes:
    """Decode base64 with line breaks, with the URL-safe alphabet or without padding."""
    unwrapped = re.sub(LINE_BREAKS, "", text)
    if "+" not in unwrapped and "/" not in unwrapped:
        unwrapped = unwrapped.translate(URL_SAFE)
    digits = unwrapped.rstrip("=")
    if len(unwrapped) - len(digits) <= MAX_PADDING:
        try:
            return binascii.a2b_base64(digits + "=" * (-len(digits) % 4), strict_mode=True)
        except ValueError:
            pass
    raise BadRequest(f"{name} must be base64, got {_problem(text)}")


def _problem(text: str) -> str:
    """Describe why a text is not base64, and what to do where the cause is known."""
    if re.match(PYTHON_BYTES, text):
        return "the text of a Python bytes object, b'...': use base64.b64encode(data).decode() instead of str()"
    if "\ufffd" in text or text.startswith(MOJIBAKE):
        return "bytes that were read as text: read the file as bytes and encode these in base64"
    if text.startswith("[object "):
        return f"{text[:SHOWN]}, the name of a JavaScript object: encode its bytes, as FileReader.readAsDataURL does"
    if text.startswith(("{", "[")):
        return "JSON: encode the bytes of the image instead"
    if text.startswith(("'", '"')):
        return "text in quotation marks: send it without them"
    if re.match("data:|base64,", text, re.IGNORECASE):
        return "a data: URL in place of its base64 text: remove everything up to the last comma"
    if "\\n" in text:
        return "text with \\n where line breaks were: remove them"
    wrong = re.search(FOREIGN, text)
    if wrong and wrong[0] == "%":
        return "percent-encoded text, with %2B and %2F: decode it first"
    if wrong:
        return f"text with the character {wrong[0]!a} at position {wrong.start() + 1}"
    return _problem_of_digits(text)


def _problem_of_digits(text: str) -> str:
    """Describe a text with base64 digits, = and white space alone."""
    digits = "".join(text.split()).rstrip("=")
    is_url_safe = "-" in text or "_" in text
    if is_url_safe and ("+" in text or "/" in text):
        return "text with both the standard digits (+ /) and the URL-safe ones (- _)"
    if " " in text and "+" not in text and not is_url_safe:  # without the spaces it would be decoded, to other bytes
        return (
            "spaces where + was: a form or a URL turns + into a space. Write + as %2B there, or send JSON; "
            "remove spaces that are no +"
        )
    if " " in text:
        return "text with spaces: remove them"
    if "=" in digits:
        return f"text with = in its middle, at position {text.index('=') + 1}: only the end may have it"
    if len(digits) % 4 == 1:
        return f"{len(digits)} digits, which is one too many or text that is cut off"
    return f"text with more than {MAX_PADDING} = at its end"


def _from_url(url: str, settings: Settings) -> bytes:
    if not settings.allowed_url_hosts:
        raise Forbidden("url is not allowed; set ALLOWED_URL_HOSTS to the allowed hosts")
    from function import fetch  # imported here: a start without a URL does not load it

    return fetch.image(url, settings.allowed_url_hosts, settings.max_object_bytes)


def _from_s3(address: str, settings: Settings) -> bytes:
    bucket, key = _bucket_and_key(address, settings)
    return storage.read(bucket, key, None, settings.max_object_bytes).data


def _bucket_and_key(address: str, settings: Settings) -> tuple[str, str]:
    bucket, slash, key = address.removeprefix("s3://").partition("/")
    if not (address.startswith("s3://") and bucket and slash and key and _is_unicode(address)):
        raise BadRequest(f"s3 must be s3://bucket/key, got {shown(address)}")
    is_upload = bucket == settings.upload_bucket and key.startswith(UPLOAD_PREFIX)
    if bucket not in settings.allowed_buckets and not is_upload:
        if bucket == settings.upload_bucket:
            raise Forbidden(
                f"only {UPLOAD_PREFIX} is readable in the bucket {shown(bucket)}; "
                "ALLOWED_BUCKETS names the allowed buckets"
            )
        raise Forbidden(f"the bucket {shown(bucket)} is not allowed; ALLOWED_BUCKETS names the allowed buckets")
    return bucket, key


def _is_unicode(text: str) -> bool:
    """Return whether a text has a UTF-8 form: JSON can spell half of a surrogate pair, which has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_base64(data: str) -> bytes:
    if data[:16].lstrip().lower().startswith("data:"):
        header, comma, data = data.partition(",")
        if not (comma and header.lower().endswith(";base64")):
            raise BadRequest("image_data must be base64 or data:image/...;base64,..., got a data: URL without base64")
    image = decode_base64(data, "image_data")
    if not image:
        raise BadRequest("image_data must be an image in base64, got an empty text")
    return image

"""Uploads: a form with which a client sends an image above the payload limit to S3. Loaded only for POST /uploads.

Source: docs.aws.amazon.com/AmazonS3/latest/API, "Creating a POST policy".
"""

import os
from collections.abc import Mapping
from typing import Any

from function import storage
from function.api import authentication, body
from function.errors import BadRequest, Forbidden, InvalidOption, NotFound, kind, shown
from function.request import MAX_UNKNOWN, is_misspelled
from function.settings import UPLOAD_PREFIX, Settings

LIFE_S = 600  # of a form: time to send 100 MB with 1.4 Mbit/s
KEY_BYTES = 16  # of chance in a key: nobody guesses the key of another upload
FIELD = "content_type"
CONTENT_TYPE = "image/jpeg"  # if the request names none
NOT_SET = (None, "")  # as for the fields of an image
IMAGE = "image/"
MAX_TYPE_CHARACTERS = 100
EXPECTED = 'it may be empty, or a JSON object such as {"content_type": "image/png"}'


def check_enabled(settings: Settings) -> None:
    """Check that the function takes uploads.

    Raises:
        NotFound: UPLOAD_BUCKET is not set.
    """
    if not settings.upload_bucket:
        raise NotFound("uploads are turned off: UPLOAD_BUCKET must be set to the bucket for them")


def check_caller(headers: Mapping[str, str], context: Mapping[str, Any], settings: Settings) -> None:
    """Check that a request may upload: an upload of anybody would be an open bill and an open bucket.

    Args:
        headers: of the request, names in lower case.
        context: `requestContext` of the event.
        settings: digests of the API keys.

    Raises:
        Forbidden: neither a valid API key nor an authorizer of the front end.
    """
    if not authentication.is_authenticated(headers, context, settings.api_key_sha256):
        raise Forbidden(
            "an upload must have a valid API key (API_KEY_SHA256), or a front end with an authorizer (IAM or JWT), "
            "got neither"
        )


def form(content: str | bytes, settings: Settings, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the form for one upload, and the reference to the image for the next request.

    Args:
        content: body of the request: empty, or a JSON object with `content_type`.
        settings: the bucket, and the largest image in bytes.
        query: of the request; no field of it has an effect.

    Returns:
        `url` and `fields` of the form, `s3`, `expires_in` in seconds and `max_bytes`. `ignored` has the fields without
        an effect, if there are any.

    Raises:
        BadRequest: another body, or a content type that is not that of an image.
        InvalidOption: a field with nearly the name of `content_type`, or too many other fields.
        TransientError: the function has no credentials.
    """
    fields = _fields(content)
    content_type = _content_type(fields)
    ignored = body.shorten(_ignored(query, ()) + _ignored(fields, (FIELD,)))
    bucket, key = str(settings.upload_bucket), UPLOAD_PREFIX + os.urandom(KEY_BYTES).hex()
    post = storage.presign_post(bucket, key, content_type, IMAGE, settings.max_object_bytes, LIFE_S)
    return {
        "url": post["url"],
        "fields": post["fields"],
        "s3": f"s3://{bucket}/{key}",
        "expires_in": LIFE_S,
        "max_bytes": settings.max_object_bytes,
        **({"ignored": list(ignored)} if ignored else {}),
    }


def _fields(content: str | bytes) -> dict[str, Any]:
    fields = body.load_json(content, EXPECTED) if content else {}
    if not isinstance(fields, dict):
        raise BadRequest(f"body must be a JSON object, got {kind(fields)}; {EXPECTED}")
    return fields


def _ignored(fields: Mapping[str, Any], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields without an effect, as for images."""
    names = tuple(name for name in fields if name not in known)
    if len(names) > MAX_UNKNOWN:
        raise InvalidOption(f"a request must have at most {MAX_UNKNOWN} unknown fields, got {len(names)}")
    wrong = next((name for name in names if is_misspelled(name, FIELD)), None)
    if wrong is not None:
        raise InvalidOption(f"unknown field {shown(wrong)}; did you mean {FIELD}?")
    return names


def _content_type(fields: Mapping[str, Any]) -> str:
    value = fields.get(FIELD)
    if value in NOT_SET:
        return CONTENT_TYPE
    if not (isinstance(value, str) and _is_image_type(value)):
        got = shown(value) if isinstance(value, str) else kind(value)
        raise BadRequest(f"{FIELD} must be the type of an image, such as {CONTENT_TYPE}, got {got}")
    return value


def _is_image_type(text: str) -> bool:
    is_text = len(text) <= MAX_TYPE_CHARACTERS and text.isascii() and text.isprintable() and " " not in text
    return is_text and text.startswith(IMAGE) and text != IMAGE
